// The drawn head is its pattern: pixels read back against `hs run` on the same ids, through the palette.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, cellPixels, idsOf, painterOf, selectionOf, settled, start } from './lib/browser.mjs';
import { hsRun, patternOf } from './lib/model.mjs';
import { worstPixel } from './lib/palette.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const WITHIN = 2;
const withoutWebGL = (page) =>
  page.addInitScript(() => {
    for (const kind of [HTMLCanvasElement, OffscreenCanvas]) {
      const original = kind.prototype.getContext;
      kind.prototype.getContext = function (type, ...rest) {
        return type.startsWith('webgl') ? null : original.call(this, type, ...rest);
      };
    }
  });

async function assertPixels(page, theme) {
  const ids = await idsOf(page);
  const head = await selectionOf(page);
  const pattern = patternOf(hsRun(ids, { capture: [`blocks.${head.layer}.attn.hook_pattern`] }), head);
  const pixels = await cellPixels(page, ids.length);
  const worst = worstPixel(pixels, pattern, ids.length, theme);
  assert.ok(worst.by <= WITHIN, `cell ${worst.row}, ${worst.col} is off by ${worst.by} of 255`);
  return pixels;
}

async function type(page, text) {
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await after(page, () => page.getByRole('textbox').fill(text));
  await page.keyboard.press('Escape');
  await page.waitForSelector('.tok');
}

for (const theme of ['light', 'dark'])
  test(`WebGL draws the head's pattern, ${theme}, and typing draws another`, async () => {
    const { page, complaints, close } = await site.open({ colorScheme: theme });
    await settled(page);
    assert.equal(await painterOf(page), 'webgl2');
    const first = await assertPixels(page, theme);
    await type(page, 'The bear lived in the forest. Then the bear lived in the wood.');
    const second = await assertPixels(page, theme);
    assert.notDeepEqual(second, first);
    assert.deepEqual(complaints, []);
    await close();
  });

test('hovering another head draws it, leaving draws the locked one again', async () => {
  const { page, close } = await site.open();
  await settled(page);
  const first = await assertPixels(page, 'light');
  const thumbnail = page.locator('[data-head="0 2"]');
  await thumbnail.hover({ position: { x: 10, y: 10 } });
  await thumbnail.hover({ position: { x: 20, y: 20 } }); // only a pointer that moves previews
  await page.waitForFunction(() => document.querySelector('.attention .title').innerText.startsWith('L0H2'));
  assert.notDeepEqual(await assertPixels(page, 'light'), first);
  await page.mouse.move(700, 20);
  await page.waitForFunction(() => !document.querySelector('.attention .title').innerText.startsWith('L0H2'));
  assert.deepEqual(await assertPixels(page, 'light'), first);
  await close();
});

test('without WebGL the Canvas path draws the same, and a quiet note says so', async () => {
  const webgl = await site.open();
  await settled(webgl.page);
  const ids = await idsOf(webgl.page);
  const expected = await cellPixels(webgl.page, ids.length);
  await webgl.close();
  const { page, complaints, close } = await site.open({}, withoutWebGL);
  await settled(page);
  assert.equal(await painterOf(page), 'canvas2d');
  assert.match(await page.locator('.quiet-note').innerText(), /WebGL2 is not available here/);
  const drawn = await assertPixels(page, 'light');
  const worst = Math.max(...drawn.flatMap((pixel, i) => pixel.map((c, k) => Math.abs(c - expected[i][k]))));
  assert.ok(worst <= WITHIN, `the two painters differ by ${worst}`);
  assert.deepEqual(complaints, []);
  await close();
});

test('at twice the pixel ratio every cell is still whole', async () => {
  const { page, close } = await site.open({ deviceScaleFactor: 2 });
  await settled(page);
  await assertPixels(page, 'light');
  const n = (await idsOf(page)).length;
  const width = await page.locator('.attention .heatmap-plot > canvas').evaluate((canvas) => canvas.width);
  assert.equal(width % n, 0);
  await close();
});

test('fast typing ends on the picture of the last text', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('textbox').fill('');
  const text = 'The fox and the hen, the fox and the hen';
  await page.keyboard.type(text);
  await page.keyboard.press('Escape');
  await page.waitForFunction(
    (wanted) => [...document.querySelectorAll('.tok')].slice(1).map((t) => t.innerText).join('').replaceAll('\u2423', ' ') === wanted,
    text,
  );
  await settled(page);
  await assertPixels(page, 'light');
  assert.deepEqual(complaints, []);
  await close();
});
