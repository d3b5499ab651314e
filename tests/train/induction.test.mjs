/* docs/induction.md: it is what its figures make of it, and a part of the figures is measured again. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withRuns } from '../../models/hs.mjs';
import { ends, expected, halves, isRight, pairsOf, patchPair, sequencesOf } from '../../models/induction.mjs';
import { pages } from '../../models/inductionPage.mjs';

const local = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const figures = JSON.parse(readFileSync(local('models/stories-2l/induction.json'), 'utf8'));
const { circuit } = figures;
const near = (found, said, tolerance, what) => assert.ok(Math.abs(found - said) <= tolerance, `${what}: ${found}, the document has ${said}`);

for (const [path, text] of Object.entries(pages(figures))) {
  test(`${path} is what the figures make of it`, () => assert.equal(readFileSync(local(path), 'utf8'), text));
}

for (const kind of ['random', 'text']) {
  test(`${kind}: what the named path carries, for the first pairs of each change`, () => {
    const { senders, receivers } = ends(circuit);
    const named = (list, name) => list.filter(([candidate]) => candidate === name).map(([, nodes]) => nodes);
    for (const [change, [sender, receiver]] of Object.entries(expected(circuit))) {
      const document = { senders: named(senders, sender), receivers: named(receivers, receiver) };
      const found = pairsOf(kind, change).slice(0, 8).map((pair) => patchPair('path', document, pair, 'denoise')).filter(isRight);
      assert.ok(found.length >= 3, `${found.length} of 8 pairs are right`);
      found.forEach(({ clean, corrupted, moved }, i) => near(moved[0] / (clean - corrupted), figures.patching[kind][change].each[i], 2e-4, `${change}, pair ${i}`));
    }
  });

  test(`${kind}: the loss of the first sequences, whole and without the induction heads`, () => {
    const [ids] = sequencesOf()[kind];
    const edits = [{ hook: 'blocks.1.attn.hook_z', heads: circuit.induction, op: 'zero' }];
    const { second, groups } = figures.ablation[kind];
    withRuns(local('models/stories-2l'), (run) => {
      near(halves(run, ids, []).second, second[0], 2e-4, 'whole');
      near(halves(run, ids, edits).second, groups.find(({ name }) => name === 'induction').second[0], 2e-4, 'ablated');
    });
  });
}

test('the path of the document is three whole runs, told as edits', () => {
  const [pair] = pairsOf('random', 'key');
  const [sender, receiver] = [`L0H${circuit.previous}`, circuit.induction.map((h) => `L1H${h}.k`)];
  const found = patchPair('path', { senders: [sender], receivers: [receiver] }, pair, 'denoise');
  const difference = (logits) => {
    const last = logits.data.subarray(-logits.shape[1]);
    return last[pair.correct] - last[pair.wrong];
  };
  withRuns(local('models/stories-2l'), (run) => {
    const [z, k] = ['blocks.0.attn.hook_z', 'blocks.1.attn.hook_k'];
    const at = (tensor, t, h) => [...tensor.data.subarray((t * 8 + h) * 32, (t * 8 + h + 1) * 32)];
    const positions = pair.clean.map((_, t) => t);
    const sent = run(pair.clean, { capture: [z] }).get(z);
    const first = positions.map((t) => ({ hook: z, positions: [t], heads: [circuit.previous], op: 'set', value: at(sent, t, circuit.previous) }));
    const received = run(pair.corrupted, { edits: first, capture: [k] }).get(k);
    const last = positions.flatMap((t) => circuit.induction.map((h) => ({ hook: k, positions: [t], heads: [h], op: 'set', value: at(received, t, h) })));
    const patched = difference(run(pair.corrupted, { edits: last, capture: ['logits'] }).get('logits'));
    near(patched - difference(run(pair.corrupted, { capture: ['logits'] }).get('logits')), found.moved[0], 1e-4, 'by edits');
  });
});
