// The Steer bench as a person uses it, by the pointer and by the keyboard alone: a vector of contrast pairs, the strength, the
// curve and where it collapses, the link opened without a network in another profile. Numbers are those of native `hs` on
// documents of the test's own.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { axe, DESK, idsOf, PHONE, settled, start } from './lib/browser.mjs';
import { hsGenerate, hsRead, idOf, modelOf } from './lib/model.mjs';
import { button, linkByKeys, linkByPointer, openedOffline, tabTo, toBench } from './lib/person.mjs';
import { documentOf, picture, tableOf, useModel, write } from './lib/screen.mjs';
import { fillPairs, fitted, hsVector, sameVector, set, textOf, tokensOf } from './lib/steer.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const model = modelOf('stories-gelu-4l');
const DOSE = 'dose and response';
const PROMPT = 'Once upon a time there was a little dog. One day';
const HOOK = 'blocks.2.hook_resid_pre';
const PAIRS = {
  positive: ['The queen was so glad', 'They were all very glad', 'He laughed and was glad'],
  negative: ['The queen was so angry', 'They were all very angry', 'He shouted and was angry'],
};
const SAMPLER = { temperature: 0.8, top_k: 0, top_p: 1, frequency_penalty: 0, repetition_penalty: 1 };
const STRENGTH = 1;
const RANGE = 8;
const TOKENS = 12;
const SETS = [['effect: log-odds of', 'glad laughed', ['␣glad', '␣laughed']], ['over', 'angry', ['␣angry']]];
const strengths = Array.from({ length: 17 }, (_, i) => (i - 8) * (RANGE / 8));

const slider = (page) => page.getByRole('slider', { name: 'Strength' });
const measure = (page) => page.getByRole('button', { name: /^Measure the curve/ });
const isMeasured = (page) => page.waitForFunction((name) => document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document, DOSE, { timeout: 180_000 });

/** The steered text and the baseline are those of `hs generate` with our own vector; -> ids of the tokens by way. */
async function textsAreTrue(page, ids, vector) {
  const base = { ...SAMPLER, seed: 1, max_new: TOKENS, stop: [ids[0]] };
  const out = {};
  for (const [way, edits] of [['baseline', null], ['steered', [{ hook: HOOK, op: 'add', scale: STRENGTH }]]]) {
    const said = await textOf(page, way);
    if (edits) sameVector(said.edits, vector);
    assert.deepEqual(said.edits?.map(({ value, ...edit }) => edit) ?? null, edits, way);
    assert.deepEqual(said.ids, ids, way);
    const mine = { v: 1, ids, ...base, k: 8, ...(edits && { twin: true, edits: edits.map((edit) => ({ ...edit, value: [...vector] })) }) };
    out[way] = (await tokensOf(page, way)).map(({ id }) => id);
    assert.deepEqual(out[way], hsGenerate(mine, model).tokens.map(({ id }) => id), way);
  }
  assert.notDeepEqual(out.steered, out.baseline);
  return out;
}

/** The curve is `hs dose`'s on our own vector, and says where it collapses. -> { table, up } */
async function curveIsTrue(page, ids, vector) {
  const { document } = await documentOf(page, DOSE);
  sameVector([document.steer], vector);
  const mine = {
    read: 'dose', prompts: [ids], steer: { hook: HOOK, op: 'add', value: [...vector] }, strengths, ...SAMPLER, max_new: TOKENS, seeds: [1, 2, 3], stop: [ids[0]],
    effect: { for: SETS[0][2].map(idOf), against: SETS[1][2].map(idOf) }, random: 8, frozen: true,
  };
  assert.deepEqual({ ...document, steer: { ...document.steer, value: null } }, { ...mine, steer: { ...mine.steer, value: null } });
  const { arrays, axes, values } = hsRead(mine, model);
  const table = await tableOf(page, DOSE);
  const way = axes.way.indexOf('steered');
  strengths.forEach((strength, s) => {
    const of = (name) => Array.from(arrays.get(name).data.slice((way * strengths.length + s) * 3, (way * strengths.length + s + 1) * 3));
    const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
    const wanted = [mean(of('effect')), Math.exp(mean(of('perplexity').map(Math.log))), mean(of('repetition3'))];
    wanted.forEach((x, m) => {
      const shown = table.values[s * 15 + m * 5];
      assert.ok(Math.abs(shown - x) <= 2e-3 * Math.max(1, Math.abs(x)), `${table.cols[m * 5]} at ${strength}: ${shown}, hs says ${x}`);
    });
  });
  assert.ok(values.collapse_up !== null, 'the text collapses at some strength');
  assert.ok(values.collapse_up > STRENGTH, `it collapses at ${values.collapse_up}`);
  await page.locator('.story').getByText(`It collapses first at +${values.collapse_up.toFixed(2)}.`).waitFor({ timeout: 120_000 });
  assert.ok((await picture(page, DOSE).locator('svg text').allTextContents()).includes('collapse'));
  return { values: table.values, up: values.collapse_up };
}

