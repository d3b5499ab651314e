// Every committed fixture through the native program: node --test tests/golden/*.test.mjs
// HS=build/sanitize/hs runs them under the sanitizers. Prints the worst ratio of each kind of tensor.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { native } from './native.mjs';
import { checkCaptures, checkEdits, checkGradients, checkHooks, checkIdentities, demand, modelsWith, worst } from './walk.mjs';

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

test('captures alone: as beside all others', async () => {
  for (const model of ['odd_gelu_ln', 'ln_solu_ln', 'lnpre_silu_shards']) demand(await checkCaptures(native, model));
});

after(() => {
  for (const [kind, findings] of kept) {
    console.log(`${kind}: ${findings.length} tensors, worst difference / allowed`);
    for (const [name, ratio] of worst(findings)) console.log(`  ${ratio.toFixed(4).padStart(9)}  ${name}`);
  }
});
