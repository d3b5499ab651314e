// D1: a steering vector from each kind of recipe: what it writes, how long it is and where it sits are those of `hs vector` on the
// document that the test builds; put in force, it is the edit that `hs run` is given, on the Look bench, too.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { idsOf, predictions, settled, start } from './lib/browser.mjs';
import { glyphOf, hsRun, idOf, MODEL, modelOf, probabilitiesAt } from './lib/model.mjs';
import { barsOf, compare, picture, shows, typeToken, useModel, write } from './lib/screen.mjs';
import { edit, factsOf, fillPairs, hsVector, openSteer, PAIRS, set } from './lib/steer.mjs';
import { watchUnits } from './lib/units.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const WRITES = 'what the direction writes';
const FACTS = { norm: 'norm', 'the stream’s norm there': 'stream_norm', 'its norm / the stream’s': 'ratio', 'cosine to the stream': 'cosine', 'separation, held out': 'separation' };
const PROMPT = 'Once upon a time there was a little dog. One day';

/** The bars and the inspector are what `hs vector` says of this recipe. -> its reading. */
async function assertVector(page, model, recipe, hook) {
  const ids = await idsOf(page);
  const { document, arrays, values } = hsVector(model, recipe, hook, ids);
  await shows(page, WRITES, document);
  const bars = await barsOf(page, WRITES);
  const [top, bottom] = ['top', 'bottom'].map((end) => Array.from(arrays.get(`${end}_ids`).data.slice(0, 6), (id, i) => ({ id, value: arrays.get(`${end}_values`).data[i] })));
  const wanted = [...top, ...bottom.reverse()];
  assert.deepEqual(bars.map(({ name }) => name), wanted.map(({ id }) => glyphOf(id)), JSON.stringify(recipe));
  compare(bars.map(({ value }) => value), wanted.map(({ value }) => value), JSON.stringify(recipe));
  const facts = await factsOf(page);
  for (const [words, key] of Object.entries(FACTS)) {
    assert.equal(words in facts, values[key] != null, `${words}, ${JSON.stringify(recipe)}`);
    if (words in facts) compare([facts[words]], [values[key]], `${words}, ${JSON.stringify(recipe)}`);
  }
  return { ids, vector: arrays.get('vector') };
}

test('stories-gelu-4l: pairs by each method, a token, a neuron, an OV circuit, a saved activation', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close } = await site.open();
  await settled(page);
  await useModel(page, model.id);
  await write(page, PROMPT);
  await openSteer(page);

  await set(page, 'direction', 'pairs of texts');
  await fillPairs(page, PAIRS);
  await set(page, 'at', 'resid_pre L1');
  const [at, other] = ['blocks.1.hook_resid_pre', 'blocks.2.hook_resid_mid'];
  const contrast = { contrast: PAIRS, hook: at };
  await assertVector(page, model, { ...contrast, method: 'mean', position: 'last' }, at);
  await set(page, 'of the', 'mean over all but the first');
  await assertVector(page, model, { ...contrast, method: 'mean', position: 'mean' }, at);
  await set(page, 'by', 'principal direction');
  await set(page, 'read at', 'resid_mid L2');
  await assertVector(page, model, { ...contrast, hook: other, method: 'pca', position: 'mean' }, at);
  const front = { positive: ['The girl was happy', 'The boy was happy'], negative: ['The girl was sad', 'The boy was sad'] };
  await fillPairs(page, front);
  await set(page, 'by', 'at the front');
  const { ids, vector } = await assertVector(page, model, { contrast: front, hook: other, method: 'actadd' }, at);
  assert.equal(vector.shape.length, 2);

  await set(page, 'direction', 'a token’s');
  await typeToken(page, 'Token', ' happy');
  await assertVector(page, model, { token: idOf('␣happy') }, at);
  await page.getByRole('button', { name: 'less another' }).click();
  await typeToken(page, 'Less token', ' sad');
  await assertVector(page, model, { token: idOf('␣happy'), minus: idOf('␣sad') }, at);

  await set(page, 'direction', 'what a neuron writes');
  await set(page, 'layer', 'L3');
  await page.getByLabel('neuron', { exact: true }).fill('77');
  await assertVector(page, model, { neuron: [3, 77] }, at);

  await set(page, 'direction', 'a head’s OV, singular');
  await set(page, 'layer', 'L2');
  await page.getByLabel('head', { exact: true }).fill('5');
  await page.getByLabel('singular direction', { exact: true }).fill('1');
  await assertVector(page, model, { ov: [2, 5], k: 1, side: 'write' }, at);
  await set(page, 'which it', 'reads');
  await assertVector(page, model, { ov: [2, 5], k: 1, side: 'read' }, at);

  await set(page, 'direction', 'the stream of a text');
  await page.getByLabel('text', { exact: true }).fill('The princess laughed');
  await page.getByLabel('position', { exact: true }).fill('-2');
  await set(page, 'read at', 'resid_post L3');
  await assertVector(page, model, { activation: 'The princess laughed', hook: 'blocks.3.hook_resid_post', position: -2 }, at);
  assert.equal((await idsOf(page)).join(), ids.join(), 'the prompt is what it was');
  assert.deepEqual(complaints, []);
  await close();
});

