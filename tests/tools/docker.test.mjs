// No Docker engine is needed here: what the Dockerfile copies exists, what it runs is what `make serve` runs,
// and its server answers with the headers of our own.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { headersFor } from '../../tools/headers.mjs';
import { TYPES } from '../../tools/serve.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFileSync(join(root, path), 'utf8');
const dockerfile = read('Dockerfile')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(/\s+/));
const lines = (word) => dockerfile.filter(([first]) => first === word).map(([, ...rest]) => rest);
const nginx = read('docker/nginx.conf');

test('what the Dockerfile copies is in the project or comes out of its build', () => {
  const workdir = lines('WORKDIR')[0][0];
  const copies = lines('COPY');
  assert.ok(copies.length > 0);
  for (const words of copies) {
    const from = words.find((word) => word.startsWith('--from='));
    const sources = words.filter((word) => !word.startsWith('--')).slice(0, -1);
    for (const source of sources) {
      const path = from ? source.slice(workdir.length + 1) : source;
      assert.ok(existsSync(join(root, path)), `${words.join(' ')}: ${path} does not exist`);
      if (from) assert.ok(source.startsWith(`${workdir}/`) && readdirSync(join(root, path)).length > 0, `${source} is empty`);
    }
  }
});

test('what is kept from the image is not what its build reads', () => {
  for (const name of read('.dockerignore').trim().split('\n'))
    assert.match(name, /^(\.git|\.toolchain|build|site\/dist|\*\*\/node_modules|\*\*\/__pycache__|\.venv)$/);
});

test('each RUN calls a script of the project that make serve and make test call too', () => {
  assert.match(read('.ci/run'), /^make test\b/m);
  const dry = (target) => execFileSync('make', ['-n', target], { cwd: root, encoding: 'utf8' });
  const runs = lines('RUN');
  assert.ok(runs.length > 0);
  for (const words of runs) {
    const [script] = words;
    assert.ok(statSync(join(root, script)).mode & 0o100, `${script} cannot be run`);
    assert.ok(dry('serve').includes(words.join(' ')), `make serve does not run ${words.join(' ')}`);
    assert.ok(dry('test').includes(script), `make test does not run ${script}`);
  }
});

/** The value that nginx gives `$name` for a path, by its own rule: the first pattern that fits, else the default. */
function mapped(name, path) {
  const body = nginx.match(new RegExp(`map \\$uri \\$${name} \\{([^}]*)\\}`))[1];
  const rows = [...body.matchAll(/^\s*(\S+)\s+"([^"]*)";/gm)].map(([, pattern, value]) => ({ pattern, value }));
  const fits = rows.find(({ pattern }) => pattern.startsWith('~') && new RegExp(pattern.slice(1)).test(path));
  return (fits ?? rows.find(({ pattern }) => pattern === 'default')).value;
}

for (const path of ['/index.html', '/assets/main-12345678.js', '/assets/hookscope-12345678.wasm', '/sw.js', '/models/manifest.json'])
  test(`nginx says of ${path} what tools/serve.mjs says`, () => {
    const said = Object.fromEntries(
      [...nginx.matchAll(/^ {4}add_header (\S+)\s+(?:"([^"]*)"|\$(\w+))(?: always)?;/gm)].map(([, header, value, variable]) => [
        header,
        value ?? mapped(variable, path),
      ]),
    );
    assert.deepEqual(said, headersFor(path));
  });

test('errors carry every header but the one that would keep them', () => {
  const once = nginx.split('\n').filter((line) => /^ {4}add_header /.test(line) && !line.includes(' always;'));
  assert.deepEqual(once.map((line) => line.trim().split(/\s+/)[1]), ['Cache-Control']);
});

test('nginx adds no header inside a location, and knows the types that tools/serve.mjs knows', () => {
  assert.doesNotMatch(nginx, /^\s*location\b/m);
  const types = Object.fromEntries(
    [...nginx.match(/types \{([^}]*)\}/)[1].matchAll(/(\S+)\s+(\w+);/g)].map(([, type, ending]) => [`.${ending}`, type]),
  );
  const ours = Object.fromEntries(Object.entries(TYPES).map(([ending, type]) => [ending, type.replace('; charset=utf-8', '')]));
  assert.deepEqual(types, ours);
});
