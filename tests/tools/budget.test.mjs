// tools/budget.mjs fails above the limit, counts what a first visit loads, and leaves the models out.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../tools/budget.mjs', import.meta.url));

function budget(files) {
  const folder = mkdtempSync(join(tmpdir(), 'hs-budget-'));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), randomBytes(bytes)); // what gzip cannot make smaller
  }
  const { status, stdout } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return { status, stdout };
}

const LIMIT = Number(/of (\d+) allowed/.exec(budget({ 'index.html': 1 }).stdout)[1]);

test('a page below the limit passes, each file on a line, whatever the size of its model', () => {
  const { status, stdout } = budget({ 'index.html': 1000, 'assets/a.js': LIMIT - 3000, 'models/manifest.json': 500, 'models/big/model.safetensors': 400_000 });
  assert.equal(status, 0);
  assert.match(stdout, /^ +1\d{3} {2}index\.html$/m);
  assert.match(stdout, /models\/manifest\.json/);
  assert.doesNotMatch(stdout, /safetensors/);
});

test('of the builds of the core the largest counts', () => {
  const builds = { 'assets/hookscope-12345678.wasm': 150_000, 'assets/hookscope-relaxed-12345678.wasm': 160_000 };
  const { status, stdout } = budget({ 'index.html': 1000, ...builds });
  assert.equal(status, 0);
  assert.match(stdout, /^ +16[12]\d{3} {2}sum/m);
  assert.equal(budget({ 'assets/a.js': LIMIT - 160_000, ...builds }).status, 1);
});

for (const [what, files] of Object.entries({
  'one file': { 'assets/a.wasm': LIMIT },
  'the sum': { 'assets/a.js': LIMIT / 2, 'assets/a.css': LIMIT / 2 },
  'a folder that is only called like the models': { 'assets/models.js': LIMIT },
}))
  test(`${what} above the limit fails`, () => assert.equal(budget(files).status, 1));

test('an empty folder fails: nothing was built', () => assert.notEqual(budget({}).status, 0));
