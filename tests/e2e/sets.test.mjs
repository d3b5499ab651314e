// A set of pairs on the Patch bench: every study is of all pairs of a ready-made task that are aligned, as means. The test builds the
// documents from the list that the pairs were made of; what the screen says is held against `hs` on them.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { axe, PHONE, settled, start } from './lib/browser.mjs';
import { hsRun, modelOf } from './lib/model.mjs';
import { byHead, byLayer, HEADS, hsStudy, offeredSet, openPair, openStudy, scoreOf, STREAM, WHOLE } from './lib/patch.mjs';
import { linkByPointer, tabTo } from './lib/person.mjs';
import { barsOf, choose, compare, numberOf, picture, pointAt, shows, tableOf, useModel } from './lib/screen.mjs';
import { paceUnits, watchUnits } from './lib/units.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const documentOf = (pairs, kind = 'logit_diff', direction = 'denoise') => ({ pairs, direction, metric: { kind, position: -1 } });
const pick = (page, task) => choose(page, 'Pairs', `all 4 of “${task}”`);

/** What the circuit's table says: [circuit, column]. */
const CIRCUIT = ['edges', 'faithfulness', 'completeness', 'metric', 'complement'];

for (const [id, task, sites] of [['stories-2l', 'refrain', ['resid_pre', 'attn_out']], ['stories-gelu-4l', 'he or she', ['resid_pre', 'attn_out', 'resid_mid', 'mlp_out']]])
  test(`${id}: sweeps, paths, estimates and circuits of a set are those of hs on all its pairs`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const one = await openPair(page, task);
    const pairs = offeredSet(id, task);
    assert.equal(pairs.length, 4);
    assert.deepEqual([one.clean, one.corrupted], [pairs[0].clean, pairs[0].corrupted]);
    const [layers, heads, positions] = [model.shape.n_layers, model.shape.n_heads, one.clean.length];
    await pick(page, task);
    for (const [kind, direction] of [['logit_diff', 'denoise'], ['log_prob', 'noise'], ['kl', 'denoise']]) {
      await page.getByRole('combobox', { name: 'metric' }).selectOption(kind);
      await choose(page, 'Direction', direction === 'noise' ? 'noise, B into A' : 'denoise, A into B');
      const set = documentOf(pairs, kind, direction);
      const byPosition = { read: 'sweep', ...set, what: sites, by: 'layer,position' };
      await shows(page, STREAM, byPosition);
      const stream = hsStudy(byPosition, model);
      compare((await tableOf(page, STREAM)).values, byLayer(stream.values, { sites: sites.length, layers, positions }).map(scoreOf(stream)), `${kind} ${direction}: the stream`);
      const ofHeads = { read: 'sweep', ...set, what: 'z', by: 'layer,position,head' };
      await shows(page, HEADS, ofHeads);
      const z = hsStudy(ofHeads, model);
      compare((await tableOf(page, HEADS)).values, byHead(z.values, { layers, heads, positions }).map(scoreOf(z)), `${kind} ${direction}: heads`);
      const whole = { read: 'sweep', ...set, what: 'z', by: 'layer,head' };
      await shows(page, WHOLE, whole);
      compare((await barsOf(page, WHOLE)).map(({ value }) => value), [...hsStudy(whole, model).values].map(scoreOf(z)), `${kind} ${direction}: whole heads`);
    }
    // The score of the means, which the page says, is not the mean of the pairs' scores.
    await page.getByRole('combobox', { name: 'metric' }).selectOption('logit_diff');
    const set = documentOf(pairs);
    const whole = { read: 'sweep', ...set, what: 'z', by: 'layer,head' };
    await shows(page, WHOLE, whole);
    const said = (await barsOf(page, WHOLE)).map(({ value }) => value);
    const each = pairs.map(({ clean, corrupted, correct, wrong }) => {
      const hs = hsStudy({ ...whole, pairs: undefined, clean, corrupted, metric: { ...whole.metric, correct, wrong } }, model);
      return [...hs.values].map(scoreOf(hs));
    });
    const mean = said.map((_, i) => each.reduce((sum, scores) => sum + scores[i], 0) / each.length);
    assert.ok(said.some((score, i) => Math.abs(score - mean[i]) > 1e-3), 'both would be the same: this shows nothing');
    await page.locator('.scale-bar').getByText('each m is the mean over the 4 pairs, so this is the score of the means, not the mean of scores').waitFor();

    await openStudy(page, 'Path patching');
    const paths = { read: 'path', ...set, senders: 'all', receivers: ['final'], mlps: 'recomputed' };
    await shows(page, 'path patching', paths);
    const path = hsStudy(paths, model);
    const values = new Map(path.axes.sender.map((name, i) => [name, path.values[i]]));
    await page.getByRole('button', { name: 'Table of path patching', exact: true }).click();
    const bars = await barsOf(page, 'path patching');
    await page.getByRole('button', { name: 'Table of path patching', exact: true }).click();
    assert.equal(bars.length, values.size);
    compare(bars.map(({ value }) => value), bars.map(({ name }) => scoreOf(path)(values.get(name))), 'paths');

    await openStudy(page, 'Attribution');
    const estimate = { read: 'attribute', ...set, what: 'z', by: 'layer,position,head', steps: 1, compare: true };
    await shows(page, 'the estimate by gradients', estimate);
    const by = hsStudy(estimate, model);
    compare((await tableOf(page, 'the estimate by gradients')).values, byHead(by.values, { layers, heads, positions }).map(scoreOf(by)), 'by gradients');
    compare((await tableOf(page, 'the true sweep')).values, byHead(by.arrays.get('sweep').data, { layers, heads, positions }).map(scoreOf(by)), 'by patching');

    await openStudy(page, 'Circuit');
    const figure = picture(page, 'the circuit');
    await page.waitForFunction(() => document.querySelector('figure.picture[aria-label="the circuit"]')?.dataset.stale === 'false', null, { timeout: 60_000 });
    const { counts } = JSON.parse(await figure.getAttribute('data-document')).document;
    const circuits = { read: 'circuit', ...set, steps: 1, counts };
    await shows(page, 'the circuit', circuits);
    const circuit = hsStudy(circuits, model);
    const wanted = counts.flatMap((_, i) => CIRCUIT.map((name) => circuit.arrays.get(name).data[i]));
    compare((await tableOf(page, 'the circuit')).values, wanted, 'circuits');
    assert.deepEqual(complaints, []);
    await close();
  });

