// What the first visit downloads except the model, file by file, as gzip -9:  node tools/budget.mjs DIR
// Of the builds of the core a browser takes one; the largest counts.
// Ends with 1 when the sum is above the limit.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 302_000; // 200,000 until the benches Patch and Steer: docs/adr/0014
const BUILD = /^assets\/hookscope[^/]*\.wasm$/;
const MODEL = /^models\/[^/]+\//; // weights, config and tokenizer: the download of one model

const dir = process.argv[2];
const files = readdirSync(dir, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(join(dir, '/').length))
  .filter((name) => !MODEL.test(name) && !name.endsWith('.map'))
  .map((name) => ({ name, bytes: gzipSync(readFileSync(join(dir, name)), { level: 9 }).length }))
  .sort((a, b) => b.bytes - a.bytes);

const [, ...spared] = files.filter(({ name }) => BUILD.test(name));
const counted = files.filter((file) => !spared.includes(file));
const sum = counted.reduce((bytes, file) => bytes + file.bytes, 0);
const line = (bytes, text) => console.log(`${String(bytes).padStart(8)}  ${text}`);
console.log('First visit except the model, bytes as gzip -9:');
for (const { name, bytes } of counted) line(bytes, name);
for (const { name, bytes } of spared) line(bytes, `${name}, instead of the largest`);
line(sum, `sum, of ${LIMIT} allowed`);
if (files.length === 0) throw new Error(`no files in ${dir}: build the page first`);
if (sum > LIMIT) {
  console.error(`The first visit is ${sum - LIMIT} bytes above its limit.`);
  process.exitCode = 1;
}
