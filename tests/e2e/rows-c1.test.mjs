// C1 and C6: ablation of every head or neuron, or of attention and MLPs by position: zero, mean, mean by position, resampled; by loss
// or by a metric; of a set of pairs. All induction heads at once: the in-context loss before and after. Numbers are those of `hs ablate`, `hs detect` and `hs predictions`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, axe, idsOf, PHONE, settled, start } from './lib/browser.mjs';
import { hsRead, hsRun, idOf, modelOf } from './lib/model.mjs';
import { hsStudy, largest, offeredSet, openPair, openStudy, says } from './lib/patch.mjs';
import { linkByPointer } from './lib/person.mjs';
import { choose, compare, inspects, numberOf, picture, shows, tableOf, useModel } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const ABLATIONS = 'the ablations';

for (const [id, name] of [['stories-2l', 'refrain'], ['stories-gelu-4l', 'he or she']])
  test(`${id}: every ablation, by loss and by the metric`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    await openStudy(page, 'Ablation');
    const [correct, wrong] = words.map(idOf);
    const metric = { kind: 'logit_diff', position: -1, correct, wrong };
    let document = { read: 'ablate', prompts: [clean], what: 'z', by: 'layer,head', op: 'zero', metric };
    const assertNow = async () => {
      await shows(page, ABLATIONS, document);
      const hs = hsStudy(document, model);
      compare((await tableOf(page, ABLATIONS)).values, [...hs.values].map((value) => value - hs.base), JSON.stringify(document));
      // The sentence: a loss that rises is harm, a logit difference that falls is.
      const ofLoss = document.metric.kind === 'loss';
      const harm = [...hs.values].map((value) => (ofLoss ? 1 : -1) * (value - hs.base));
      const worst = largest(harm);
      const cols = document.what === 'z' ? model.shape.n_heads : clean.length;
      const part = document.what === 'z' ? `L${Math.floor(worst / cols)}H${worst % cols}` : `${document.what} L${Math.floor(worst / cols)} at position ${worst % cols}`;
      assert.ok(harm[worst] > 0.01, 'something is missed');
      const without = { zero: `Without ${part}`, mean: `With ${part} at its mean over the text`,
        position_mean: `With ${part} at its mean there over A and B`, resample: `With ${part} as it is in B` }[document.op];
      await says(page, `${without} the ${ofLoss ? 'mean loss rises' : 'logit difference falls'} from `);
      const [, from, to] = /(?:rises|falls) from (\S+) to ([^\s:]+)/.exec(await page.locator('.story p').innerText()).map(numberOf);
      compare([from, to], [hs.base, hs.values[worst]].map((x) => Number(x.toPrecision(3))), part);
    };
    // It begins with what the pair is about.
    await assertNow();
    await choose(page, 'Judged by', 'loss');
    document = { ...document, metric: { kind: 'loss', from: 0 } };
    await assertNow();
    await choose(page, 'What takes its place', 'mean');
    document = { ...document, op: 'mean' };
    await assertNow();
    await choose(page, 'What takes its place', 'mean by position');
    document = { ...document, op: 'position_mean', over: [clean, corrupted] };
    await assertNow();
    await choose(page, 'What takes its place', 'resample');
    document = { ...document, op: 'resample', over: [corrupted] };
    await assertNow();
    await choose(page, 'Judged by', 'metric');
    document = { ...document, metric };
    await assertNow();
    for (const [word, what] of [['attention', 'attn_out'], ...(id === 'stories-2l' ? [] : [['MLPs', 'mlp_out']])]) {
      await choose(page, 'What is ablated', word);
      document = { ...document, what, by: 'layer,position' };
      await assertNow();
    }
    assert.deepEqual(complaints, []);
    await close();
  });

