// A long text in a model of GPT-2's shape: 144 heads, 1,024 tokens. What each gesture draws and uploads is counted.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, settled, start } from './lib/browser.mjs';
import { withModel } from './lib/model.mjs';
import { randomModel } from './lib/random.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const SHAPE = { n_layers: 12, n_heads: 12, d_head: 6, d_model: 72, d_mlp: 288, n_ctx: 1024, d_vocab: 2048, act_fn: 'gelu_new', normalization_type: 'LN', eps: 1e-5 };
const HEADS = SHAPE.n_layers * SHAPE.n_heads;
const T = SHAPE.n_ctx;
/** Of data in one piece of the main thread's work. */
const UNIT_BYTES = 2e6;
const LONG = Array.from({ length: 700 }, (_, i) => ['One day', 'the little dog', 'ran over the hill.', 'She said'][i % 4]).join(' ');

/** Counts, in the page, what WebGL is told: draw calls, bytes into textures, the largest of one call. */
function count() {
  globalThis.gl = { draws: 0, bytes: 0, largest: 0 };
  const wrap = (name, tell) => {
    const real = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...args) {
      tell(args);
      return real.apply(this, args);
    };
  };
  wrap('drawArraysInstanced', () => globalThis.gl.draws++);
  wrap('texSubImage3D', (args) => {
    const bytes = args[5] * args[6] * args[7] * 4;
    globalThis.gl.bytes += bytes;
    globalThis.gl.largest = Math.max(globalThis.gl.largest, bytes);
  });
}

test('1,024 tokens by 144 heads: the first picture, hovering, another head, scrolling', { timeout: 600_000 }, async () => {
  const { page, complaints, close } = await site.open({}, async (p) => {
    await p.addInitScript(count);
    await withModel(p, randomModel(SHAPE, 11));
  });
  await settled(page);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await after(page, () => page.getByRole('textbox').fill(LONG));
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.tok').count(), T);
  const drawn = (head) => page.waitForFunction(([name, n]) => {
    const figure = document.querySelector('.attention');
    const grid = figure?.querySelector('[role="grid"]');
    return figure?.querySelector('h2')?.innerText.startsWith(name) && grid?.getAttribute('aria-rowcount') === String(n) && figure.dataset.stale === 'false';
  }, [head, T], { timeout: 60_000 });
  const counted = async (act) => {
    await page.evaluate(() => Object.assign(globalThis.gl, { draws: 0, bytes: 0, largest: 0 }));
    await act();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return page.evaluate(() => ({ ...globalThis.gl }));
  };
  /** Nothing is on its way any more that would be drawn: thumbnails of so long a text take their time. */
  const atRest = () => page.waitForFunction(() => !document.querySelector('[data-stale="true"]'), null, { timeout: 120_000 });
  assert.equal(await page.locator('.headgrid-cell').count(), HEADS);
  await page.locator('[data-head="0 0"]').click();
  await drawn('L0H0');
  await atRest();

  const another = await counted(async () => {
    await page.locator('[data-head="5 7"]').click();
    await drawn('L5H7');
  });
  assert.ok(another.draws >= 1 && another.draws <= 2, `another head: ${another.draws} draw calls`);
  assert.equal(another.bytes, T * T * 4, 'another head uploads its own numbers and no others');
  assert.ok(another.largest <= UNIT_BYTES, `${another.largest} bytes in one piece`);

  await atRest();
  const canvas = page.locator('.attention .heatmap-plot > canvas');
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const hover = await counted(async () => {
    for (let i = 1; i <= 20; i++) await page.mouse.move(box.x + i * 4, box.y + Math.min(box.height - 4, 120 + i * 8));
  });
  assert.deepEqual(hover, { draws: 0, bytes: 0, largest: 0 }, 'hovering draws and uploads nothing');
  assert.match(await page.locator('.attention .heatmap-hover').first().innerHTML(), /path/, 'and is seen');

  const scroll = await counted(async () => {
    await page.locator('.look').evaluate((look) => look.scrollTo(0, look.scrollHeight));
    await page.locator('.look').evaluate((look) => look.scrollTo(0, 0));
  });
  assert.deepEqual(scroll, { draws: 0, bytes: 0, largest: 0 }, 'scrolling draws and uploads nothing');

  const grid = await counted(async () => {
    await page.getByRole('radio', { name: 'value-weighted' }).click();
    await page.waitForFunction(() => [...document.querySelectorAll('.pic-heads, .attention')].every((f) => f.dataset.stale === 'false' && f.dataset.document.includes('value_weighted')), null, { timeout: 60_000 });
  });
  // All thumbnails are one draw call, the large head one, and a colour bar each at most.
  assert.ok(grid.draws <= 5, `another mode: ${grid.draws} draw calls`);
  assert.ok(grid.bytes <= (T * T + HEADS * 48 * 48) * 4 * 1.02, `another mode: ${grid.bytes} bytes`);
  assert.ok(grid.largest <= UNIT_BYTES);
  assert.deepEqual(complaints, []);
  await close();
});
