// The numbers that "copy as code" gave in TransformerLens and nnsight (code_make.mjs) are those of `hs` for the same document.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { compareArgmax, compareReading } from './compare.mjs';
import { experiments, folder, hsModel, LIBRARIES, withModel } from './code_experiments.mjs';
import { native } from './native.mjs';
import { readTensors } from './st.mjs';

const READS = 'lens states attribution decompose attention pair neurons neuron directions written detect predictions vector sweep path attribute edges circuit ablate dose outcomes'.split(' ');
const OPS = 'zero scale set add mean patch freeze project_out clamp'.split(' ');
const MODELS = ['stories-2l', 'stories-gelu-4l', 'odd_gelu_ln'];

const numbers = readTensors(readFileSync(join(folder, 'numbers.safetensors')));
const models = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8'));
const worst = new Map();

/** What `hs` says of the document: a tensor for each array, and for each value. */
function byHs(place, { kind, document }) {
  const number = (x) => ({ shape: [], data: Float32Array.of(x ?? NaN) });
  if (kind === 'run') {
    const { hooks: capture, minus, ...run } = document;
    const tensors = native.run(place, { ...run, capture });
    if (!capture.includes('logits')) tensors.delete('logits'); // `hs run` writes them always
    const other = minus && native.run(place, { ...minus, capture });
    if (other)
      for (const [name, { data: ours }] of tensors) {
        const { data } = other.get(name);
        for (let i = 0; i < data.length; i++) ours[i] = ours[i] === data[i] ? 0 : ours[i] - data[i]; // masked in both
      }
    return tensors;
  }
  if (kind === 'generate') {
    const { tokens } = native.generate(place, document);
    const flat = (x) => (Array.isArray(x) ? x.flat() : [x]);
    return new Map(Object.keys(tokens[0]).map((field) => {
      const rows = tokens.map((token) => token[field]);
      const shape = Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length];
      return [field, { shape, data: Float32Array.from(rows.flatMap(flat)) }];
    }));
  }
  const { arrays, values } = native.read(place, document);
  return new Map([...arrays, ...Object.entries(values).map(([name, x]) => [`values.${name}`, number(x)])]);
}

/** Arrays of `hs` that the code leaves out: sampling is the page's, a vector's folds are not made anew, and the other values stand in arrays of the same reading. */
const LEFT_OUT = /^(drawn|values\.(separation|explained|score|pattern|attn_scale|v_norm|result_norm|key_error|query_error|duplicates|wrong|worst_error|flops|naive_flops|collapse_.*|.*_limit|base_(effect|perplexity|repetition3)))$/;

test('every reading, every op, both shipped models, a random one of odd sizes and a difference of two runs are there', () => {
  const said = JSON.stringify(experiments);
  for (const read of READS) assert.ok(experiments.some(({ what }) => what.document.read === read), read);
  for (const op of OPS) assert.ok(said.includes(`"op":"${op}"`), op);
  for (const model of MODELS) assert.ok(experiments.some((experiment) => experiment.model === model), model);
  assert.ok(experiments.filter(({ what }) => what.document.minus).length >= 5);
  assert.ok(experiments.length >= 14);
});

for (const experiment of experiments) {
  const { name, model, processing = [], what, libraries = LIBRARIES } = experiment;
  test(`code: ${name}`, () => {
    assert.deepEqual(models[[model, ...processing]], hsModel(model, processing), 'the model is another one than when the code ran');
    const expected = withModel(model, processing, (place) => byHs(place, what));
    for (const library of libraries) {
      const prefix = `${name}/${library}/`;
      const got = new Map([...numbers].filter(([key]) => key.startsWith(prefix)).map(([key, x]) => [key.slice(prefix.length), x]));
      assert.deepEqual([...got.keys()].sort(), [...expected.keys()].filter((key) => !LEFT_OUT.test(key)).sort(), library);
      for (const [array, ours] of got) {
        const reference = expected.get(array);
        const shaped = array.startsWith('values.') ? { ...ours, shape: [] } : ours;
        const findings = [compareReading(array, reference, shaped), ...(array === 'logits' ? [compareArgmax(array, reference, shaped)] : [])];
        for (const { problem, ratio } of findings) {
          assert.equal(problem, null, `${library}: ${problem}`);
          worst.set(name, Math.max(worst.get(name) ?? 0, ratio));
        }
      }
    }
  });
}

after(() => {
  console.log('code: worst difference / allowed, by experiment');
  for (const [name, ratio] of [...worst].sort((a, b) => b[1] - a[1])) console.log(`  ${ratio.toFixed(4).padStart(9)}  ${name}`);
});
