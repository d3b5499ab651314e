// The strip of tokens: while one prompt is edited the other stays in sight and the tokens are counted as one types; every line of a prompt has
// its badge; what is out of sight is counted and opens by one act. And where one was is where one is again: after a modal, after a tab.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { DESK, idsOf, PHONE, settled, start } from './lib/browser.mjs';
import { encoderOf } from '../../models/tasks.mjs';
import { write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const { prompt: encode } = encoderOf('stories-2l');
const LIMIT = 256;
const SENTENCE = 'Once upon a time there was a little dog who lived in a big house near the river.';
const counted = (page, n) => page.locator('.editor-keys').getByText(`${n} of at most ${LIMIT} tokens.`).waitFor();
const other = (page, prompt) => page.getByRole('group', { name: new RegExp(`^Prompt ${prompt}: `) });

for (const [name, size] of [['desk', DESK], ['phone', PHONE]])
  test(`${name}: while one prompt is edited the other stays in sight, and its tokens are counted as one types`, async () => {
    const { page, complaints, close } = await site.open(size);
    await settled(page);
    await write(page, 'The red bear sat');
    await page.getByRole('button', { name: 'Add a second prompt' }).click();
    const field = page.getByRole('textbox', { name: 'Prompt B' });
    await other(page, 'A').waitFor();
    await counted(page, encode('The red bear sat').length);
    await field.press('Control+a');
    let typed = '';
    for (const word of ['The', ' red', ' cat', ' sat', ' on', ' the', ' bed']) {
      await page.keyboard.type(word);
      typed += word;
      await counted(page, encode(typed).length);
    }
    // Above the field, and what differs from it is marked.
    await settled(page);
    const [a, b] = [await other(page, 'A').boundingBox(), await field.boundingBox()];
    assert.ok(a.y + a.height <= b.y, `A ends at ${a.y + a.height}, the field begins at ${b.y}`);
    const marked = () => other(page, 'A').locator('[data-differs="true"]').allTextContents();
    await page.waitForFunction(() => document.querySelectorAll('.other [data-differs="true"]').length === 1);
    assert.deepEqual(await marked(), ['␣bear']);
    await page.keyboard.press('Enter');
    await page.locator('.tok[data-at^="b"]').first().waitFor();
    assert.equal(await other(page, 'A').count(), 0);
    // And the other way round, below it.
    await page.getByRole('button', { name: 'Edit A' }).click();
    const [edited, below] = [await page.getByRole('textbox', { name: 'Text that the model reads' }).boundingBox(), await other(page, 'B').boundingBox()];
    assert.ok(edited.y + edited.height <= below.y);
    // Beyond the model's limit all are counted, too.
    const long = `${SENTENCE} `.repeat(14).trim();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(long);
    assert.ok(encode(long).length > LIMIT);
    await counted(page, encode(long).length);
    assert.deepEqual(complaints, []);
    await close();
  });

/** Of each line of tokens whether its badge stands at its height: [[top of the badge, top of its line], ...]. */
const badges = (page, prompt) =>
  page.locator('.chips-line .tokens').evaluate((list, which) => {
    const middle = (element) => element.offsetTop + element.offsetHeight / 2;
    const lines = [...new Set([...list.querySelectorAll(`.tok[data-at^="${which}"]`)].map(middle))];
    return { lines, badges: [...list.querySelectorAll(which === 'b' ? '.who.of-b' : '.who:not(.of-b)')].map(middle) };
  }, prompt);

/** Chips that the lower edge of the list cuts, before it is scrolled. */
const cut = (page) =>
  page.locator('.chips-line .tokens').evaluate((list) => {
    const edge = list.clientHeight;
    return [...list.querySelectorAll('.tok')].filter(({ offsetTop, offsetHeight }) => offsetTop < edge && offsetTop + offsetHeight > edge).length;
  });

for (const [name, size] of [['desk', DESK], ['phone', PHONE]])
  test(`${name}: each line of two long prompts has its badge; what is out of sight is counted, and opens by one press`, async () => {
    const { page, complaints, close } = await site.open(size);
    await settled(page);
    const text = `${SENTENCE} `.repeat(4).trim();
    await write(page, text);
    await write(page, text.replaceAll('dog', 'cat'), 'B');
    for (const prompt of ['a', 'b']) {
      const { lines, badges: there } = await badges(page, prompt);
      assert.ok(lines.length >= 2, `${lines.length} lines`);
      assert.equal(there.length, lines.length);
      lines.forEach((line, i) => assert.ok(Math.abs(line - there[i]) <= 3, `${prompt}: line ${i} at ${line}, its badge at ${there[i]}`));
    }
    assert.equal(await cut(page), 0);
    await page.getByRole('button', { name: 'Remove prompt B' }).click();
    const whole = `${SENTENCE} `.repeat(20).trim();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText(whole);
    await page.keyboard.press('Enter');
    await page.waitForFunction((n) => document.querySelectorAll('.tok[data-at^="a"]').length === n && document.querySelector('.look').dataset.stale === 'false', LIMIT);
    assert.equal((await idsOf(page)).length, LIMIT);
    /** Chips that lie wholly within the list as it is scrolled. */
    const inSight = () =>
      page.locator('.chips-line .tokens').evaluate((list) => {
        const box = list.getBoundingClientRect();
        return [...list.querySelectorAll('.tok')].map((chip) => chip.getBoundingClientRect()).filter(({ top, bottom }) => top >= box.top - 1 && bottom <= box.bottom + 1).length;
      });
    const fold = page.locator('.fold button');
    const said = async () => Number(/^(\d+) of 256 tokens are out of sight/.exec(await fold.innerText())[1]);
    /** What is scrolled is counted in the next frame. */
    const agrees = async () => {
      for (let tries = 0; tries < 50 && (await said()) !== LIMIT - (await inSight()); tries++) await page.waitForTimeout(50);
      assert.equal(await said(), LIMIT - (await inSight()));
    };
    await agrees();
    assert.ok((await said()) > 100);
    assert.equal(await cut(page), 0);
    // It follows what is scrolled.
    await page.locator('.chips-line .tokens').evaluate((list) => (list.scrollTop = 87));
    await agrees();
    const before = await inSight();
    await fold.focus();
    await page.keyboard.press('Enter');
    assert.equal(await fold.getAttribute('aria-expanded'), 'true');
    assert.ok((await inSight()) > 2 * before, 'it opens');
    // The last token can be reached, whatever fits.
    await page.locator('.tok[data-at="a255"]').scrollIntoViewIfNeeded();
    assert.ok(await page.locator('.tok[data-at="a255"]').isVisible());
    await fold.click();
    await page.waitForFunction(() => document.querySelector('.fold button').ariaExpanded === 'false');
    assert.ok((await inSight()) <= before + 20);
    assert.deepEqual(complaints, []);
    await close();
  });

test('after a modal the focus is where it was, or on what the command opened', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const here = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim());
  const find = async (words) => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /^Find/ }).waitFor();
    await page.keyboard.type(words);
  };
  const gone = () => page.locator('dialog[open], dialog.palette').waitFor({ state: 'detached' });
  const home = page.getByRole('button', { name: 'Switch it off' });
  await home.focus();
  await find('undo');
  await page.keyboard.press('Escape');
  await gone();
  assert.equal(await here(), 'Switch it off');
  await find('light or dark');
  await page.keyboard.press('Enter');
  await gone();
  assert.equal(await here(), 'Switch it off');
  // A click beside it.
  await find('undo');
  await page.mouse.click(5, 5);
  await gone();
  assert.equal(await here(), 'Switch it off');
  // What opens another modal comes back from there.
  await find('share as a link');
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Link' }).waitFor();
  assert.ok(await page.evaluate(() => document.activeElement.closest('dialog') !== null));
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await gone();
  assert.equal(await here(), 'Switch it off');
  // What it opens has the focus: a tab, a bench, the text.
  await find('Residual stream view');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.getAttribute('role') === 'tab');
  assert.equal(await here(), 'Residual stream');
  await find('steer bench');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.look.steer') && document.activeElement !== document.body);
  assert.match(await here(), /^(Steer|Direction)$/);
  await find('edit the text');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.tagName === 'TEXTAREA');
  assert.deepEqual(complaints, []);
  await close();
});

