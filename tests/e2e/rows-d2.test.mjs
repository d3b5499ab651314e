// D2: one prompt continued in five ways with one seed: tokens, KL and change of log p of each are those of `hs generate` on the
// document that the test builds; the line under a token is as thick as its number says; strength 0 is the baseline, bit for bit.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after as atEnd, before, test } from 'node:test';
import { idsOf, settled, start } from './lib/browser.mjs';
import { glyphOf, hsGenerate, MODEL, modelOf } from './lib/model.mjs';
import { choose, numberOf, tableOf, useModel, write } from './lib/screen.mjs';
import { fillPairs, hsVector, idsOfText, openSteer, PAIRS, sameVector, set, textOf, tokensOf } from './lib/steer.mjs';
import { unitsOf, watchUnits } from './lib/units.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const PROMPT = 'Once upon a time there was a little dog. One day';
const WAYS = ['baseline', 'steered', 'frozen', 'random', 'prompt'];
const SAMPLER = { temperature: 0.8, top_k: 0, top_p: 1, frequency_penalty: 0, repetition_penalty: 1 };
const close = (screen, wanted, where) => assert.ok(Math.abs(screen - wanted) <= 1e-3 * Math.abs(wanted) + 1e-5, `${where}: ${screen}, hs says ${wanted}`);
const thickness = (nats) => Math.min(5, Math.max(0.5, Math.round(5 * Math.abs(nats) ** 0.57)));

/** The text of a way is the one that `hs generate` gives for this document, and so are the numbers under its tokens. -> tokens */
async function assertText(page, model, way, { edits, ...document }, measure = 'kl') {
  const said = await textOf(page, way);
  const { edits: shown, ...rest } = said;
  assert.deepEqual(rest, { ...document, k: 8, ...(edits && { twin: true }) }, way);
  assert.deepEqual(shown?.map(({ value, ...edit }) => edit), edits?.map(({ value, ...edit }) => edit), way);
  const { tokens } = hsGenerate({ v: 1, ...said }, model);
  const drawn = await tokensOf(page, way);
  assert.deepEqual(drawn.map(({ id }) => id), tokens.map(({ id }) => id), way);
  tokens.forEach((token, i) => {
    close(numberOf(drawn[i].p), token.prob, `p of token ${i}, ${way}`);
    if (!edits) return assert.deepEqual([drawn[i].kl, drawn[i].line], [null, 0]);
    const change = token.log_prob - token.twin_log_prob;
    close(numberOf(drawn[i].kl), token.kl, `KL of token ${i}, ${way}`);
    close(numberOf(drawn[i].change), change, `change of token ${i}, ${way}`);
    assert.ok(Math.abs(drawn[i].line - thickness(measure === 'kl' ? token.kl : change)) <= 0.11, `line under token ${i}, ${way}`);
  });
  return { tokens, edits: shown };
}