test('one patch of a set: the inspector has the mean and the shown pair’s prediction, and says which is which', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await openPair(page, 'refrain');
  await pick(page, 'refrain');
  const pairs = offeredSet('stories-2l', 'refrain');
  const [{ clean, corrupted, correct, wrong }] = pairs;
  const document = { read: 'sweep', ...documentOf(pairs), what: 'z', by: 'layer,position,head' };
  await shows(page, HEADS, document);
  // Another pair has another token there.
  await page.locator('.story p').getByText(/^Over 4 pairs what differs is kept at position 3 \(here ␣bear\) until layer 1, /).waitFor();
  await pointAt(page, HEADS, [11, 11], [16, clean.length]);
  await page.mouse.down();
  await page.mouse.up();
  const inspector = page.locator('.patch-details');
  const told = () => page.waitForFunction(() => document.querySelector('.patch-details h2')?.textContent === 'z of L1H3, position 11' && !document.querySelector('.patch-details [data-stale="true"]'));
  await told();
  await inspector.getByText('mean of 4, at 11').waitFor();
  const one = (read, direction) => hsStudy({ ...document, read, direction, layers: [1], heads: [3], positions: [11] });
  const [straight, turned, slope] = [one('sweep', 'denoise'), one('sweep', 'noise'), one('attribute', 'denoise')];
  const numbers = async () => (await inspector.locator('.numbers').first().locator('> div').evaluateAll((all) => all.map((div) => div.title))).map((title) => numberOf(/(?:= |score )([^;]+)/.exec(title)[1]));
  const wanted = [straight, turned, slope].map((hs) => scoreOf(straight)(hs.values[0]));
  await page.waitForFunction(() => !document.querySelector('.patch-details .numbers')?.textContent.includes('…'));
  compare(await numbers(), wanted, 'of the set');
  // Of the shown pair alone: the prediction.
  const p = (ids, edits = [], runs = {}) => {
    const { shape, data } = hsRun(ids, { edits, runs, capture: ['logits'] }).tensors.get('logits');
    const row = [...data.subarray(-shape[1])];
    const sum = row.reduce((all, x) => all + Math.exp(x), 0);
    return (id) => Math.exp(row[id]) / sum;
  };
  const patched = p(corrupted, [{ hook: 'blocks.1.attn.hook_z', heads: [3], positions: [11], op: 'patch', value: { run: 'A' } }], { A: clean });
  const rows = await inspector.locator('.patch-next tbody tr').evaluateAll((all) => all.map((tr) => [Number(tr.querySelector('code').title.slice(3)), tr.querySelectorAll('td')[2].title.split(': ')[1]]));
  assert.ok(rows.some(([id]) => id === correct) && rows.some(([id]) => id === wrong));
  compare(rows.map(([, value]) => numberOf(value)), rows.map(([id]) => patched(id)), 'the prediction');
  // Where no picture has the patch it is asked for by itself.
  await openStudy(page, 'Circuit');
  await told();
  await page.waitForFunction(() => !document.querySelector('.patch-details .numbers')?.textContent.includes('…'));
  compare(await numbers(), wanted, 'of the set, in another study');
  // The other way round it is the same set, turned.
  await page.keyboard.press('x');
  await openStudy(page, 'Sweep');
  const swapped = pairs.map((pair) => ({ clean: pair.corrupted, corrupted: pair.clean, correct: pair.wrong, wrong: pair.correct }));
  await shows(page, HEADS, { ...document, ...documentOf(swapped) });
  assert.deepEqual(complaints, []);
  await close();
});