test('stories-gelu-4l: every neuron of a layer by itself; the one that is missed most is selected, switched off, undone; the link', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const model = modelOf('stories-gelu-4l');
  const { n_layers, d_mlp } = { ...model.shape, d_mlp: 1024 };
  await useModel(page, 'stories-gelu-4l');
  const { clean, corrupted, words } = await openPair(page, 'he or she');
  await openStudy(page, 'Ablation');
  const [correct, wrong] = words.map(idOf);
  const metric = { kind: 'logit_diff', position: -1, correct, wrong };
  let document = { read: 'ablate', prompts: [clean], what: 'post', by: 'layer,neuron', layers: [n_layers - 1], op: 'zero', metric };
  const assertNow = async () => {
    await shows(page, ABLATIONS, document);
    const hs = hsStudy(document, model);
    assert.equal(hs.values.length, d_mlp);
    const { rows, cols, values } = await tableOf(page, ABLATIONS);
    assert.deepEqual([rows.length, rows[1], cols.length], [32, 'N32', 32]);
    compare(values, [...hs.values].map((value) => value - hs.base), JSON.stringify(document));
    return hs;
  };
  await page.locator('.heatmap-lock').first().waitFor();
  await choose(page, 'What is ablated', 'neurons');
  await assertNow();
  // The head that was marked is none of the neurons.
  assert.equal(await page.locator('.heatmap-lock').count(), 0);
  await page.locator('aside.inspector').getByText('Point at a neuron, or press one').waitFor();
  assert.equal(await page.getByRole('button', { name: /^Switch L\dH\d off/ }).count(), 0);
  await choose(page, 'What takes its place', 'mean by position');
  document = { ...document, op: 'position_mean', over: [clean, corrupted] };
  await assertNow();
  await page.getByRole('combobox', { name: 'layer', exact: true }).selectOption('1');
  await choose(page, 'What takes its place', 'zero');
  document = { ...document, layers: [1], op: 'zero', over: undefined };
  const hs = await assertNow();

  // By the keyboard: the largest cell, which the map's own key goes to.
  const changes = [...hs.values].map((value) => Math.abs(value - hs.base));
  const most = largest(changes);
  assert.equal(await picture(page, ABLATIONS).locator('p button').first().innerText(), `N${most}`);
  const grid = picture(page, ABLATIONS).locator('.heatmap-grid');
  await grid.focus();
  await page.keyboard.press('Control+Home');
  for (let i = 0; i < Math.floor(most / 32); i++) await page.keyboard.press('ArrowDown');
  for (let i = 0; i < most % 32; i++) await page.keyboard.press('ArrowRight');
  assert.match(await grid.getByRole('gridcell').getAttribute('aria-label'), new RegExp(`^L1 N${most}: change of the logit difference`));
  await page.keyboard.press('Enter');
  await inspects(page, `L1 N${most}`);
  assert.equal(await page.locator('.heatmap-lock').count(), 1);
  const off = page.getByRole('button', { name: `Switch L1 N${most} off`, exact: true });
  await after(page, () => off.click());
  const edits = [{ hook: 'blocks.1.mlp.hook_post', dims: [most, most + 1], op: 'zero' }];
  assert.deepEqual(await page.locator('.chip').evaluateAll((chips) => chips.map((chip) => chip.textContent.includes('zero at L1 N'))), [true]);
  // It is the ablation of that cell: the run with it has the metric of the map.
  const logits = hsRun(clean, { edits, capture: ['logits'], model }).tensors.get('logits');
  const last = logits.data.subarray(-logits.shape[1]);
  compare([last[correct] - last[wrong]], [hs.values[most]], 'the edit in force');
  await page.keyboard.press('Control+z');
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 0);
  const link = await linkByPointer(page);
  const other = await site.open(PHONE);
  await other.page.goto('about:blank');
  await other.page.goto(link);
  // Another model than the page's first waits for a word.
  await other.page.getByRole('button', { name: /^Load / }).click();
  await settled(other.page);
  await shows(other.page, ABLATIONS, document);
  await axe(other.page, 'neurons, on a phone');
  assert.deepEqual(other.complaints, []);
  await other.close();
  assert.deepEqual(complaints, []);
  await close();
});

test('a set of pairs: by loss its prompts A are ablated, by the metric the shown one; means are over A and B of all', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { clean, corrupted, words } = await openPair(page, 'refrain');
  const [correct, wrong] = words.map(idOf);
  await choose(page, 'Pairs', 'all 4 of “refrain”');
  await openStudy(page, 'Ablation');
  const pairs = offeredSet('stories-2l', 'refrain');
  const both = pairs.flatMap((pair) => [pair.clean, pair.corrupted]);
  const of = { read: 'ablate', what: 'z', by: 'layer,head' };
  const assertNow = async (document) => {
    await shows(page, ABLATIONS, document);
    const hs = hsStudy(document);
    compare((await tableOf(page, ABLATIONS)).values, [...hs.values].map((value) => value - hs.base), JSON.stringify(document));
  };
  const metric = { kind: 'logit_diff', position: -1, correct, wrong };
  await assertNow({ ...of, prompts: [clean], op: 'zero', metric });
  await choose(page, 'What takes its place', 'mean by position');
  await assertNow({ ...of, prompts: [clean], op: 'position_mean', over: both, metric });
  await page.getByText(/^means from all 4 pairs; measured on the shown prompt A; nothing ablated/).waitFor();
  await page.getByText(/^answers: .* − .*, the shown pair’s$/).waitFor();
  await choose(page, 'What takes its place', 'resample');
  await assertNow({ ...of, prompts: [clean], op: 'resample', over: [corrupted], metric });
  await choose(page, 'Judged by', 'loss');
  const loss = { ...of, prompts: pairs.map((pair) => pair.clean), metric: { kind: 'loss', from: 0 } };
  await assertNow({ ...loss, op: 'resample', over: pairs.map((pair) => pair.corrupted) });
  for (const [word, op] of [['mean', 'mean'], ['mean by position', 'position_mean']]) {
    await choose(page, 'What takes its place', word);
    await assertNow({ ...loss, op, over: both });
  }
  await page.getByText(/^mean over the 4 prompts A; nothing ablated/).waitFor();
  assert.equal(await page.getByText(/^answers: /).count(), 0, 'a loss has no answers');
  assert.deepEqual(complaints, []);
  await close();
});

