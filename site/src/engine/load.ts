/** A model's files as bytes, with progress: fetched from this page's models/, where size and SHA-256 must
 *  be the manifest's, or as a person dropped them. */
import type { ModelFiles } from '../worker/protocol';
import { EngineError, aborted, engineError } from './errors';
import type { ShippedModel } from './types';

export interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
}
export type FileName = 'config.json' | 'model.safetensors' | 'tokenizer.json';

/** A row of models/manifest.json (tools/manifest.mjs writes it). */
export interface ManifestModel {
  readonly id: string;
  readonly title: string;
  readonly path: string;
  readonly files: Readonly<Record<FileName, FileFacts>>;
}
export interface Manifest {
  readonly v: 1;
  readonly models: readonly ManifestModel[];
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

type Dropped = { readonly files: ReadonlyMap<string, Blob>; readonly id: string };

const count = (n: number) => n.toLocaleString('en-GB');
const nameOf = (url: URL) => url.pathname.slice(url.pathname.lastIndexOf('/') + 1);

export const shipped = (model: ManifestModel): ShippedModel => ({
  id: model.id, title: model.title, path: model.path, ...model.files['model.safetensors'],
});

export async function fetchManifest(base: URL): Promise<Manifest> {
  const url = new URL('models/manifest.json', base);
  const response = await get(url, undefined);
  const manifest = (await response.json().catch(() => null)) as Manifest | null;
  if (manifest?.v !== 1 || !Array.isArray(manifest.models))
    throw new EngineError('EFETCH', `${url.pathname} is not a list of models; rebuild the site`);
  return manifest;
}

export async function fetchModel(base: URL, model: ManifestModel, { signal, onProgress }: LoadOptions): Promise<ModelFiles> {
  const total = Object.values(model.files).reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const file = (name: FileName) =>
    fetchFile(new URL(`${model.path}${name}`, base), model.files[name], signal, (bytes) => onProgress?.((done += bytes), total));
  // One failure ends the load; the others' are then of no interest, and their downloads stop with it.
  const [config, weights, tokenizer] = await Promise.all([file('config.json'), file('model.safetensors'), file('tokenizer.json')]);
  return { id: model.id, sha256: model.files['model.safetensors'].sha256, config, tokenizer, weights: [{ name: 'model.safetensors', data: weights }] };
}

export async function readDropped({ files, id }: Dropped, { signal, onProgress }: LoadOptions): Promise<ModelFiles> {
  const byName = new Map([...files].map(([path, blob]) => [path.slice(path.lastIndexOf('/') + 1), blob]));
  const shards = [...byName.keys()].filter((name) => name.endsWith('.safetensors')).sort();
  const used = ['config.json', 'tokenizer.json', ...shards];
  if (!byName.has('config.json') || shards.length === 0)
    throw new EngineError('EFETCH',
      `a model is config.json and model.safetensors (or its shards), and tokenizer.json for text; given: ${[...byName.keys()].join(', ') || 'nothing'}`);
  const total = used.reduce((sum, name) => sum + (byName.get(name)?.size ?? 0), 0);
  let done = 0;
  const read = async (name: string) => {
    const bytes = await byName.get(name)?.arrayBuffer().catch((reason: unknown) => {
      throw new EngineError('EFETCH', `${name} cannot be read (${reason instanceof Error ? reason.message : reason}); drop it again`);
    });
    if (signal?.aborted) throw aborted();
    onProgress?.((done += bytes?.byteLength ?? 0), total);
    return bytes ?? null;
  };
  const config = (await read('config.json')) ?? new ArrayBuffer(0);
  const tokenizer = await read('tokenizer.json');
  const weights = [];
  const hashes = [];
  for (const name of shards) {
    const data = (await read(name)) ?? new ArrayBuffer(0);
    weights.push({ name, data });
    hashes.push((await sha256(data)) ?? '');
  }
  const hash = hashes.length === 1 ? hashes[0] : await sha256(new TextEncoder().encode(hashes.join('\n')));
  return { id, sha256: hash ?? '', config, tokenizer, weights };
}

async function get(url: URL, signal: AbortSignal | undefined): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (thrown) {
    const failure = engineError(thrown, 'EFETCH');
    if (failure.status === 'EABORTED') throw failure;
    throw new EngineError('EFETCH', `${url.pathname} did not arrive (${failure.detail}); look at the connection and try again`);
  }
  if (!response.ok) throw new EngineError('EFETCH', `${url.pathname} did not arrive (HTTP ${response.status}); is the model on this server?`);
  return response;
}

/** The file, whole and unchanged, or EFETCH, EHASH, EABORTED. `arrived` hears of each piece. */
export async function fetchFile(
  url: URL, facts: FileFacts, signal: AbortSignal | undefined, arrived: (bytes: number) => void,
): Promise<ArrayBuffer> {
  const response = await get(url, signal);
  const bytes = new Uint8Array(facts.bytes);
  let at = 0;
  const wrongSize = () =>
    new EngineError('EHASH',
      at < facts.bytes
        ? `${nameOf(url)}: file cut short: ${count(at)} of ${count(facts.bytes)} bytes; load it again`
        : `${nameOf(url)}: more than the ${count(facts.bytes)} bytes that the manifest says; the server sends another file`);
  try {
    const reader = response.body?.getReader();
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      if (at + piece.value.length > facts.bytes) {
        at += piece.value.length;
        void reader?.cancel();
        throw wrongSize();
      }
      bytes.set(piece.value, at);
      at += piece.value.length;
      arrived(piece.value.length);
    }
  } catch (thrown) {
    const failure = engineError(thrown, 'EFETCH');
    if (failure.status !== 'EFETCH') throw failure;
    throw new EngineError('EFETCH', `${nameOf(url)} stopped after ${count(at)} of ${count(facts.bytes)} bytes (${failure.detail}); try again`);
  }
  if (at !== facts.bytes) throw wrongSize();
  const hash = await sha256(bytes.buffer);
  if (hash !== null && hash !== facts.sha256)
    throw new EngineError('EHASH',
      `${nameOf(url)} is damaged: its SHA-256 begins ${hash.slice(0, 12)}, the manifest's ${facts.sha256.slice(0, 12)}; load it again`);
  return bytes.buffer;
}

/** null where the page is not in a secure context (plain http from another machine): there the browser
 *  has no SHA-256, and only the size is checked. */
async function sha256(data: BufferSource): Promise<string | null> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (!subtle) return null;
  const digest = new Uint8Array(await subtle.digest('SHA-256', data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
