/* The native program `hs` from a script: one run of a model, its activations read back.
 * The program is build/release/hs, or what the environment variable HS names. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const HS = process.env.HS ?? fileURLToPath(new URL('../build/release/hs', import.meta.url));

/** The F32 tensors of a safetensors file that `hs` wrote: name -> { shape, data }. */
export function readTensors(path) {
  const bytes = readFileSync(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, dataStart));
  const tensors = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (entry.dtype !== 'F32') throw new Error(`${path}: ${name} is ${entry.dtype}, expected F32`);
    const [begin, end] = entry.data_offsets;
    const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape: entry.shape, data: new Float32Array(copy.buffer) });
  }
  return tensors;
}

/** A scratch folder for the calls of one script, removed when the callback is done. */
function withScratch(callback) {
  const folder = mkdtempSync(join(tmpdir(), 'hs-'));
  try {
    return callback((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `run(ids, { edits, capture })`, for the callback: the tensors that `hs run` captured, by name. */
export function withRuns(model, callback) {
  return withScratch((scratch) => {
    const [edits, out] = [scratch('edits.json'), scratch('out.safetensors')];
    return callback((ids, asked) => {
      writeFileSync(edits, JSON.stringify(asked.edits ?? []));
      const captures = asked.capture.flatMap((glob) => ['--capture', glob]);
      execFileSync(HS, ['run', model, '--ids', ids.join(','), '--edits', edits, ...captures, '--out', out], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      return readTensors(out);
    });
  });
}

/** The answer of a command that takes a document (`hs written`, `hs generate`): its text and its tensors. */
export function ask(command, model, document) {
  return withScratch((scratch) => {
    const [spec, out] = [scratch('spec.json'), scratch('out.safetensors')];
    writeFileSync(spec, JSON.stringify({ v: 1, ...document }));
    const text = execFileSync(HS, [command, model, spec, '--out', out], { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 });
    return { ...JSON.parse(text), tensors: readTensors(out) };
  });
}

/** -log p of each next token in nats, [T - 1], from logits [T, d_vocab]. */
export function nextTokenLosses({ shape, data }, ids) {
  const [, dVocab] = shape;
  return ids.slice(1).map((next, t) => {
    const row = data.subarray(t * dVocab, (t + 1) * dVocab);
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const sum = row.reduce((total, x) => total + Math.exp(x - largest), 0);
    return largest + Math.log(sum) - row[next];
  });
}
