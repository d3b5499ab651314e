// Keyboard, touch, words and the table twin of the pictures; axe.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axeSource, openGallery } from './gallery.mjs';

let gallery;
before(async () => {
  gallery = await openGallery();
});
after(() => gallery.close());

const cellName = (page) => page.locator('#pattern [role=gridcell]').getAttribute('aria-label');

test('arrow keys move the lock, Home and End stay in the row, M finds its largest, Esc unlocks, Enter locks', async () => {
  const { page, close } = await gallery.page();
  const grid = page.locator('#pattern [role=grid]');
  await grid.focus();
  assert.match(await cellName(page), /^␣cat \(12\) looks at ␣sat \(5\): 0\.\d{3}$/);
  const press = async (key) => {
    await page.keyboard.press(key);
    return cellName(page);
  };
  assert.match(await press('ArrowRight'), /\(12\) looks at ␣on \(6\)/);
  assert.match(await press('ArrowUp'), /\(11\) looks at ␣on \(6\)/);
  assert.match(await press('Home'), /\(11\) looks at <bos> \(0\)/);
  assert.match(await press('End'), /\(11\) looks at ␣the \(11\)/);
  assert.match(await press('ArrowRight'), /\(11\) looks at ␣the \(11\)/, 'masked cells cannot be reached');
  assert.match(await press('Control+Home'), /<bos> \(0\) looks at <bos> \(0\)/);
  assert.match(await press('PageDown'), /␣Then \(10\) looks at <bos> \(0\)/);
  assert.match(await press('ArrowDown'), /\(11\)/);
  assert.match(await press('ArrowDown'), /\(12\)/);
  assert.match(await press('m'), /\(12\) looks at ␣sat \(5\)/);
  assert.equal(await page.locator('#pattern [role=gridcell]').getAttribute('aria-selected'), 'true');
  await press('Escape');
  assert.equal(await page.locator('#pattern [role=gridcell]').getAttribute('aria-selected'), 'false');
  assert.equal(await page.locator('#pattern .heatmap-lock').count(), 0);
  assert.match(await press('ArrowLeft'), /\(12\) looks at ␣cat \(4\)/);
  assert.equal(await page.locator('#pattern .heatmap-hover').count(), 1, 'unlocked, the keyboard previews');
  await press('Enter');
  assert.equal(await page.locator('#pattern .heatmap-lock').count(), 1);
  await page.waitForFunction(() => /\(12\) looks at ␣cat \(4\)/.test(document.querySelector('#pattern [aria-live]').textContent));
  await close();
});

test('one tab stop a picture, one for all heads', async () => {
  const { page, close } = await gallery.page();
  await page.evaluate(() => document.activeElement?.blur?.());
  const stops = [];
  for (let i = 0; i < 5; i++) {
    await page.keyboard.press('Tab');
    stops.push(await page.evaluate(() => document.activeElement?.getAttribute('role')));
  }
  assert.deepEqual(stops.slice(0, 4), ['gridcell', 'grid', 'grid', 'grid']);
  await close();
});

test('hover previews and leaves the lock; a click locks, the same click unlocks', async () => {
  const { page, close } = await gallery.page();
  const box = await page.locator('#pattern [role=grid]').boundingBox();
  const cell = box.width / 16;
  await page.mouse.move(box.x + 2.5 * cell, box.y + 7.5 * cell);
  assert.equal(await page.locator('#pattern .heatmap-hover').count(), 1);
  assert.equal(await page.locator('#pattern .heatmap-lock').count(), 1);
  await page.mouse.move(box.x + 12.5 * cell, box.y + 7.5 * cell);
  assert.equal(await page.locator('#pattern .heatmap-hover').count(), 0, 'masked cells are not pointed at');
  await page.mouse.click(box.x + 2.5 * cell, box.y + 7.5 * cell);
  assert.match(await cellName(page), /\(7\) looks at ␣day \(2\)/);
  await page.mouse.click(box.x + 2.5 * cell, box.y + 7.5 * cell);
  assert.equal(await page.locator('#pattern .heatmap-lock').count(), 0);
  await close();
});

test('a tap locks', async () => {
  const { page, close } = await gallery.page({ width: 390, height: 844, pixelRatio: 2, hasTouch: true, search: '?width=374' });
  const box = await page.locator('#pattern [role=grid]').boundingBox();
  const cell = box.width / 16;
  await page.touchscreen.tap(box.x + 3.5 * cell, box.y + 9.5 * cell);
  assert.match(await cellName(page), /\. \(9\) looks at ␣the \(3\)/);
  await close();
});

test('heads: arrows move the focus, Enter locks, the large picture follows the hover', async () => {
  const { page, close } = await gallery.page();
  await page.keyboard.press('Tab');
  const focused = () => page.evaluate(() => document.activeElement.dataset.head);
  assert.equal(await focused(), '1 3');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  assert.equal(await focused(), '0 4');
  assert.equal(await page.locator('#pattern [role=grid]').getAttribute('aria-label'), 'Attention pattern of L0H4');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('[data-head="0 4"]').getAttribute('aria-selected'), 'true');
  assert.equal(await page.locator('[data-head][tabindex="0"]').count(), 1);
  await close();
});

test('the table twin holds the numbers of the picture', async () => {
  const { page, close } = await gallery.page({ search: '?table' });
  const row = page.locator('#pattern table tbody tr').nth(12);
  const full = Number(await row.locator('td').nth(5).getAttribute('title'));
  const expected = await page.evaluate(() => {
    const { pattern, tokens } = globalThis.gallery;
    return pattern(tokens(16), 8 + 3 + 1)[12 * 16 + 5];
  });
  assert.equal(Math.fround(full), expected);
  assert.equal(await row.locator('td').nth(5).textContent(), expected.toPrecision(3));
  assert.equal(await row.locator('td').nth(13).textContent(), '');
  await close();
});

for (const [name, options] of Object.entries({
  light: {},
  dark: { search: '?theme=dark' },
  phone: { width: 390, height: 844, hasTouch: true, search: '?width=374' },
  'many tokens': { search: '?tokens=64' },
  table: { search: '?table' },
  'table of many tokens': { search: '?table&tokens=64' },
})) {
  test(`axe: ${name}`, async () => {
    const { page, close } = await gallery.page(options);
    await page.evaluate(axeSource);
    const violations = await page.evaluate(async () => {
      const found = await globalThis.axe.run();
      return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('; ')}`);
    });
    assert.deepEqual(violations, []);
    await close();
  });
}