test('a token’s direction begins with the likeliest next token, in a field that is in sight', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await openSteer(page);
  await set(page, 'direction', 'a token’s');
  const ids = await idsOf(page);
  const p = probabilitiesAt(hsRun(ids, { capture: ['logits'] }), ids.length - 1);
  const likeliest = p.indexOf(p.reduce((top, x) => Math.max(top, x), 0));
  assert.equal(await page.getByLabel('Token', { exact: true }).inputValue(), glyphOf(likeliest));
  assert.deepEqual(complaints, []);
  await close();
});

test('what is typed while the strength is still being fitted to another direction stays', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await useModel(page, 'stories-gelu-4l'); // it begins with pairs, too
  await openSteer(page);
  await edit(page);
  await page.locator('.way[data-way="steered"][data-whole="true"]').waitFor();
  const range = page.getByLabel('Strengths from minus to plus');
  const before = await range.inputValue();
  // Both at once, before any answer of the worker.
  await page.evaluate(async () => {
    const put = (element, value, event) => {
      element.value = value;
      element.dispatchEvent(new Event(event, { bubbles: true }));
    };
    const direction = [...document.querySelectorAll('.tabs-line select')].find((select) => [...select.options].some(({ value }) => value === 'contrast'));
    put(direction, 'contrast', 'change');
    for (let i = 0; i < 10; i++) await Promise.resolve();
    put(document.querySelector('.steer-lists textarea'), 'The wolf was cruel\nA cruel day', 'input');
  });
  await page.locator('.steer-line [aria-busy="true"]').waitFor({ state: 'detached' });
  await page.waitForFunction((old) => document.querySelector('.steer-range').value !== old, before);
  assert.equal(await page.getByLabel('Towards, one text a line').inputValue(), 'The wolf was cruel\nA cruel day');
  assert.match(await page.getByLabel('Away from, one text a line').inputValue(), /^The girl was very sad/);
  assert.deepEqual(complaints, []);
  await close();
});

test('a direction that is none: a sentence says why, nothing older stands for it, and it is gone when mended, though answers are late', async () => {
  const { page, complaints, close } = await site.open({}, (fresh) => watchUnits(fresh, { answerMs: 200 }));
  await settled(page);
  await openSteer(page);
  await set(page, 'direction', 'pairs of texts');
  await set(page, 'at', 'resid_pre L1');
  const alert = page.locator('.look.steer').getByRole('alert');
  const steered = page.locator('.way[data-way="steered"] [role="option"]');
  for (const [lists, says] of [
    [{ positive: ['The girl was happy', 'A happy day'], negative: ['The girl was happy', 'A happy day'] }, /^This direction is zero, so it steers nothing: the two lists are the same to the model at resid_pre L1: change a text/],
    [{ positive: ['', ' '], negative: PAIRS.negative }, /^Nothing stands under “Towards”: write at least one text/],
    [{ positive: PAIRS.positive, negative: [''] }, /^Nothing stands under “Away from”/],
  ]) {
    await fillPairs(page, PAIRS);
    await steered.first().waitFor();
    assert.equal(await alert.count(), 0);
    await fillPairs(page, lists);
    await alert.filter({ hasText: says }).waitFor();
    assert.equal(await steered.count(), 0, 'no text of the direction before');
    assert.equal(await page.getByRole('button', { name: /^Measure the curve/ }).isDisabled(), true);
    await page.locator('.story').getByText('Nothing is steered').waitFor();
    await picture(page, WRITES).and(page.locator('[data-stale="false"]')).waitFor(); // answered, or refused
  }
  assert.deepEqual(complaints, []);
  await close();
});

