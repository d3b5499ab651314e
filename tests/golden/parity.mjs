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
import { checkEdits, checkGradients, checkHooks, checkIdentities, demand, modelFolder, models } from './walk.mjs';

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

const gradientUnit = ({ name, zero }) => (name === 'metric' ? ALLOWED.value : zero ? ALLOWED.zeroGradient : ALLOWED.gradient);

async function measure(adapter) {
  const rows = new Map();
  const enter = (row, reference, unit, { ratio }) => {
    const kept = rows.get(row) ?? { reference, tensors: 0, worst: 0 };
    rows.set(row, { ...kept, tensors: kept.tensors + 1, worst: Math.max(kept.worst, ratio * unit) });
  };
  let bits = 0;
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
  return { rows, bits };
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

const number = (entry) => (entry.worst === 0 ? '0' : entry.worst.toExponential(1));

/** The forward pass in its order, then activations, edits, gradients by name. */
function place(row) {
  const forward = FORWARD.findIndex(([name]) => name === row);
  const group = ['activation', 'edit', 'several', 'metrics', 'gradients'].findIndex((word) => row.startsWith(word));
  return forward >= 0 ? [0, String.fromCharCode(97 + forward)] : [1 + group, row];
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
];
const text = readFileSync(page, 'utf8');
const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
if (from < 0 || to < from) throw new Error(`${page}: the markers ${BEGIN} and ${END} are missing`);
writeFileSync(page, `${text.slice(0, from + BEGIN.length)}\n${lines.join('\n')}\n${text.slice(to)}`);
