// Make the fixtures of copy-as-code (code_cases.json): the page's own code of each experiment, run in the reference
// environment, and what it printed:
//
//     node tests/golden/code_make.mjs PYTHON PYTHON_WITH_NNSIGHT
//
// The second may be missing: its cases are then left as they are. tests/wasm/code.test.ts reads the fixtures.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [python, nnsight] = process.argv.slice(2);
const { createServer } = await import(createRequire(join(root, 'site', 'package.json')).resolve('vite'));
const vite = await createServer({ root, configFile: false, server: { middlewareMode: true }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
try {
  const { answer, cases } = await vite.ssrLoadModule('/tests/wasm/code.ts');
  for (const experiment of cases) {
    const program = experiment.to === 'nnsight' ? nnsight : python;
    if (!program) continue;
    const path = `tests/golden/code/${experiment.name}`;
    writeFileSync(join(root, `${path}.py`), (await answer(experiment)).code);
    // nnsight's code loads a GPT-2 of Hugging Face: the folder is made into one.
    const args = experiment.to === 'nnsight' ? ['tests/golden/code_gpt2.py', experiment.model, `${path}.py`] : [`${path}.py`];
    writeFileSync(join(root, `${path}.txt`), execFileSync(program, args, { cwd: root, encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1' } }));
    console.log(path);
  }
} finally {
  await vite.close();
}
