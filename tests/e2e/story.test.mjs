// The first minute: what the page opens on comes out of the model, and a head that is switched off changes it.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, predictions, selectionOf, settled, start, storyText } from './lib/browser.mjs';
import { CONFIG, blindHeads, hsRun, inductionScores, patternOf, swapHeads, withWeights } from './lib/model.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const zero = ({ layer, head }) => ({ hook: `blocks.${layer}.attn.hook_z`, heads: [head], op: 'zero' });
const CLOSE = 1e-4;

/** The predictions shown are those of `hs run` with these edits, and those before are of the run without. */
async function assertPredictions(page, ids, dest, edits) {
  const shown = await predictions(page);
  const [plain, edited] = [hsRun(ids, { capture: ['logits'] }), hsRun(ids, { edits, capture: ['logits'] })];
  const probability = (run, id) => {
    const { shape, data } = run.tensors.get('logits');
    const row = data.subarray(dest * shape[1], (dest + 1) * shape[1]);
    const top = Math.max(...row);
    return Math.exp(row[id] - top) / row.reduce((sum, x) => sum + Math.exp(x - top), 0);
  };
  assert.ok(shown.length >= 5);
  for (const { id, before: was, now } of shown) {
    assert.ok(Math.abs(now - probability(edited, id)) <= CLOSE, `token ${id}: ${now} against ${probability(edited, id)}`);
    if (was !== null) assert.ok(Math.abs(was - probability(plain, id)) <= CLOSE, `token ${id} before`);
  }
  const best = edited.top[dest].ids[0];
  assert.ok(shown.some(({ id }) => id === best), 'the likeliest token is among those shown');
  return shown;
}

test('opens on the strongest induction head of this run, with its number', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const ids = await idsOf(page);
  const { layer, head, dest, src } = await selectionOf(page);
  const run = hsRun(ids, { capture: ['*hook_pattern'] });
  const [best] = inductionScores(run, ids);
  assert.deepEqual({ layer, head }, { layer: best.layer, head: best.head });
  assert.equal(ids[src - 1], ids[dest], 'the source follows an earlier occurrence of the destination');
  const weight = patternOf(run, best)[dest * ids.length + src];
  assert.match(
    (await storyText(page)).replaceAll('\u2423', ''),
    new RegExp(`^L${layer}H${head} looks from the \\w+ \\S+ to the (word|token) that followed the \\w+ one, \\S+ \\(${weight.toFixed(2)} of its attention\\)\\.$`),
  );
  await assertPredictions(page, ids, dest, []);
  assert.deepEqual(complaints, []);
  await close();
});

test('another model file, another sentence: the same weights with two heads exchanged', async () => {
  const first = await site.open();
  await settled(first.page);
  const { layer, head, dest, src } = await selectionOf(first.page);
  const told = await storyText(first.page);
  await first.close();
  const other = (head + 1) % CONFIG.n_heads;
  const { page, complaints, close } = await site.open({}, (p) => withWeights(p, swapHeads(layer, head, other)));
  await settled(page);
  assert.deepEqual(await selectionOf(page), { layer, head: other, dest, src });
  assert.equal(await storyText(page), told.replace(`L${layer}H${head}`, `L${layer}H${other}`));
  assert.deepEqual(complaints, []);
  await close();
});

test('a model without induction is told as that', async () => {
  const layers = Array.from({ length: CONFIG.n_layers }, (_, l) => l);
  const { page, close } = await site.open({}, (p) => withWeights(p, blindHeads(layers)));
  await settled(page);
  assert.match(await storyText(page), /^No head copies here \(the best, L\dH\d, has induction 0\.\d\d of 1\)\. /);
  await close();
});

test('switching a head off gives the predictions of hs run with the same edit, before beside now', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const ids = await idsOf(page);
  const chosen = await selectionOf(page);
  const original = await predictions(page);
  await after(page, () => page.getByRole('button', { name: 'Switch it off' }).click());
  const now = await assertPredictions(page, ids, chosen.dest, [zero(chosen)]);
  assert.ok(now.some(({ before: was, now: is }) => Math.abs(was - is) > 10 * CLOSE), 'the head mattered');
  assert.match(await storyText(page), new RegExp(`^Without L${chosen.layer}H${chosen.head}, `));
  assert.match(await page.locator('.chip').innerText(), new RegExp(`ablate L${chosen.layer}H${chosen.head}\\s+z = 0, all positions`));

  // A second head beside the first.
  const second = { layer: 0, head: 0 };
  await page.locator(`[data-head="${second.layer} ${second.head}"]`).click();
  await after(page, () => page.getByRole('button', { name: 'Switch L0H0 off too' }).click());
  await assertPredictions(page, ids, chosen.dest, [zero(chosen), zero(second)]);
  assert.equal(await page.locator('.chip').count(), 2);

  // Muted, it is kept but not applied; removed, it is gone; cleared, the model is as it was trained.
  await after(page, () => page.getByRole('button', { name: 'Mute ablate L0H0' }).click());
  await assertPredictions(page, ids, chosen.dest, [zero(chosen)]);
  await after(page, () => page.getByRole('button', { name: `Remove ablate L${chosen.layer}H${chosen.head}` }).click());
  await assertPredictions(page, ids, chosen.dest, []);
  await page.getByRole('button', { name: 'Clear' }).click();
  await settled(page);
  assert.deepEqual(await predictions(page), original);
  assert.deepEqual(complaints, []);
  await close();
});

test('undo and redo go through texts and interventions', async () => {
  const { page, close } = await site.open();
  await settled(page);
  const texts = async () => (await page.locator('.tok').allInnerTexts()).slice(1).join('').replaceAll('\u2423', ' ');
  const first = await texts();
  await after(page, () => page.getByRole('button', { name: 'Switch it off' }).click());
  await after(page, () => page.getByRole('button', { name: 'A B C', exact: true }).click());
  const second = await texts();
  assert.notEqual(second, first);
  await after(page, () => page.keyboard.press('Control+z'));
  assert.equal(await texts(), first);
  assert.equal(await page.locator('.chip').count(), 1);
  await after(page, () => page.getByRole('button', { name: 'Undo' }).click());
  assert.equal(await page.locator('.chip').count(), 0);
  assert.ok(await page.getByRole('button', { name: 'Undo' }).isDisabled());
  await after(page, () => page.getByRole('button', { name: 'Redo' }).click());
  await after(page, () => page.keyboard.press('Control+Shift+z'));
  assert.equal(await texts(), second);
  assert.equal(await page.locator('.chip').count(), 1);
  await close();
});
