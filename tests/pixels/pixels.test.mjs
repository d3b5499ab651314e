// The pixels that a person sees are the numbers through the palette.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openGallery } from './gallery.mjs';

let gallery;
before(async () => {
  gallery = await openGallery();
});
after(() => gallery.close());

/** In the page: draws pictures of random shapes with one renderer, and compares each pixel with colorOf. */
function compareRandom({ use, count }) {
  const { createRenderer, colorOf, maskedColor, noise } = globalThis.gallery;
  const renderer = createRenderer({ use });
  const dice = noise(count * 64, 0.5, 99).map((v) => v + 0.5);
  let die = 0;
  const roll = (most) => Math.min(most - 1, Math.floor(dice[die++] * most));
  const worst = { difference: 0, at: '' };
  const painters = new Set();
  let pixels = 0;
  for (let i = 0; i < count; i++) {
    const [rows, cols] = [1 + roll(37), 1 + roll(37)];
    const [cellWidth, cellHeight] = [1 + roll(9), 1 + roll(9)];
    const gap = Math.min(roll(2), cellWidth - 1, cellHeight - 1);
    const palette = ['cividis', 'diverging'][roll(2)];
    const theme = ['light', 'dark'][roll(2)];
    const causal = roll(2) === 1;
    const limit = 10 ** (roll(9) - 4);
    const scale = palette === 'cividis' ? [0, limit] : [-limit, limit];
    const matrices = Array.from({ length: 1 + roll(5) }, (_, m) => {
      const offset = roll(7);
      const values = noise(offset + rows * cols, limit * 1.2, i * 31 + m);
      const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, limit, -limit, 1e-42];
      odd.forEach((value) => { values[offset + roll(rows * cols)] = value; });
      return { values, offset, x: 2 + m * (cols * cellWidth + 3), y: m };
    });
    const width = matrices.length * (cols * cellWidth + 3) + 3;
    const height = rows * cellHeight + matrices.length + 1;
    const canvas = document.createElement('canvas');
    const attached = renderer.attach(canvas);
    attached.show({ matrices, rows, cols, width, height, cellWidth, cellHeight, gap, causal, scale, palette, theme });
    painters.add(canvas.dataset.painter);
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    const expected = new Uint8Array(data.length);
    for (const { values, offset, x, y } of matrices) {
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < cols; col++) {
          const color = causal && col > row
            ? maskedColor(theme)
            : colorOf(values[offset + row * cols + col], scale, palette, theme);
          for (let v = 0; v < cellHeight - gap; v++) {
            for (let u = 0; u < cellWidth - gap; u++) {
              expected.set([...color, 255], 4 * ((y + row * cellHeight + v) * width + x + col * cellWidth + u));
            }
          }
        }
      }
    }
    data.forEach((byte, at) => {
      const difference = Math.abs(byte - expected[at]);
      if (difference > worst.difference) Object.assign(worst, { difference, at: JSON.stringify({ i, at, rows, cols, palette, theme, scale }) });
    });
    pixels += data.length / 4;
    attached.dispose();
  }
  renderer.dispose();
  return { worst, painters: [...painters], pixels };
}

