// Room: long texts, open tables and low windows keep everything in reach; the focus never falls off the page.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, settled, start, storyText } from './lib/browser.mjs';
import { CONFIG } from './lib/model.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const LONG = Array.from({ length: 400 }, (_, i) => ['One day', 'the little dog', 'ran over.'][i % 3]).join(' ');
const edit = (page) => page.getByRole('button', { name: 'Edit', exact: true });
const focusedClass = (page) => page.evaluate(() => document.activeElement.className || document.activeElement.tagName);
/** How far an element's content runs out of it to the right. */
const sideways = (page, selector) => page.locator(selector).evaluate((box) => box.scrollWidth - box.clientWidth);

test('the bands under a long text lie under its letters, however far it is scrolled', async () => {
  const { page, close } = await site.open();
  await settled(page);
  await edit(page).click();
  await after(page, () => page.getByRole('textbox').fill(LONG));
  for (const to of [36, 1e6, 0]) {
    await page.getByRole('textbox').evaluate((area, top) => {
      area.scrollTop = top;
    }, to);
    await page.waitForFunction(() => document.querySelector('.under').scrollTop === document.querySelector('textarea').scrollTop);
  }
  const [area, under] = await page.evaluate(() =>
    ['textarea', '.under'].map((selector) => {
      const box = document.querySelector(`.editor ${selector}`);
      const { x, y, width, height } = box.getBoundingClientRect();
      return { x, y, width, height, inner: box.clientWidth, lines: box.scrollHeight, font: getComputedStyle(box).font };
    }),
  );
  assert.deepEqual(under, area);
  await close();
});

test('256 tokens: the predictions and the mean loss stay beside the pictures', async () => {
  const { page, close } = await site.open();
  await settled(page);
  await edit(page).click();
  await after(page, () => page.getByRole('textbox').fill(LONG));
  await page.keyboard.press('Escape');
  const centre = await page.locator('.look').boundingBox();
  for (const selector of ['.predictions > .bars', '.mean-loss .bars']) {
    const box = await page.locator(selector).boundingBox();
    assert.ok(box.x + box.width <= centre.x + centre.width && box.y + box.height <= centre.y + centre.height, selector);
  }
  assert.equal(await sideways(page, '.look'), 0);
  await close();
});

for (const [width, height] of [[1440, 900], [1100, 700], [720, 450], [390, 844]])
  test(`tables scroll in boxes of their own: ${width}x${height}`, async () => {
    const { page, close } = await site.open({ viewport: { width, height } });
    await settled(page);
    for (const toggle of await page.locator('main .table-toggle').all()) {
      await toggle.click();
      for (const box of ['.look', 'main', '.app']) assert.ok((await sideways(page, box)) <= 0, box);
    }
    assert.equal(await page.locator('.pic-heads tbody tr').count(), CONFIG.n_layers * CONFIG.n_heads);
    const last = page.locator('.pic-heads tbody tr').last();
    await last.scrollIntoViewIfNeeded();
    assert.ok(await last.isVisible());
    await close();
  });

test('a window of 1100x700 opens on the row that the story speaks of', async () => {
  const { page, close } = await site.open({ viewport: { width: 1100, height: 700 } });
  await settled(page);
  const inSight = () =>
    page.waitForFunction(() => {
      const row = document.querySelector('.loss-rows li[data-lit="true"]')?.getBoundingClientRect();
      const look = document.querySelector('.look').getBoundingClientRect();
      return row && row.top >= look.top && row.bottom <= look.bottom;
    });
  await inSight();
  await after(page, () => page.getByRole('button', { name: 'A B C', exact: true }).click());
  await inSight();
  await close();
});

test('a low window scrolls from the header to the last line', async () => {
  const { page, close } = await site.open({ viewport: { width: 720, height: 450 } });
  await settled(page);
  const { top, bottom } = await page.evaluate(() => {
    const app = document.querySelector('.app');
    app.scrollTop = app.scrollHeight;
    return { top: document.querySelector('.top').getBoundingClientRect().top, bottom: document.querySelector('.sheet').getBoundingClientRect().bottom };
  });
  assert.equal(top, 0);
  assert.ok(bottom <= 450);
  assert.ok((await page.locator('.look').boundingBox()).height > 450, 'the pictures are not squeezed');
  await close();
});

test('the focus goes on from what was removed, and back from the editor', async () => {
  const { page, close } = await site.open();
  await settled(page);
  for (const head of [0, 1, 2]) {
    await page.locator(`[data-head="0 ${head}"]`).click();
    await after(page, () => page.keyboard.press('a'));
  }
  assert.match(await storyText(page), /^Without L0H0, L0H1 and L0H2, /);
  assert.ok(await page.locator('.story').getByRole('button', { name: 'Switch L0H2 back on' }).isVisible());
  await after(page, () => page.getByRole('button', { name: 'Mute ablate L0H0' }).press('Enter'));
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Mute ablate L0H0');
  await page.getByRole('button', { name: 'Remove ablate L0H0' }).press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Remove ablate L0H1');
  await after(page, () => page.getByRole('button', { name: 'Remove ablate L0H2' }).press('Enter'));
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Remove ablate L0H1');
  await page.getByRole('button', { name: 'Clear' }).press('Enter');
  await page.waitForFunction(() => document.querySelector('.chip') === null);
  assert.match(await focusedClass(page), /edit/);
  for (const leave of [() => page.keyboard.press('Escape'), () => page.getByRole('button', { name: 'Done' }).click()]) {
    await edit(page).press('Enter');
    await page.waitForFunction(() => document.activeElement.tagName === 'TEXTAREA');
    await leave();
    await page.waitForFunction(() => document.activeElement.matches('.edit'));
  }
  await close();
});
