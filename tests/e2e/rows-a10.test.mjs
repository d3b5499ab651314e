// A10: a text continued with edits in force: every token and all its numbers are those of `hs generate` on the same document,
// they come one by one, and can be stopped and taken as the next prompt.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, settled, start } from './lib/browser.mjs';
import { glyphOf, hsGenerate, MODEL, modelOf } from './lib/model.mjs';
import { colour } from './lib/palette.mjs';
import { choose, intervene, namesOf, numberOf, openTab, picture, scaleOf, shows, tableOf, useModel, write } from './lib/screen.mjs';
import { paceUnits, watchUnits } from './lib/units.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const TEXT = 'the generated text';
/** The columns of the table; those of the twin only where there is one. */
const COLUMNS = {
  probability: 'prob', entropy: 'entropy', 'KL to unedited': 'kl', 'drawn with': 'drawn', 'log p': 'log_prob', 'log p unedited': 'twin_log_prob',
};
const OF_TWIN = ['kl', 'twin_log_prob'];
const FIELDS = {
  max_new: 'tokens', temperature: 'temperature', top_k: 'top-k', top_p: 'top-p', frequency_penalty: 'frequency penalty', repetition_penalty: 'repetition penalty', seed: 'seed',
};
const SETTINGS = { max_new: 40, temperature: 0.8, top_k: 0, top_p: 1, frequency_penalty: 0, repetition_penalty: 1, seed: 1 };
const ENDS = { max_new: 'all the tokens asked for', stop: 'the model ended the text', context: 'the context is full' };
const PROMPT = 'Once upon a time there was a little girl. One day';
/** Of a text that is to be stopped: it must not be whole before. */
const TOKEN_MS = 50;

/** Of a float32 number; and of what is nothing but rounding. */
const close = (screen, wanted, where) => assert.ok(Math.abs(screen - wanted) <= 1e-5 * Math.abs(wanted) + 1e-6, `${where}: ${screen}, hs says ${wanted}`);

const field = (page, name) => page.locator('.sampler').getByLabel(FIELDS[name], { exact: true });
const chips = (page) => picture(page, TEXT).getByRole('option');
const stop = (page) => page.getByRole('button', { name: 'Stop', exact: true });
const generate = (page) => page.getByRole('button', { name: 'Generate', exact: true });

async function set(page, settings) {
  for (const [name, value] of Object.entries(settings)) await field(page, name).fill(String(value));
}

/** From now on notes, each time that it changes, which tokens stand there; -> what was noted. */
async function watch(page) {
  await page.evaluate(() => {
    const seen = [];
    globalThis.stood = seen;
    new MutationObserver(() => {
      const ids = [...document.querySelectorAll('.generated .tok')].map((chip) => /^id (\d+)/.exec(chip.title)[1]).join();
      if (ids !== seen.at(-1)) seen.push(ids);
    }).observe(document.body, { childList: true, subtree: true });
  });
  return () => page.evaluate(() => globalThis.stood);
}

/** Waits for the end of the text that `hs` gives for this document; the table, the chips with their colours and the line above
 *  are that. -> its tokens. */
async function assertGenerated(page, model, document) {
  const { tokens, end } = hsGenerate({ v: 1, ...document }, model);
  await shows(page, TEXT, { ...document, forced: tokens.map(({ id }) => id) }, 'generate');
  await page.waitForFunction((words) => document.querySelector('figure[aria-label="the generated text"] h2').innerText.includes(words), `${tokens.length} tokens: ${ENDS[end]}`);
  const measures = Object.entries(COLUMNS).filter(([, key]) => document.twin || !OF_TWIN.includes(key));
  const table = await tableOf(page, TEXT);
  assert.deepEqual(table.cols, measures.map(([word]) => word));
  assert.deepEqual(table.rows, tokens.map(({ id }, i) => `${glyphOf(id)} (${document.ids.length + i})`));
  tokens.forEach((token, i) => measures.forEach(([word, key], j) => close(table.values[i * measures.length + j], token[key], `${word} of token ${i}`)));
  await assertChips(page, tokens, 'prob', [0, 1]);
  return tokens;
}

