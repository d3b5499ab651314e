// D3: the curve of a direction: effect, perplexity under the unsteered model and repetition at every strength, beside frozen attention
// and random directions, with the strengths where the text collapses, are those of `hs dose` on the document that the test builds.
// It fills in as it goes, can be cancelled, and its axis is the slider.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { idsOf, settled, start } from './lib/browser.mjs';
import { hsRead, idOf, modelOf } from './lib/model.mjs';
import { documentOf, picture, tableOf, useModel, write } from './lib/screen.mjs';
import { fillPairs, hsVector, openSteer, outcomesOf, PAIRS, sameVector, set, textOf } from './lib/steer.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const DOSE = 'dose and response';
const PROMPT = 'Once upon a time there was a little dog. One day';
const HOOK = 'blocks.2.hook_resid_pre';
const SAMPLER = { temperature: 0.8, top_k: 0, top_p: 1, frequency_penalty: 0, repetition_penalty: 1 };
const MEASURES = ['effect', 'perplexity', 'repetition3'];
const measure = (page) => page.getByRole('button', { name: /^Measure the curve/ });
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const geometric = (values) => Math.exp(mean(values.map(Math.log)));

async function begin(page, model) {
  await settled(page);
  await useModel(page, model.id);
  await write(page, PROMPT);
  await openSteer(page);
  await set(page, 'direction', 'pairs of texts');
  await fillPairs(page, PAIRS);
  await set(page, 'at', 'resid_pre L2');
  await page.getByLabel('Strengths from minus to plus').fill('8');
  await page.getByLabel('tokens', { exact: true }).fill('10');
  for (const [label, words] of [['effect: log-odds of', 'happy laughed good'], ['over', 'sad cried bad']]) {
    await page.getByLabel(label, { exact: true }).fill(words);
    await page.keyboard.press('Enter');
  }
  return idsOf(page);
}

const effect = () => ({ for: ['␣happy', '␣laughed', '␣good'].map(idOf), against: ['␣sad', '␣cried', '␣bad'].map(idOf) });
const close = (screen, wanted, where) =>
  assert.ok(Object.is(screen, wanted) || Math.abs(screen - wanted) <= 2e-3 * Math.max(1, Math.abs(wanted)), `${where}: ${screen}, hs says ${wanted}`);