test('phone: the inspector’s sheet closes with the tab or bench that it was opened in', async () => {
  const { page, complaints, close } = await site.open(PHONE);
  await settled(page);
  const sheet = page.locator('aside.sheet');
  const bar = sheet.locator('.sheet-bar');
  for (const go of [
    () => page.getByRole('tab', { name: 'Logit lens' }).tap(),
    () => page.getByRole('navigation', { name: 'Benches' }).getByRole('button', { name: 'Steer', exact: true }).tap(),
  ]) {
    await bar.tap();
    assert.equal(await sheet.getAttribute('data-open'), 'true');
    assert.equal(await bar.getAttribute('aria-expanded'), 'true');
    await go();
    await page.waitForFunction(() => document.querySelector('aside.sheet')?.dataset.open === 'false');
  }
  // Nor does it open by itself where it had been open.
  await page.getByRole('navigation', { name: 'Benches' }).getByRole('button', { name: 'Look', exact: true }).tap();
  await page.locator('[data-tab="lens"]').waitFor();
  assert.equal(await sheet.getAttribute('data-open'), 'false');
  await bar.tap();
  assert.equal(await sheet.getAttribute('data-open'), 'true');
  await bar.tap();
  // Without a pair there is no patch to be named.
  await page.getByRole('navigation', { name: 'Benches' }).getByRole('button', { name: 'Patch', exact: true }).tap();
  await bar.getByText('no pair of prompts yet').waitFor();
  assert.deepEqual(complaints, []);
  await close();
});