/** Each token in the colour of its number. */
async function assertChips(page, tokens, key, scale) {
  const drawn = await chips(page).evaluateAll((all) =>
    all.map((chip) => ({ id: Number(/^id (\d+)/.exec(chip.title)[1]), rgb: getComputedStyle(chip).backgroundColor.match(/\d+/g).map(Number) })),
  );
  assert.deepEqual(drawn.map(({ id }) => id), tokens.map(({ id }) => id));
  drawn.forEach(({ rgb }, i) => {
    const by = Math.max(...colour(tokens[i][key], 'light', { scale }).map((c, k) => Math.abs(c - rgb[k])));
    assert.ok(by <= 2, `token ${i} is off by ${by} of 255`);
  });
}

/** One token, looked at: its numbers and what else could have come. */
async function assertDetails(page, document, token) {
  const details = picture(page, TEXT).locator('[aria-live]');
  const numbers = await details.locator('dl div').evaluateAll((all) => all.map((row) => [row.querySelector('dt').textContent, row.querySelector('dd').title]));
  const measures = Object.entries(COLUMNS).filter(([, key]) => document.twin || !OF_TWIN.includes(key));
  assert.deepEqual(numbers.map(([word]) => word), measures.map(([word]) => word));
  numbers.forEach(([word, value], i) => close(numberOf(value), token[measures[i][1]], word));
  const others = await details.locator('tbody tr').evaluateAll((all) => all.map((row) => [row.querySelector('th').textContent, row.querySelector('td').title]));
  assert.deepEqual(others.map(([word]) => word), token.top_ids.map(glyphOf));
  others.forEach(([word, p], i) => close(numberOf(p), token.top_probs[i], word));
}

/** What came until it was stopped is the beginning of the whole, and no more comes. */
async function assertStopped(page, model, document) {
  await page.waitForFunction(() => /stopped after \d+/.test(document.querySelector('figure[aria-label="the generated text"] h2').innerText));
  assert.equal(await stop(page).count(), 0);
  const came = await chips(page).evaluateAll((all) => all.map((chip) => Number(/^id (\d+)/.exec(chip.title)[1])));
  const whole = hsGenerate({ v: 1, ...document }, model).tokens.map(({ id }) => id);
  assert.ok(came.length < whole.length, `${came.length} of ${whole.length}`);
  assert.deepEqual(came, whole.slice(0, came.length));
  const words = await picture(page, TEXT).locator('h2').innerText();
  assert.match(words, new RegExp(`stopped after ${came.length}$`));
}

