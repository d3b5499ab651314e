import type { GenerateRequest, ModelConfig, ReadRequest, RunRequest } from '../engine/types';
import { valuesOf, type Document } from './documents';
import { editedHooks, edits, isRun, switches, type EditedRun, type Hooked } from './edits';
import { hooksOf, matches } from './hooks';
import { Code, indent, lines, literal, type Values } from './python';
import { BLOCKS, GENERATE, READINGS } from './readings';

export type Library = 'transformer_lens' | 'nnsight';

export interface CodeInput {
  readonly model: { readonly id: string; readonly sha256: string; readonly config: ModelConfig; readonly processing?: readonly string[] };
  /** What the picture shows: the documents of docs/formats.md, as `hs READ`, `hs generate` and `hs run --capture` take them. */
  readonly what:
    | { readonly kind: 'read'; readonly document: ReadRequest }
    | { readonly kind: 'generate'; readonly document: GenerateRequest }
    | { readonly kind: 'run'; readonly document: Pick<RunRequest, 'ids' | 'edits' | 'runs' | 'vectors'> & { readonly hooks: readonly string[] } };
  /** The prompt as text, for a comment beside the ids. */
  readonly text?: string;
}

const HEAD = `
# $what in Hookscope, in Python: pip install transformer-lens==2.15.4<<nnsight: nnsight==0.7.0>>
import json
from glob import glob
import torch
<<nnsight:from nnsight import NNsight>>
from safetensors.torch import load_file
from transformer_lens import <<nnsight:ActivationCache, >>HookedTransformer, HookedTransformerConfig<<scored:, head_detector>>
<<fold_ln:from transformer_lens.components import LayerNorm>>`;

/** The model's folder into TransformerLens (docs/formats.md), its weights transformed as the page's are. */
const MODEL = `
folder = $id  # config.json and model.safetensors, whose SHA-256 is $sha256
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**config | {"device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
<<processed:model.load_and_process_state_dict(model.state_dict(), $flags)>>
<<fold_ln:for norm in model.modules():
    if isinstance(norm, LayerNorm):  # what was folded
        norm.w.fill_(1)
        norm.b.fill_(0)>>
<<nnsight:nn = NNsight(model)
def activations(cache):  # of each hook the last call, without the batch axis
    last = {name.removeprefix("model."): x[-1] if isinstance(x, list) else x for name, x in cache.items()}
    return ActivationCache({name: x.output[0] for name, x in last.items() if "hook_" in name}, model, has_batch_dim=False)>>`;

const PROCESSES = ['fold_ln', 'center_writing_weights', 'center_unembed', 'fold_value_biases'];

/** Consecutive layers of one hook with one function as one entry: the hook without its layer, the first and how many. */
function group(hooked: readonly Hooked[]) {
  const groups: { name: string; call: string; first: number; count: number }[] = [];
  for (const { hook, call } of hooked) {
    const [, layer = -1, name = hook] = /^blocks\.(\d+)\.(.*)$/.exec(hook) ?? [];
    const last = groups.at(-1);
    if (last?.call === call && last.name === name && last.first + last.count === Number(layer)) last.count++;
    else groups.push({ name, call, first: Number(layer), count: 1 });
  }
  return groups;
}

/** Lines that leave the logits [1, T, vocab] and the cache of a run. */
function forward(library: Library, ids: string, all: readonly Hooked[], logits: string, cache: string): readonly string[] {
  const hooked = group(all.filter(({ hook }) => hook !== 'logits')); // the output is no hook there
  const after = all.filter(({ hook }) => hook === 'logits').map(({ call }) => `${logits} = ${call}(${logits}, None)`);
  if (library === 'transformer_lens') {
    const run = `${logits}, ${cache} = model.run_with_cache(${ids}, remove_batch_dim=True)`;
    const pairs = hooked.map(({ name, call, first, count }) =>
      count > 1 ? `*[(f"blocks.{l}.${name}", ${call}) for l in range(${first}, ${first + count})]` : `("${first < 0 ? '' : `blocks.${first}.`}${name}", ${call})`,
    );
    return [...(pairs.length ? [`with model.hooks(fwd_hooks=[${pairs.join(', ')}]):`, ...indent([run])] : [run]), ...after];
  }
  // nnsight waits for each module in the order of the forward pass; LN1 is called for q, k and v.
  const body: string[] = [`${cache} = tracer.cache()`];
  let thrice = -1;
  for (const { name, call, first, count } of hooked) {
    const point = `nn.${first < 0 ? '' : `blocks[${count > 1 ? 'l' : first}].`}${name}`;
    let set: readonly string[] = [`${point}.output = ${call}(${point}.output, ${point})`];
    const ln1 = name.startsWith('ln1');
    if (ln1) set = indent(set);
    if (ln1 && (thrice !== first || count > 1)) set = ['for _ in tracer.iter[0:3]:  # q, k and v', ...set];
    thrice = ln1 && count === 1 ? first : -1;
    body.push(...(count > 1 ? [`for l in range(${first}, ${first + count}):`, ...indent(set)] : set));
  }
  return [`with nn.trace(${ids}) as tracer:`, ...indent([...body, `${logits} = nn.output.save()`]), `${cache} = activations(${cache})`, ...after];
}

