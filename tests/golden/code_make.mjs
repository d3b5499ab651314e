// Makes the fixtures of "copy as code" anew: node tests/golden/code_make.mjs PYTHON, a Python that has requirements.txt and nnsight
// 0.7.0. For each of code/experiments.json it writes the code for both libraries, runs it there, and keeps the text (code/NAME.LIBRARY.py)
// and every array that it leaves (code/numbers.safetensors, as NAME/LIBRARY/ARRAY). Development only; needs the built `hs`.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { experiments, folder, hsModel, inputOf, LIBRARIES, modelFolder } from './code_experiments.mjs';

const site = fileURLToPath(new URL('../../site/', import.meta.url));
const { createServer } = await import(pathToFileURL(createRequire(site).resolve('vite')).href);
const server = await createServer({
  root: site, configFile: false, logLevel: 'error', server: { middlewareMode: true, ws: false, watch: null }, optimizeDeps: { noDiscovery: true },
});
const { toCode } = await server.ssrLoadModule('/src/code/index.ts');

// What a page would know of each model: its configuration (after processing, as the engine then says it) and hash.
const models = {};
for (const { model, processing = [] } of experiments) models[[model, ...processing]] ??= hsModel(model, processing);
writeFileSync(join(folder, 'models.json'), `${JSON.stringify(models, null, 1)}\n`);

for (const name of readdirSync(folder)) if (name.endsWith('.py')) unlinkSync(join(folder, name));
const files = experiments.flatMap((experiment) => (experiment.libraries ?? LIBRARIES).map((library) => {
  const file = join(folder, `${experiment.name}.${library}.py`);
  writeFileSync(file, toCode(inputOf(experiment, models), library));
  return file;
}));
await server.close();

// The code looks for its model's folder where it runs.
const work = mkdtempSync(join(tmpdir(), 'code-'));
for (const { model } of experiments)
  try {
    symlinkSync(modelFolder(model), join(work, model));
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
const runner = fileURLToPath(new URL('code_run.py', import.meta.url));
execFileSync(process.argv[2] ?? 'python3', [runner, join(folder, 'numbers.safetensors'), ...files], { cwd: work, stdio: 'inherit' });
rmSync(work, { recursive: true });
process.exit(0);
