/** The builds of the core that a browser may get, and the tile that is chosen in it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { compareAll, compareBits } from '../golden/compare.mjs';
import { checkReads } from '../golden/read_walk.mjs';
import { checkEdits, checkGenerations, checkGradients, checkHooks, checkIdentities, demand, modelFolder, models, modelsWith } from '../golden/walk.mjs';
import { N_TILES } from '../../site/src/engine/abi.gen';
import { pickWasm } from '../../site/src/engine/wasm';
import { createCore } from '../../site/src/worker/core';
import { chooseTile } from '../../site/src/worker/tune';
import { instantiate } from '../../site/src/worker/wasm';
import { createAdapter, modelFiles, relaxedBytes, root, steady, wasmBytes } from './core';

test('the relaxed build is picked where it is valid, and not where the baseline one is asked for', () => {
  expect(pickWasm() === 'hookscope-relaxed').toBe(WebAssembly.validate(relaxedBytes));
  expect(pickWasm('relaxed')).toBe(pickWasm());
  expect(pickWasm('baseline')).toBe('hookscope');
});

test('both have one interface', () => {
  const [a, b] = [wasmBytes, relaxedBytes].map((bytes) => new WebAssembly.Module(bytes)).map((module) => [
    WebAssembly.Module.imports(module), WebAssembly.Module.exports(module),
  ]);
  expect(b).toEqual(a);
});

type Adapter = Awaited<ReturnType<typeof createAdapter>>;
describe('relaxed: within the tolerance of the reference', () => {
  let relaxed: Adapter;
  beforeAll(async () => {
    relaxed = await createAdapter(relaxedBytes);
  });
  const checks = { hooks: checkHooks, edits: checkEdits, identities: checkIdentities, gradients: checkGradients, reads: checkReads, generations: checkGenerations };
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
