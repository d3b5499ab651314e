// Reading documents, walked as walk.mjs does: arrays, labels and words against the reference, and the sums that every
// attribution and decomposition must keep.
import { ALLOWED, compareAll, compareReading } from './compare.mjs';
import { each, modelFolder } from './walk.mjs';

/** What the sums of a reading are over: arrays of parts, all of one row of the first axis but where `part` leads. */
const SUMS = {
  attribution: { whole: 'logit', parts: ['values', 'heads', 'neurons'], partLeads: false },
  decompose: { whole: 'state_along', parts: ['along'], partLeads: true },
};

/** The reading's own sum and error are what its parts give when added here, in doubles, and the error is small. */
function checkSums(document, { arrays, values }) {
  const findings = [];
  const judge = (name, whole, error) => {
    const allowed = ALLOWED.value * Math.max(1, Math.abs(whole));
    const ratio = Math.abs(error) / allowed;
    findings.push({ name: `${name} error`, ratio, problem: ratio <= 1 ? null : `${name}: the parts miss ${whole} by ${error}` });
  };
  const rule = SUMS[document.read];
  if (rule)
    for (const [p, whole] of arrays.get(rule.whole).data.entries()) {
      const rows = arrays.get(rule.whole).data.length;
      let sum = 0;
      for (const name of rule.parts) {
        const { data } = arrays.get(name) ?? { data: [] };
        const each = data.length / rows;
        for (let i = 0; i < each; i++) sum += rule.partLeads ? data[i * rows + p] : data[p * each + i];
      }
      judge(rule.whole, whole, whole - sum);
      for (const [name, value] of [['sum', sum], ['error', whole - sum]])
        if (!(Math.abs(value - arrays.get(name).data[p]) <= 1e-7 * Math.max(1e-3, Math.abs(value))))
          findings.push({ name, ratio: Infinity, problem: `${name}: ${arrays.get(name).data[p]}, but the parts give ${value}` });
    }
  if (document.by === 'source') {
    const { shape: [rows, sources], data } = arrays.get('source');
    const { shape: [, layers, heads], data: all } = arrays.get('heads');
    for (let p = 0; p < rows; p++) {
      let rest = all[(p * layers + document.layer) * heads + document.head] - (arrays.get('source_edit')?.data[p] ?? 0);
      for (let s = 0; s < sources; s++) rest -= data[p * sources + s];
      judge('source', all[(p * layers + document.layer) * heads + document.head], rest);
    }
  }
  if (document.read === 'pair') {
    judge('key_parts', values.score, values.key_error);
    judge('query_parts', values.score, values.query_error);
    for (const which of ['key', 'query']) {
      const rest = arrays.get(`${which}_parts`).data.reduce((left, part) => left - part, values.score);
      if (Math.abs(rest - values[`${which}_error`]) > 1e-6 * Math.max(1, Math.abs(values.score)))
        findings.push({ name: `${which}_error`, ratio: Infinity, problem: `${which}_error: ${values[`${which}_error`]}, but the parts leave ${rest}` });
    }
  }
  return findings;
}

/** Arrays that the reference leaves to checkSums. */
const OWN = new Set(['sum', 'error']);

/** Reading documents against TransformerLens' ActivationCache and head_detector; their sums; their labels and words. */
export function checkReads(adapter, model, kind = 'reads') {
  return each(model, kind, async ({ document, axes }, expected) => {
    const got = await adapter.read(modelFolder(model), document);
    const arrays = new Map([...got.arrays].filter(([name]) => !OWN.has(name)));
    for (const name of expected.keys())
      if (name.startsWith('values.')) arrays.set(name, { shape: [1], data: Float32Array.of(got.values[name.slice(7)] ?? NaN) });
    const findings = compareAll(expected, arrays, compareReading);
    for (const [axis, labels] of Object.entries(axes))
      if (JSON.stringify(got.axes[axis]) !== JSON.stringify(labels))
        findings.push({ name: axis, ratio: Infinity, problem: `labels of ${axis}: ${got.axes[axis]}, the reference has ${labels}` });
    if (!Object.values(got.conventions).every((words) => words.length >= 9) || !Object.keys(got.conventions).length)
      findings.push({ name: 'conventions', ratio: Infinity, problem: 'a convention is not said' });
    return [...findings, ...checkSums(document, got)].map((finding) => ({ ...finding, document }));
  });
}

/** Studies of paths, as readings are. */
export const checkPaths = (adapter, model) => checkReads(adapter, model, 'paths');

/** Studies of steering, likewise. */
export const checkSteers = (adapter, model) => checkReads(adapter, model, 'steers');

/** Sweeps and ablations, likewise. */
export const checkSweeps = (adapter, model) => checkReads(adapter, model, 'sweeps');

/** "detect" on random tokens is the mean of "detect" on each text that it drew, in every measure. */
export async function checkDrawn(adapter, model) {
  const findings = [];
  for (const options of [{}, { bos: 1, length: 3, seed: 7, batch: 2 }, { error_measure: 'mul', exclude_bos: true }, { error_measure: 'abs', seed: 2, batch: 3 }]) {
    const { arrays } = await adapter.read(modelFolder(model), { read: 'detect', on: 'random', ...options });
    const [batch, length] = arrays.get('ids').shape;
    const { error_measure = 'stripe', exclude_bos = false } = options;
    const means = new Map();
    for (let b = 0; b < batch; b++) {
      const ids = [...arrays.get('ids').data.subarray(b * length, (b + 1) * length)];
      const first = 'bos' in options ? 1 : 0;
      const half = (length - first) / 2;
      if ((first && ids[0] !== options.bos) || ids.slice(first, first + half).join() !== ids.slice(first + half).join())
        findings.push({ name: 'ids', ratio: Infinity, where: model, problem: `the tokens do not stand twice: ${ids}` });
      const text = await adapter.read(modelFolder(model), { read: 'detect', ids, error_measure, exclude_bos });
      for (const name of ['previous', 'duplicate', 'induction']) {
        const { shape, data } = text.arrays.get(name);
        const sum = means.get(name) ?? { shape, data: new Float32Array(data.length) };
        means.set(name, { shape, data: sum.data.map((x, i) => x + data[i] / batch) });
      }
    }
    arrays.delete('ids');
    findings.push(...compareAll(means, arrays, compareReading).map((finding) => ({ ...finding, where: `${model} ${JSON.stringify(options)}` })));
  }
  return findings;
}
