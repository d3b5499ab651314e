// Draws site/public/icon-192.png from icon.svg, for systems that take no SVG:  CHROMIUM=... node tools/icon.mjs
// Four colours between the page's ground and the mark are enough for smooth edges, and a quarter of the bytes.

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';

const SIZE = 192;
const MARK = 0.8; // of the side: what a round mask leaves
const BITS = 2;
const LEVELS = 2 ** BITS - 1;

const at = (path) => fileURLToPath(new URL(`../site/${path}`, import.meta.url));
const { chromium } = createRequire(at('package.json'))('playwright-core');
const svg = readFileSync(at('public/icon.svg'), 'utf8');
const rgb = (hex) => hex.match(/[\da-f]{2}/gi).map((pair) => Number.parseInt(pair, 16));
const ground = rgb(/--ground: (#\w{6})/.exec(readFileSync(at('src/styles/tokens.css'), 'utf8'))[1]);
const mark = rgb(/stroke="(#\w{6})"/.exec(svg)[1]);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage();
const cover = await page.evaluate(
  async ([text, size, share]) => {
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(text.replace('<svg ', `<svg width="${size}" height="${size}" `))}`;
    await image.decode();
    const pen = new OffscreenCanvas(size, size).getContext('2d');
    pen.drawImage(image, (size * (1 - share)) / 2, (size * (1 - share)) / 2, size * share, size * share);
    return Array.from(pen.getImageData(0, 0, size, size).data.filter((_, i) => i % 4 === 3));
  },
  [svg, SIZE, MARK],
);
await browser.close();

const row = 1 + (SIZE * BITS) / 8; // a filter byte, then the pixels
const pixels = Buffer.alloc(row * SIZE);
for (const [i, alpha] of cover.entries()) {
  const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
  pixels[y * row + 1 + ((x * BITS) >> 3)] |= Math.round((alpha / 255) * LEVELS) << (8 - BITS - ((x * BITS) & 7));
}
const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([BITS, 3, 0, 0, 0], 8); // a palette
const palette = Array.from({ length: LEVELS + 1 }, (_, k) => ground.map((g, c) => Math.round(g + ((mark[c] - g) * k) / LEVELS))).flat();

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
writeFileSync(
  at(`public/icon-${SIZE}.png`),
  Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette)),
    chunk('IDAT', deflateSync(pixels, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]),
);
