/* The directions that are offered: their texts fit, at least three steer, and one measured again has the figures of the file. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CONTRASTS, PROMPTS } from '../../models/steerlist.mjs';
import { MODELS, SEEDS, steering, steers } from '../../models/steering.mjs';

const local = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const written = (model) => JSON.parse(readFileSync(local(`models/${model}/steering.json`), 'utf8'));
const page = readFileSync(local('site/src/state/steeringMeasured.ts'), 'utf8');

for (const model of Object.keys(MODELS)) {
  const { prompt, effectOf, measure } = steering(model);

  for (const contrast of CONTRASTS)
    test(`${model}, ${contrast.name}: as many texts on both sides, none twice, words of one token that are on one side`, () => {
      const { positive, negative } = contrast;
      assert.equal(positive.length, negative.length);
      const texts = [...positive, ...negative].map((text) => prompt(text).join());
      assert.equal(new Set(texts).size, texts.length);
      const sets = effectOf(contrast);
      const ids = [...sets.for, ...sets.against];
      assert.equal(new Set(ids).size, ids.length);
    });

  test(`${model}: at least three directions steer in every seed, more than random ones of their length, and the page has them`, () => {
    assert.ok(written(model).length >= 3);
    const ofModel = page.slice(page.indexOf(`'${model}': [`));
    for (const figures of written(model)) {
      assert.ok(steers(figures), figures.name);
      assert.equal(figures.steered.effect.length, SEEDS.length);
      const at = ofModel.indexOf(`name: '${figures.name}'`);
      const { about } = CONTRASTS.find(({ name }) => name === figures.name);
      assert.ok(at > 0 && ofModel.slice(at).startsWith(`name: '${figures.name}', about: '${about}', hook: '${figures.hook}', position: '${figures.position}', strength: ${figures.strength}`));
    }
  });

  test(`${model}: what the bench begins with, measured again, has the figures of the file`, () => {
    const [said] = written(model);
    const { hook, position, strength, name } = said;
    const figures = measure(CONTRASTS.find((contrast) => contrast.name === name), { place: { hook, position }, strength });
    assert.deepEqual(figures, said);
  });
}

test('no text that is steered is one of those that a direction is made of', () => {
  const texts = new Set(CONTRASTS.flatMap(({ positive, negative }) => [...positive, ...negative]));
  assert.ok(PROMPTS.every((text) => !texts.has(text)));
});
