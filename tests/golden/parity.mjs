// Write the table of docs/numerics.md between its markers: node tests/golden/parity.mjs
//
// Both columns are measured in this very run, natively (HS or build/release/hs) and through the wasm that
// the page ships (tests/wasm/core.ts). A rule that is broken is an error, and nothing is written.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALLOWED } from './compare.mjs';
import { native } from './native.mjs';
import { checkPaths, checkReads, checkSteers, checkSweeps } from './read_walk.mjs';
import { checkEdits, checkGenerations, checkGradients, checkHooks, checkIdentities, checkProcesses, demand, modelFolder, models, modelsWith } from './walk.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const page = join(root, 'docs', 'numerics.md');
const BEGIN = '<!-- parity: written by tests/golden/parity.mjs -->';
const END = '<!-- /parity -->';

const FORWARD = [
  ['embeddings, positions', /embed$/],
  ['LayerNorm', /hook_(scale|normalized)$/],
  ['q, k, v', /attn\.hook_[qkv]$/],
  ['attention scores', /attn_scores$/],
  ['softmax (pattern)', /pattern$/],
  ['z', /hook_z$/],
  ['result, attn_out', /hook_(result|attn_out)$/],
  ['split inputs', /hook_(attn_in|[qkv]_input|mlp_in)$/],
  ['MLP pre', /mlp\.hook_pre$/],
  ['MLP out', /mlp_out$/],
  ['residual stream', /resid_(pre|mid|post)$/],
  ['logits', /^logits$/],
];

/** Which row of the table a finding of an unedited run belongs to. */
function forwardRow(model, { name }) {
  if (/mlp\.hook_(mid|post)$/.test(name))
    return `activation ${JSON.parse(readFileSync(join(modelFolder(model), 'config.json'), 'utf8')).act_fn}`;
  return FORWARD.find(([, pattern]) => pattern.test(name))[0];
}

function editRow({ document: { edits } }) {
  return edits.length === 1 ? `edit ${edits[0].op}` : 'several edits in order';
}

function gradientRow({ name, document, zero }) {
  if (name === 'metric') return 'metrics';
  if (zero) return 'gradients that are zero (absolute)';
  const parameter = /(^|\.)(W_\w+|b_\w+|w|b)$/.test(name);
  return `gradients of ${parameter ? 'parameters' : 'hooks'}${document.edits ? ', edits in force' : ''}`;
}

const SAID = {
  logits: 'logits', ids: 'tokens drawn', log_prob: 'log-probabilities, entropy', entropy: 'log-probabilities, entropy', twin_log_prob: 'KL to the twin',
  kl: 'KL to the twin', drawn: 'sampling: filtered distribution',
};
const generationRow = ({ name, document }) =>
  name === 'ids' && document.forced
    ? null
    : `generation: ${SAID[name]}${name !== 'logits' || !document.edits ? '' : document.freeze_attention ? ', edits in force, attention frozen' : ', edits in force'}`;

/** "process fold_ln: weights"; of several together, "process, all together: weights". */
const processRow = ({ name, document: { process } }) =>
  name === 'refusal' ? null : `process${process.length > 1 ? ', together' : ` ${process[0]}`}: ${name === 'logits' ? 'logits' : 'weights'}`;

/** A reading's row and its reference. */
const READS = {
  lens: ({ ln }) => (ln === 'cached' ? ['logit lens, cached scale', 'apply_ln_to_stack'] : ['logit lens, re-normalised', 'ln_final, unembed']),
  states: () => ['states of the stream', 'accumulated_resid'],
  attribution: ({ by = 'component' }) => [`attribution by ${by}`, { neuron: 'stack_neuron_results, logit_attrs', source: 'logit_attrs of pattern * v W_O' }[by] ?? 'logit_attrs'],
  decompose: ({ by = 'component', ln = 'none' }) => [
    `decomposition by ${by}, ${{ none: 'plain', cached: 'cached scale', recompute: 'own scale' }[ln]}`,
    `${by === 'head' ? 'stack_head_results' : 'decompose_resid'}${ln === 'none' ? '' : ln === 'cached' ? ', apply_ln_to_stack' : ', numpy'}`],
  attention: ({ mode = 'pattern', pool }) => [`attention ${mode}${pool ? ', pooled' : ''}`, pool || mode.includes('weighted') ? 'formula' : 'TransformerLens f32'],
  pair: () => ['query, key and value of a pair', 'formula'],
  neurons: () => ['neurons at a position', 'stack_neuron_results, logit_attrs'],
  neuron: () => ['a neuron over the text', 'TransformerLens f32'],
  directions: () => ['directions of a neuron', 'formula'],
  written: () => ['norm and variance written', 'decompose_resid, stack_head_results'],
  detect: ({ error_measure = 'stripe' }) => [`heads, ${error_measure}`, error_measure === 'stripe' ? 'formula' : 'detect_head'],
  predictions: () => ['predictions and loss', 'torch'],
};

