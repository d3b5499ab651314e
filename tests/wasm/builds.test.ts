/** The builds of the core that a browser may get, and the tile that is chosen in it. */
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { compareAll, compareBits } from '../golden/compare.mjs';
import { checkPaths, checkReads, checkSteers, checkSweeps } from '../golden/read_walk.mjs';
import { checkEdits, checkGenerations, checkGradients, checkHooks, checkIdentities, demand, modelFolder, models, modelsWith } from '../golden/walk.mjs';
import { N_TILES } from '../../site/src/engine/abi.gen';
import { pickBuild } from '../../site/src/engine/wasm';
import { createCore } from '../../site/src/worker/core';
import { sharedMemory, startThreads } from '../../site/src/worker/threads';
import { chooseTile } from '../../site/src/worker/tune';
import { instantiate } from '../../site/src/worker/wasm';
import { build, createAdapter, modelFiles, relaxedBytes, root, steady, wasmBytes } from './core';

test('the relaxed build is picked where it is valid, and not where the baseline one is asked for', () => {
  const asked = (query: string) => pickBuild(new URLSearchParams(query));
  expect(asked('').wasm === 'hookscope-relaxed').toBe(WebAssembly.validate(relaxedBytes));
  expect(asked('wasm=relaxed')).toEqual(asked(''));
  expect(asked('wasm=baseline')).toEqual({ wasm: 'hookscope', threads: 1 });
  expect(asked('threads=4').threads, 'not isolated').toBe(1);
  vi.stubGlobal('crossOriginIsolated', true);
  expect(asked('wasm=baseline&threads=4')).toEqual({ wasm: 'hookscope-shared', threads: 4 });
  expect(asked('threads=100').threads).toBe(8);
  expect(asked('wasm=baseline&threads=1')).toEqual({ wasm: 'hookscope', threads: 1 });
  vi.unstubAllGlobals();
});

test('all have one interface; the shared ones take their memory, the others give it', () => {
  const [own, ...others] = [wasmBytes, relaxedBytes, build('hookscope-shared'), build('hookscope-relaxed-shared')].map((bytes) => {
    const module = new WebAssembly.Module(bytes);
    const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).filter((name) => name !== 'memory').sort();
    return [names(WebAssembly.Module.imports(module)), names(WebAssembly.Module.exports(module))];
  });
  for (const other of others) expect(other).toEqual(own);
});

/** thread.ts, as a thread of Node. */
const THREAD = `
  const { module, memory, stack } = require('node:worker_threads').workerData;
  const { exports } = new WebAssembly.Instance(module, { env: { memory, emscripten_notify_memory_growth() {} } });
  exports._emscripten_stack_restore(stack);
  exports.hsw_help();`;

test('1, 2 and 4 threads: the same bits', async () => {
  const ids = Array.from({ length: 101 }, (_, i) => (i * 311) % 2048);
  const plain = await createCore(wasmBytes);
  await plain.load(modelFiles(`${root}models/stories-gelu-4l`));
  const { data } = (await plain.run({ ids }, steady)).logits;
  for (const n of [1, 2, 4]) {
    const workers: Worker[] = [];
    const core = await createCore(build('hookscope-shared'), (wasm) => startThreads(wasm, n, (thread) => {
      workers.push(new Worker(THREAD, { eval: true, workerData: thread }));
    }), sharedMemory());
    await Promise.all(workers.map((worker) => new Promise((there) => worker.once('online', there))));
    await core.load(modelFiles(`${root}models/stories-gelu-4l`));
    for (let turn = 0; turn < 5; turn++) {
      expect((await core.run({ ids: [...ids].reverse() }, steady)).logits.data).not.toEqual(data); // not what is kept
      core.forget();
      expect((await core.run({ ids }, steady)).logits.data).toEqual(data);
      core.forget();
    }
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});

type Adapter = Awaited<ReturnType<typeof createAdapter>>;
describe('relaxed: within the tolerance of the reference', () => {
  let relaxed: Adapter;
  beforeAll(async () => {
    relaxed = await createAdapter(relaxedBytes);
  });
  const checks = {
    hooks: checkHooks, edits: checkEdits, identities: checkIdentities, gradients: checkGradients, reads: checkReads, paths: checkPaths, steers: checkSteers,
    sweeps: checkSweeps, generations: checkGenerations,
  };
  for (const [kind, check] of Object.entries(checks))
    test.each(modelsWith(kind))(`${kind} of %s`, async (model: string) => demand(await check(relaxed, model)));

  test('its bits are its own: fused products round once', async () => {
    const [model = ''] = models;
    const request = { ids: [1, 2, 3, 4, 5], capture: ['*'] };
    const [ours, theirs] = [await relaxed.run(modelFolder(model), request), await (await createAdapter()).run(modelFolder(model), request)];
    expect(() => demand(compareAll(theirs, ours, compareBits))).toThrow('differ');
  });
});

describe('the tile', () => {
  test('the fastest by the clock is chosen', async () => {
    for (let fast = 0; fast < N_TILES; fast++) {
      const wasm = await instantiate(wasmBytes);
      let time = 0;
      let used = -1;
      const core = {
        ...wasm.core,
        hs_trial: (tile: number) => void (time += tile === fast ? 0.5 : 1),
        hsw_use_tile: (tile: number) => void (used = tile),
      };
      expect(chooseTile({ ...wasm, core }, () => time)).toBe(fast);
      expect(used).toBe(fast);
    }
  });

  test('a clock that ticks once in a millisecond will do', async () => {
    const wasm = await instantiate(wasmBytes);
    let time = 0;
    const core = { ...wasm.core, hs_trial: (tile: number) => void (time += tile === 2 ? 0.4 : 0.8) };
    expect(chooseTile({ ...wasm, core }, () => Math.floor(time))).toBe(2);
  });

  test('every tile gives the same bits', async () => {
    const folder = `${root}models/stories-2l`;
    const ids = Array.from({ length: 37 }, (_, i) => (i * 311) % 2048);
    const outcomes = [];
    for (let tile = 0; tile < N_TILES; tile++) {
      const core = await createCore(wasmBytes, (wasm) => wasm.core.hsw_use_tile(tile));
      await core.load(modelFiles(folder));
      outcomes.push((await core.run({ ids }, steady)).logits.data);
    }
    for (const logits of outcomes) expect(logits).toEqual(outcomes[0]);
  });
});
