// The closing line of `make test`: each runner's own summary is read right, and a suite that fails, crashes,
// hangs up without a summary or runs nothing is never counted as passed.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { projectFiles } from '../../tools/files.mjs';
import { count, suites } from '../../tools/tests.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const folder = mkdtempSync(join(tmpdir(), 'hs-sum-'));
after(() => rmSync(folder, { recursive: true }));

const says = (reads, text, status = 0) => ({ reads, cwd: folder, command: [process.execPath, '-e', `console.log(${JSON.stringify(text)}); process.exitCode = ${status};`] });
const counted = (suite) => count(suite, () => {});

/** node --test as the project runs it, on a file with this source. */
function nodeTest(name, source) {
  const path = join(folder, `${name}.test.mjs`);
  writeFileSync(path, `import { test } from 'node:test';\nimport assert from 'node:assert';\n${source}\n`);
  return { ...suites(root).find(({ name: suite }) => suite === 'tests/tools'), command: ['node', '--test', '--test-reporter=tap', path] };
}

test('node --test that passes', async () => {
  assert.deepEqual(await counted(nodeTest('good', "test('a', () => {}); test('b', () => {});")), { passed: 2, failed: 0 });
});
test('node --test with one failure', async () => {
  assert.deepEqual(await counted(nodeTest('bad', "test('a', () => {}); test('b', () => assert.ok(false));")), { passed: 1, failed: 1 });
});
test('node --test with a skipped test, which does not count as passed', async () => {
  assert.deepEqual(await counted(nodeTest('skip', "test('a', () => {}); test('b', { skip: true }, () => {});")), { passed: 1, failed: 0 });
});
test('node --test with nothing but skipped tests', async () => {
  assert.deepEqual(await counted(nodeTest('none', "test('b', { skip: true }, () => {});")), { passed: 0, failed: 1 });
});
test('node --test on a file that does not parse', async () => {
  assert.equal((await counted(nodeTest('broken', 'test('))).failed, 1);
});

const CTEST = '100% tests passed, 0 tests failed out of 12\n';
test('ctest that passes', async () => assert.deepEqual(await counted(says('ctest', CTEST)), { passed: 12, failed: 0 }));
test('ctest with two failures', async () =>
  assert.deepEqual(await counted(says('ctest', '83% tests passed, 2 tests failed out of 12\n', 8)), { passed: 10, failed: 2 }));
test('ctest with one failure', async () =>
  assert.deepEqual(await counted(says('ctest', '92% tests passed, 1 tests failed out of 12\n', 8)), { passed: 11, failed: 1 }));
test('ctest that finds no test', async () => assert.deepEqual(await counted(says('ctest', 'No tests were found!!!\n')), { passed: 0, failed: 1 }));
test('a build that breaks before ctest', async () => assert.deepEqual(await counted(says('ctest', 'error: expected expression\n', 2)), { passed: 0, failed: 1 }));
test('a summary without failures from a run that ended with an error', async () =>
  assert.deepEqual(await counted(says('ctest', CTEST, 1)), { passed: 12, failed: 1 }));

const report = (numPassedTests, numFailedTests) => ({ numPassedTests, numFailedTests });
/** A stand-in for Vitest that writes this report. */
const vitest = (report, status = 0) => {
  const path = join(folder, 'vitest.json');
  const write = report === undefined ? '' : `require('node:fs').writeFileSync(${JSON.stringify(path)}, ${JSON.stringify(JSON.stringify(report))});`;
  return { reads: 'vitest', report: path, cwd: folder, command: [process.execPath, '-e', `${write} process.exitCode = ${status};`] };
};
test('Vitest that passes', async () => assert.deepEqual(await counted(vitest(report(7, 0))), { passed: 7, failed: 0 }));
test('Vitest with two failures in a file', async () => assert.deepEqual(await counted(vitest(report(6, 2), 1)), { passed: 6, failed: 2 }));
test('Vitest with a file that does not load', async () => assert.deepEqual(await counted(vitest(report(6, 0), 1)), { passed: 6, failed: 1 }));
test('Vitest that crashes leaves no report, and an old one is not read', async () => {
  await counted(vitest(report(7, 0)));
  assert.deepEqual(await counted(vitest(undefined, 1)), { passed: 0, failed: 1 });
});

test('a program that is not there', async () => {
  assert.deepEqual(await counted({ reads: 'tap', cwd: folder, command: ['no-such-program'] }), { passed: 0, failed: 1 });
});
test('a program that is killed', async () => {
  const suite = says('ctest', CTEST);
  suite.command[2] += 'process.kill(process.pid, "SIGKILL");';
  assert.equal((await counted(suite)).failed, 1);
});

test('a program that hangs is ended with what it started', async () => {
  const suite = { ...says('ctest', CTEST), patience: 1000 };
  suite.command[2] += 'require("node:child_process").spawn("sleep", ["1000"], { stdio: "inherit" });';
  assert.equal((await counted(suite)).failed, 1);
});

test('every test file of the project belongs to a suite', () => {
  const listed = suites(root);
  const words = new Set(listed.flatMap(({ command }) => command));
  const files = projectFiles(root).filter((path) => /\.test\.\w+$/.test(path));
  assert.ok(files.length > 0);
  for (const path of files) {
    const folder = listed.find(({ name, reads }) => reads === 'vitest' && path.startsWith(`${name}/`));
    assert.ok(path.endsWith('.test.ts') ? folder : words.has(join(root, path)), `${path} is in no suite of tools/tests.mjs`);
  }
});
