// How the project's tests are run and counted: one row a suite, one way to read each runner's own summary.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const number = (output, pattern) => {
  const found = [...output.matchAll(pattern)].at(-1);
  return found === undefined ? undefined : Number(found[1]);
};

/** ctest ends on "N% tests passed, F tests failed out of T". */
function readCtest(output) {
  const failed = number(output, /tests passed, (\d+) tests? failed out of \d+/g);
  const all = number(output, /tests passed, \d+ tests? failed out of (\d+)/g);
  return { passed: all - failed, failed };
}

/** node --test ends its TAP on "# pass N", "# fail N" and "# cancelled N" (tests cut off). */
function readTap(output) {
  const last = (word) => number(output, new RegExp(`^# ${word} (\\d+)$`, 'gm'));
  const [passed, failed, cancelled] = ['pass', 'fail', 'cancelled'].map(last);
  return { passed, failed: failed + cancelled };
}

/** Vitest's json reporter, in the file that the suite names. */
function readVitest(_output, report) {
  const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(report, 'utf8'));
  return { passed, failed };
}

const READERS = { ctest: readCtest, tap: readTap, vitest: readVitest };

const testFiles = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => join(folder, name))
    .sort();

/** The core in one build of CMakePresets.json: configured, built, tested. */
const core = (preset) => ({
  name: `core ${preset}`,
  reads: 'ctest',
  command: ['bash', '-c', `cmake --preset ${preset} && cmake --build --preset ${preset} && ctest --preset ${preset}`],
});

/** A folder of *.test.ts, with the configuration that includes it, from site/. */
const vitest = (root, name, ...config) => {
  const report = join(root, 'build', `${name.replace('/', '-')}.json`);
  const command = ['node_modules/.bin/vitest', 'run', ...config, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return { name, reads: 'vitest', report, cwd: join(root, 'site'), command };
};

/** A folder of *.test.mjs, never empty: left to itself, node --test would look for tests everywhere. */
function node(root, name) {
  const files = existsSync(join(root, name)) ? testFiles(join(root, name)) : [];
  const none = ['node', '-e', `throw new Error('no tests in ${name}')`];
  return { name, reads: 'tap', command: files.length > 0 ? ['node', '--test', '--test-reporter=tap', ...files] : none };
}

const PATIENCE = 30 * 60_000; // ms; a suite that hangs is ended, and has failed

/** Every suite of the project, in its order: the core's first build makes the `hs` that later ones call. */
export function suites(root) {
  return [
    ...['release', 'dev', 'f64'].map(core),
    node(root, 'tests/tools'),
    node(root, 'tests/golden'),
    node(root, 'tests/train'),
    vitest(root, 'tests/wasm', '--config', '../tests/wasm/vitest.config.mjs'),
    vitest(root, 'tests/site'),
    node(root, 'tests/pixels'),
    { ...node(root, 'tests/e2e'), patience: 2 * PATIENCE }, // a quarter of an hour on a machine of its own
  ].map((suite) => ({ cwd: root, ...suite }));
}

function run(suite, write) {
  return new Promise((resolve) => {
    const [program, ...rest] = suite.command;
    // A node --test that finds itself inside another one would report to that one; a make would talk to the make above.
    const outer = { NODE_TEST_CONTEXT: undefined, MAKEFLAGS: undefined, MAKELEVEL: undefined };
    const env = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env, ...outer };
    const child = spawn(program, rest, { cwd: suite.cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const end = () => process.kill(-child.pid, 'SIGKILL'); // with all that it started
    const giveUp = setTimeout(end, suite.patience ?? PATIENCE);
    const interrupted = () => {
      end();
      process.exit(1);
    };
    process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
    let output = '';
    const take = (text) => {
      output += text;
      write(text);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', (error) => take(`${error.message}\n`)); // 'close' follows
    child.on('close', (status) => {
      clearTimeout(giveUp);
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
      resolve({ status, output });
    });
  });
}

/** Runs one suite. A suite that crashed, that gave no summary or that ran nothing has failed, whatever else it said. */
export async function count(suite, write) {
  if (suite.report) rmSync(suite.report, { force: true }); // an old report is nobody's result
  const { status, output } = await run(suite, write);
  let counted;
  try {
    counted = READERS[suite.reads](output, suite.report);
  } catch {
    counted = {};
  }
  const passed = Number.isInteger(counted.passed) ? counted.passed : 0;
  const failed = Number.isInteger(counted.failed) ? counted.failed : 0;
  const whole = status === 0 && passed > 0;
  return { passed, failed: whole ? failed : Math.max(failed, 1) };
}