/** The rows of a finding: its operation's; edits and differences have one of their own. */
function readRows({ name, document }) {
  if (name.endsWith(' error')) return [[`reading: sums of ${document.read}`, 'the whole']];
  const [row, reference] = READS[document.read](document);
  const plain = !document.edits && !document.minus;
  return [
    ...(plain ? [[`reading: ${row}`, reference]] : []),
    ...(document.edits ? [['readings with edits in force', 'as above']] : []),
    ...(document.minus ? [['readings less another run', 'as above']] : []),
  ];
}

/** The row of a study of paths, whose reference is hook functions and autograd in float64 (path_reference.py). */
const PATHS = {
  path: ({ mlps = 'recomputed' }) => `path patching, MLPs ${mlps}`,
  edges: ({ steps = 1 }) => `edge attribution${steps > 1 ? ', EAP-IG' : ''}`,
  attribute: ({ steps = 1 }, name) =>
    name === 'sweep' ? 'sweep beside an attribution' : /pearson|spearman/.test(name) ? 'correlation with the sweep' : `attribution patching${steps > 1 ? ', integrated' : ''}`,
  circuit: ({ steps = 1, ablation = 'corrupted' }, name) =>
    name === 'values' ? PATHS.edges({ steps }) : /^(kept|edges)$/.test(name) ? 'edges of a circuit' : `circuit, others ${ablation}`,
};
const pathRow = ({ name, document }) => `study: ${PATHS[document.read](document, name)}`;

/** The row of a study of steering and its reference (steer_reference.py). */
const STEERS = {
  vector: ({ recipe }) => {
    const kind = ['contrast', 'activation', 'token', 'neuron', 'ov'].find((field) => field in recipe);
    return [`vector by ${kind === 'contrast' ? recipe.method ?? 'mean' : kind}`, kind === 'ov' || recipe.method === 'pca' ? 'numpy svd' : 'TransformerLens f64, numpy'];
  },
  dose: ({ steer }, name) => [/ids$/.test(name) ? 'texts: tokens drawn' : `dose-response, ${steer.op ?? 'add'}`, 'TransformerLens hooks f64, numpy'],
  outcomes: (_, name) => [/ids$/.test(name) ? 'texts: tokens drawn' : 'outcomes of ways', 'TransformerLens hooks f64, numpy'],
};

/** The row of a sweep or an ablation, and its reference (sweep_reference.py). */
function sweepRow({ document: { read, what, op, layers } }) {
  if (read === 'ablate') return [`study: ablation, ${{ position_mean: 'mean by position' }[op] ?? op}`, 'TransformerLens hooks f64'];
  if (what === 'direct_path') return ['study: direct path', 'formula, numpy f64'];
  const ofNeurons = [what].flat().some((name) => ['pre', 'post', 'resid_post'].includes(name));
  return ofNeurons || layers ? ['study: sweep of other hooks, or of some cells', 'TransformerLens hooks f64'] : ['study: sweep', 'get_act_patch_* f64'];
}

const gradientUnit = ({ name, zero }) => (name === 'metric' ? ALLOWED.value : zero ? ALLOWED.zeroGradient : ALLOWED.gradient);

