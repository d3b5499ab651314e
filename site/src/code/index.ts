import type { GenerateRequest, MinusRun, ModelConfig, ReadRequest, RunRequest } from '../engine/types';
import { fillings, type Document } from './documents';
import { editedHooks, edits, isRun, type EditedRun } from './edits';
import { hooksOf, matches } from './hooks';
import { literal, render } from './python';
import { BLOCKS, GENERATE, READINGS } from './readings';

export interface CodeInput {
  readonly model: { readonly id: string; readonly sha256: string; readonly config: ModelConfig; readonly processing?: readonly string[] };
  /** What the picture shows: the documents of docs/formats.md, as `hs READ`, `hs generate` and `hs run --capture` take them. */
  readonly what:
    | { readonly kind: 'read'; readonly document: ReadRequest }
    | { readonly kind: 'generate'; readonly document: GenerateRequest }
    | { readonly kind: 'run'; readonly document: Pick<RunRequest, 'ids' | 'edits' | 'runs' | 'vectors'> & { readonly hooks: readonly string[]; readonly minus?: MinusRun } };
  /** The prompt as text, for a comment beside the ids. */
  readonly text?: string;
}

/** The model's folder into TransformerLens (docs/formats.md) with its weights transformed as the page's are, the runs, what is read. */
const PROGRAM = `
# %what in Hookscope, as Python: pip install transformer-lens==2.15.4~nnsight? nnsight==0.7.0^
import json
from glob import glob
import torch
~nnsight?from nnsight import NNsight^
from safetensors.torch import load_file
from transformer_lens import ~nnsight?ActivationCache, ^HookedTransformer, HookedTransformerConfig~detect?, head_detector^

folder = $id  # config.json and model.safetensors, whose SHA-256 is %sha256
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
~processed?model.load_and_process_state_dict(
    model.state_dict(), fold_ln=$fold_ln, center_writing_weights=$center_writing_weights, center_unembed=$center_unembed, fold_value_biases=$fold_value_biases
)^
~fold_ln?for name, x in model.named_parameters():
    if "ln" in name:  # it was folded: gain 1, bias 0
        x.fill_(name.endswith("w"))^
~nnsight?nn = NNsight(model)^
%switches

%runs
%reading
print(out)
`;

const RUN = `
%functions
ids%_ = torch.tensor([$ids])~text?  # $text^
~nnsight?with nn.trace(ids%_) as tracer:
    cache%_ = tracer.cache()
    ~lines?%lines^
    logits%_ = nn.output.save()
# of each hook the last call, without the batch axis
cache%_ = {name.removeprefix("model."): x[-1] if isinstance(x, list) else x for name, x in cache%_.items() if "hook_" in name}
cache%_ = ActivationCache({name: x.output[0] for name, x in cache%_.items()}, model, has_batch_dim=False);~lines?with model.hooks(fwd_hooks=[
    %lines
]):
    ^logits%_, cache%_ = model.run_with_cache(ids%_, remove_batch_dim=True)^
%after
logits%_ = logits%_[0]
`;

const OUT = `
~at?at = $at^
~minus?runs = [(ids, logits, cache), (ids_minus, logits_minus, cache_minus)]
outs = []
for ids, logits, cache in runs:
    %run
    outs.append({
        %differ
    })
out = {name: x - outs[1][name] for name, x in outs[0].items()}
%after
~chosen?out |= {  # chosen in the first run
    %chosen
}^;%run
out = {
    %all
}^`;

/** Hooks that TransformerLens computes only with a switch on. */
const SWITCHES = { attn_result: /result/, attn_in: /attn_in/, split_qkv_input: /_input/, hook_mlp_in: /mlp_in/ };

/** `name=expression` lines, and lines of names, as a dictionary's entries. */
const entries = (lines: readonly string[]) => lines
  .flatMap((line) => (line.includes('=') ? line : line.split(' ').map((name) => `${name}=${name}`)))
  .map((line) => line.replace(/^!?(.*?)=/, '"$1": ') + ',')
  .join('\n');

