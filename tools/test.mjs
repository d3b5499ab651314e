// Runs every test of the project and ends on one line, "N passed, N failed".
//   node tools/test.mjs [PART OF A SUITE'S NAME]

import { fileURLToPath } from 'node:url';
import { count, suites } from './tests.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const chosen = suites(root).filter((suite) => suite.name.includes(process.argv[2] ?? ''));

const results = [];
for (const suite of chosen) {
  console.log(`\n== ${suite.name}`);
  results.push({ name: suite.name, ...(await count(suite, (text) => process.stdout.write(text))) });
}

console.log();
for (const { name, passed, failed } of results)
  console.log(`${name.padEnd(16)} ${String(passed).padStart(5)} passed, ${failed} failed`);
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
process.exitCode = sum('passed') > 0 && sum('failed') === 0 ? 0 : 1;
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