for (const [words, position] of [['every token', {}], ['all but the first', { from: 1 }], ['from the last token on', { from: -1 }]])
  test(`stories-2l, ${words}: in force, muted, and out of force; each operator`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    await write(page, PROMPT);
    await openSteer(page);
    await set(page, 'direction', 'pairs of texts');
    await fillPairs(page, PAIRS);
    await set(page, 'at', 'resid_pre L1');
    await set(page, 'on', words);
    const hook = 'blocks.1.hook_resid_pre';
    const { ids, vector } = await assertVector(page, MODEL, { contrast: PAIRS, hook, method: 'mean', position: 'last' }, hook);
    const strength = Number(await page.getByRole('slider', { name: 'Strength' }).getAttribute('aria-valuenow'));
    const value = [...vector.data];

    const look = () => page.getByRole('button', { name: 'Look', exact: true }).click();
    const assertRun = async (edits) => {
      const p = probabilitiesAt(hsRun(ids, { edits, capture: ['logits'] }), ids.length - 1);
      const last = page.locator(`.tok[data-at="a${ids.length - 1}"]`);
      await page.locator('.look[data-tab="attention"][data-stale="false"]').waitFor();
      if ((await last.getAttribute('data-lit')) !== 'dest') await last.click();
      await last.and(page.locator('[data-lit="dest"]')).waitFor();
      await page.locator('.predictions[data-stale="false"]').waitFor();
      const said = await predictions(page);
      assert.ok(said.length >= 5);
      for (const { id, now } of said) compare([now], [p[id]], `${glyphOf(id)} with ${JSON.stringify(edits).slice(0, 60)}`);
    };
    await page.getByRole('button', { name: 'Put it in force', exact: true }).click();
    await look();
    await assertRun([{ hook, op: 'add', value, scale: strength, ...position }]);
    const chip = page.locator('.chips .chip');
    assert.match(await chip.innerText(), /happy − sad/);

    for (const [operator, says, begins, edits] of [
      ['taken out', 'without', 1, [{ hook, op: 'project_out', value, scale: 1, ...position }]],
      ['capped', 'at most', 0, [{ hook, op: 'clamp', value, max: 0, ...position }]],
      ['set', 'set to', 0, [{ hook, op: 'clamp', value, min: 0, max: 0, ...position }]],
      ['in its place', 'in place of', strength, [{ hook, op: 'project_out', value, ...position }, { hook, op: 'add', value, scale: strength, ...position }]],
    ]) {
      await openSteer(page);
      await set(page, 'is', operator);
      await page.getByRole('slider', { name: 'Strength' }).and(page.locator(`[aria-valuenow="${begins}"]`)).waitFor();
      await chip.filter({ hasText: says }).waitFor();
      await look();
      await assertRun(edits);
    }
    await chip.getByRole('button', { name: /^Mute/ }).click();
    await assertRun([]);
    await page.keyboard.press('Control+z');
    await page.getByRole('button', { name: /^Remove/ }).click();
    await assertRun([]);
    assert.equal(await chip.count(), 0);
    assert.deepEqual(complaints, []);
    await close();
  });

test('“Project it out” takes away what stands along the direction, all of it and once', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await page.getByRole('button', { name: 'Steer', exact: true }).click();
  await page.getByRole('button', { name: 'Project it out' }).click();
  const edit = await page.waitForFunction(() => {
    const said = JSON.parse(document.querySelector('figure[aria-label="what it buys and what it costs"]')?.dataset.document ?? 'null');
    const edit = said?.document.ways.find(({ name }) => name === 'steered')?.edits[0];
    return edit?.op === 'project_out' && edit;
  }, null, { timeout: 60_000 });
  assert.equal((await edit.jsonValue()).scale, 1);
  assert.deepEqual(complaints, []);
  await close();
});
