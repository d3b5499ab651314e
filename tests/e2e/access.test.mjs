// For everyone: axe in every state, and the first minute by the keyboard alone.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, axe, DESK, PHONE, selectionOf, settled, start, storyText } from './lib/browser.mjs';
import { choose, openTab, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

for (const [name, options] of [
  ['light', { ...DESK, colorScheme: 'light' }],
  ['dark', { ...DESK, colorScheme: 'dark' }],
  ['phone', { ...PHONE, colorScheme: 'light' }],
  ['phone, dark', { ...PHONE, colorScheme: 'dark' }],
])
  test(`axe finds nothing: ${name}`, async () => {
    // The page's own policy forbids the injected script; the check needs it, and nothing else changes.
    const { page, close } = await site.open({ ...options, bypassCSP: true });
    await settled(page);
    await axe(page, `${name}, first paint`);
    await after(page, () => page.getByRole('button', { name: 'Switch it off' }).click());
    await axe(page, `${name}, a head off`);
    for (const toggle of await page.locator('main .table-toggle').all()) await toggle.click();
    await axe(page, `${name}, tables`);
    await page.getByRole('button', { name: 'Help and keys' }).click();
    await page.getByRole('dialog').waitFor();
    await axe(page, `${name}, help`);
    await page.keyboard.press('Escape');
    if (options.hasTouch) {
      await page.locator('.sheet-bar').click();
      await axe(page, `${name}, sheet`);
    }
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await axe(page, `${name}, editing`);
    await close();
  });

for (const [name, options] of [['light', { ...DESK, colorScheme: 'light' }], ['dark', { ...DESK, colorScheme: 'dark' }], ['phone', PHONE]])
  test(`axe finds nothing in any tab, as picture and as table, with two prompts: ${name}`, async () => {
    const { page, complaints, close } = await site.open({ ...options, bypassCSP: true });
    await settled(page);
    await useModel(page, 'stories-gelu-4l');
    await write(page, 'The red fox sat. The red fox ran.');
    await write(page, 'The big dog sat. The red dog ran.', 'B');
    await choose(page, 'Which run is shown', 'A \u2212 B');
    for (const tab of await page.getByRole('tab').allInnerTexts()) {
      await openTab(page, tab);
      await page.waitForSelector('.look figure.picture');
      await axe(page, `${name}, ${tab}`);
      const toggles = await page.locator('.look .table-toggle').all();
      for (const toggle of toggles) await toggle.click();
      if (toggles.length > 0) await axe(page, `${name}, ${tab}, tables`);
      assert.deepEqual(await small(page), [], tab);
    }
    assert.deepEqual(complaints, []);
    await close();
  });

test('by the keyboard alone: lock, move, switch off, undo, edit, unlock', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const focused = () => page.evaluate(() => document.activeElement.closest('[role]')?.getAttribute('role') ?? document.activeElement.tagName);
  const tabTo = async (role) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      if ((await focused()) === role) return;
    }
    assert.fail(`no ${role} in sixty tab stops`);
  };
  const first = await selectionOf(page);

  // The tokens are one stop; arrows move the lock.
  await tabTo('option');
  await page.keyboard.press('ArrowLeft');
  assert.equal((await selectionOf(page)).dest, first.dest - 1);
  await page.keyboard.press('Tab');
  assert.notEqual(await focused(), 'option');

  // The heads are one stop; Enter locks another.
  await tabTo('gridcell');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  const { layer, head } = await selectionOf(page);
  assert.equal(head, 1);

  // The large head is one stop; arrows move through its cells, and a live line reads them.
  await tabTo('grid');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction(() => [...document.querySelectorAll('.attention [aria-live]')].some((line) => /looks at/.test(line.textContent)));

  // Off, undone, redone by keys.
  await after(page, () => page.keyboard.press('a'));
  assert.match(await page.locator('.chip').innerText(), new RegExp(`ablate L${layer}H${head}`));
  await after(page, () => page.keyboard.press('Control+z'));
  assert.equal(await page.locator('.chip').count(), 0);
  await after(page, () => page.keyboard.press('Control+Shift+Z'));
  assert.equal(await page.locator('.chip').count(), 1);

  // Next head, edit, back.
  await page.keyboard.press(']');
  assert.equal((await selectionOf(page)).head, 2);
  await page.keyboard.press('e');
  await page.waitForFunction(() => document.activeElement.tagName === 'TEXTAREA');
  await after(page, () => page.keyboard.type(' a'));
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.tok[aria-selected="true"]').count(), 0);
  assert.ok((await storyText(page)).length > 0);
  assert.deepEqual(complaints, []);
  await close();
});

test('letter keys can be switched off', async () => {
  const { page, close } = await site.open();
  await settled(page);
  await page.getByRole('button', { name: 'Help and keys' }).click();
  await page.getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('a');
  await page.keyboard.press('e');
  assert.equal(await page.locator('.chip').count(), 0);
  assert.equal(await page.getByRole('textbox').count(), 0);
  await close();
});

test('on a phone everything is wide enough to touch and nothing runs out of the page', async () => {
  const { page, close } = await site.open(PHONE);
  await settled(page);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0);
  const button = await page.getByRole('button', { name: 'Switch it off' }).boundingBox();
  assert.ok(button.height >= 44 && button.width >= 300);
  const sheet = await page.locator('.sheet').boundingBox();
  assert.ok(button.y + button.height <= sheet.y, 'the one large button is seen without scrolling');
  await page.locator('.sheet-bar').click();
  assert.ok(await page.locator('.inspector-body').isVisible());
  await close();
});

test('no target is smaller than 24 pixels', async () => {
  const { page, close } = await site.open();
  await settled(page);
  assert.deepEqual(await small(page), []);
  await close();
});

/** Targets of less than 24 pixels. */
const small = async (page) =>
  (
    await page.locator('button:visible, select:visible, input:visible, a:visible').evaluateAll((targets) =>
      targets.flatMap((target) => {
        const { width, height } = (target.type === 'checkbox' ? target.closest('label') : target).getBoundingClientRect();
        // Links within a sentence are exempt (WCAG 2.5.8).
        if (target.closest('.story p') || (width >= 24 && height >= 24)) return [];
        return [`${target.className} ${target.textContent} ${Math.round(width)}x${Math.round(height)}`];
      }),
    )
  ).filter((line) => !line.startsWith('tok ')); // A chip is as wide as its token: a single letter may be narrower, with free space kept by its neighbours' gap.

test('a button that goes away by its own act leaves the focus on what took its place', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const isFocused = (pattern) =>
    page.waitForFunction((p) => {
      const { activeElement: at } = document;
      return at.matches('button') && new RegExp(p).test(at.textContent.trim() || at.ariaLabel);
    }, pattern);
  await page.locator('.story .button').press('Enter');
  await isFocused('back on');
  await page.getByRole('button', { name: 'Undo' }).press('Enter');
  await isFocused('^Redo$');
  await page.getByRole('button', { name: /^Unlock/ }).press('Enter');
  await isFocused('^Switch L1H3 off');
  await page.locator('.rail button', { hasText: 'Patch' }).click();
  await page.getByRole('button', { name: 'which of two' }).click();
  await page.getByRole('button', { name: /^Patch L\dH/ }).press('Enter');
  await isFocused('^patch from A at L');
  // The patch that is looked at: out of force, and in again.
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 0);
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 1);
  await page.getByRole('button', { name: /^See what L\dH\d looks at$/ }).first().press('Enter');
  await isFocused('^Look$');
  assert.deepEqual(complaints, []);
  await close();
});