test('all heads of a kind at once: which they are, the loss before and after, and the button that does it', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await page.getByRole('button', { name: 'Patch', exact: true }).click();
  // It takes one prompt, and is then judged by the loss.
  await openStudy(page, 'Ablation');
  await shows(page, ABLATIONS, { read: 'ablate', prompts: [await idsOf(page)], what: 'z', by: 'layer,head', op: 'zero', metric: { kind: 'loss', from: 0 } });
  const family = page.getByRole('region', { name: 'All heads of a kind' });
  const kinds = [];
  for (const kind of ['induction', 'previous']) {
    await choose(page, 'Kind of head', kind === 'previous' ? 'previous-token heads' : 'induction heads');
    // What is told of this kind, once all of it is true: which heads, and each loss.
    const told = await (await page.waitForFunction((wanted) => {
      const region = document.querySelector('.family');
      const [says, rows] = [region?.querySelector('p[data-document]'), [...(region?.querySelectorAll('tbody tr') ?? [])]];
      if (region?.querySelector('button.ink')?.textContent !== wanted || [says, ...rows].some((it) => it.dataset.stale !== 'false' || !it.dataset.document)) return null;
      return {
        document: JSON.parse(says.dataset.document).document,
        heads: [...says.querySelectorAll('button')].map((button) => button.textContent),
        rows: rows.map((tr) => ({ document: JSON.parse(tr.dataset.document).document, at: tr.dataset.positions.split(',').map(Number), numbers: [...tr.querySelectorAll('td.num')].map((td) => td.title) })),
      };
    }, `Ablate all ${kind === 'previous' ? 'previous-token' : kind} heads`)).jsonValue();
    const { document, rows } = told;
    assert.deepEqual([document.read, document.on], ['detect', 'random']);
    const scores = [...hsRead({ v: 1, ...document }).arrays.get(kind).data];
    const wanted = scores.flatMap((score, i) => (score > 0.5 && (kind !== 'induction' || i >= 8) ? [`L${Math.floor(i / 8)}H${i % 8}`] : []));
    assert.ok(wanted.length > 0);
    kinds.push(...wanted.map((head) => `${head} ${kind}`));
    assert.deepEqual(told.heads, wanted);
    assert.equal(rows.length, 2);
    const edits = wanted.map((head) => ({ hook: `blocks.${head[1]}.attn.hook_z`, heads: [Number(head[3])], op: 'zero' }));
    for (const { document: { ids, edits: said }, at, numbers } of rows) {
      assert.deepEqual(said, edits);
      const loss = (of) => {
        const values = hsRead({ v: 1, read: 'predictions', ids, ...of }).arrays.get('loss').data;
        return at.reduce((sum, p) => sum + values[p], 0) / at.length;
      };
      compare(numbers.map(numberOf), [loss({}), loss({ edits })], `${kind}: before and after`);
    }
    // Random tokens, and the same again; what is told of is the second time.
    const { ids, at } = { ids: rows[0].document.ids, at: rows[0].at };
    assert.deepEqual(ids.slice(1, 26), ids.slice(26));
    assert.deepEqual(at, Array.from({ length: 24 }, (_, i) => 26 + i));
  }
  await choose(page, 'Kind of head', 'induction heads');
  const button = family.getByRole('button', { name: 'Ablate all induction heads', exact: true });
  await button.waitFor();
  await after(page, () => button.click());
  const chips = await page.locator('.chip-says').allTextContents();
  assert.deepEqual(chips.map((text) => /ablate (L\dH\d)/.exec(text)?.[1]), await family.locator('p button').allTextContents());
  await family.getByRole('button', { name: 'Switch them back on', exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('.chip').length === 0);
  // The sweep names the same heads, by the same scores, and says so.
  await openStudy(page, 'Sweep');
  await page.locator('.offers').getByRole('button', { name: 'which of two', exact: true }).click();
  await page.locator('.scale-bar').getByText(/on random tokens that stand twice/).waitFor();
  const { rows } = await tableOf(page, 'the sweep of the heads');
  assert.deepEqual(rows.filter((name) => / /.test(name)).sort(), kinds.sort());
  assert.deepEqual(complaints, []);
  await close();
});