/** A run, its edits and the runs that these name: lines that leave `logits` [T, vocab] and `cache`. */
function runLines(library: Library, run: EditedRun, config: ModelConfig, all: ReadonlySet<string>, prefix: string): readonly string[] {
  const { functions, hooked } = edits(run, config, all, prefix);
  const others = Object.entries(run.runs ?? {}).filter(([name]) => run.edits?.some(({ value }) => isRun(value) && value.run === name));
  return [
    others.length ? `${prefix}runs = {}` : '',
    ...others.flatMap(([name, ids]) => [
      ...forward(library, `torch.tensor([${literal(ids)}])`, [], 'logits', 'cache'),
      all.has('logits') ? 'cache.cache_dict["logits"] = logits[0]' : '',
      `${prefix}runs[${literal(name)}] = cache`,
    ]),
    ...functions,
    ...forward(library, `${prefix}ids`, hooked, `${prefix}logits`, `${prefix}cache`),
    `${prefix}logits = ${prefix}logits[0]`,
  ].filter(Boolean);
}

/** `name=expression` lines as a dictionary's entries. */
const entries = (those: readonly string[]) => indent(those.map((line) => line.replace(/^!?(.*?)=/, '"$1": ') + ','));

/** A template of readings.ts as lines that leave `out`. */
function fill(template: string, blocks: Readonly<Record<string, string>>, values: Values): readonly string[] {
  const all: Readonly<Record<string, string>> = { ...BLOCKS, ...blocks };
  let [text, before] = [template, ''];
  while (text !== before) [text, before] = [text.replace(/&(\w+)/g, (_, name) => all[name] ?? ''), text];
  const filled = lines(text, values);
  const marks = [...filled.flatMap((line, i) => (line === '--' ? [i] : [])), filled.length];
  const run = filled.slice(0, marks[0]);
  const named = filled.slice(marks[0]! + 1, marks[1]);
  const chosen = named.filter((line) => line.startsWith('!'));
  const at = values['positions'] ? [`at = ${literal(values['positions'])}`] : [];
  if (!values['minus']) return [...at, ...run.map((line) => line.replace(/^\?/, '')), 'out = {', ...entries(named), '}'];
  return [
    ...at,
    'runs = [(ids, logits, cache), (minus_ids, minus_logits, minus_cache)]',
    'outs = []',
    'for ids, logits, cache in runs:',
    ...indent([
      ...run.map((line) => line.replace(/^\?/, 'if not outs: ')),
      'outs.append({',
      ...entries(named.filter((line) => !chosen.includes(line))),
      '})',
    ]),
    'out = {name: x - outs[1][name] for name, x in outs[0].items()}',
    ...filled.slice(marks[1]! + 1),
    ...(chosen.length ? ['out |= {  # chosen in the first run', ...entries(chosen), '}'] : []),
  ];
}

/** Python that gives the numbers of this picture. */
export function toCode({ model, what, text }: CodeInput, library: Library): string {
  const { config, processing = [] } = model;
  const document = what.document as Document & GenerateRequest;
  const ids = Array.from(document.ids ?? []);
  const forced = what.kind === 'generate' ? (document.forced ?? []) : [];
  const whole = [...ids, ...forced.slice(0, -1)];
  const first: EditedRun = { ...document, ids, rows: whole.length };
  const minus: EditedRun | undefined = document.minus && { vectors: document.vectors, ...document.minus, rows: whole.length };
  const edited = new Set([first, minus].flatMap((run) => (run ? editedHooks(run, config) : [])));
  const hooks = what.kind === 'run' ? hooksOf(config).filter((hook) => what.document.hooks.some((glob) => matches(glob, hook))) : [];
  const needed = new Set([...edited, ...hooks]);

  const { blocks, values } = valuesOf(document, config, edited);
  const reading = what.kind === 'read' ? fill(READINGS[document.read], blocks, values)
    : what.kind === 'generate' ? fill(GENERATE, {}, { ...values, forced, k: document.k ?? 5, top: document.k === 0 ? undefined : true, last: ids.length - 1, twin: document.twin })
    : ['out = {', ...entries(hooks.map((hook) => `${hook}=${hook === 'logits' ? hook : `cache["${hook}"]`}`)), '}'];
  const all: Values = {
    ...model,
    ...Object.fromEntries(processing.map((name) => [name, true])),
    what: new Code(what.kind === 'read' ? document.read : what.kind),
    sha256: new Code(model.sha256),
    nnsight: library === 'nnsight',
    scored: document.read === 'detect' && !values['stripe'],
    processed: processing.length > 0,
    flags: new Code(PROCESSES.map((name) => `${name}=${processing.includes(name) ? 'True' : 'False'}`).join(', ')),
  };
  return [
    ...lines(HEAD, all),
    '',
    ...lines(MODEL, all),
    '',
    ...(ids.length
      ? [
          `ids = torch.tensor([${literal(whole)}])${text ? `  # ${literal(text)}` : ''}`,
          ...switches(needed),
          ...runLines(library, first, config, needed, ''),
          ...(minus ? ['', `minus_ids = torch.tensor([${literal(minus.ids)}])`, ...runLines(library, minus, config, needed, 'minus_')] : []),
          ...(forced.length && document.twin ? [...forward(library, 'ids', [], 'twin_logits', 'twin_cache'), 'twin_logits = twin_logits[0]'] : []),
          '',
        ]
      : []),
    ...reading,
    '',
    'for name, x in out.items():',
    '    print(name, tuple(x.shape), x, sep="\\n")',
    '',
  ].join('\n');
}