test('by the keyboard: a set is chosen, undone, sent as a link, and left with a pair that is of none', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { clean, corrupted } = await openPair(page, 'refrain');
  const pairs = offeredSet('stories-2l', 'refrain');
  const part = { read: 'sweep', what: 'z', by: 'layer,position,head', direction: 'denoise' };
  const single = { ...part, clean, corrupted, metric: { kind: 'logit_diff', position: -1, correct: pairs[0].correct, wrong: pairs[0].wrong } };
  const all = { ...part, ...documentOf(pairs) };
  await shows(page, HEADS, single);
  await page.getByRole('combobox', { name: /^pair/ }).focus();
  await tabTo(page, /^radio this pair/);
  await page.keyboard.press('ArrowRight');
  await shows(page, HEADS, all);
  const { values } = await tableOf(page, HEADS);
  await page.keyboard.press('Control+z');
  await shows(page, HEADS, single);
  await page.keyboard.press('Control+Shift+z');
  await shows(page, HEADS, all);
  const link = await linkByPointer(page);
  const other = await site.open(PHONE);
  await other.page.goto('about:blank');
  await other.page.goto(link);
  await settled(other.page);
  await shows(other.page, HEADS, all);
  assert.deepEqual((await tableOf(other.page, HEADS)).values, values, 'the link has the same numbers');
  await other.page.locator('details.settings summary').getByText('4 pairs').waitFor();
  await axe(other.page, 'a set, on a phone');
  assert.deepEqual(other.complaints, []);
  await other.close();
  // A pair of the same task, of another shape: studies are of it alone.
  await page.getByRole('combobox', { name: /^pair/ }).selectOption('5');
  const { clean: longer } = offeredSet('stories-2l', 'refrain', 6)[5];
  await page.waitForFunction((n) => document.querySelectorAll('.tok[data-at^="a"]').length === n, longer.length);
  assert.equal(await page.getByRole('radiogroup', { name: 'Pairs' }).count(), 0);
  await page.waitForFunction((n) => JSON.parse(document.querySelector('figure.picture[aria-label="the sweep of the heads"]')?.dataset.document ?? '{}').document?.clean?.length === n, longer.length);
  await axe(page, 'a pair of no set');
  assert.deepEqual(complaints, []);
  await close();
});

test('a set that is stopped: what is there is said to be means so far; run again it is whole', async () => {
  const { page, complaints, close } = await site.open({}, (page) => watchUnits(page, { slow: ['sweep'], unitMs: 0 }));
  await settled(page);
  await openPair(page, 'refrain');
  const pairs = offeredSet('stories-2l', 'refrain');
  const document = { read: 'sweep', ...documentOf(pairs), what: ['resid_pre', 'attn_out'], by: 'layer,position' };
  await paceUnits(page, 80);
  await pick(page, 'refrain');
  const progress = picture(page, STREAM).locator('.study-progress');
  await progress.getByText(/^\d+ %, means so far$/).waitFor();
  await page.getByRole('button', { name: `Cancel ${STREAM}`, exact: true }).click();
  await progress.getByText('stopped', { exact: true }).waitFor();
  await progress.getByText(/^\d+ %, means so far$/).waitFor();
  assert.equal(await picture(page, STREAM).getAttribute('data-stale'), 'true');
  await paceUnits(page, 0);
  await page.getByRole('button', { name: `Run ${STREAM} again`, exact: true }).click();
  await shows(page, STREAM, document);
  const hs = hsStudy(document);
  compare((await tableOf(page, STREAM)).values, byLayer(hs.values, { sites: 2, layers: 2, positions: pairs[0].clean.length }).map(scoreOf(hs)), 'run again');
  assert.deepEqual(complaints, []);
  await close();
});