test('stories-gelu-4l: every number of the curve, where it collapses, the table of ways at a strength, and the slider', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close: leave } = await site.open();
  const ids = await begin(page, model);
  const vector = hsVector(model, { contrast: PAIRS, hook: HOOK, method: 'mean', position: 'last' }, HOOK, ids).arrays.get('vector').data;
  await measure(page).click();
  await page.waitForFunction((name) => document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document, DOSE, { timeout: 120_000 });

  const strengths = Array.from({ length: 17 }, (_, i) => i - 8);
  const { kind, document } = await documentOf(page, DOSE);
  const { steer: { value, ...steer }, ...rest } = document;
  assert.equal(kind, 'read');
  assert.deepEqual({ ...rest, steer }, {
    read: 'dose', prompts: [ids], steer: { hook: HOOK, op: 'add' }, strengths, ...SAMPLER, max_new: 10, seeds: [1, 2, 3], stop: [ids[0]], effect: effect(), random: 8, frozen: true,
  });
  sameVector([{ value }], vector);
  const { arrays, axes, values } = hsRead(document, model);
  const texts = axes.text.length;
  const at = (array, way, s) => Array.from(arrays.get(array).data.slice((way * strengths.length + s) * texts, (way * strengths.length + s + 1) * texts));
  const table = await tableOf(page, DOSE);
  assert.equal(table.rows.length, strengths.length);
  MEASURES.forEach((name, m) =>
    strengths.forEach((strength, s) => {
      const over = name === 'perplexity' ? geometric : mean;
      const random = axes.way.flatMap((way, w) => (way.startsWith('random') ? [over(at(name, w, s))] : []));
      assert.equal(random.length, 8);
      const wanted = [over(at(name, axes.way.indexOf('steered'), s)), over(at(name, axes.way.indexOf('frozen'), s)), over(random), Math.min(...random), Math.max(...random)];
      wanted.forEach((x, i) => close(table.values[s * 15 + m * 5 + i], x, `${name} at ${strength}, ${table.cols[m * 5 + i]}`));
    }),
  );
  const drawn = await picture(page, DOSE).locator('svg text').allTextContents();
  assert.equal(drawn.filter((words) => words === 'collapse').length, [values.collapse_up, values.collapse_down].filter((x) => x !== null).length);
  assert.ok(values.collapse_up !== null, 'at 8 times a vector of this length nothing is left of the text');
  assert.ok(drawn.some((words) => words.startsWith(`${values.perplexity_limit} ×`)) && drawn.includes(`over ${values.repetition_limit}: collapse`), 'both thresholds stand there');
  await page.locator('.story').getByText(new RegExp(`It (collapses first|first does) at \\+${values.collapse_up.toFixed(2)}\\.|has collapsed\\.$`)).waitFor();

  // The slider: by the keyboard, and dragged.
  const slider = page.getByRole('slider', { name: 'Strength' });
  const strength = async () => Number(await slider.getAttribute('aria-valuenow'));
  await slider.press('0');
  for (const [key, wanted] of [['ArrowRight', 0.25], ['PageUp', 1], ['PageUp', 2], ['ArrowLeft', 1.75], ['PageDown', 1], ['End', 8], ['Home', -8]]) {
    await slider.press(key);
    assert.equal(await strength(), wanted, key);
  }
  const plot = picture(page, DOSE).locator('svg').last();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 70, { steps: 4 });
  await page.mouse.up();
  const dragged = await strength();
  assert.ok(dragged > 0 && dragged < 4, `dragged to ${dragged}`);

  // What the ways come to there.
  const NAME = 'what it buys and what it costs';
  await page.waitForFunction(
    ([name, scale]) => JSON.parse(document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document ?? 'null')?.document.ways.find(({ name: way }) => way === 'steered').edits[0].scale === scale,
    [NAME, dragged], { timeout: 60_000 },
  );
  const outcomes = (await documentOf(page, NAME)).document;
  sameVector([outcomes.ways.find(({ name }) => name === 'steered').edits[0]], vector);
  const told = hsRead(outcomes, model);
  const rows = await outcomesOf(page, NAME);
  assert.deepEqual(Object.keys(rows), ['baseline', 'steered', 'frozen', 'random', 'prompt']);
  for (const [way, numbers] of Object.entries(rows)) {
    const w = told.axes.way.indexOf(way === 'baseline' ? 'base' : way);
    const of = (array) => Array.from(told.arrays.get(array).data.slice(w * 3, w * 3 + 3));
    close(numbers.effect, mean(of('effect')), `effect, ${way}`);
    close(numbers.perplexity, geometric(of('perplexity')), `perplexity, ${way}`);
    close(numbers.repetition, mean(of('repetition3')), `repetition, ${way}`);
    close(numbers['KL / token'], mean(of('kl')), `KL, ${way}`);
  }
  // The marks on the curves are those numbers, not what lies between two points of the curve.
  const [dots, marks] = await Promise.all(['circle.point', 'circle.here'].map((of) => picture(page, DOSE).locator(of).evaluateAll((all) => all.map((one) => Number(one.getAttribute('cy'))))));
  assert.equal(marks.length, MEASURES.length);
  MEASURES.forEach((name, m) => {
    const of = name === 'perplexity' ? Math.log : Number;
    const points = strengths.map((_, s) => [of(table.values[s * 15 + m * 5]), dots[m * strengths.length + s]]).sort(([a], [b]) => a - b);
    const [[low, bottom], [high, top]] = [points[0], points.at(-1)];
    if (low === high) return;
    const value = of(rows.steered[name === 'repetition3' ? 'repetition' : name]);
    const wanted = bottom + ((value - low) / (high - low)) * (top - bottom);
    assert.ok(Math.abs(marks[m] - wanted) < 0.6, `the mark of ${name}: ${marks[m]}, should be ${wanted}`);
  });
  // The random direction beside the steered text is the first of the curve.
  const which = axes.way.indexOf('random 1');
  await slider.press('PageUp');
  const grid = strengths.indexOf(await strength());
  await page.waitForFunction(
    ([name, scale]) => JSON.parse(document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document ?? 'null')?.document.ways.find(({ name: way }) => way === 'random').edits[0].scale === scale,
    [NAME, strengths[grid]], { timeout: 60_000 },
  );
  const random = (await outcomesOf(page, NAME)).random;
  close(random.effect, mean(at('effect', which, grid)), 'effect of the first random direction');
  close(random['KL / token'], mean(at('kl', which, grid)), 'KL of the first random direction');
  assert.ok(rows.baseline['KL / token'] === 0 && rows.steered['KL / token'] > 0);
  assert.deepEqual(complaints, []);
  await leave();
});

