// What the core is timed against, installed by its own package managers below build/bench, once: npm's by
// tests/bench/package-lock.json, Python's by tests/golden/requirements.txt. An install that was interrupted begins anew.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const LOCKS = ['package.json', 'package-lock.json'].map((name) => join(root, 'tests/bench', name));
const REQUIREMENTS = join(root, 'tests/golden/requirements.txt');

/** Makes `folder` anew unless a file in it, which is written last, says that it was made of these sources. */
function once(folder, sources, say, words, make) {
  const [mark, key] = [join(folder, 'made-of'), createHash('sha256').update(sources.map((path) => readFileSync(path, 'utf8')).join('\n')).digest('hex')];
  if (existsSync(mark) && readFileSync(mark, 'utf8') === key) return;
  say(`installing ${words}; it can be interrupted`);
  rmSync(folder, { recursive: true, force: true });
  make();
  writeFileSync(mark, key);
}

/** onnxruntime-web and a Node with relaxed SIMD -> the folder that they lie in. */
export function packages(built, say) {
  const folder = join(built, 'node_modules');
  once(folder, LOCKS, say, `onnxruntime-web and Node into ${folder} (0.3 GB)`, () => {
    mkdirSync(built, { recursive: true });
    for (const path of LOCKS) copyFileSync(path, join(built, path.slice(path.lastIndexOf('/') + 1)));
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: built, stdio: 'inherit' });
  });
  return folder;
}

/** The first Python here that torch 2.4.1 and numpy 1.26.4 are made for. */
function python(names = ['python3.11', 'python3.12', 'python3.10', 'python3']) {
  const fits = (name) => spawnSync(name, ['-c', 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))']).status === 0;
  const found = names.find(fits);
  if (found) return found;
  throw new Error('TransformerLens needs a Python 3.10, 3.11 or 3.12 with venv (Debian 12: apt-get install python3-venv); '
    + 'or name one that has TransformerLens in BENCH_PYTHON, or ask for the lines that need none: node tests/bench/main.mjs a e f');
}

/** A Python with TransformerLens: BENCH_PYTHON, or one of our own with the packages that the golden values are made by. */
export function pythonWithPeers(built, say) {
  if (process.env.BENCH_PYTHON) return process.env.BENCH_PYTHON;
  const folder = join(built, 'venv');
  once(folder, [REQUIREMENTS], say, `TransformerLens and torch into ${folder} (5 GB, some minutes)`, () => {
    execFileSync(python(), ['-m', 'venv', folder], { stdio: 'inherit' });
    execFileSync(join(folder, 'bin/pip'), ['install', '--quiet', '-r', REQUIREMENTS], { stdio: 'inherit' });
  });
  return join(folder, 'bin/python');
}
