/** The engine: a worker that holds one model, as calls. The page uses it, gives it to the console as
 *  `hookscope`, and ships it as `engine.js` for scripts. docs/engine.md is its manual. */
import { connect } from './client';
import { EngineError } from './errors';
import { fetchManifest, fetchModel, readDropped, shipped, type Manifest } from './load';
import type { Build, Engine } from './types';
import { pickBuild } from './wasm';

export { EngineError } from './errors';
export type * from './types';

declare global {
  /** The page's own engine. */
  var hookscope: Engine | undefined;
}

/** The smallest module with a v128 in it. */
const SIMD_PROBE = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11);

/** `base`: the folder that holds models/, ending in "/"; the page's own when absent. `build`: which one of the core.
 *  Nothing is thrown here: where the engine cannot run, every call says why. */
export function createEngine({ base = document.baseURI, build = pickBuild() }: { readonly base?: string; readonly build?: Build } = {}): Engine {
  const root = new URL(base, document.baseURI);
  const worker = new Worker(new URL('../worker/main.ts', import.meta.url), { name: `${build.wasm} ${build.threads}`, type: 'module' });
  const client = connect(worker);
  worker.addEventListener('error', (event) =>
    client.fail(new EngineError('EWORKER',
      `the worker did not start or stopped (${event.message || 'the browser does not say why'}); reload the page`)));
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(SIMD_PROBE))
    client.fail(new EngineError('ENOSIMD',
      'this browser has no WebAssembly SIMD; Chrome 91, Firefox 89, Safari 16.4 and newer have it'));

  let manifest: Promise<Manifest> | null = null;
  async function manifestOnce(): Promise<Manifest> {
    manifest ??= fetchManifest(root);
    try {
      return await manifest;
    } catch (thrown) {
      manifest = null; // so that a retry asks again
      throw thrown;
    }
  }
  async function find(id: string) {
    const { models } = await manifestOnce();
    const found = models.find((model) => model.id === id);
    if (found) return found;
    throw new EngineError('EFETCH', `no model is called "${id}" here; there are: ${models.map((model) => model.id).join(', ')}`);
  }

  return {
    models: async () => (await manifestOnce()).models.map(shipped),
    async load(source, options = {}) {
      const files = await (typeof source === 'string' ? fetchModel(root, await find(source), options) : readDropped(source, options));
      const transfer = [files.config, ...files.weights.map(({ data }) => data), ...(files.tokenizer ? [files.tokenizer] : [])];
      return client.ask('load', files, { signal: options.signal, transfer });
    },
    tokenize: (text, { special = false, bos } = {}) => client.ask('tokenize', { text, special, bos: bos ?? null }),
    tokens: (ids) => client.ask('tokens', { ids: Array.from(ids) }),
    hooks: (nTokens) => client.ask('hooks', { nTokens }),
    run: (request, options) => client.ask('run', request, options),
    unembed: (vectors, { lnFinal = true } = {}) => client.ask('unembed', { vectors, lnFinal }),
    gradient: (request, options) => client.ask('gradient', request, options),
    read: (request, options) => client.ask('read', request, options),
    generate: (request, options) => client.ask('generate', request, options),
    process: (names) => client.ask('process', { names }),
    close() {
      client.fail(new EngineError('EWORKER', 'the engine was closed; create another'));
      worker.terminate();
    },
  };
}