const vectorOf = (ids) => hsVector(model, { contrast: PAIRS, hook: HOOK, method: 'mean', position: 'last' }, HOOK, ids).arrays.get('vector').data;

/** The link brings the recipe: the same vector, the same texts, and measured there, the same curve. */
const arrives = (link, texts, curve) =>
  openedOffline(link, async (page) => {
    const ids = await idsOf(page);
    const vector = vectorOf(ids);
    assert.deepEqual(await textsAreTrue(page, ids, vector), texts);
    assert.equal(await slider(page).getAttribute('aria-valuenow'), String(STRENGTH));
    await measure(page).click();
    await isMeasured(page);
    assert.deepEqual(await curveIsTrue(page, ids, vector), curve, 'bit for bit, in another profile');
  });

test('by the pointer: a vector from pairs, its strength, the collapse, the link without a network', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await useModel(page, model.id);
  await write(page, PROMPT);
  await toBench(page, 'Steer');
  await page.locator('.look.steer').waitFor();
  await set(page, 'direction', 'pairs of texts');
  await fillPairs(page, PAIRS);
  await set(page, 'at', 'resid_pre L2');
  await page.getByLabel('Strengths from minus to plus').fill(String(RANGE));
  await page.getByLabel('tokens', { exact: true }).fill(String(TOKENS));
  for (const [label, words] of SETS) {
    await page.getByLabel(label, { exact: true }).fill(words);
    await page.keyboard.press('Enter');
  }
  // The strengths' axis is the slider: where it is pressed, there the strength is.
  const box = await slider(page).boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await slider(page).press('0');
  for (let i = 0; i < STRENGTH / (RANGE / 8); i++) await slider(page).press('PageUp');
  assert.equal(await slider(page).getAttribute('aria-valuenow'), String(STRENGTH));
  const ids = await idsOf(page);
  const vector = vectorOf(ids);
  const texts = await textsAreTrue(page, ids, vector);
  await measure(page).click();
  await isMeasured(page);
  const curve = await curveIsTrue(page, ids, vector);
  const link = await linkByPointer(page);
  assert.deepEqual(complaints, []);
  await close();
  await arrives(link, texts, curve);
});

