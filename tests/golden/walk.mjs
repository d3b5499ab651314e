// Walk the committed fixtures with any way of running a model, and say what differs.
//
// The way is an adapter:
//   run(modelFolder, {ids, edits, runs, vectors, capture}) -> Map name -> {shape, data}
//   grad(modelFolder, spec)                                -> {metric, tensors: Map name -> {shape, data}}
//   read(modelFolder, document)                            -> {arrays: Map name -> {shape, data}, axes, values, conventions}
//   generate(modelFolder, {vectors, ...spec})              -> {end, tokens, logits}; logits may be absent
//   process(modelFolder, kinds, ids)                       -> {params: Map, logits}; params may be absent
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
/** The models that have cases of a kind: hooks, edits, identities, gradients, reads (which shipped models have, too). */
export const modelsWith = (kind) => readdirSync(join(here, 'cases')).sort().filter((model) => existsSync(join(here, 'cases', model, `${kind}.json`)));
export const modelFolder = (model) => (models.includes(model) ? join(here, 'models', model) : join(here, '..', '..', 'models', model));

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
export async function each(model, kind, once) {
  const findings = [];
  for (const [i, { document, expected }] of load(model, kind).entries()) {
    const where = `${model} ${kind} ${i} ${JSON.stringify(document.document ?? document.edits ?? document.metric ?? document.ids)}`;
    let found;
    try {
      found = await once(document, expected);
    } catch (error) {
      found = [{ name: kind, ratio: Infinity, problem: `failed: ${error.message}` }];
    }
    findings.push(...found.map((finding) => ({ document, ...finding, where })));
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

/** What a generation says of its tokens, as tensors. */
function tensorsOf({ tokens, logits }) {
  const numbers = (key, of) => [key, { shape: [tokens.length], data: Float32Array.from(tokens, (token) => token[of ?? key] ?? NaN) }];
  const tensors = new Map([numbers('ids', 'id'), ...['log_prob', 'entropy', 'drawn', 'twin_log_prob', 'kl'].map((key) => numbers(key))]);
  return logits ? tensors.set('logits', logits) : tensors;
}

/** Generations against TransformerLens: greedy ones token by token, forced ones as one run over the whole text; and
 *  with the cache off, bit for bit. */
export function checkGenerations(adapter, model) {
  return each(model, 'generations', async (document, expected) => {
    const ours = tensorsOf(await adapter.generate(modelFolder(model), document));
    const uncached = tensorsOf(await adapter.generate(modelFolder(model), { ...document, cache: false }));
    const same = [...ours].map(([name, tensor]) => compareBits(`${name}, cache off`, tensor, uncached.get(name)));
    const values = [...expected].filter(([name]) => ours.has(name));
    return [...values.map(([name, tensor]) => (name === 'ids' ? compareBits : compareValues)(name, tensor, ours.get(name))), ...same];
  });
}

/** Processed weights against process_weights_: what it changed, what it left alone (every bit), and the logits. */
export async function checkProcesses(adapter, model) {
  const folder = modelFolder(model);
  const left = async (kinds) => (await adapter.process(folder, kinds, [0])).params ?? new Map();
  const before = new Map([...(await left(['center_unembed'])), ...[...(await left(['fold_value_biases']))].filter(([name]) => name.startsWith('unembed.'))]);
  return each(model, 'processes', async ({ process, ids, gone = [], refused, weights = true }, expected) => {
    if (refused) {
      const failure = await Promise.resolve().then(() => adapter.process(folder, process, [0])).then(() => 'done', (error) => error.message);
      return [{ name: 'refusal', ratio: 0, problem: failure.includes(refused) ? null : `${process}: ${failure}, expected ${refused}` }];
    }
    const { params, logits } = await adapter.process(folder, process, ids);
    if (!params || !weights) return [compareValues('logits', expected.get('logits'), logits)];
    const untouched = [...before].filter(([name]) => !expected.has(name) && !gone.includes(name));
    return [
      ...compareAll(expected, new Map([...params, ['logits', logits]].filter(([name]) => expected.has(name) || !before.has(name) || gone.includes(name))), compareValues),
      ...compareAll(new Map(untouched), new Map([...params].filter(([name]) => before.has(name) && !expected.has(name))), compareBits),
    ];
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
