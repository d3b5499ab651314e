/* The directions that are offered: their texts fit, at least three steer, and one measured again has the figures of the file. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONTRASTS, PROMPTS } from '../../models/steerlist.mjs';
import { effectOf, measure, MODEL, prompt, SEEDS, steers } from '../../models/steering.mjs';

const local = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const written = JSON.parse(readFileSync(local(`models/${MODEL}/steering.json`), 'utf8'));
const page = readFileSync(local('site/src/state/steeringMeasured.ts'), 'utf8');

for (const contrast of CONTRASTS)
  test(`${contrast.name}: as many texts on both sides, none twice, words of one token that are on one side`, () => {
    const { positive, negative } = contrast;
    assert.equal(positive.length, negative.length);
    const texts = [...positive, ...negative].map((text) => prompt(text).join());
    assert.equal(new Set(texts).size, texts.length);
    const sets = effectOf(contrast);
    const ids = [...sets.for, ...sets.against];
    assert.equal(new Set(ids).size, ids.length);
  });

test('no text that is steered is one of those that a direction is made of', () => {
  const texts = new Set(CONTRASTS.flatMap(({ positive, negative }) => [...positive, ...negative]));
  assert.ok(PROMPTS.every((text) => !texts.has(text)));
});

test('at least three directions steer in every seed, more than random ones of their length, and the page has them', () => {
  assert.ok(written.length >= 3);
  for (const figures of written) {
    assert.ok(steers(figures), figures.name);
    assert.equal(figures.steered.effect.length, SEEDS.length);
    const at = page.indexOf(`name: '${figures.name}'`);
    assert.ok(at > 0 && page.slice(at).startsWith(`name: '${figures.name}', about: '${CONTRASTS.find(({ name }) => name === figures.name).about}', hook: '${figures.hook}'`));
  }
});

test('measured again, the figures are those of the file', () => {
  const [said] = written;
  const { hook, position, strength, name } = said;
  const figures = measure(CONTRASTS.find((contrast) => contrast.name === name), { place: { hook, position }, strength });
  assert.deepEqual(figures, said);
});
