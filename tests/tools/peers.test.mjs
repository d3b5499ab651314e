// The bench's own installs (tests/bench/peers.mjs), by package managers of the test's own: once, anew after an interruption and
// where what they are made of has changed, and with a word on each.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';

const PEERS = new URL('../bench/peers.mjs', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'hookscope-peers-'));
const [bin, built, calls] = ['bin', 'built', 'calls'].map((name) => join(folder, name));
after(() => rmSync(folder, { recursive: true }));

const PIP = `#!/bin/sh
echo pip >> ${calls}
mkdir -p "$(dirname "$0")/../torch"
[ -z "$INTERRUPTED" ] || kill -INT $PPID
`;
const SCRIPTS = {
  npm: `#!/bin/sh
echo npm >> ${calls}
mkdir -p node_modules/half
[ -z "$INTERRUPTED" ] || { kill -INT $PPID; exit 130; }
mkdir node_modules/whole
`,
  'python3.11': `#!/bin/sh
[ "$1" = -c ] && exit 0
echo venv >> ${calls}
mkdir -p "$3/bin" && cp ${bin}/pip "$3/bin/pip"
`,
  pip: PIP,
};
beforeEach(() => {
  for (const path of [bin, built, calls]) rmSync(path, { recursive: true, force: true });
  mkdirSync(bin);
  for (const [name, text] of Object.entries(SCRIPTS)) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
});

/** One run of a bench that wants peers -> { said, status, called }, `called` what was started for it. */
function bench(what, env = {}) {
  rmSync(calls, { force: true });
  const script = `import { ${what} } from ${JSON.stringify(PEERS.href)}; console.log(${what}(${JSON.stringify(built)}, console.log));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8', env: { PATH: `${bin}:/usr/bin:/bin`, ...env },
  });
  return { said: stdout.trim().split('\n'), failed: stderr, status, called: existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [] };
}

for (const [what, where, steps, words] of [
  ['packages', 'node_modules', ['npm'], /^installing onnxruntime-web and Node into .*node_modules/],
  ['pythonWithPeers', 'venv', ['venv', 'pip'], /^installing TransformerLens and torch into .*venv/],
])
  test(`${what}: interrupted, then whole, then kept, then anew when it is made of something else`, () => {
    const first = bench(what, { INTERRUPTED: '1' });
    assert.notEqual(first.status, 0);
    assert.deepEqual(first.called, steps);
    writeFileSync(join(built, where, 'torn'), '');

    const second = bench(what);
    assert.deepEqual([second.status, second.called], [0, steps], second.failed);
    assert.match(second.said[0], words);
    const path = second.said.at(-1);
    assert.equal(path, what === 'packages' ? join(built, where) : join(built, where, 'bin/python'));
    assert.equal(existsSync(join(built, where, 'torn')), false, 'nothing is left of the first');

    const third = bench(what);
    assert.deepEqual([third.status, third.said, third.called], [0, [path], []]);

    writeFileSync(join(built, where, 'made-of'), 'another');
    assert.deepEqual(bench(what).called, steps);
  });

test('a Python that is named is taken; where none fits, it is said what would', () => {
  assert.deepEqual(bench('pythonWithPeers', { BENCH_PYTHON: '/somewhere/python' }).said, ['/somewhere/python']);
  for (const name of ['python3.11', 'python3.12', 'python3.10', 'python3']) {
    writeFileSync(join(bin, name), '#!/bin/sh\nexit 1\n');
    chmodSync(join(bin, name), 0o755);
  }
  const { status, failed, said } = bench('pythonWithPeers');
  assert.notEqual(status, 0);
  assert.match(failed, /Python 3\.10, 3\.11 or 3\.12 with venv.*BENCH_PYTHON.*main\.mjs a e f/);
  assert.match(said[0], /^installing/);
});
