import type { GenerateRequest, MinusRun, ModelConfig, ReadRequest, RunRequest } from '../engine/types';
import { fillings, type Document } from './documents';
import { editedHooks, edits, isRun, type EditedRun } from './edits';
import { hooksOf, matches } from './hooks';
import { literal, render, settled, type Values } from './python';
import { BLOCKS, GENERATE, READINGS } from './readings';
import { STUDIES, STUDY_BLOCKS } from './studies';

interface Hooks extends Pick<RunRequest, 'ids' | 'edits' | 'runs' | 'vectors'> {
  readonly hooks: readonly string[];
  readonly minus?: MinusRun;
}

export interface CodeInput {
  readonly model: { readonly id: string; readonly sha256: string; readonly config: ModelConfig; readonly processing?: readonly string[] };
  /** What the picture shows: the documents of docs/formats.md, as `hs READ`, `hs generate` and `hs run --capture` take them. */
  readonly what:
    | { readonly kind: 'read'; readonly document: ReadRequest }
    | { readonly kind: 'generate'; readonly document: GenerateRequest }
    | { readonly kind: 'run'; readonly document: Hooks };
  /** The prompt as text, for a comment beside the ids. */
  readonly text?: string;
}

/** The model's folder into TransformerLens (docs/formats.md) with its weights transformed as the page's are, the runs, what is read. */
const PROGRAM = `
# %what in Hookscope, as Python: pip install transformer-lens==2.15.4~nnsight? nnsight==0.7.0^
import json
from glob import glob
import torch
~nnsight?~sweep?from functools import reduce
^^~(nnsight.*sweep|ablate|attribute)?import numpy as np
^~nnsight?from nnsight import NNsight^
from safetensors.torch import load_file
from transformer_lens import ~nnsight?ActivationCache, ^HookedTransformer, HookedTransformerConfig~detect?, head_detector^~nnsight?;~(sweep|attribute)?, patching^^

folder = $id  # model.safetensors has SHA-256 %sha256
config = {k: v for k, v in json.load(open(f"{folder}/config.json")).items() if k not in ("model_type", "dtype")}
model = HookedTransformer(HookedTransformerConfig(**{**config, "device": "cpu"}))
torch.set_grad_enabled(False)
for file in glob(f"{folder}/*.safetensors"):
    model.load_state_dict(load_file(file), strict=False)
~processed?kinds = ("fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases")
model.load_and_process_state_dict(model.state_dict(), **{kind: kind in $processing for kind in kinds})^
~fold_ln?for name, x in model.named_parameters():
    if "ln" in name:  # gain 1, bias 0
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
cache%_ = ActivationCache({  # of each hook the last call
    name.removeprefix("model."): (x[-1] if isinstance(x, list) else x).output[0] for name, x in cache%_.items() if "hook_" in name
}, model, has_batch_dim=False);~lines?with model.hooks(fwd_hooks=[
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
const SWITCHES = { attn_result: /result/, attn_in: /attn_in/, split_qkv_input: /_in(put)?$/, hook_mlp_in: /mlp_in/ };

/** `name=expression` lines, and lines of names, as a dictionary's entries. */
const entries = (lines: readonly string[]) => lines
  .flatMap((line) => (line.includes('=') ? line : line.split(' ').map((name) => `${name}=${name}`)))
  .map((line) => line.replace(/^!?(.*?)=/, '"$1": ') + ',')
  .join('\n');

/** A template of readings.ts as lines that leave `out`. Where there are no positions, what picks them is left out. */
function outText(template: string, facts: string, values: Values): string {
  const text = settled(template.trim(), (those) => those.replace(/&(\w+)/g, (_, name) => BLOCKS[name] ?? STUDY_BLOCKS[name]!));
  const { positions, minus } = values;
  const filled = render(text, facts, values);
  const [run = [], named = [], after = []] = `\n${positions ? filled : filled.replace(/\[(:, )?at\]|(, )?pos_slice=at\b/g, '')}`
    .split('\n--')
    .map((part) => part.split('\n').filter(Boolean));
  const chosen = named.filter((line) => line.startsWith('!'));
  return render(OUT, `${positions && 'at'} ${minus && 'minus'} ${chosen.length && 'chosen'}`, {
    at: positions,
    run: run.map((line) => line.replace(/^\+/, minus ? 'if not outs: ' : '')).join('\n'),
    all: entries(named),
    differ: entries(named.filter((line) => !chosen.includes(line))),
    chosen: entries(chosen),
    after: after.join('\n'),
  });
}

/** Python that gives the numbers of this picture. Throws where there is no run to write down: heads on random tokens,
 *  a text that nothing was drawn for (what was, is `forced`). */
export function toCode({ model, what, text = '' }: CodeInput, library: 'transformer_lens' | 'nnsight'): string {
  const { config, processing = [] } = model;
  const document = what.document as Document & GenerateRequest & { readonly hooks?: readonly string[] };
  const { ids: prompt = [], forced = [], minus, vectors, twin, read } = document;
  const { length } = prompt;
  if (what.kind === 'generate' ? !forced.length : !length && !STUDIES[read] && !['directions', 'vector'].includes(read))
    throw new Error('code needs the tokens of a run: random ones, and those not drawn yet, are not known');
  if (read && !READINGS[read] && (library === 'nnsight' ? read !== 'sweep' || document.what === 'direct_path' : !STUDIES[read]))
    throw new Error(`there is no ${library} code for "${read}": copy it ${STUDIES[read] ? 'as TransformerLens code' : 'as a document for hs'} instead`);
  const continued = [...Array.from(prompt), ...forced.slice(0, -1)];
  // Every pattern is that of the same tokens without the edits.
  const frozen = document.freeze_attention && {
    edits: [...(document.edits ?? []), { hook: 'blocks.*.attn.hook_pattern', op: 'freeze' as const, value: { run: 'unedited' } }],
    runs: { ...document.runs, unedited: continued },
  };
  const edited = [document, minus, ...(document.ways ?? [])].flatMap((run) => editedHooks(run, config));
  const hooks = hooksOf(config).filter((hook) => document.hooks?.some((glob) => matches(glob, hook)));
  // Of every head its output and its inputs, where edges are.
  const graph = /path|edges|circuit/.test(read) ? ['result', 'q_input', config.attn_only ? '' : 'mlp_in'] : [];
  const switches = Object.entries(SWITCHES).filter(([, pattern]) => [...edited, ...hooks, ...graph].some((hook) => pattern.test(hook)));
  const names = new Map<string, string>();

  type Run = Omit<EditedRun, 'ids'> & { readonly ids: ArrayLike<number> };
  /** The functions of a run's edits and what calls them, after the lines of the runs that they name. */
  const partsOf = (run: Run, suffix: string) => {
    const ids = Array.from(run.ids);
    const parts = edits({ ...run, ids }, config, switches.some(([name]) => /split/.test(name)), names, library === 'nnsight', suffix);
    const others = Object.entries(run.runs ?? {}).filter(([name]) => run.edits?.some(({ value }) => isRun(value) && value.run === name));
    const first: string = `