for (const use of ['webgl2', 'canvas2d']) {
  test(`${use}: random matrices of odd sizes equal colorOf within 2/255`, async (t) => {
    const { page, complaints, close } = await gallery.page();
    const { worst, painters, pixels } = await page.evaluate(compareRandom, { use, count: 60 });
    t.diagnostic(`${pixels} pixels, largest difference ${worst.difference}/255`);
    assert.deepEqual(painters, [use]);
    assert.ok(worst.difference <= 2, `${worst.difference}/255 at ${worst.at}`);
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('a comparison with the wrong scale fails', async () => {
  const { page, close } = await gallery.page();
  const difference = await page.evaluate(() => {
    const { renderer, colorOf } = globalThis.gallery;
    const canvas = document.createElement('canvas');
    const values = new Float32Array([0.5]);
    renderer.attach(canvas).show({
      matrices: [{ values, offset: 0, x: 0, y: 0 }], rows: 1, cols: 1, width: 1, height: 1, cellWidth: 1, cellHeight: 1,
      gap: 0, causal: false, scale: [0, 1], palette: 'cividis', theme: 'light',
    });
    const pixel = canvas.getContext('2d').getImageData(0, 0, 1, 1).data;
    return Math.max(...colorOf(0.5, [0, 2], 'cividis').map((byte, i) => Math.abs(byte - pixel[i])));
  });
  assert.ok(difference > 2);
  await close();
});

/** In the page: each device pixel of the attention picture on the screen, against its cell's colour. */
async function compareScreen({ png, tokens, box }) {
  const { colorOf, maskedColor } = globalThis.gallery;
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const context = new OffscreenCanvas(box.width, box.height).getContext('2d');
  context.drawImage(image, -box.x, -box.y);
  const { data } = context.getImageData(0, 0, box.width, box.height);
  const { pattern, tokens: words } = globalThis.gallery;
  const values = pattern(words(tokens), 8 + 3 + 1);
  const worst = { difference: 0, at: '' };
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < box.width; x++) {
      const [row, col] = [Math.floor(y / box.cell), Math.floor(x / box.cell)];
      if (row >= tokens || col >= tokens) continue;
      const color = col > row ? maskedColor('light') : colorOf(values[row * tokens + col], [0, 1], 'cividis');
      const shown = data.subarray(4 * (y * box.width + x), 4 * (y * box.width + x) + 3);
      const difference = Math.max(...color.map((byte, i) => Math.abs(byte - shown[i])));
      if (difference > worst.difference) Object.assign(worst, { difference, at: `${x}, ${y}: ${shown} for ${color}` });
    }
  }
  return worst;
}

for (const renderer of ['webgl2', 'canvas2d']) {
  for (const pixelRatio of [1, 1.25, 1.5, 2, 3]) {
    for (const tokens of [16, 37]) {
      test(`${renderer} at ${pixelRatio} device pixels, ${tokens} tokens: the screen shows whole cells of the right colours`, async () => {
        const { page, close } = await gallery.page({ pixelRatio, search: `?tokens=${tokens}&renderer=${renderer}` });
        await page.addStyleTag({ content: '.heatmap-plot > :not(canvas) { visibility: hidden }' });
        const box = await page.locator('#pattern canvas').first().evaluate((canvas, tokens) => {
          const { x, y, width, height } = canvas.getBoundingClientRect();
          const [left, top, right, bottom] = [x, y, x + width, y + height].map((css) => Math.round(css * devicePixelRatio));
          return {
            x: left, y: top, width: right - left, height: bottom - top,
            own: [canvas.width, canvas.height], cell: Math.floor(canvas.width / tokens), painter: canvas.dataset.painter,
          };
        }, tokens);
        assert.equal(box.painter, renderer);
        assert.deepEqual([box.width, box.height], box.own, 'one canvas pixel a device pixel');
        const png = (await page.screenshot({ scale: 'device' })).toString('base64');
        const worst = await page.evaluate(compareScreen, { png, tokens, box });
        assert.ok(worst.difference <= 2, `${worst.difference}/255 at ${worst.at}`);
        await close();
      });
    }
  }
}

test('one draw call for all heads, one for the large one, none when nothing changed', async () => {
  const { page, close } = await gallery.page({ width: 1400 });
  const counts = await page.evaluate(async () => {
    const { renderer, pattern, tokens } = globalThis.gallery;
    const gl = renderer.context;
    let calls = 0;
    const drawn = gl.drawArraysInstanced.bind(gl);
    gl.drawArraysInstanced = (...parameters) => { calls += 1; drawn(...parameters); };
    const values = pattern(tokens(16), 1);
    const canvas = document.createElement('canvas');
    const attached = renderer.attach(canvas);
    const picture = {
      matrices: Array.from({ length: 144 }, (_, i) => ({ values, offset: 0, x: (i % 12) * 50, y: Math.floor(i / 12) * 50 })),
      rows: 16, cols: 16, width: 600, height: 600, cellWidth: 3, cellHeight: 3, gap: 0, causal: true,
      scale: [0, 1], palette: 'cividis', theme: 'light',
    };
    attached.show(picture);
    const first = calls;
    attached.show({ ...picture });
    const again = calls;
    attached.show({ ...picture, theme: 'dark' });
    const themed = calls;
    attached.dispose();
    return { first, again, themed };
  });
  assert.deepEqual(counts, { first: 1, again: 1, themed: 2 });
  const hoverCalls = await page.evaluate(() => {
    const gl = globalThis.gallery.renderer.context;
    globalThis.drawCalls = 0;
    const drawn = gl.drawArraysInstanced.bind(gl);
    gl.drawArraysInstanced = (...parameters) => { globalThis.drawCalls += 1; drawn(...parameters); };
  }).then(async () => {
    const grid = await page.locator('#pattern [role=grid]').boundingBox();
    for (let i = 1; i < 12; i++) await page.mouse.move(grid.x + 5 * i, grid.y + 20 * i);
    return page.evaluate(() => globalThis.drawCalls);
  });
  assert.equal(hoverCalls, 0);
  await close();
});

test('a lost context: Canvas 2D at once, WebGL again when restored, for good after three losses', async () => {
  const { page, complaints, close } = await gallery.page();
  const painterAndPixels = () => page.evaluate(() => {
    const canvas = document.querySelector('#pattern canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return { painter: canvas.dataset.painter, renderer: document.documentElement.dataset.renderer, sum: data.reduce((a, b, i) => (a * 31 + b * (i % 251)) % 1e9, 7) };
  });
  const lose = () => page.evaluate(() => new Promise((done) => {
    const gl = globalThis.gallery.renderer.context;
    globalThis.losing ??= gl.getExtension('WEBGL_lose_context');
    gl.canvas.addEventListener('webglcontextlost', () => setTimeout(done), { once: true });
    globalThis.losing.loseContext();
  }));
  const restore = () => page.evaluate(() => new Promise((done) => {
    globalThis.gallery.renderer.context.canvas.addEventListener('webglcontextrestored', () => setTimeout(done), { once: true });
    globalThis.losing.restoreContext();
  }));
  const before = await painterAndPixels();
  assert.equal(before.painter, 'webgl2');
  for (const loss of [1, 2]) {
    await lose();
    assert.deepEqual(await painterAndPixels(), { painter: 'canvas2d', renderer: 'canvas2d', sum: before.sum }, `loss ${loss}`);
    await restore();
    assert.deepEqual(await painterAndPixels(), before, `after loss ${loss}`);
  }
  await lose();
  await restore();
  assert.deepEqual(await painterAndPixels(), { painter: 'canvas2d', renderer: 'canvas2d', sum: before.sum });
  // Chromium says that a context was lost, and that this test reads back often.
  assert.deepEqual(complaints.filter((text) => !/context lost|getImageData/i.test(text)), []);
  await close();
});