test('it goes on behind the other tab and another bench, is there when one comes back, and ends with its question', async () => {
  const { page, complaints, close: leave } = await site.open();
  await begin(page, modelOf('stories-gelu-4l'));
  await page.getByLabel('tokens', { exact: true }).fill('40');
  await measure(page).click();
  const progress = page.getByRole('progressbar', { name: 'Progress of the curve' });
  const share = () => progress.evaluate((bar) => bar.value);
  const reaches = (least) => page.waitForFunction((x) => document.querySelector('progress')?.value > x, least, { timeout: 120_000 });
  await reaches(0.08);
  let before = await share();
  for (const [away, back] of [
    [page.getByRole('tab', { name: 'Understanding v. control' }), page.getByRole('tab', { name: 'Direction' })],
    [page.getByRole('button', { name: 'Look', exact: true }), page.getByRole('button', { name: 'Steer', exact: true })],
  ]) {
    await away.click();
    await progress.waitFor({ state: 'detached' });
    await back.click();
    await progress.waitFor();
    assert.ok((await share()) >= before, `it was at ${before}, and begins at ${await share()}`);
    await reaches(before + 0.01);
    before = await share();
  }
  // Another question ends it.
  await page.getByLabel('tokens', { exact: true }).fill('5');
  await measure(page).waitFor();
  await page.getByLabel('tokens', { exact: true }).fill('40');
  await page.getByText('stopped', { exact: true }).waitFor();
  // Done, it is kept: without a button, by the same question again.
  await page.getByLabel('tokens', { exact: true }).fill('5');
  await measure(page).click();
  const done = () => page.waitForFunction((name) => document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document, DOSE, { timeout: 120_000 });
  await done();
  const { document } = await documentOf(page, DOSE);
  await page.getByLabel('seed', { exact: true }).fill('9');
  await measure(page).waitFor();
  await page.getByRole('button', { name: 'Look', exact: true }).click();
  await page.getByRole('button', { name: 'Steer', exact: true }).click();
  await page.getByLabel('seed', { exact: true }).fill('1');
  await done();
  assert.deepEqual((await documentOf(page, DOSE)).document, document);
  assert.deepEqual(complaints, []);
  await leave();
});

test('it fills in, is cancelled, begins again, and says when it is of other settings', async () => {
  const { page, complaints, close: leave } = await site.open();
  await begin(page, modelOf('stories-gelu-4l'));
  await page.getByLabel('tokens', { exact: true }).fill('60');
  const figure = picture(page, DOSE);
  await textOf(page, 'prompt'); // the last of the texts above it, which grow
  await measure(page).click();
  const cancel = page.getByRole('button', { name: 'Cancel the curve' });
  // All of it comes into sight, below the pairs that are being edited; Escape closes them.
  await page.locator('.study-progress').getByText(/ left$/).waitFor();
  await page.waitForFunction(() => {
    const [plot, panel] = ['.steer-plot', '#bench'].map((of) => document.querySelector(of).getBoundingClientRect());
    return plot.top >= panel.top && plot.bottom <= panel.bottom + 1;
  });
  await page.getByLabel('Towards, one text a line').press('Escape');
  await page.locator('.steer-recipe').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Edit pairs');
  await page.waitForFunction((name) => document.querySelectorAll(`figure[aria-label="${name}"] circle.point`).length >= 4, DOSE, { timeout: 60_000 });
  assert.equal(await figure.getAttribute('data-document'), null, 'what is not done is no document');
  await cancel.click();
  await page.getByText('stopped', { exact: true }).waitFor();
  const points = await figure.locator('circle.point').count();
  assert.ok(points >= 4 && points < 3 * 17, `${points} points so far`);
  await page.waitForTimeout(400);
  assert.equal(await figure.locator('circle.point').count(), points, 'nothing comes after it was stopped');

  await page.getByLabel('tokens', { exact: true }).fill('6');
  await measure(page).click();
  await page.waitForFunction((name) => document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document, DOSE, { timeout: 120_000 });
  assert.equal(await measure(page).count(), 0);
  await page.getByLabel('seed', { exact: true }).fill('9');
  await measure(page).waitFor();
  assert.equal(await figure.locator('svg circle').count(), 0, 'the curve of another seed is not shown for this one');
  assert.deepEqual(complaints, []);
  await leave();
});
