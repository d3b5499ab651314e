// The set-up scripts on machines made of stand-ins: a PATH with nothing on it but what each test puts there.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PLAIN = 'awk basename bash cat chmod cut dirname env find flock grep head id ln mkdir mv paste rm sed sh sha256sum sort tail tr'.split(' ');

let folder;
let bin;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hs-setup-'));
  bin = join(folder, 'bin');
  mkdirSync(bin);
  cpSync(join(root, 'tools'), join(folder, 'tools'), { recursive: true });
  mkdirSync(join(folder, 'site'));
  writeFileSync(join(folder, 'site', 'package.json'), '{}');
  writeFileSync(join(folder, 'site', 'package-lock.json'), '{}');
  for (const name of PLAIN) {
    const where = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    if (where.startsWith('/')) symlinkSync(where, join(bin, name));
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a program on PATH that writes its words into the log of calls and then does `body`. A link to the
 *  machine's own program goes first, or its file would be written through the link; 'wx' makes sure of it. */
function put(name, body = '') {
  const log = `printf '%s\\n' "${name} $*" >>'${join(folder, 'calls')}'`;
  rmSync(join(bin, name), { force: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${log}\n${body}\n`, { mode: 0o755, flag: 'wx' });
}
const calls = () => (existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : []);
const setup = (what = 'build') => {
  const { status, stdout, stderr } = spawnSync('bash', [join(folder, 'tools/setup.sh'), what], {
    env: { PATH: bin, HOME: folder },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

const putEmcc = (version) => put('emcc', `echo 'emcc (Emscripten gcc/clang-like replacement) ${version} (stand-in)'`);
const NPM_CI = 'case "$1" in ci) rm -rf node_modules; mkdir node_modules; echo whole >node_modules/package;; esac';
function putEverything() {
  for (const name of ['cmake', 'make', 'cc']) put(name);
  put('node', 'echo v20.19.0');
  put('npm', NPM_CI);
  putEmcc('3.1.69');
}
const installed = () => calls().filter((line) => line.startsWith('npm ci') || line.startsWith('apt-get'));

test('where all is on PATH, nothing is installed but the packages of the page, and those once', () => {
  putEverything();
  const first = setup();
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^setup: node packages of the page.*\n$/);
  const second = setup();
  assert.deepEqual(second, { status: 0, stdout: '', stderr: '' });
  assert.deepEqual(installed().length, 1);
});

test('a changed lock file is installed again', () => {
  putEverything();
  setup();
  writeFileSync(join(folder, 'site', 'package-lock.json'), '{"changed":true}');
  assert.equal(setup().status, 0);
  assert.equal(installed().length, 2);
});

test('a set-up that was killed in the middle is completed by the next one', () => {
  putEverything();
  put('npm', 'mkdir -p node_modules; echo half >node_modules/package; kill -9 $PPID; sleep 1');
  assert.notEqual(setup().status, 0);
  put('npm', NPM_CI);
  assert.equal(setup().status, 0);
  assert.equal(readFileSync(join(folder, 'site/node_modules/package'), 'utf8'), 'whole\n');
  assert.equal(setup().stdout, '');
});

test('scripts of packages are not run', () => {
  putEverything();
  setup();
  assert.match(installed()[0], /--ignore-scripts/);
});

for (const version of ['3.1.68', '3.1.6', '2.0.0'])
  test(`emcc ${version} is too old`, () => {
    putEverything();
    putEmcc(version);
    const { status, stderr } = setup();
    assert.notEqual(status, 0);
    assert.match(stderr, /emcc|apt-get/);
  });

for (const version of ['3.1.69', '3.1.100', '4.0.2'])
  test(`emcc ${version} is new enough`, () => {
    putEverything();
    putEmcc(version);
    assert.equal(setup().status, 0);
  });

for (const version of ['18.20.4', '20.9.0'])
  test(`node ${version} is too old: without apt-get or pip the message says what to put on PATH`, () => {
    putEverything();
    put('node', `echo v${version}`);
    const { status, stderr } = setup();
    assert.notEqual(status, 0);
    assert.match(stderr, /node >= 20\.19/);
  });

test('Debian packages go into one apt-get install', () => {
  putEverything();
  rmSync(join(bin, 'cmake'));
  rmSync(join(bin, 'cc'));
  put('id', 'case "$1" in -u) echo 0;; *) echo root;; esac');
  put('apt-get');
  put('dpkg');
  const { status, stdout } = setup('test');
  assert.equal(status, 0);
  assert.match(stdout, /^setup: Debian packages, by apt-get: .*\bcmake\b.*\bgcc\b.*\bchromium/m);
  const lines = calls().filter((line) => line.startsWith('apt-get'));
  assert.equal(lines.length, 2);
  assert.match(lines[0], /update/);
  assert.match(lines[1], /install .*--no-install-recommends .*cmake .*gcc /);
});

test('a normal user installs through sudo', () => {
  putEverything();
  rmSync(join(bin, 'cmake'));
  put('id', 'case "$1" in -u) echo 1000;; *) echo somebody;; esac');
  put('apt-get');
  put('dpkg');
  put('sudo', 'exec "$@"');
  assert.equal(setup().status, 0);
  assert.deepEqual(
    calls().filter((line) => line.startsWith('apt-get') || line.startsWith('dpkg')).length,
    calls().filter((line) => line.startsWith('sudo')).length,
  );
  assert.equal(installed().filter((line) => line.startsWith('apt-get')).length, 2);
});

test('with neither root nor sudo nothing is tried, and the message is the command to ask for', () => {
  putEverything();
  rmSync(join(bin, 'cmake'));
  put('id', 'case "$1" in -u) echo 1000;; *) echo somebody;; esac');
  put('apt-get');
  put('dpkg');
  const { status, stderr } = setup();
  assert.notEqual(status, 0);
  assert.match(stderr, /apt-get install --no-install-recommends .*cmake/);
  assert.deepEqual(installed(), []);
});

test('apt-get that fails is said with its last lines', () => {
  putEverything();
  rmSync(join(bin, 'cmake'));
  put('id', 'echo 0');
  put('dpkg');
  put('apt-get', 'echo "E: no such mirror" >&2; exit 100');
  const { status, stderr } = setup();
  assert.notEqual(status, 0);
  assert.match(stderr, /E: no such mirror\nsetup: apt-get could not install/);
});
