// Every committed fixture through the native program: node --test tests/golden/*.test.mjs
// HS=build/sanitize/hs runs them under the sanitizers. Prints the worst ratio of each kind of tensor.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { native } from './native.mjs';
import { checkCaptures, checkEdits, checkGradients, checkHooks, checkIdentities, demand, models, worst } from './walk.mjs';

const kept = new Map();

function check(kind, checkModel, nModels) {
  let n = 0;
  for (const model of models)
    test(`${kind}: ${model}`, async (t) => {
      const findings = await checkModel(native, model);
      if (!findings.length) return t.skip('this model has no such case');
      n++;
      kept.set(kind, [...(kept.get(kind) ?? []), ...findings]);
      demand(findings);
    });
  test(`${kind}: enough models were compared`, () => assert.ok(n >= nModels, `${n} models, at least ${nModels} are meant`));
}

check('hooks', checkHooks, 17);
check('edits', checkEdits, 16);
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
