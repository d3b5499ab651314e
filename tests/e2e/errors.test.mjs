// What can go wrong says what happened and what to do, and typed text is never lost.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, settled, start, storyText } from './lib/browser.mjs';
import { CONFIG, WEIGHTS } from './lib/model.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const failure = (page, status) => page.locator(`.failure[data-status="${status}"]`);

test('a missing model file: says so, and trying again works once it is there', async () => {
  const { page, close } = await site.open({}, (p) => p.route('**/model.safetensors', (route) => route.fulfill({ status: 404, body: '' })));
  await failure(page, 'EFETCH').waitFor();
  assert.match(await failure(page, 'EFETCH').innerText(), /could not be fetched.*model\.safetensors.*404/s);
  await page.unroute('**/model.safetensors');
  await page.getByRole('button', { name: 'Try again' }).click();
  await settled(page);
  assert.equal(await page.locator('.failure').count(), 0);
  await close();
});

test('a model file cut short, and one with a flipped bit', async () => {
  const flipped = Buffer.from(WEIGHTS);
  flipped[flipped.length - 1] ^= 1;
  for (const [body, words] of [[WEIGHTS.subarray(0, WEIGHTS.length - 1000), /cut short/], [flipped, /damaged/]]) {
    const { page, close } = await site.open({}, (p) => p.route('**/model.safetensors', (route) => route.fulfill({ body })));
    await failure(page, 'EHASH').waitFor();
    assert.match(await failure(page, 'EHASH').innerText(), words);
    await close();
  }
});

test('no WebAssembly SIMD: says which browsers have it', async () => {
  const { page, close } = await site.open({}, (p) =>
    p.addInitScript(() => {
      WebAssembly.validate = () => false;
    }),
  );
  await failure(page, 'ENOSIMD').waitFor();
  assert.match(await failure(page, 'ENOSIMD').innerText(), /Chrome 91.*Firefox 89.*Safari 16\.4/s);
  assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0);
  await close();
});

test('a worker that does not start can be tried again; what was typed meanwhile is what then runs', async () => {
  const { page, close } = await site.open({}, (p) => p.route('**/*.wasm', (route) => route.abort()));
  await page.locator('.failure').waitFor();
  await page.getByRole('textbox').fill('My own words, my own words');
  await page.unroute('**/*.wasm');
  await page.getByRole('button', { name: 'Try again' }).click();
  await settled(page);
  await page.waitForFunction(() => document.querySelectorAll('.tok').length > 4);
  const text = (await page.locator('.tok').allInnerTexts()).slice(1).join('').replaceAll('\u2423', ' ');
  assert.equal(text, 'My own words, my own words');
  await close();
});

test('a worker that dies: the pictures stay, and trying again runs what was asked for', async () => {
  const { page, close } = await site.open({}, (p) =>
    p.addInitScript(() => {
      globalThis.workers = [];
      globalThis.Worker = class extends Worker {
        constructor(...args) {
          super(...args);
          globalThis.workers.push(this);
        }
      };
    }),
  );
  await settled(page);
  await page.evaluate(() => {
    globalThis.workers[0].terminate();
    globalThis.workers[0].dispatchEvent(new ErrorEvent('error', { message: 'out of memory' }));
  });
  await page.getByRole('button', { name: 'Switch it off' }).click();
  await failure(page, 'EWORKER').waitFor();
  assert.match(await failure(page, 'EWORKER').innerText(), /text and the interventions are kept.*out of memory/s);
  assert.ok(await page.locator('.attention canvas').first().isVisible());
  await after(page, () => page.getByRole('button', { name: 'Try again' }).click());
  assert.match(await storyText(page), /^Without L\d+H\d+, /);
  assert.equal(await page.locator('.failure').count(), 0);
  await close();
});

test('a text longer than the context: what was cut is said, what was typed is kept', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const text = Array.from({ length: 400 }, (_, i) => `word ${i}`).join(' ');
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await after(page, () => page.getByRole('textbox').fill(text));
  assert.equal(await page.getByRole('textbox').inputValue(), text);
  const note = page.locator('[data-cut]');
  assert.match(await note.innerText(), new RegExp(`at most ${CONFIG.n_ctx} tokens: the last \\d+ of this text, from .+ are left out`, 's'));
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.tok').count(), CONFIG.n_ctx);
  assert.deepEqual(complaints, []);
  await close();
});

test('an empty text is the start token alone, and no error', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await after(page, () => page.getByRole('textbox').fill(''));
  assert.equal(await page.locator('.failure').count(), 0);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.tok').count(), 1);
  assert.deepEqual(complaints, []);
  await close();
});

test('a progress bar while the model loads', async () => {
  let release;
  const held = new Promise((done) => {
    release = done;
  });
  const { page, close } = await site.open({}, (p) =>
    p.route('**/model.safetensors', async (route) => {
      await held;
      await route.continue();
    }),
  );
  await page.getByRole('progressbar', { name: 'Model loaded' }).waitFor();
  assert.match(await page.locator('.loading').innerText(), /of \d+\.\d MB/);
  release();
  await settled(page);
  assert.equal(await page.locator('.loading').count(), 0);
  await close();
});
