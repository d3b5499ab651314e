/** The shipped .wasm as the worker runs it, without a worker, and as an adapter for the golden walker. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CoreExports } from '../../site/src/engine/abi.gen';
import type {
  GenerateRequest, GeneratedToken, GradientRequest, ModelInfo, ProcessName, ReadRequest, RunRequest, WasmName,
} from '../../site/src/engine/types';
import { createCore, type Core } from '../../site/src/worker/core';
import type { ModelFiles } from '../../site/src/worker/protocol';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const build = (name: WasmName) => readFileSync(`${root}site/src/worker/${name}.wasm`);
export const wasmBytes = build('hookscope');
export const relaxedBytes = build('hookscope-relaxed');

/** A pace that never cancels. */
export const steady = { pause: async () => {}, signal: new AbortController().signal };
export const quiet = { onToken() {}, onProgress() {} };

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

/** A core, and its exports as it calls them, which it else keeps to itself: what a test puts there is called. */
export async function createBare(wasm = wasmBytes): Promise<{ core: Core; exports: { -readonly [K in keyof CoreExports]: CoreExports[K] } }> {
  const { instantiate } = WebAssembly;
  let exports: CoreExports | undefined;
  WebAssembly.instantiate = (async (bytes: BufferSource, imports: WebAssembly.Imports) => {
    const { instance } = await (instantiate as (b: BufferSource, i: WebAssembly.Imports) => Promise<WebAssembly.WebAssemblyInstantiatedSource>)(bytes, imports);
    exports = { ...instance.exports } as unknown as CoreExports;
    return { instance: { exports } };
  }) as unknown as typeof WebAssembly.instantiate;
  try {
    const core = await createCore(wasm);
    if (!exports) throw new Error('the core was not instantiated');
    return { core, exports };
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

const vectorsOf = (vectors: Readonly<Record<string, Nested>> = {}) =>
  Object.fromEntries(Object.entries(vectors).map(([name, value]) => [name, { shape: shapeOf(value), data: Float32Array.from(flat(value)) }]));

export interface GenerationCase extends Omit<GenerateRequest, 'vectors'> {
  readonly vectors?: Readonly<Record<string, Nested>>;
}

/** Runs fixtures (tests/golden/walk.mjs); a model stays loaded until another is asked for. */
export async function createAdapter(wasm = wasmBytes) {
  const { core, exports } = await createBare(wasm);
  let folder = '';
  let info: ModelInfo;
  const use = async (wanted: string) => {
    if (wanted !== folder) info = await core.load(modelFiles(wanted));
    folder = wanted;
  };

  // The worker takes each token's logits where it is drawn; nobody else asks for them.
  let rows: Float32Array[] = [];
  const { hs_generate_logits } = exports;
  exports.hs_generate_logits = (generation, i) => {
    const at = hs_generate_logits(generation, i);
    rows.push(new Float32Array(exports.memory.buffer, at, info.config.d_vocab_out).slice());
    return at;
  };

  /** The state_dict of the model that is loaded, which has no call of the engine. */
  function params(model: number): Map<string, { shape: number[]; data: Float32Array }> {
    const out = exports.malloc(28);
    const word = (i: number) => new Int32Array(exports.memory.buffer)[out / 4 + i] ?? 0;
    const all = Array.from({ length: exports.hs_model_n_params(model) }, (_, i) => {
      exports.hsw_model_param(model, i, out);
      const bytes = new Uint8Array(exports.memory.buffer);
      const name = new TextDecoder().decode(bytes.slice(word(0), bytes.indexOf(0, word(0))));
      const shape = Array.from({ length: word(2) }, (_, axis) => word(3 + axis));
      return [name, { shape, data: new Float32Array(exports.memory.buffer, word(1), shape.reduce((a, b) => a * b, 1)).slice() }] as const;
    });
    exports.free(out);
    return new Map(all);
  }

  return {
    async run(model: string, { vectors, ...request }: Case) {
      await use(model);
      return (await core.run({ ...request, vectors: vectorsOf(vectors) }, steady)).tensors;
    },
    async grad(model: string, request: GradientRequest) {
      await use(model);
      return core.gradient(request);
    },
    async read(model: string, request: ReadRequest) {
      await use(model);
      return core.read(request, steady, quiet);
    },
    async generate(model: string, { vectors, ...request }: GenerationCase) {
      await use(model);
      rows = [];
      const heard: GeneratedToken[] = [];
      const generation = await core.generate({ ...request, vectors: vectorsOf(vectors) }, steady, { ...quiet, onToken: (token) => heard.push(token) });
      if (JSON.stringify(heard) !== JSON.stringify(generation.tokens)) throw new Error('the tokens that came one by one are not those of the answer');
      const shape = [rows.length, info.config.d_vocab_out];
      return { ...generation, logits: { shape, data: Float32Array.from(rows.flatMap((row) => [...row])) } };
    },
    async process(model: string, kinds: readonly ProcessName[], ids: readonly number[]) {
      folder = '';
      await use(model);
      folder = ''; // what follows is no longer that model
      const { hsw_model_process } = exports;
      let at = 0;
      exports.hsw_model_process = (address, bits) => hsw_model_process((at = address), bits);
      core.process({ names: kinds });
      exports.hsw_model_process = hsw_model_process;
      return { params: params(at), logits: (await core.run({ ids }, steady)).logits };
    },
  };
}
