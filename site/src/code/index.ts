import type { GenerateRequest, ModelConfig, ReadRequest, RunRequest } from '../engine/types';
import { editedHooks, edits, switches, type EditedRun } from './edits';
import { hooksOf, matches } from './hooks';
import type { Context } from './parts';
import { indent, linesOf, literal } from './python';
import { READINGS, type Document, type Template } from './readings';
import { forward, type Library } from './runs';

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

const VERSIONS = { transformer_lens: 'transformer-lens==2.15.4', nnsight: 'transformer-lens==2.15.4 nnsight==0.7.0' };

/** The model's folder into TransformerLens (docs/formats.md), its weights transformed as the page's are. */
function load({ id, sha256, processing = [] }: CodeInput['model'], library: Library): string {
  const kinds = ['fold_ln', 'center_writing_weights', 'center_unembed', 'fold_value_biases'];
  const flags = kinds.map((kind) => `${kind}=${processing.includes(kind) ? 'True' : 'False'}`).join(', ');
  return `
folder = ${literal(id)}  # config.json and model.safetensors, SHA-256 ${sha256}
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**config | {"device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
${processing.length ? `model.load_and_process_state_dict(model.state_dict(), ${flags})` : ''}
${processing.includes('fold_ln') ? `for norm in model.modules():
    if isinstance(norm, LayerNorm):  # what was folded
        norm.w.fill_(1)
        norm.b.fill_(0)` : ''}
${library === 'nnsight' ? 'nn = NNsight(model)' : ''}`;
}

const imports = (library: Library, body: string) => `
import json
from glob import glob

import torch
from safetensors.torch import load_file
from transformer_lens import ${library === 'nnsight' ? 'ActivationCache, ' : ''}HookedTransformer, HookedTransformerConfig${body.includes('head_detector.') || body.includes('head_detector,') ? ', head_detector' : ''}
${body.includes('LayerNorm)') ? 'from transformer_lens.components import LayerNorm' : ''}
${library === 'nnsight' ? 'from nnsight import NNsight' : ''}`;

const ACTIVATIONS = `
def activations(cache):  # of each hook the last call, without the batch axis
    last = {name.removeprefix("model."): x[-1] if isinstance(x, list) else x for name, x in cache.items()}
    return ActivationCache({name: x.output[0] for name, x in last.items() if "hook_" in name}, model, has_batch_dim=False)
`;

/** A run, its edits and the runs that these name: the lines that leave `logits` [T, vocab] and `cache`. */
function runLines(library: Library, run: EditedRun, config: ModelConfig, all: ReadonlySet<string>, prefix: string): readonly string[] {
  const { lines, hooked } = edits(run, config, all, prefix);
  const named = Object.entries(run.runs ?? {}).filter(([name]) => run.edits?.some(({ value }) => typeof value === 'object' && 'run' in value && value.run === name));
  const others = named.flatMap(([name, ids]) => {
    const there = `${prefix}runs[${literal(name)}]`;
    const output = hooked.some(({ hook }) => hook === 'logits') ? [`${there}.cache_dict["logits"] = output[0]`] : [];
    return library === 'nnsight'
      ? [...forward(library, `torch.tensor([${literal(ids)}])`, [], 'output', 'cache'), `${there} = cache`, ...output]
      : [...forward(library, `torch.tensor([${literal(ids)}])`, [], 'output', there), ...output];
  });
  return [
    ...(named.length ? [`${prefix}runs = {}`, ...others, ''] : []),
    ...lines,
    ...forward(library, `${prefix}ids`, hooked, `${prefix}logits`, `${prefix}cache`),
    `${prefix}logits = ${prefix}logits[0]`,
  ];
}

/** \`name=expression\` lines as a dictionary's entries. */
const entries = (lines: readonly string[]) => indent(lines.map((line) => `${literal(line.slice(0, line.indexOf('=')))}: ${line.slice(line.indexOf('=') + 1)},`));

