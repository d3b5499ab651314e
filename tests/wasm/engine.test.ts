/** createEngine where it cannot run: nothing is thrown when it is made, and every call says why. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createEngine } from '../../site/src/engine/index';

class FakeWorker extends EventTarget {
  static last: FakeWorker;
  readonly terminate = vi.fn();
  readonly postMessage = vi.fn();
  onmessage = null;
  constructor() {
    super();
    FakeWorker.last = this;
  }
}

beforeEach(() => {
  vi.stubGlobal('Worker', FakeWorker);
  vi.stubGlobal('document', { baseURI: 'http://localhost/page/' });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const failure = (status: string, says: string) => expect.objectContaining({ status, detail: expect.stringContaining(says) });

test('a browser without SIMD', async () => {
  vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
  await expect(createEngine().hooks(3)).rejects.toThrow(failure('ENOSIMD', 'Safari 16.4'));
});

test('this Node has SIMD, and the probe says so', () => {
  void createEngine().hooks(3);
  expect(FakeWorker.last.postMessage).toHaveBeenCalledOnce();
});

test('a worker that does not start, with no message, as browsers do', async () => {
  const engine = createEngine();
  const asked = engine.hooks(3);
  FakeWorker.last.dispatchEvent(new Event('error'));
  await expect(asked).rejects.toThrow(failure('EWORKER', 'reload'));
  await expect(engine.run({ ids: [1] })).rejects.toThrow(failure('EWORKER', 'reload'));
});

test('a closed engine', async () => {
  const engine = createEngine();
  engine.close();
  expect(FakeWorker.last.terminate).toHaveBeenCalledOnce();
  await expect(engine.tokenize('a')).rejects.toThrow(failure('EWORKER', 'closed'));
});

test('models are looked for beside the page, or where `base` says; a failure is not kept', async () => {
  const asked: string[] = [];
  const manifest = { v: 1, models: [{ id: 'm', title: 'M', path: 'models/m/', files: { 'model.safetensors': { bytes: 5, sha256: 'ab' } } }] };
  vi.stubGlobal('fetch', async (url: URL) => {
    asked.push(String(url));
    return asked.length === 1 ? new Response('', { status: 500 }) : Response.json(manifest);
  });
  const engine = createEngine();
  await expect(engine.models()).rejects.toThrow(failure('EFETCH', 'HTTP 500'));
  expect(await engine.models()).toEqual([{ id: 'm', title: 'M', path: 'models/m/', bytes: 5, sha256: 'ab' }]);
  await expect(engine.load('x')).rejects.toThrow(failure('EFETCH', 'there are: m'));
  await createEngine({ base: '../other/' }).models();
  expect(asked).toEqual(['http://localhost/page/models/manifest.json', 'http://localhost/page/models/manifest.json', 'http://localhost/other/models/manifest.json']);
});
