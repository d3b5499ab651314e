// Walk the committed fixtures with any way of running a model, and say what differs.
//
// The way is an adapter:
//   run(modelFolder, {ids, edits, runs, vectors, capture}) -> Map name -> {shape, data}
//   grad(modelFolder, spec)                                -> {metric, tensors: Map name -> {shape, data}}
// either may return a promise. `edits` is a list of edit documents, `runs` {B: ids}, `vectors`
// {name: list}, `capture` globs; `spec` is a gradient document.
//
// Each check returns findings (compare.mjs) with the case's `document` added, and `where` to find it.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareAll, compareBits, compareGradients, compareValues } from './compare.mjs';
import { readTensors } from './st.mjs';

const here = dirname(fileURLToPath(import.meta.url));

export const models = readdirSync(join(here, 'models')).sort();
/** The models that have cases of a kind: hooks, edits, identities, gradients. */
export const modelsWith = (kind) => models.filter((model) => existsSync(join(here, 'cases', model, `${kind}.json`)));
export const modelFolder = (model) => join(here, 'models', model);

function load(model, kind) {
  const path = join(here, 'cases', model, kind);
  if (!existsSync(`${path}.json`)) return [];
  const tensors = existsSync(`${path}.safetensors`) ? readTensors(readFileSync(`${path}.safetensors`)) : new Map();
  const cases = JSON.parse(readFileSync(`${path}.json`, 'utf8')).map((document) => ({ document, expected: new Map() }));
  for (const [name, tensor] of tensors) {
    const slash = name.indexOf('/');
    cases[Number(name.slice(0, slash))].expected.set(name.slice(slash + 1), tensor);
  }
  return cases;
}

/** Run `once` for each case; a thrown error is a finding like any other. */
async function each(model, kind, once) {
  const findings = [];
  for (const [i, { document, expected }] of load(model, kind).entries()) {
    const where = `${model} ${kind} ${i} ${JSON.stringify(document.edits ?? document.metric ?? document.ids)}`;
    let found;
    try {
      found = await once(document, expected);
    } catch (error) {
      found = [{ name: kind, ratio: Infinity, problem: `failed: ${error.message}` }];
    }
    findings.push(...found.map((finding) => ({ ...finding, where, document })));
  }
  return findings;
}

/** Every hook of an unedited run, by the names that TransformerLens fires. */
export function checkHooks(adapter, model) {
  return each(model, 'hooks', async ({ ids }, expected) =>
    compareAll(expected, await adapter.run(modelFolder(model), { ids, capture: ['*'] }), compareValues),
  );
}

/** Edit documents against the same functions as TransformerLens hooks. */
export function checkEdits(adapter, model) {
  return each(model, 'edits', async (document, expected) =>
    compareAll(expected, await adapter.run(modelFolder(model), document), compareValues),
  );
}

/** Edits that change nothing change no bit of any hook. */
export async function checkIdentities(adapter, model) {
  const plain = new Map();
  return each(model, 'identities', async (document) => {
    const key = document.ids.join();
    if (!plain.has(key)) plain.set(key, await adapter.run(modelFolder(model), { ids: document.ids, capture: ['*'] }));
    return compareAll(plain.get(key), await adapter.run(modelFolder(model), { ...document, capture: ['*'] }), compareBits);
  });
}

/** What is captured beside a hook changes no bit of it. */
export function checkCaptures(adapter, model) {
  return each(model, 'hooks', async ({ ids }) => {
    const all = await adapter.run(modelFolder(model), { ids, capture: ['*'] });
    const findings = [];
    for (const name of all.keys()) {
      const alone = await adapter.run(modelFolder(model), { ids, capture: [name] });
      findings.push(compareBits(name, all.get(name), alone.get(name) ?? { shape: [], data: new Float32Array() }));
    }
    return findings;
  });
}

/** Gradient documents against PyTorch's autograd in float64. */
export function checkGradients(adapter, model) {
  return each(model, 'gradients', async ({ value, ...spec }, expected) => {
    const { metric, tensors } = await adapter.grad(modelFolder(model), spec);
    const scalar = (x) => ({ shape: [], data: Float32Array.of(x) });
    return [compareValues('metric', scalar(value), scalar(metric)), ...compareAll(expected, tensors, compareGradients)];
  });
}

/** "blocks.1.attn.hook_z" -> "blocks.*.attn.hook_z": one row of a table for all layers. */
export const kindOf = (name) => name.replace(/^blocks\.\d+\./, 'blocks.*.');

/** The worst ratio of each kind of tensor, worst first. */
export function worst(findings) {
  const rows = new Map();
  for (const { name, ratio } of findings) rows.set(kindOf(name), Math.max(rows.get(kindOf(name)) ?? 0, ratio));
  return [...rows].sort((a, b) => b[1] - a[1]);
}

/** Throw if a finding broke its rule, naming the first few. */
export function demand(findings) {
  const broken = findings.filter(({ problem }) => problem);
  if (!findings.length) throw new Error('nothing was compared');
  if (broken.length)
    throw new Error(`${broken.length} of ${findings.length} differ:\n` + broken.slice(0, 12).map((f) => `  ${f.where}\n    ${f.problem}`).join('\n'));
}