/** A template as lines that leave \`out\`. */
function fill({ run = '', out, after = '' }: Template, positions: readonly number[] | undefined, minus: boolean): readonly string[] {
  const here = (text: string) => linesOf(positions ? text : text.replace(/\[(:, )?at\]|(, )?pos_slice=at\b/g, ''));
  const at = positions ? [`at = ${literal(positions)}`] : [];
  const [body, named] = [here(run), here(out)];
  const chosen = named.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  if (!minus)
    return [...at, ...body.map((line) => line.replace(/^\?/, '')), 'out = {', ...entries(named.map((line) => line.replace(/^!/, ''))), '}'];
  return [
    ...at,
    'runs = [(ids, logits, cache), (minus_ids, minus_logits, minus_cache)]',
    'outs = []',
    'for ids, logits, cache in runs:',
    ...indent(body.map((line) => line.replace(/^\?/, 'if not outs: '))),
    '    outs.append({',
    ...indent(entries(named.filter((line) => !line.startsWith('!')))),
    '    })',
    'out = {name: x - outs[1][name] for name, x in outs[0].items()}',
    ...here(after),
    ...(chosen.length ? ['out |= {  # chosen in the first run', ...entries(chosen), '}'] : []),
  ];
}

/** Of a continued text, what each of its tokens was given. */
function generated({ ids, forced = [], twin, k = 5 }: GenerateRequest): Template {
  return {
    run: `
drawn = torch.tensor(${literal(forced)})
rows = logits[${ids.length - 1}:]  # what each of them was drawn from
log_p = rows.log_softmax(-1)
log_prob = log_p[range(len(drawn)), drawn]
${twin ? `log_q = twin_logits[${ids.length - 1}:].log_softmax(-1)` : ''}
${k ? `top = log_p.topk(${k})` : ''}`,
    out: `
id=drawn
prob=log_prob.exp()
log_prob=log_prob
entropy=-(log_p.exp() * log_p).sum(-1)
${twin ? `kl=(log_p.exp() * (log_p - log_q)).sum(-1)
twin_log_prob=log_q[range(len(drawn)), drawn]` : ''}
${k ? `top_ids=top.indices
top_probs=top.values.exp()` : ''}`,
  };
}

/** Python that gives the numbers of this picture. */
export function toCode({ model, what, text }: CodeInput, library: Library): string {
  const { config } = model;
  const document = what.document as Document;
  const ids = Array.from(document.ids ?? []);
  const rows = [...ids, ...(what.kind === 'generate' ? (what.document.forced?.slice(0, -1) ?? []) : [])];
  const first: EditedRun = { ...document, ids, rows: rows.length };
  const minus: EditedRun | undefined = document.minus && { vectors: document.vectors, ...document.minus, rows: rows.length };
  const edited = new Set([first, ...(minus ? [minus] : [])].flatMap((run) => editedHooks(run, config)));
  const captured = what.kind === 'run' ? hooksOf(config).filter((hook) => what.document.hooks.some((glob) => matches(glob, hook))) : [];
  const needed = new Set([...edited, ...captured]);
  const context: Context = { config, tokens: ids.length, edited };

  const template = what.kind === 'read' ? READINGS[what.document.read](document, context)
    : what.kind === 'generate' ? generated(what.document)
    : { out: captured.map((hook) => `${hook}=${hook === 'logits' ? hook : `cache[${literal(hook)}]`}`).join('\n') };
  const positions = document.positions ?? (document.read === 'attribution' ? [-1] : undefined);
  const runs = ids.length ? [
    `ids = torch.tensor([${literal(rows)}])${text ? `  # ${literal(text)}` : ''}`,
    ...switches(needed),
    ...runLines(library, first, config, needed, ''),
    ...(minus ? ['', `minus_ids = torch.tensor([${literal(minus.ids)}])`, ...runLines(library, minus, config, needed, 'minus_')] : []),
    ...(what.kind === 'generate' && what.document.twin ? forward(library, 'ids', [], 'twin_logits', 'twin_cache').concat('twin_logits = twin_logits[0]') : []),
    '',
  ] : [];
  const body = [...linesOf(load(model, library)), ...(library === 'nnsight' && ids.length ? ['', ...linesOf(ACTIVATIONS)] : []), '', ...runs,
    ...fill(template, positions, Boolean(minus)), '', 'for name, x in out.items():', '    print(name, tuple(x.shape), x, sep="\\n")'].join('\n');
  return `# ${what.kind === 'read' ? what.document.read : what.kind} in Hookscope, as ${library === 'nnsight' ? 'nnsight' : 'TransformerLens'} code
# pip install ${VERSIONS[library]}
${linesOf(imports(library, body)).join('\n')}

${body}
`;
}
