// Every committed fixture through the native program: node --test tests/golden/*.test.mjs
// HS=build/sanitize/hs runs them under the sanitizers. Prints the worst ratio of each kind of tensor.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { native } from './native.mjs';
import { checkDrawn, checkPaths, checkReads, checkSteers, checkSweeps } from './read_walk.mjs';
import { checkCaptures, checkEdits, checkGenerations, checkGradients, checkHooks, checkIdentities, checkProcesses, demand, modelsWith, worst } from './walk.mjs';

const kept = new Map();

function check(kind, checkModel, nModels) {
  const those = modelsWith(kind);
  test(`${kind}: enough models are compared`, () => assert.ok(those.length >= nModels, `${those.length} models, at least ${nModels} are meant`));
  for (const model of those)
    test(`${kind}: ${model}`, async () => {
      const findings = await checkModel(native, model);
      kept.set(kind, [...(kept.get(kind) ?? []), ...findings]);
      demand(findings);
    });
}

check('hooks', checkHooks, 17);
check('edits', checkEdits, 17);
check('identities', checkIdentities, 7);
check('gradients', checkGradients, 14);
check('reads', checkReads, 15);
check('paths', checkPaths, 10);
check('steers', checkSteers, 9);
check('sweeps', checkSweeps, 7);
check('generations', checkGenerations, 11);
check('processes', checkProcesses, 11);

test('reads: a wrong number in any array, a wrong sum and a wrong label are found', async () => {
  const spoilt = (spoil) => ({
    read(model, document) {
      const got = native.read(model, document);
      spoil(got);
      return got;
    },
  });
  const faults = [
    (got) => { for (const { data } of got.arrays.values()) if (data.length) data[data.length - 1] += 0.3; },
    ({ arrays }) => { if (arrays.has('sum')) arrays.get('sum').data[0] += 1e-3; },
    ({ arrays }) => { if (arrays.has('error')) arrays.get('error').data[0] += 1e-3; },
    ({ axes }) => { if (axes.part) axes.part[0] = 'L0H0'; },
  ];
  const readings = [17, 6, 6, 7]; // how many kinds of reading have what that fault spoils
  for (const [i, spoil] of faults.entries()) {
    const broken = (await checkReads(spoilt(spoil), 'ones')).filter(({ problem }) => problem);
    const found = new Set(broken.map(({ document }) => document.read + (document.by ?? '')));
    assert.ok(found.size >= readings[i], `fault ${i}: found in ${[...found]}`);
  }
});

test('heads on random tokens: what the same tokens give as a text', async () => {
  for (const model of ['gpt2_shaped', 'attn_only_shortformer', 'stories-2l']) demand(await checkDrawn(native, model));
});

test('captures alone: as beside all others', async () => {
  for (const model of ['odd_gelu_ln', 'ln_solu_ln', 'lnpre_silu_shards']) demand(await checkCaptures(native, model));
});

after(() => {
  for (const [kind, findings] of kept) {
    console.log(`${kind}: ${findings.length} tensors, worst difference / allowed`);
    for (const [name, ratio] of worst(findings)) console.log(`  ${ratio.toFixed(4).padStart(9)}  ${name}`);
  }
});