test('stories-gelu-4l: five ways, two strengths and zero, two seeds, both lines', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close: leave } = await site.open();
  await settled(page);
  await useModel(page, model.id);
  await write(page, PROMPT);
  await openSteer(page);
  await set(page, 'direction', 'pairs of texts');
  await fillPairs(page, PAIRS);
  await set(page, 'at', 'resid_pre L2');
  const hook = 'blocks.2.hook_resid_pre';
  const ids = await idsOf(page);
  const { arrays } = hsVector(model, { contrast: PAIRS, hook, method: 'mean', position: 'last' }, hook, ids);
  const vector = arrays.get('vector').data;
  const length = Math.hypot(...vector);
  await page.getByLabel('Strengths from minus to plus').fill('4');
  await page.getByLabel('tokens', { exact: true }).fill('24');
  await page.getByLabel('What is said before the text').first().fill('Everyone was happy.');
  const prompted = idsOfText(model, `Everyone was happy. ${PROMPT}`);

  const slider = page.getByRole('slider', { name: 'Strength' });
  const slide = async (key, times) => {
    for (let i = 0; i < times; i++) await slider.press(key);
    return Number(await slider.getAttribute('aria-valuenow'));
  };
  let measure = 'kl';
  const assertAll = async (scale, seed) => {
    const base = { ...SAMPLER, seed, max_new: 24, stop: [ids[0]] };
    const add = [{ hook, op: 'add', scale, value: null }];
    const baseline = await assertText(page, model, 'baseline', { ids, ...base });
    const steered = await assertText(page, model, 'steered', { ids, ...base, edits: add }, measure);
    sameVector(steered.edits, vector);
    const frozen = await assertText(page, model, 'frozen', { ids, ...base, edits: add, freeze_attention: true }, measure);
    sameVector(frozen.edits, vector);
    const random = await assertText(page, model, 'random', { ids, ...base, edits: add }, measure);
    const { value } = random.edits[0];
    assert.ok(Math.abs(Math.hypot(...value) / length - 1) < 1e-4, 'the random direction is as long');
    const cosine = value.reduce((sum, x, i) => sum + x * vector[i], 0) / length ** 2;
    assert.ok(Math.abs(cosine) < 0.3, `it is another direction: cosine ${cosine}`);
    await assertText(page, model, 'prompt', { ids: prompted, ...base });
    return { baseline, steered, frozen, random };
  };

  await slider.press('Home');
  const low = await assertAll(-4, 1);
  await slider.press('0');
  const zero = await assertAll(0, 1);
  for (const way of ['steered', 'frozen', 'random']) {
    assert.deepEqual(zero[way].tokens.map(({ id, log_prob }) => [id, log_prob]), zero.baseline.tokens.map(({ id, log_prob }) => [id, log_prob]), `${way} by nothing`);
    assert.ok(zero[way].tokens.every(({ kl }) => kl === 0), way);
  }
  const strength = await slide('ArrowRight', 12);
  assert.equal(strength, 1.5);
  await page.getByLabel('seed', { exact: true }).fill('7');
  const high = await assertAll(strength, 7);
  assert.ok(high.steered.tokens.slice(2).some(({ kl }) => kl > 0.01));
  assert.notDeepEqual(low.steered.tokens.map(({ id }) => id), high.steered.tokens.map(({ id }) => id));
  assert.notDeepEqual(high.steered.tokens.map(({ id }) => id), high.baseline.tokens.map(({ id }) => id));

  await choose(page, 'Line under a token', 'log p');
  measure = 'change';
  await assertAll(strength, 7);

  // The table twin: words and numbers of all ways, side by side.
  const table = await tableOf(page, 'the texts');
  assert.equal(table.cols.length, WAYS.length);
  high.steered.tokens.forEach(({ id, log_prob, twin_log_prob }, i) => {
    assert.equal(table.words[i * WAYS.length + 1], glyphOf(id));
    close(table.values[i * WAYS.length + 1], log_prob - twin_log_prob, `table, token ${i}`);
  });
  // Nothing is edited in Baseline, which is 0 from itself; Prompt instead reads other tokens and has no number, in a file neither.
  (await tokensOf(page, 'prompt')).forEach(({ id }, i) => {
    if (i < high.baseline.tokens.length) assert.equal(table.values[i * WAYS.length], 0);
    assert.equal(table.values[i * WAYS.length + 4], null);
    assert.equal(table.words[i * WAYS.length + 4], glyphOf(id));
  });
  const arrives = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export the texts', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Save as CSV', exact: true }).click();
  const [, ...lines] = readFileSync(await (await arrives).path(), 'utf8').trim().split('\r\n').map((line) => line.split(','));
  lines.slice(0, high.baseline.tokens.length).forEach(([, baseline, , , , prompted]) => assert.deepEqual([baseline, prompted], ['0', '']));

  // A token, chosen by the keyboard: what the inspector says of it.
  await page.locator('.way[data-way="steered"] [role="option"]').first().focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  const at = high.steered.tokens.length - 2;
  const { id, prob, kl, twin_log_prob } = high.steered.tokens[at];
  const inspector = page.locator('aside.inspector');
  await inspector.getByText(`token ${at} of “Steered”`).waitFor();
  assert.equal(await inspector.locator('h2').innerText(), glyphOf(id));
  const numbers = await inspector.locator('header + dl div').evaluateAll((rows) => rows.map((row) => row.querySelector('dd').title));
  [Math.exp(twin_log_prob), prob, kl].forEach((x, i) => close(numberOf(numbers[i]), x, `inspector, number ${i}`));
  assert.deepEqual(complaints, []);
  await leave();
});

test('what another model made of a text while it came and went never stands for this one\u2019s', async () => {
  const { page, complaints, close: leave } = await site.open({}, (fresh) => watchUnits(fresh, { answerMs: 200 }));
  await settled(page);
  await openSteer(page);
  await textOf(page, 'prompt'); // the last of them
  const loads = async () => (await unitsOf(page)).filter(({ kind }) => kind === 'load').length;
  const model = page.getByRole('combobox', { name: 'Model' });
  await model.selectOption('stories-gelu-4l');
  while ((await loads()) < 2); // the worker has it: what is asked from here on the other model would answer
  await page.getByLabel('seed', { exact: true }).fill('5');
  await model.selectOption(MODEL.id);
  while ((await loads()) < 3);
  await settled(page);
  const said = await textOf(page, 'baseline');
  assert.equal(said.seed, 5);
  assert.deepEqual((await tokensOf(page, 'baseline')).map(({ id }) => id), hsGenerate({ v: 1, ...said }, MODEL).tokens.map(({ id }) => id));
  assert.deepEqual(complaints, []);
  await leave();
});