async function measure(adapter) {
  const rows = new Map();
  const enter = (row, reference, unit, { ratio }) => {
    const kept = rows.get(row) ?? { reference, tensors: 0, worst: 0 };
    rows.set(row, { ...kept, tensors: kept.tensors + 1, worst: Math.max(kept.worst, ratio * unit) });
  };
  let bits = 0;
  let uncached = 0;
  for (const model of models) {
    const hooks = await checkHooks(adapter, model);
    const edits = await checkEdits(adapter, model);
    const gradients = await checkGradients(adapter, model);
    const same = await checkIdentities(adapter, model);
    demand([...hooks, ...edits, ...gradients, ...same]);
    for (const f of hooks) enter(forwardRow(model, f), 'TransformerLens f32', ALLOWED.value, f);
    for (const f of edits) enter(editRow(f), 'TransformerLens f32', ALLOWED.value, f);
    for (const f of gradients) enter(gradientRow(f), 'PyTorch f64', gradientUnit(f), f);
    bits += same.length;
  }
  for (const model of modelsWith('generations')) {
    const generations = await checkGenerations(adapter, model);
    demand(generations);
    for (const f of generations)
      if (f.name.endsWith(', cache off')) uncached++;
      else if (generationRow(f)) enter(generationRow(f), f.name === 'drawn' ? 'sample_logits / numpy' : 'TransformerLens f32', ALLOWED.value, f);
  }
  for (const model of modelsWith('processes')) {
    const processes = await checkProcesses(adapter, model);
    demand(processes);
    for (const f of processes) if (processRow(f)) enter(processRow(f), 'process_weights_', ALLOWED.value, f);
  }
  for (const model of modelsWith('paths')) {
    const paths = await checkPaths(adapter, model);
    demand(paths);
    for (const f of paths) enter(pathRow(f), 'TransformerLens hooks f64', ALLOWED.value, f);
  }
  for (const model of modelsWith('sweeps')) {
    const sweeps = await checkSweeps(adapter, model);
    demand(sweeps);
    for (const f of sweeps) enter(...sweepRow(f), ALLOWED.value, f);
  }
  for (const model of modelsWith('reads')) {
    const reads = await checkReads(adapter, model);
    demand(reads);
    for (const f of reads) for (const [row, reference] of readRows(f)) enter(row, reference, ALLOWED.value, f);
  }
  for (const model of modelsWith('steers')) {
    const steers = await checkSteers(adapter, model);
    demand(steers);
    for (const f of steers) {
      const [row, reference] = STEERS[f.document.read](f.document, f.name);
      enter(`study: ${row}`, reference, ALLOWED.value, f);
    }
  }
  return { rows, bits, uncached };
}

/** The worker's own TypeScript, loaded by the site's Vite. */
async function measureWasm() {
  const { createServer } = await import(createRequire(join(root, 'site', 'package.json')).resolve('vite'));
  const vite = await createServer({ root, configFile: false, server: { middlewareMode: true }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
  try {
    const { createAdapter } = await vite.ssrLoadModule('/tests/wasm/core.ts');
    return await measure(await createAdapter());
  } finally {
    await vite.close();
  }
}

const number = ({ worst }) => (worst === 0 ? '0' : worst.toExponential(1));

/** The forward pass in its order, then activations, edits, gradients by name. */
function place(row) {
  const forward = FORWARD.findIndex(([name]) => name === row);
  const group = ['activation', 'edit', 'several', 'metrics', 'gradients', 'reading:', 'readings', 'study:', 'generation', 'process'].findIndex((word) => row.startsWith(word));
  return forward >= 0 ? ['00', String.fromCharCode(97 + forward)] : [String(1 + group).padStart(2, '0'), row];
}
const inOrder = ([a], [b]) => (place(a).join() < place(b).join() ? -1 : 1);

const ours = await measure(native);
const theirs = await measureWasm();
const lines = [
  '| operation | reference | tensors | native | wasm |',
  '|---|---|---|---|---|',
  ...[...ours.rows].sort(inOrder).map(
    ([row, entry]) => `| ${row} | ${entry.reference} | ${entry.tensors} | ${number(entry)} | ${number(theirs.rows.get(row))} |`,
  ),
  `| identity edits | the run without | ${ours.bits} | same bits | same bits |`,
  `| generation with the cache | without it | ${ours.uncached} | same bits | same bits |`,
];
const text = readFileSync(page, 'utf8');
const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
if (from < 0 || to < from) throw new Error(`${page}: the markers ${BEGIN} and ${END} are missing`);
writeFileSync(page, `${text.slice(0, from + BEGIN.length)}\n${lines.join('\n')}\n${text.slice(to)}`);
