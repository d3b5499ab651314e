/** The golden fixtures through the .wasm: within the tolerance of TransformerLens and PyTorch, and bit for
 *  bit what the native program gives. */
import { beforeAll, describe, expect, test } from 'vitest';
import { compareAll, compareBits } from '../golden/compare.mjs';
import { native } from '../golden/native.mjs';
import { checkDrawn, checkPaths, checkReads, checkSteers, checkSweeps } from '../golden/read_walk.mjs';
import {
  checkEdits, checkGenerations, checkGradients, checkHooks, checkIdentities, checkProcesses, demand, models, modelsWith,
} from '../golden/walk.mjs';
import type { GeneratedToken, GradientRequest, ProcessName, ReadRequest } from '../../site/src/engine/types';
import { createAdapter, root, type Case, type GenerationCase } from './core';

type Adapter = Awaited<ReturnType<typeof createAdapter>>;
let wasm: Adapter;
beforeAll(async () => {
  wasm = await createAdapter();
});

/** native.mjs takes what is absent as undefined. */
const program = native as unknown as {
  run(model: string, request: Case): Awaited<ReturnType<Adapter['run']>>;
  grad(model: string, request: GradientRequest): Awaited<ReturnType<Adapter['grad']>>;
  read(model: string, request: ReadRequest): Awaited<ReturnType<Adapter['read']>>;
  generate(model: string, request: GenerationCase): Awaited<ReturnType<Adapter['generate']>>;
  process(model: string, kinds: readonly ProcessName[], ids: readonly number[]): Awaited<ReturnType<Adapter['process']>>;
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
  async read(model, request) {
    const ours = await wasm.read(model, request);
    const { arrays, ...theirs } = program.read(model, request);
    demand(compareAll(arrays, ours.arrays, compareBits));
    expect(ours).toMatchObject(theirs);
    return ours;
  },
  async generate(model, request) {
    const ours = await wasm.generate(model, request);
    const theirs = program.generate(model, request);
    demand([compareBits('logits', theirs.logits, ours.logits)]);
    expect(ours.end).toBe(theirs.end);
    expect(ours.tokens.map(rounded)).toEqual(theirs.tokens.map(rounded));
    return ours;
  },
  async process(model, kinds, ids) {
    const ours = await wasm.process(model, kinds, ids);
    const theirs = program.process(model, kinds, ids);
    demand([...compareAll(theirs.params, ours.params, compareBits), compareBits('logits', theirs.logits, ours.logits)]);
    return ours;
  },
};

/** Top probabilities are 32-bit floats, which the text has in fewer digits than a double. */
const rounded = ({ top_probs, ...token }: GeneratedToken) => ({ ...token, top_probs: top_probs.map(Math.fround) });

const checks = {
  hooks: checkHooks, edits: checkEdits, identities: checkIdentities, gradients: checkGradients, reads: checkReads, paths: checkPaths, steers: checkSteers, sweeps: checkSweeps, generations: checkGenerations,
  processes: checkProcesses,
};
for (const [kind, check] of Object.entries(checks))
  describe(`${kind}: as the reference, and natively the same bits`, () => {
    let compared = 0;
    test.each(modelsWith(kind))('%s', async (model: string) => {
      const findings = await check(beside, model);
      compared += findings.length;
      demand(findings);
    });
    test('something was compared', () => expect(compared).toBeGreaterThan(100));
  });

test('heads on random tokens: what the same tokens give as a text', async () => {
  for (const model of ['gpt2_shaped', 'attn_only_shortformer', 'stories-2l']) demand(await checkDrawn(beside, model));
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
