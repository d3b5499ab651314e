/* The tasks for patching: their pairs fit together, and the figures on the cards and in the page are those of the models. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withRuns } from '../../models/hs.mjs';
import { sides, TASKS } from '../../models/tasklist.mjs';
import { encoded, encoderOf, isDone, measureTask, MODELS } from '../../models/tasks.mjs';

const local = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const written = (model) => JSON.parse(readFileSync(local(`models/${model}/tasks.json`), 'utf8'));

test('a double text has two sides', () => {
  assert.deepEqual(sides('The {old|young} king of {A|B}.'), ['The old king of A.', 'The young king of B.']);
  assert.deepEqual(sides(`{"|'}No`), ['"No', "'No"]);
});

for (const { name, pairs } of TASKS) {
  test(`${name}: no prompt stands twice, both sides have as many tokens and answers of one token`, () => {
    const prompts = pairs.flatMap(({ text }) => sides(text));
    assert.equal(new Set(prompts).size, prompts.length);
    for (const model of MODELS) {
      const encoder = encoderOf(model);
      for (const pair of pairs) {
        const { clean, corrupted, correct, wrong } = encoded(encoder, pair);
        assert.notDeepEqual(clean, corrupted);
        assert.notEqual(correct, wrong);
      }
    }
  });
}

test('pairs that do not fit are refused', () => {
  const encoder = encoderOf('stories-2l');
  assert.throws(() => encoded(encoder, { text: 'The {king|dwarf} slept', answer: '{ he| she}' }), /5 tokens and 8/);
  assert.throws(() => encoded(encoder, { text: 'The {king|queen} slept', answer: '{ he| dwarf}' }), /" dwarf" is 4 tokens/);
});

for (const model of MODELS) {
  test(`${model}: at least two tasks are right in 90 % of 100 prompts`, () => {
    assert.ok(written(model).filter(isDone).length >= 2);
    assert.deepEqual(written(model).map(({ name }) => name), TASKS.map(({ name }) => name));
  });
}

for (const [model, name] of [['stories-2l', 'refrain'], ['stories-gelu-4l', 'he or she']]) {
  test(`${model}, ${name}: measured again, the figures are those on the card and in the page`, () => {
    const task = TASKS.find((candidate) => candidate.name === name);
    const { figures } = withRuns(local(`models/${model}`), (run) => measureTask(run, encoderOf(model), task));
    const said = written(model).find((row) => row.name === name);
    const { mean, least, ...counts } = figures;
    const { mean: meanSaid, least: leastSaid, ...countsSaid } = said;
    assert.deepEqual(counts, countsSaid);
    assert.ok(Math.abs(mean - meanSaid) <= 0.006 && Math.abs(least - leastSaid) <= 0.006, `${mean} ${least}`);
    const page = readFileSync(local('site/src/state/tasksMeasured.ts'), 'utf8');
    const block = page.slice(page.indexOf(`'${model}': [`));
    assert.match(block.slice(block.indexOf(`name: '${name}'`)), new RegExp(`^.*\\n\\s*prompts: ${said.prompts}, right: ${said.right}, first: ${said.first},`));
  });
}