test('by the keyboard alone: a vector from pairs, its strength, the collapse, the link', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const type = async (words) => {
    await page.keyboard.press('Control+a');
    await page.keyboard.type(words);
  };
  /** The choice of the list that has the focus that begins so. */
  const pick = async (words) => {
    await page.keyboard.type(words);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
  };
  await tabTo(page, /^select Model \|/);
  await pick(model.id);
  await page.locator('.meta').getByText('4 layers').waitFor({ timeout: 60_000 });
  await settled(page);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('e');
  await page.waitForFunction(() => document.activeElement.tagName === 'TEXTAREA');
  await type(PROMPT);
  await page.keyboard.press('Escape');
  await page.waitForFunction((wanted) => [...document.querySelectorAll('.tok[data-at^="a"]')].slice(1).map((chip) => chip.textContent).join('') === wanted, PROMPT.replaceAll(' ', '\u2423'));
  await settled(page);
  await tabTo(page, /^button Steer \|/);
  await page.keyboard.press('Enter');
  await page.locator('.look.steer').waitFor();
  await tabTo(page, /^select direction \|/); // the model begins with one that is ready
  await pick('pairs of texts');
  await fitted(page);
  await tabTo(page, /^select at \|/);
  await pick('resid_pre L2');
  await tabTo(page, /^button Edit pairs \|/);
  await page.keyboard.press('Enter');
  for (const [label, texts] of [['Towards, one text a line', PAIRS.positive], ['Away from, one text a line', PAIRS.negative]]) {
    await tabTo(page, new RegExp(`^textarea .*${label}`));
    await page.keyboard.press('Control+a');
    for (const [i, text] of texts.entries()) {
      await page.keyboard.type(text);
      if (i < texts.length - 1) await page.keyboard.press('Enter');
    }
  }
  await tabTo(page, /^input tokens/);
  await type(String(TOKENS));
  await tabTo(page, /^input Strengths from minus to plus/);
  await type(String(RANGE));
  await page.locator('.effect-sets').waitFor(); // with the first direction
  for (const [label, words] of SETS) {
    await tabTo(page, new RegExp(`^(input|combobox) ${label}`));
    await type(words);
    await page.keyboard.press('Enter');
  }
  await tabTo(page, /^slider Strength/);
  await page.keyboard.press('0');
  for (let i = 0; i < STRENGTH / (RANGE / 8); i++) await page.keyboard.press('PageUp');
  const ids = await idsOf(page);
  const vector = vectorOf(ids);
  const texts = await textsAreTrue(page, ids, vector);
  await tabTo(page, /^button Measure the curve/);
  await page.keyboard.press('Enter');
  await isMeasured(page);
  const link = await linkByKeys(page);
  const curve = await curveIsTrue(page, ids, vector);
  assert.deepEqual(complaints, []);
  await close();
  await arrives(link, texts, curve);
});

for (const [name, options] of [['1440 x 900', DESK], ['1280 x 720', { viewport: { width: 1280, height: 720 } }], ['phone', PHONE]])
  test(`the strength stands in sight beside the steered text, without scrolling, and stays there: ${name}`, async () => {
    const { page, complaints, close } = await site.open(options);
    await settled(page);
    await useModel(page, model.id);
    await toBench(page, 'Steer');
    await textOf(page, 'steered');
    const boxOf = (locator) => locator.evaluate((node) => {
      const { left, right, top, bottom } = node.getBoundingClientRect();
      // What a press there meets.
      const met = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      return { left, right, top, bottom, seen: met !== null && (node.contains(met) || met.contains(node)) };
    });
    const inSight = async () => {
      const { left, right, top, bottom, seen } = await boxOf(slider(page));
      assert.ok(seen && left >= 0 && right <= options.viewport.width && top >= 0 && bottom <= options.viewport.height, `the handle is seen at ${top}`);
      return top;
    };
    const top = await inSight();
    const text = await boxOf(page.locator('.way[data-way="steered"] .way-text'));
    assert.ok(text.seen && text.bottom <= top, `the text ends at ${text.bottom}, the handle begins at ${top}`);
    await page.locator('.effect-sets').scrollIntoViewIfNeeded();
    await inSight();
    await page.getByText('What the direction alone adds').scrollIntoViewIfNeeded();
    await inSight();
    assert.deepEqual(complaints, []);
    await close();
  });

for (const [name, options] of [
  ['light', { ...DESK, colorScheme: 'light' }],
  ['dark', { ...DESK, colorScheme: 'dark' }],
  ['phone', { ...PHONE, colorScheme: 'light' }],
  ['phone, dark', { ...PHONE, colorScheme: 'dark' }],
])
  test(`axe finds nothing in any tab of Steer, as picture and as table: ${name}`, async () => {
    const { page, complaints, close } = await site.open({ ...options, bypassCSP: true });
    await settled(page);
    await toBench(page, 'Steer');
    await page.locator('.look.steer').waitFor();
    for (const tab of await page.getByRole('tablist', { name: 'Ways of steering' }).getByRole('tab').all()) {
      await tab.click();
      const words = await tab.innerText();
      await page.waitForSelector('.look figure.picture');
      await axe(page, `${name}, ${words}`);
      for (const toggle of await page.locator('.look .table-toggle').all()) await toggle.click();
      await axe(page, `${name}, ${words}, tables`);
    }
    assert.deepEqual(complaints, []);
    await close();
  });
