// The adapter (walk.mjs) that runs the native program. HS names it; else the release build.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTensors, writeTensors } from './st.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const program = process.env.HS ?? join(root, 'build', 'release', 'hs');

function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

function call(args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
  } catch (error) {
    throw new Error(`hs ${args[0]}: ${error.stderr?.trim() || error.message}`);
  }
}

function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  try {
    return work((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function vectorArgs(file, vectors) {
  if (!Object.keys(vectors).length) return [];
  const tensors = Object.entries(vectors).map(([name, v]) => [name, { shape: shapeOf(v), data: Float32Array.from(v.flat(Infinity)) }]);
  writeFileSync(file('vectors.safetensors'), writeTensors(new Map(tensors)));
  return ['--vectors', file('vectors.safetensors')];
}

export const native = {
  run(model, { ids, edits, runs = {}, vectors = {}, capture }) {
    return inFolder((file) => {
      const args = ['run', model, '--ids', ids.join(), '--out', file('out.safetensors')];
      if (edits) {
        writeFileSync(file('edits.json'), JSON.stringify(edits));
        args.push('--edits', file('edits.json'));
      }
      for (const [name, other] of Object.entries(runs)) args.push('--run', `${name}=${other.join()}`);
      args.push(...vectorArgs(file, vectors));
      for (const glob of capture) args.push('--capture', glob);
      call(args);
      return readTensors(readFileSync(file('out.safetensors')));
    });
  },

  generate(model, { vectors = {}, ...spec }) {
    return inFolder((file) => {
      writeFileSync(file('spec.json'), JSON.stringify(spec));
      const said = JSON.parse(call(['generate', model, file('spec.json'), '--out', file('out.safetensors'), ...vectorArgs(file, vectors)]));
      return { ...said, logits: readTensors(readFileSync(file('out.safetensors'))).get('logits') };
    });
  },

  process(model, kinds, ids) {
    return inFolder((file) => {
      call(['process', model, ...kinds.map((kind) => `--${kind.replaceAll('_', '-')}`), '--out', file('processed')]);
      const params = readTensors(readFileSync(join(file('processed'), 'model.safetensors')));
      return { params, logits: native.run(file('processed'), { ids, capture: ['logits'] }).get('logits') };
    });
  },

  /** `vectors` that are no yes or no (a field of some readings) are those that edits name. */
  read(model, { vectors = {}, ...document }) {
    return inFolder((file) => {
      const named = typeof vectors === 'object';
      writeFileSync(file('spec.json'), JSON.stringify(named ? document : { ...document, vectors }));
      const args = [document.read, model, file('spec.json'), '--out', file('out.safetensors'), ...vectorArgs(file, named ? vectors : {})];
      const { axes, values, conventions } = JSON.parse(call(args));
      return { arrays: readTensors(readFileSync(file('out.safetensors'))), axes, values, conventions };
    });
  },

  grad(model, spec) {
    return inFolder((file) => {
      writeFileSync(file('spec.json'), JSON.stringify(spec));
      const said = JSON.parse(call(['grad', model, file('spec.json'), '--out', file('out.safetensors')]));
      return { metric: said.metric, tensors: readTensors(readFileSync(file('out.safetensors'))) };
    });
  },
};
