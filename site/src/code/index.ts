import type { GenerateRequest, ModelConfig, ReadRequest, RunRequest } from '../engine/types';
import { fillings, type Document } from './documents';
import { editedHooks, edits, isRun, switches, type EditedRun, type Hooked } from './edits';
import { hooksOf, matches } from './hooks';
import { Code, literal, render, type Values } from './python';
import { BLOCKS, GENERATE, READINGS } from './readings';

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

/** The model's folder into TransformerLens (docs/formats.md) with its weights transformed as the page's are, the runs, what is read. */
const PROGRAM = `
# $what in Hookscope, as Python: pip install transformer-lens==2.15.4<<nnsight: nnsight==0.7.0>>
import json
from glob import glob
import torch
<<nnsight:from nnsight import NNsight>>
from safetensors.torch import load_file
from transformer_lens import <<nnsight:ActivationCache, >>HookedTransformer, HookedTransformerConfig<<scored:, head_detector>>
$blank
folder = $id  # config.json and model.safetensors, whose SHA-256 is $sha256
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**config | {"device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
<<processed:kinds = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
model.load_and_process_state_dict(model.state_dict(), **{kind: kind in $processing for kind in kinds})>>
<<fold_ln:for name, x in model.named_parameters():
    if "ln" in name:  # it was folded: gain 1, bias 0
        x.fill_(name.endswith("w"))>>
<<nnsight:nn = NNsight(model)
def activations(cache):  # of each hook the last call, without the batch axis
    last = {name.removeprefix("model."): x[-1] if isinstance(x, list) else x for name, x in cache.items()}
    return ActivationCache({name: x.output[0] for name, x in last.items() if "hook_" in name}, model, has_batch_dim=False)>>
$blank
<<runs:$runs
$blank>>
$reading
$blank
for name, x in out.items():
    print(name, tuple(x.shape), x, sep="\\n")
$blank`;

const RUN = `
ids$_ = torch.tensor([$ids])<<text:  # $text>>
<<hooked:<<nnsight:with nn.trace(ids$_) as tracer:
    cache$_ = tracer.cache()
    $hooked
    logits$_ = nn.output.save()||with model.hooks(fwd_hooks=[
    $hooked
]):
    logits$_, cache$_ = model.run_with_cache(ids$_, remove_batch_dim=True)>>||<<nnsight:with nn.trace(ids$_) as tracer:
    cache$_ = tracer.cache()
    logits$_ = nn.output.save()||logits$_, cache$_ = model.run_with_cache(ids$_, remove_batch_dim=True)>>>>
<<nnsight:cache$_ = activations(cache$_)>>
<<after:$after>>
logits$_ = logits$_[0]`;

const OUT = `
<<at:at = $at>>
<<minus:runs = [(ids, logits, cache), (ids_minus, logits_minus, cache_minus)]
outs = []
for ids, logits, cache in runs:
    $run
    outs.append({
        $named
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
$after
<<chosen:out |= {  # chosen in the first run
    $chosen
}>>||$run
out = {
    $all
}>>`;

/** The calls of a run's edits: pairs for TransformerLens, assignments for nnsight, which waits for each module in the order of the
 *  forward pass, and for LN1 three times. Consecutive layers of one hook with one function are one entry. */
function calls(hooked: readonly Hooked[], nnsight: boolean): readonly string[] {
  const groups: { name: string; call: string; first: number; count: number }[] = [];
  for (const { hook, call } of hooked) {
    const [, layer = -1, name = hook] = /^blocks\.(\d+)\.(.*)$/.exec(hook) ?? [];
    const last = groups.at(-1);
    if (last?.call === call && last.name === name && last.first + last.count === Number(layer)) last.count++;
    else groups.push({ name, call, first: Number(layer), count: 1 });
  }
  let thrice = '';
  return groups.map(({ name, call, first, count }) => {
    const layers = `for l in range(${first}, ${first + count})`;
    const many = count > 1;
    if (!nnsight) return many ? `*[(f"blocks.{l}.${name}", ${call}) ${layers}],` : `("${first < 0 ? '' : `blocks.${first}.`}${name}", ${call}),`;
    const point = `nn.${first < 0 ? '' : `blocks[${many ? 'l' : first}].`}${name}`;
    const ln1 = name.startsWith('ln1') ? `${first}` : '';
    const again = ln1 && ln1 === thrice;
    thrice = many ? '' : ln1;
    const set = `${point}.output = ${call}(${point}.output, ${point})`;
    return [...(many ? [`${layers}:`] : []), ...(ln1 && !again ? ['for _ in tracer.iter[0:3]:  # q, k and v'] : []), set]
      .map((line, i) => '    '.repeat(again ? 1 : i) + line).join('\n');
  });
}

