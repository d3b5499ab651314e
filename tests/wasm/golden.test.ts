/** The golden fixtures through the .wasm: within the tolerance of TransformerLens and PyTorch, and bit for
 *  bit what the native program gives. */
import { beforeAll, describe, expect, test } from 'vitest';
import { compareAll, compareBits } from '../golden/compare.mjs';
import { native } from '../golden/native.mjs';
import { checkEdits, checkGradients, checkHooks, checkIdentities, demand, models } from '../golden/walk.mjs';
import type { GradientRequest } from '../../site/src/engine/types';
import { createAdapter, root, type Case } from './core';

type Adapter = Awaited<ReturnType<typeof createAdapter>>;
let wasm: Adapter;
beforeAll(async () => {
  wasm = await createAdapter();
});

/** native.mjs takes what is absent as undefined. */
const program = native as unknown as {
  run(model: string, request: Case): Awaited<ReturnType<Adapter['run']>>;
  grad(model: string, request: GradientRequest): Awaited<ReturnType<Adapter['grad']>>;
};

/** Both ways of running, compared bit for bit; what it returns is the wasm's answer. */
const beside: Adapter = {
  async run(model, request) {
    const ours = await wasm.run(model, request);
    demand(compareAll(program.run(model, request), ours, compareBits));
    return ours;
  },
  async grad(model, request) {
    const ours = await wasm.grad(model, request);
    const theirs = program.grad(model, request);
    demand(compareAll(theirs.tensors, ours.tensors, compareBits));
    expect(ours.metric, 'metric').toBe(theirs.metric);
    return ours;
  },
};

const checks = { hooks: checkHooks, edits: checkEdits, identities: checkIdentities, gradients: checkGradients };
for (const [kind, check] of Object.entries(checks))
  describe(`${kind}: as the reference, and natively the same bits`, () => {
    let compared = 0;
    test.each(models)('%s', async (model: string) => {
      const findings = await check(beside, model);
      compared += findings.length;
      if (findings.length > 0) demand(findings);
    });
    test('something was compared', () => expect(compared).toBeGreaterThan(100));
  });

test('the walker finds a wrong number', async () => {
  const [model] = models;
  const spoilt = {
    ...wasm,
    async run(folder: string, request: Case) {
      const tensors = await wasm.run(folder, request);
      const [first] = tensors.values();
      if (first) first.data[0] = (first.data[0] ?? 0) + 1;
      return tensors;
    },
  };
  const findings = await checkHooks(spoilt, model);
  expect(() => demand(findings)).toThrow('differ');
  expect(findings.some(({ problem }: { problem: string | null }) => problem)).toBe(true);
});

describe('stories-2l', () => {
  const folder = `${root}models/stories-2l`;
  const ids = [0, 464, 318, 257, 1200, 31, 464, 318, 257, 2000, 1999, 5, 1];
  const requests: Record<string, Case> = {
    'every hook': { ids, capture: ['*'] },
    'a head switched off': { ids, capture: ['*'], edits: [{ hook: 'blocks.1.attn.hook_z', heads: [0, 3], op: 'zero' }] },
    'a patch from another run': {
      ids, capture: ['*'], runs: { B: [...ids].reverse() },
      edits: [{ hook: 'blocks.0.hook_resid_post', positions: [4, -1], op: 'patch', value: { run: 'B' } }],
    },
  };
  test.each(Object.entries(requests))('natively the same bits: %s', async (_, request) => {
    const tensors = await beside.run(folder, request);
    expect(tensors.size).toBeGreaterThan(20);
  });
});
