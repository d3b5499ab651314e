/** The shipped .wasm as the worker runs it, without a worker, and as an adapter for the golden walker. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createCore } from '../../site/src/worker/core';
import type { GradientRequest, RunRequest } from '../../site/src/engine/types';
import type { ModelFiles } from '../../site/src/worker/protocol';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const wasmBytes = readFileSync(`${root}site/src/worker/hookscope.wasm`);

/** A pace that never cancels. */
export const steady = { pause: async () => {}, signal: new AbortController().signal };

/** A copy of its own: what `readFileSync` gives may share its buffer with others. */
export const bytes = (path: string): ArrayBuffer => new Uint8Array(readFileSync(path)).buffer;

export function modelFiles(folder: string): ModelFiles {
  const names = readdirSync(folder);
  return {
    id: folder,
    sha256: '',
    config: bytes(`${folder}/config.json`),
    weights: names.filter((name) => name.endsWith('.safetensors')).sort().map((name) => ({ name, data: bytes(`${folder}/${name}`) })),
    tokenizer: names.includes('tokenizer.json') ? bytes(`${folder}/tokenizer.json`) : null,
  };
}

export interface Case extends Pick<RunRequest, 'edits'> {
  readonly ids: readonly number[];
  readonly capture: readonly string[];
  readonly runs?: Readonly<Record<string, readonly number[]>>;
  readonly vectors?: Readonly<Record<string, Nested>>;
}
type Nested = readonly (number | Nested)[];

const shapeOf = (value: number | Nested): number[] => (typeof value === 'number' ? [] : [value.length, ...shapeOf(value[0] ?? 0)]);
const flat = (value: number | Nested): number[] => (typeof value === 'number' ? [value] : value.flatMap(flat));

/** Runs fixtures (tests/golden/walk.mjs); a model stays loaded until another is asked for. */
export async function createAdapter() {
  const core = await createCore(wasmBytes);
  let folder = '';
  const use = async (wanted: string) => {
    if (wanted !== folder) await core.load(modelFiles(wanted));
    folder = wanted;
  };
  return {
    async run(model: string, { vectors = {}, ...request }: Case) {
      await use(model);
      const arrays = Object.entries(vectors).map(([name, value]) =>
        [name, { shape: shapeOf(value), data: Float32Array.from(flat(value)) }] as const);
      return (await core.run({ ...request, vectors: Object.fromEntries(arrays) }, steady)).tensors;
    },
    async grad(model: string, request: GradientRequest) {
      await use(model);
      return core.gradient(request);
    },
  };
}
