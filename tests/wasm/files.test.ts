/** A model's files over HTTP and as dropped: whole, cut short, damaged, missing, broken off. */
import { createHash } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchFile, fetchManifest, fetchModel, readDropped, type ManifestModel } from '../../site/src/engine/load';

const data = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31) & 255));
const facts = (bytes: Buffer) => ({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
const model: ManifestModel = {
  id: 'm', title: 'M', path: 'models/m/',
  files: { 'config.json': facts(Buffer.from('{}')), 'model.safetensors': facts(data), 'tokenizer.json': facts(Buffer.from('[]')) },
};

const flipped = Buffer.from(data);
flipped[100_000] = (flipped[100_000] ?? 0) ^ 1;

const answers: Record<string, (response: ServerResponse) => void> = {
  '/whole': (response) => response.end(data),
  '/short': (response) => response.end(data.subarray(0, -1)),
  '/empty': (response) => response.end(),
  '/long': (response) => response.end(Buffer.concat([data, Buffer.of(0)])),
  '/flipped': (response) => response.end(flipped),
  '/zeros': (response) => response.end(Buffer.concat([data.subarray(0, 150_000), Buffer.alloc(50_000)])),
  '/page': (response) => response.end('<!doctype html>'),
  '/broken': (response) => {
    response.writeHead(200, { 'Content-Length': data.length });
    response.write(data.subarray(0, 1000), () => response.destroy());
  },
  '/stalled': (response) => response.write(data.subarray(0, 1000)),
  '/models/m/config.json': (response) => response.end('{}'),
  '/models/m/model.safetensors': (response) => response.end(data),
  '/models/m/tokenizer.json': (response) => response.end('[]'),
  '/models/manifest.json': (response) => response.end(JSON.stringify({ v: 1, models: [model] })),
  '/bad/models/manifest.json': (response) => response.end('<!doctype html>'),
};

let server: Server;
let base: URL;
beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    if (answer) return answer(response);
    response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const file = (path: string, signal?: AbortSignal, arrived = (_: number) => {}) => fetchFile(new URL(path, base), facts(data), signal, arrived);
const failure = (status: string, says: string) => expect.objectContaining({ status, detail: expect.stringContaining(says) });

test('a whole file, with each piece told as it comes', async () => {
  let told = 0;
  expect(Buffer.from(await file('whole', undefined, (bytes) => (told += bytes)))).toEqual(data);
  expect(told).toBe(data.length);
});

describe('what is not the file says so', () => {
  const cases = {
    short: ['EHASH', 'cut short: 199,999 of 200,000 bytes'],
    empty: ['EHASH', 'cut short: 0 of 200,000 bytes'],
    page: ['EHASH', 'cut short: 15 of 200,000 bytes'],
    long: ['EHASH', 'more than the 200,000 bytes'],
    flipped: ['EHASH', 'damaged'],
    zeros: ['EHASH', 'damaged'],
    absent: ['EFETCH', 'HTTP 404'],
    broken: ['EFETCH', '1,000 of 200,000 bytes'],
  } as const;
  test.each(Object.entries(cases))('%s', async (path, [status, says]) => {
    await expect(file(path)).rejects.toThrow(failure(status, says));
  });
  test('a server that is not there', async () => {
    await expect(fetchFile(new URL('http://127.0.0.1:9/x'), facts(data), undefined, () => {})).rejects.toThrow(failure('EFETCH', '/x'));
  });
  test('a list of models that is none', async () => {
    await expect(fetchManifest(new URL('bad/', base))).rejects.toThrow(failure('EFETCH', 'manifest.json'));
    await expect(fetchManifest(new URL('absent/', base))).rejects.toThrow(failure('EFETCH', 'HTTP 404'));
  });
});

test('a download can be stopped', async () => {
  const controller = new AbortController();
  await expect(file('stalled', controller.signal, () => controller.abort())).rejects.toThrow(failure('EABORTED', ''));
});

test('a model is its three files; progress ends at their sum', async () => {
  const { models: [found] } = await fetchManifest(base);
  expect(found).toEqual(model);
  const seen: [number, number][] = [];
  const files = await fetchModel(base, model, { onProgress: (done, total) => seen.push([done, total]) });
  expect(Buffer.from(files.weights[0]?.data ?? new ArrayBuffer())).toEqual(data);
  expect(files.sha256).toBe(model.files['model.safetensors'].sha256);
  expect(seen.at(-1)).toEqual([data.length + 4, data.length + 4]);
  expect(seen.map(([done]) => done)).toEqual([...seen.map(([done]) => done)].sort((a, b) => a - b));
});

describe('dropped files', () => {
  const drop = (names: Record<string, Buffer | string>) => ({
    id: 'mine', files: new Map(Object.entries(names).map(([name, content]) => [name, new Blob([typeof content === 'string' ? content : new Uint8Array(content)])])),
  });
  test('a folder', async () => {
    const seen: number[] = [];
    const files = await readDropped(drop({ 'a/config.json': '{}', 'a/model.safetensors': data, 'a/notes.txt': 'x' }), { onProgress: (done) => seen.push(done) });
    expect(files).toMatchObject({ id: 'mine', sha256: facts(data).sha256, tokenizer: null });
    expect(files.weights.map(({ name }) => name)).toEqual(['model.safetensors']);
    expect(seen.at(-1)).toBe(data.length + 2);
  });
  test('shards, in order', async () => {
    const files = await readDropped(drop({ 'config.json': '{}', 'model-2.safetensors': 'b', 'model-1.safetensors': 'a', 'tokenizer.json': '{}' }), {});
    expect(files.weights.map(({ name }) => name)).toEqual(['model-1.safetensors', 'model-2.safetensors']);
    expect(files.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(files.tokenizer?.byteLength).toBe(2);
  });
  test.each([{ 'config.json': '{}' }, { 'model.safetensors': data }, {}])('what is no model names what was given', async (names) => {
    await expect(readDropped(drop(names), {})).rejects.toThrow(failure('EFETCH', Object.keys(names)[0] ?? 'nothing'));
  });
  test('reading can be stopped', async () => {
    await expect(readDropped(drop({ 'config.json': '{}', 'model.safetensors': data }), { signal: AbortSignal.abort() })).rejects.toThrow(failure('EABORTED', ''));
  });
});