/** The lines of a run: what its edits need and call, `logits` [T, vocab] and `cache`. */
function runText(run: EditedRun, config: ModelConfig, all: readonly string[], suffix: string, nnsight: boolean, text?: string): string {
  const { functions, hooked } = edits(run, config, all, suffix);
  const inside = hooked.filter(({ hook }) => hook !== 'logits'); // the output is no hook there
  const others = Object.entries(run.runs ?? {}).filter(([name]) => run.edits?.some(({ value }) => isRun(value) && value.run === name));
  return [
    ...(others.length ? [`runs${suffix} = {}`] : []),
    ...others.flatMap(([name, ids]) => [
      runText({ ids: Array.from(ids), length: ids.length }, config, all, '', nnsight),
      ...(all.includes('logits') ? ['cache.cache_dict["logits"] = logits'] : []),
      `runs${suffix}[${literal(name)}] = cache`,
      '',
    ]),
    ...functions,
    render(RUN, {
      _: new Code(suffix),
      ids: run.ids,
      text: text || null,
      nnsight,
      hooked: inside.length ? new Code(calls(inside, nnsight)) : null,
      after: hooked.length > inside.length ? new Code(hooked.slice(inside.length).map(({ call }) => `logits${suffix} = ${call}(logits${suffix}, None)`)) : null,
    }),
  ].join('\n');
}

/** `name=expression` lines, and lines of names, as a dictionary's entries. */
const entries = (lines: readonly string[]) => new Code(lines.flatMap((line) => (line.includes('=') ? [line] : line.split(' ').map((name) => `${name}=${name}`)))
  .map((line) => line.replace(/^!?(.*?)=/, '"$1": ') + ','));

/** A template of readings.ts as lines that leave `out`. */
function outText(template: string, blocks: Readonly<Record<string, string>>, values: Values): string {
  const all: Readonly<Record<string, string>> = { ...BLOCKS, ...blocks };
  let [text, before] = [template, ''];
  while (text !== before) [text, before] = [text.replace(/&(\w+)/g, (_, name) => all[name] ?? ''), text];
  const [run = [], named = [], after = []] = `\n${render(text, values)}\n`.split('\n--\n').map((part) => part.split('\n').filter(Boolean));
  const chosen = named.filter((line) => line.startsWith('!'));
  return render(OUT, {
    at: values['positions'],
    positions: true,
    minus: values['minus'],
    run: new Code(run.map((line) => line.replace(/^\?/, values['minus'] ? 'if not outs: ' : ''))),
    all: entries(named),
    named: entries(named.filter((line) => !chosen.includes(line))),
    chosen: chosen.length ? entries(chosen) : null,
    after: new Code(after),
  });
}

/** Python that gives the numbers of this picture. */
export function toCode({ model, what, text }: CodeInput, library: 'transformer_lens' | 'nnsight'): string {
  const { config, processing = [] } = model;
  const document = what.document as Document & GenerateRequest;
  const nnsight = library === 'nnsight';
  const prompt = Array.from(document.ids ?? []);
  const { forced = [], minus } = document;
  const ids = [...prompt, ...forced.slice(0, -1)];
  const edited = [...editedHooks(document, config), ...editedHooks(minus, config)];
  const hooks = what.kind === 'run' ? hooksOf(config).filter((hook) => what.document.hooks.some((glob) => matches(glob, hook))) : [];
  const all = [...edited, ...hooks];
  const run = (of: object, suffix: string, comment?: string) =>
    runText({ ids, length: prompt.length, vectors: document.vectors, ...of }, config, all, suffix, nnsight, comment);
  const { blocks, values } = fillings(document, config, edited);
  return render(PROGRAM, {
    ...model,
    ...values,
    ...Object.fromEntries(processing.map((name) => [name, true])),
    processed: processing.length > 0,
    positions: true,
    nnsight,
    blank: new Code(' '),
    what: new Code(what.kind === 'read' ? document.read : what.kind),
    sha256: new Code(model.sha256),
    runs: ids.length && new Code([
      switches(all) + run({ ...document, ids }, '', text),
      ...(minus ? ['', run({ ...minus, ids: Array.from(minus.ids) }, '_minus')] : []),
      ...(forced.length && document.twin ? ['', run({}, '_twin')] : []),
    ]),
    reading: new Code(
      what.kind === 'read' ? outText(READINGS[document.read], blocks, values)
      : what.kind === 'generate' ? outText(GENERATE, {}, { ...values, forced, k: document.k ?? 5, last: prompt.length - 1 })
      : outText('\n--\n' + hooks.map((hook) => `${hook}=${hook === 'logits' ? hook : `cache["${hook}"]`}`).join('\n'), {}, values),
    ),
  }).replace(/^ +$/gm, '') + '\n';
}