${others.length ? `runs${suffix} = {}` : ''}
${others.map(([name, tokens]) => `${runText({ ids: tokens, length: tokens.length }, '')}
${parts.after && 'cache.cache_dict["logits"] = logits'}
runs${suffix}[${literal(name)}] = cache`).join('\n')}
`;
    return { ...parts, ids, first };
  };
  /** The lines of a run: they leave `logits` [T, vocab] and `cache`. */
  const runText = (run: Run, suffix: string, comment = ''): string => {
    const { first, ...parts } = partsOf(run, suffix);
    return `${first}
${render(RUN, `${library} ${comment && 'text'} ${parts.lines && 'lines'}`, { ...parts, _: suffix, text: comment })}
`;
  };
  /** A way's functions and its entry in the list of ways. Its edits are written for its longest text. */
  const wayTexts = (document.ways ?? []).map((way, i) => {
    const ids = Array.from({ length: Math.min(way.ids.length + (document.max_new ?? 40) - 1, config.n_ctx) }, (_, p) => way.ids[p] ?? 0);
    const { first, functions, lines, after } = partsOf({ ...way, vectors, ids, length: way.ids.length }, `_${i + 1}`);
    if (after) throw new Error('there is no code for texts with edited logits: copy it as a document for hs instead');
    return [`${first}\n${functions}`, render('($name, $ids, [\n    %lines\n], %frozen),', '', { ...way, lines, frozen: way.frozen ? 'True' : 'False' })];
  });

  // Cells that the mask leaves out of both runs do not differ.
  const ofHooks = ['--', ...hooks.map((hook) => `${hook}=${hook === 'logits' ? hook : `cache["${hook}"]`}`), '--',
    ...hooks.filter((hook) => /scores/.test(hook)).map((hook) => `out["${hook}"].nan_to_num_()`)].join('\n');
  const { facts, values } = fillings(document, config, edited);
  return render(PROGRAM, `${library} ${processing} ${read} ${processing.length && 'processed'}`, {
    ...model,
    processing,
    what: read ?? what.kind,
    switches: switches.map(([name]) => `model.set_use_${name}(True)`).join('\n'),
    runs: (length ? runText({ ...document, ...frozen, ids: continued, length }, '', text) : '') +
      (minus ? runText({ vectors, ...minus, length }, '_minus') : '') +
      (twin ? runText({ ids: continued, length }, '_twin') : '') + wayTexts.map(([first]) => first).join('\n'),
    reading: outText(STUDIES[read] ?? `&before\n${read ? READINGS[read] : hooks.length ? ofHooks : GENERATE}`, `${facts} ${library}`, { ...values, ways: wayTexts.map(([, entry]) => entry).join('\n'), ...(read ? {} : { k: document.k ?? 5, last: length - 1 }) }),
  }).replace(/\n{3,}/g, '\n\n') + '\n';
}
