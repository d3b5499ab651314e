// The experiments whose "copy as code" is held to `hs`: tests/golden/code/experiments.json, and what stands beside each.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from './native.mjs';

export const LIBRARIES = ['transformer_lens', 'nnsight'];
export const folder = fileURLToPath(new URL('code/', import.meta.url));
export const experiments = JSON.parse(readFileSync(join(folder, 'experiments.json'), 'utf8'));

export function modelFolder(name) {
  const shipped = fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
  return existsSync(shipped) ? shipped : fileURLToPath(new URL(`models/${name}`, import.meta.url));
}

/** Calls `work` with the model's folder, its weights transformed where that is asked for. */
export function withModel(name, processing, work) {
  if (!processing.length) return work(modelFolder(name));
  const place = mkdtempSync(join(tmpdir(), 'code-'));
  try {
    const out = join(place, 'processed');
    execFileSync(program, ['process', modelFolder(name), ...processing.map((kind) => `--${kind.replaceAll('_', '-')}`), '--out', out]);
    return work(out);
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** What the engine says of a model, from `hs`. */
export function hsModel(name, processing) {
  const { config } = withModel(name, processing, (place) => JSON.parse(execFileSync(program, ['info', place], { encoding: 'utf8' })));
  return { sha256: createHash('sha256').update(readFileSync(join(modelFolder(name), 'model.safetensors'))).digest('hex'), config };
}

/** The experiment as toCode takes it; lists stand for Float32Arrays. */
export function inputOf({ model, processing = [], what, text }, models) {
  const { vectors, ...document } = what.document;
  const floats = vectors && Object.fromEntries(Object.entries(vectors).map(([name, numbers]) => [name, Float32Array.from(numbers)]));
  return {
    model: { id: model, processing, ...models[[model, ...processing]] },
    what: { ...what, document: { ...document, ...(floats && { vectors: floats }) } },
    ...(text && { text }),
  };
}