/** A template of readings.ts as lines that leave `out`. */
function outText(template: string, { blocks, facts, values }: ReturnType<typeof fillings>): string {
  const all: Readonly<Record<string, string>> = { ...BLOCKS, ...blocks };
  let [text, before] = [`&before\n${template.trim()}`, ''];
  while (text !== before) [text, before] = [text.replace(/&(\w+)/g, (_, name) => all[name] ?? ''), text];
  const [run = [], named = [], after = []] = `\n${render(text, facts, values)}`.split('\n--').map((part) => part.split('\n').filter(Boolean));
  const chosen = named.filter((line) => line.startsWith('!'));
  const { positions, minus } = values;
  return render(OUT, `${positions && 'at'} ${minus && 'minus'} ${chosen.length && 'chosen'}`, {
    at: positions,
    positions: true,
    run: run.map((line) => line.replace(/^\+/, minus ? 'if not outs: ' : '')).join('\n'),
    all: entries(named),
    differ: entries(named.filter((line) => !chosen.includes(line))),
    chosen: entries(chosen),
    after: after.join('\n'),
  });
}

/** Python that gives the numbers of this picture. */
export function toCode({ model, what, text }: CodeInput, library: 'transformer_lens' | 'nnsight'): string {
  const { config, processing = [] } = model;
  const document = what.document as Document & GenerateRequest;
  const { forced = [], minus, vectors } = document;
  const prompt = Array.from(document.ids ?? []);
  const { length } = prompt;
  const ids = [...prompt, ...forced.slice(0, -1)];
  const edited = [...editedHooks(document, config), ...editedHooks(minus, config)];
  const hooks = what.kind === 'run' ? hooksOf(config).filter((hook) => what.document.hooks.some((glob) => matches(glob, hook))) : [];
  const all = [...edited, ...hooks];
  const names = new Map<string, string>();

  /** The lines of a run and of those that its edits name: they leave `logits` [T, vocab] and `cache`. */
  const runText = (run: EditedRun, suffix: string, comment?: string): string => {
    const { functions, lines } = edits(run, config, all, names, library === 'nnsight', suffix);
    const inside = lines.filter((line) => !/^logits/.test(line));
    const others = Object.entries(run.runs ?? {}).filter(([name]) => run.edits?.some(({ value }) => isRun(value) && value.run === name));
    return [
      others.length ? `runs${suffix} = {}` : '',
      ...others.map(([name, tokens]) => `${runText({ ids: Array.from(tokens), length: tokens.length }, '')}${
        all.includes('logits') ? 'cache.cache_dict["logits"] = logits\n' : ''}runs${suffix}[${literal(name)}] = cache\n`),
      render(RUN, `${library} ${comment && 'text'} ${inside.length && 'lines'}`, {
        positions: true,
        functions: functions.join('\n'),
        _: suffix,
        ids: run.ids,
        text: comment,
        lines: inside.join('\n'),
        after: lines.slice(inside.length).join('\n'),
      }),
      '',
    ].join('\n');
  };

  const filled = fillings(document, config, edited);
  const template = what.kind === 'read' ? READINGS[document.read] : what.kind === 'generate' ? GENERATE
    : '\n--\n' + hooks.map((hook) => `${hook}=${hook === 'logits' ? hook : `cache["${hook}"]`}`).join('\n');
  return render(PROGRAM, `${library} ${processing} ${document.read} ${processing.length && 'processed'}`, {
    ...model,
    ...Object.fromEntries(processing.map((name) => [name, true])),
    positions: true,
    what: what.kind === 'read' ? document.read : what.kind,
    switches: Object.entries(SWITCHES).flatMap(([name, pattern]) => (all.some((hook) => pattern.test(hook)) ? `model.set_use_${name}(True)` : [])).join('\n'),
    runs: [
      length ? runText({ ...document, ids, length }, '', text) : '',
      minus ? runText({ vectors, ...minus, ids: Array.from(minus.ids), length }, '_minus') : '',
      forced.length && document.twin ? runText({ ids, length }, '_twin') : '',
    ].join('\n'),
    reading: outText(template, { ...filled, values: { ...filled.values, ...(what.kind === 'generate' && { forced, k: document.k ?? 5, last: length - 1 }) } }),
  }).replace(/\n{3,}/g, '\n\n') + '\n';
}