test('stories-gelu-4l, by the pointer: every setting, edits in force at prompt and new tokens, token by token', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close: leave } = await site.open({}, (fresh) => watchUnits(fresh, { slow: ['generate'] }));
  await settled(page);
  await useModel(page, model.id);
  await write(page, PROMPT);
  await openTab(page, 'Generate');
  const ids = await idsOf(page);
  const asked = { ids, ...SETTINGS, stop: [ids[0]], k: 5 };

  const stood = await watch(page);
  await generate(page).click();
  const tokens = await assertGenerated(page, model, asked);
  const all = tokens.map(({ id }) => id).join();
  const seen = (await stood()).filter(Boolean);
  for (const some of seen.slice(0, seen.indexOf(all))) assert.ok(all.startsWith(some), 'what stands there is the beginning');
  assert.ok(seen.length >= 4 && seen[0].split(',').length < tokens.length / 2, `token by token: ${seen.length} steps to ${tokens.length} tokens`);
  await chips(page).nth(3).click();
  await assertDetails(page, asked, tokens[3]);
  await choose(page, 'Colour', 'entropy');
  await assertChips(page, tokens, 'entropy', await scaleOf(page, TEXT));
  await choose(page, 'Colour', 'probability');

  // The same seed gives the same text, another one another; what is outdated says so.
  await set(page, { seed: 4096, max_new: 12 });
  await page.getByText('have changed since: generate again').waitFor();
  await generate(page).click();
  const others = await assertGenerated(page, model, { ...asked, seed: 4096, max_new: 12 });
  assert.notDeepEqual(others.map(({ id }) => id), tokens.slice(0, 12).map(({ id }) => id));

  // Every setting, and three edits: at all tokens, at the new ones alone, at a token of the prompt.
  const edits = [
    { hook: 'blocks.1.attn.hook_z', op: 'zero', heads: [2, 5] },
    { hook: 'blocks.2.hook_resid_post', op: 'add', from: ids.length, value: 1, scale: 0.3 },
    { hook: 'blocks.0.hook_mlp_out', op: 'scale', positions: [-1], scale: 0.5 },
  ];
  for (const edit of edits) await intervene(page, edit).catch((thrown) => assert.fail(`${JSON.stringify(edit)}: ${thrown.message}`));
  const settings = { max_new: 20, temperature: 1.3, top_k: 30, top_p: 0.9, frequency_penalty: 0.4, repetition_penalty: 1.2, seed: 123456789 };
  await set(page, settings);
  await generate(page).click();
  const edited = { ...asked, ...settings, edits, twin: true };
  const moved = await assertGenerated(page, model, edited);
  assert.ok(moved.slice(1).some(({ kl }) => kl > 1e-3), 'the edits act at new tokens');
  await chips(page).last().click();
  await assertDetails(page, edited, moved.at(-1));
  await choose(page, 'Colour', 'KL to unedited');
  await assertChips(page, moved, 'kl', await scaleOf(page, TEXT));

  // Stopped on the way.
  await set(page, { max_new: 200 });
  await paceUnits(page, TOKEN_MS);
  await generate(page).click();
  await Promise.all([page.keyboard.press('Tab'), chips(page).first().waitFor()]);
  await page.keyboard.press('Enter');
  await assertStopped(page, model, { ...edited, max_new: 200 });
  assert.deepEqual(complaints, []);
  await leave();
});

test('stories-2l, by the keyboard: the likeliest each time, walked token by token, taken as prompt, stopped', async () => {
  const { page, complaints, close: leave } = await site.open({}, (fresh) => watchUnits(fresh, { slow: ['generate'] }));
  await settled(page);
  await write(page, PROMPT);
  const ids = await idsOf(page);
  const tabTo = async (element) => {
    for (let stops = 0; !(await element.evaluate((it) => it === document.activeElement)); stops++) {
      assert.ok(stops < 60, 'it is reached by Tab');
      await page.keyboard.press('Tab');
    }
  };
  await tabTo(page.getByRole('tab', { name: 'Attention' }));
  await page.keyboard.press('ArrowLeft'); // round to the last
  await field(page, 'max_new').waitFor();
  for (const [name, typed] of [['max_new', '15'], ['temperature', '0']]) {
    await tabTo(field(page, name));
    await page.keyboard.press('Control+a');
    await page.keyboard.type(typed);
  }
  await page.keyboard.press('Enter');
  const greedy = { ids, ...SETTINGS, max_new: 15, temperature: 0, stop: [ids[0]], k: 5 };
  const tokens = await assertGenerated(page, MODEL, greedy);
  assert.ok(tokens.every(({ drawn, id, top_ids }) => drawn === 1 && id === top_ids[0]));

  await tabTo(chips(page).last());
  await page.keyboard.press('Home');
  await assertDetails(page, greedy, tokens[0]);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await assertDetails(page, greedy, tokens[2]);

  // As prompt: the text and what came after it.
  const names = await namesOf(page);
  await after(page, () => page.getByRole('button', { name: 'Use as prompt' }).press('Enter'));
  const words = (list) => list.map((name) => name.replace(/ \(\d+\)$/, '')).join('');
  assert.equal(words(await namesOf(page)), words(names) + tokens.map(({ id }) => glyphOf(id)).join(''));

  // Stopped at once.
  await paceUnits(page, TOKEN_MS);
  const longer = await idsOf(page);
  await tabTo(field(page, 'max_new'));
  await page.keyboard.press('Control+a');
  await page.keyboard.type('200');
  await tabTo(generate(page));
  await Promise.all(['Enter', 'Tab', 'Enter'].map((key) => page.keyboard.press(key)));
  await assertStopped(page, MODEL, { ...greedy, ids: longer, max_new: 200 });
  assert.deepEqual(complaints, []);
  await leave();
});
