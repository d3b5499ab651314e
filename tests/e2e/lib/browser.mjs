// A browser on the built page, and what a test may ask of both.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after as atEnd, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serve } from '../../../tools/serve.mjs';
import { jittered } from './jitter.mjs';

const require = createRequire(new URL('../../../site/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const DIST = fileURLToPath(new URL('../../../site/dist/', import.meta.url));

const ARGS = [
  '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-quic',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export const DESK = { viewport: { width: 1440, height: 900 } };
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

export const launch = async () => jittered(await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS }));

/** Another page of a visit's browser profile; `complaints` collects what its console says. */
export async function newPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000); // of a machine that others use, too
  const complaints = [];
  page.on('console', (message) => {
    const blocked = message.text() === 'Service Worker registration blocked by Playwright'; // see start()
    if (['error', 'warning'].includes(message.type()) && !blocked) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints };
}

/** -> { open, close }: one server and one browser for a test file. No service worker: what a test puts in a file's
 *  place would not reach the page through it (tests/e2e/offline.test.mjs is about that). */
export async function start() {
  const server = await serve(DIST, 0);
  const browser = await launch();
  return {
    /** A fresh visit. `before` gets the page before it is loaded. */
    async open(options = {}, before = async () => {}) {
      const context = await browser.newContext({ ...DESK, reducedMotion: 'reduce', serviceWorkers: 'block', ...options });
      const { page, complaints } = await newPage(context);
      await before(page);
      await page.goto(server.url);
      return { page, complaints, close: () => context.close() };
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

/** -> { browser, server }, once the file's tests run: for visits that differ in their query or their context. */
export function served() {
  const both = {};
  before(async () => Object.assign(both, { browser: await launch(), server: await serve(DIST, 0) }));
  atEnd(async () => {
    await both.browser.close();
    await both.server.close();
  });
  return both;
}

/** Waits until the page has so many workers: the engine and its threads. */
export async function hasWorkers(page, n) {
  for (const deadline = Date.now() + 60_000; page.workers().length !== n && Date.now() < deadline; ) await page.waitForTimeout(20);
  assert.equal(page.workers().length, n, 'the engine and its threads');
}

/** Waits until what is drawn is true. */
export const settled = (page) => page.waitForSelector('.look[data-stale="false"]', { timeout: 60_000 });

/** Does something that starts a new run, and waits for its picture. */
export async function after(page, act) {
  const run = await page.evaluate(() => document.querySelector('.look')?.dataset.run);
  await act();
  await page.waitForFunction((old) => {
    const look = document.querySelector('.look');
    return look?.dataset.stale === 'false' && look.dataset.run !== old;
  }, run, { timeout: 60_000 });
}

export const storyText = (page) => page.locator('.story p').innerText();

/** The ids of a prompt, "a" or "b", as its chips say them. */
export const idsOf = (page, prompt = 'a') =>
  page.locator(`.tok[data-at^="${prompt}"]`).evaluateAll((chips) => chips.map((chip) => Number(/id (\d+)$/.exec(chip.getAttribute('aria-label'))[1])));

/** What the story names: { layer, head, dest, src } from the drawn head and the lit chips. */
export async function selectionOf(page) {
  const title = await page.locator('.attention .title').innerText();
  const [, layer, head] = /^L(\d+)H(\d+)/.exec(title);
  const lit = (kind) =>
    page.locator('.tok').evaluateAll((chips, wanted) => chips.findIndex((chip) => chip.dataset.lit === wanted), kind);
  return { layer: Number(layer), head: Number(head), dest: await lit('dest'), src: await lit('src') };
}

/** The predictions: [{ id, before, now }], full values from the cells' titles. */
export const predictions = (page) =>
  page.locator('.predictions > table tbody tr').evaluateAll((rows) =>
    rows.flatMap((row) => {
      const id = /id (\d+)/.exec(row.querySelector('code')?.title ?? '');
      const values = [...row.querySelectorAll('td.num')].map((cell) => Number(/: ([\d.e+\-\u2212]+)$/.exec(cell.title)[1].replace('\u2212', '-')));
      return id ? [{ id: Number(id[1]), now: values.at(-1), before: values.length > 1 ? values[0] : null }] : [];
    }),
  );

/** The middle pixel of each of [rows, cols] cells that fill a box of a canvas, { x, y, width, height } in CSS pixels, or all
 *  of it, row by row: [[r, g, b], ...]. Sizes and pixels are of one moment: leaving the editor lays the page out anew. */
export const pixelsIn = (canvas, rows, cols, box = null) =>
  canvas.evaluate((drawn, { rows, cols, box }) => {
    const { width, height } = box ?? drawn.getBoundingClientRect();
    const { x, y } = box ?? { x: 0, y: 0 };
    // Read from a copy: reading the page's own canvas twice would change how the browser keeps it.
    const copy = new OffscreenCanvas(drawn.width, drawn.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(drawn, 0, 0);
    const pixels = copy.getImageData(0, 0, drawn.width, drawn.height).data;
    const ratio = drawn.width / drawn.getBoundingClientRect().width;
    return Array.from({ length: rows * cols }, (_, i) => {
      const [row, col] = [Math.floor(i / cols), i % cols];
      const at = (Math.floor((y + ((row + 0.5) * height) / rows) * ratio) * drawn.width + Math.floor((x + ((col + 0.5) * width) / cols) * ratio)) * 4;
      return [pixels[at], pixels[at + 1], pixels[at + 2]];
    });
  }, { rows, cols, box });

/** The middle pixel of each cell of the large head. */
export const cellPixels = (page, n) => pixelsIn(page.locator('.attention .heatmap-plot > canvas'), n, n);

export const painterOf = (page) => page.locator('.attention .heatmap-plot > canvas').getAttribute('data-painter');

/** No violation that axe knows of, in what is on the page once nothing is dimmed because something newer is on its way. */
export async function axe(page, where) {
  await page.waitForFunction(() => !document.querySelector('[data-stale="true"]'), null, { timeout: 60_000 });
  // Injected from outside the page's policy, as a browser extension would be.
  const violations = await page.evaluate(
    async ([source]) => {
      if (!globalThis.axe) (0, eval)(source);
      const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
      return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 4).join(' | ')}`);
    },
    [axeSource],
  );
  assert.deepEqual(violations, [], `axe, ${where}`);
}
