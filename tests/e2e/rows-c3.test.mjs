// C3: path patching: any sender into any receiver, chosen on the drawing or by keys; both ways, MLPs frozen or recomputed.
// Each head's direct path into each later head. Numbers are those of `hs path` and `hs sweep`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { axe, PHONE, settled, start } from './lib/browser.mjs';
import { idOf, modelOf } from './lib/model.mjs';
import { hsStudy, largest, offeredSet, openPair, openStudy, says, scoreOf, two } from './lib/patch.mjs';
import { linkByPointer } from './lib/person.mjs';
import { choose, compare, numberOf, picture, shows, tableOf, useModel } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const PATHS = 'path patching';
const DIRECT = 'direct paths between heads';

/** The table twin of the bars: every path that there is, with its score. */
async function tableOfPaths(page) {
  const toggle = page.getByRole('button', { name: `Table of ${PATHS}`, exact: true });
  await toggle.click();
  const rows = await picture(page, PATHS).locator('table.signed tbody tr').evaluateAll((all) => all.map((tr) => [tr.querySelector('th').textContent, tr.querySelector('td.num').title]));
  await toggle.click();
  return new Map(rows.map(([name, value]) => [name, numberOf(value)]));
}

/** The page's paths are hs's, and no more. */
async function assertPaths(page, document, model) {
  await shows(page, PATHS, document);
  const hs = hsStudy(document, model);
  const labels = hs.axes[document.senders === 'all' ? 'sender' : 'receiver'];
  const there = labels.map((label, i) => [label, scoreOf(hs)(hs.values[i])]).filter(([, score]) => !Number.isNaN(score));
  const shown = await tableOfPaths(page);
  assert.deepEqual([...shown.keys()].sort(), there.map(([label]) => label).sort());
  compare(there.map(([label]) => shown.get(label)), there.map(([, score]) => score), JSON.stringify(document.receivers));
  const neutral = document.direction === 'denoise' ? 0 : 1;
  const sizes = [...shown.values()].map((score) => Math.abs(score - neutral));
  assert.deepEqual(sizes, [...sizes].sort((a, b) => b - a), 'the largest first');
  // The sentence: the path that does most by hs's numbers, and one that does the opposite.
  const denoise = document.direction === 'denoise';
  const gains = there.map(([, score]) => (denoise ? score : 1 - score));
  const [most, least] = [largest(gains), largest(gains.map((x) => -x))];
  const that = `that ${document.senders === 'all' ? 'from' : 'into'}`;
  await says(
    page,
    gains[most] < 0.005
      ? `No direct path ${document.senders === 'all' ? `into ${document.receivers[0]}` : `from ${document.senders[0]}`} ${denoise ? 'brings any of it back' : 'takes any of it away'} by itself.`
      : `Of the ${there.length} direct paths ${document.senders === 'all' ? `into ${document.receivers[0]}` : `from ${document.senders[0]}`} ${that} ${there[most][0]} alone ${denoise ? 'brings back most:' : 'takes away most:'} ${two(there[most][1])}${denoise ? '.' : ' is left.'}`,
    ...(gains[least] <= -0.05 ? [`T${that.slice(1)} ${there[least][0]} goes the other way: ${two(there[least][1])}.`] : []),
  );
  return there;
}

const node = (page, name) => page.locator(`.model-drawing [data-node="${name}"]`);

for (const [id, name] of [['stories-2l', 'refrain'], ['stories-gelu-4l', 'he or she']])
  test(`${id}: into the end, into a head's keys, from the embedding, with MLPs either way`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    await openStudy(page, 'Path patching');
    const [correct, wrong] = words.map(idOf);
    const pair = { read: 'path', clean, corrupted, direction: 'denoise', metric: { kind: 'logit_diff', position: -1, correct, wrong } };
    const into = (receiver, mlps = 'recomputed', direction = 'denoise') => ({ ...pair, direction, senders: 'all', receivers: [receiver], mlps });
    await assertPaths(page, into('final'), model);
    await node(page, 'L1H3').click();
    await assertPaths(page, into('L1H3.k'), model);
    await choose(page, 'Input of heads', 'v');
    await assertPaths(page, into('L1H3.v'), model);
    await choose(page, 'Direction', 'noise, B into A');
    await assertPaths(page, into('L1H3.v', 'recomputed', 'noise'), model);
    await choose(page, 'Direction', 'denoise, A into B');
    await node(page, 'embed').click();
    await assertPaths(page, { ...pair, senders: ['embed'], receivers: 'all', mlps: 'recomputed' }, model);
    if (!model.shape.attn_only && id !== 'stories-2l') {
      await node(page, '2_mlp').click();
      await choose(page, 'Paths', 'all into it');
      await assertPaths(page, into('2_mlp_in'), model);
      await choose(page, 'MLPs on the way', 'MLPs frozen');
      await assertPaths(page, into('2_mlp_in', 'frozen'), model);
      await choose(page, 'Paths', 'from it to all');
      await assertPaths(page, { ...pair, senders: ['2_mlp_out'], receivers: 'all', mlps: 'frozen' }, model);
    }
    assert.deepEqual(complaints, []);
    await close();
  });

test('by the keyboard alone: a receiver is walked to and picked; its node tells its number', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { clean, corrupted, words } = await openPair(page, 'refrain');
  const [correct, wrong] = words.map(idOf);
  await page.getByRole('tab', { name: 'Sweep', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  const stop = page.locator('.model-drawing [tabindex="0"]');
  for (let stops = 0; !(await stop.evaluate((element) => element === document.activeElement).catch(() => false)); stops++) {
    assert.ok(stops < 20, 'the drawing is a tab stop');
    await page.keyboard.press('Tab');
  }
  const focused = () => page.evaluate(() => document.activeElement.dataset.node);
  assert.equal(await focused(), 'final');
  await page.keyboard.press('ArrowDown');
  assert.match(await focused(), /^L1H/);
  while ((await focused()) !== 'L1H0') await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  const document = { read: 'path', clean, corrupted, direction: 'denoise', metric: { kind: 'logit_diff', position: -1, correct, wrong }, senders: 'all', receivers: ['L1H1.k'], mlps: 'recomputed' };
  const there = await assertPaths(page, document);
  await page.locator('.model-drawing [tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  const sender = await focused();
  const said = await node(page, sender).locator('title').textContent();
  compare([numberOf(said.split('score ').at(-1).replaceAll('\u2212', '-'))], [Number(new Map(there).get(sender).toPrecision(3))], said);
  assert.equal(await node(page, 'L1H1').getAttribute('aria-pressed'), 'true');
  assert.deepEqual(complaints, []);
  await close();
});

for (const [id, name] of [['stories-2l', 'refrain'], ['stories-gelu-4l', 'he or she']])
  test(`${id}: every head's direct path into q, k and v of every later one, of a pair and of a set; a path is chosen by keys; the link`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    const { n_layers, n_heads } = model.shape;
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    const [correct, wrong] = words.map(idOf);
    await openStudy(page, 'Path patching');
    await choose(page, 'Paths', 'head to head');
    const side = (n_layers - 1) * n_heads;
    const headOf = (i) => `L${Math.floor(i / n_heads)}H${i % n_heads}`;
    const direct = { read: 'sweep', what: 'direct_path', by: 'layer,head' };
    const assertNow = async (document, over = '') => {
      await shows(page, DIRECT, document);
      const hs = hsStudy(document, model);
      assert.deepEqual([...hs.values.keys()].length, (n_layers * n_heads) ** 2);
      // Rows are heads that send, columns are later ones: where the receiver is not later there is no number.
      const values = Array.from({ length: side * side }, (_, i) => {
        const [from, to] = [Math.floor(i / side), (i % side) + n_heads];
        return Math.floor(to / n_heads) > Math.floor(from / n_heads) ? scoreOf(hs)(hs.values[from * n_layers * n_heads + to]) : NaN;
      });
      const table = await tableOf(page, DIRECT);
      assert.deepEqual([table.rows[1], table.cols.at(-1)], [headOf(1), headOf(side + n_heads - 1)]);
      compare(table.values, values, JSON.stringify(document));
      const denoise = document.direction === 'denoise';
      const most = largest(values.map((score) => (denoise ? score : 1 - score)));
      const paths = values.filter((score) => !Number.isNaN(score)).length;
      const input = document.receiver;
      await says(page, (denoise ? values[most] : 1 - values[most]) < 0.005
        ? `${over}${over ? 'no' : 'No'} linear direct path into ${input} of a later head ${denoise ? 'brings any of it back' : 'takes any of it away'} by itself.`
        : `${over}${over ? 'of' : 'Of'} the ${paths} linear direct paths into ${input} of a later head that from ${headOf(Math.floor(most / side))} into ${headOf((most % side) + n_heads)}.${input} alone `);
      return values;
    };
    const pair = { clean, corrupted, direction: 'denoise', metric: { kind: 'logit_diff', position: -1, correct, wrong } };
    for (const receiver of ['k', 'q', 'v']) {
      if (receiver !== 'k') await choose(page, 'Input of heads', receiver);
      await assertNow({ ...direct, ...pair, receiver });
    }
    await choose(page, 'Direction', 'noise, B into A');
    await assertNow({ ...direct, ...pair, receiver: 'v', direction: 'noise' });
    await choose(page, 'Pairs', `all 4 of “${name}”`);
    const set = { ...direct, pairs: offeredSet(id, name), direction: 'noise', metric: { kind: 'logit_diff', position: -1 }, receiver: 'v' };
    const values = await assertNow(set, 'Over 4 pairs: ');
    await page.locator('.scale-bar').getByText('(Δ / s) W_V more, s being ln1’s scale as it was: the linear part of its path, without ln1’s weights and centring').waitFor();

    // By the keyboard: a path is chosen, and then all into its end are.
    const grid = picture(page, DIRECT).locator('.heatmap-grid');
    await grid.focus();
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.match(await grid.getByRole('gridcell').getAttribute('aria-label'), /^L0H1 into L1H2\.v: score/);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.patch-details h2')?.textContent === 'z of L0H1, all positions');
    const link = await linkByPointer(page);
    await choose(page, 'Paths', 'all into it');
    await shows(page, PATHS, { read: 'path', pairs: set.pairs, direction: 'noise', metric: set.metric, senders: 'all', receivers: ['L1H2.v'], mlps: 'recomputed' });
    await choose(page, 'Paths', 'head to head');
    await shows(page, DIRECT, set);
    if (id === 'stories-2l') {
      const other = await site.open(PHONE);
      await other.page.goto('about:blank');
      await other.page.goto(link);
      await settled(other.page);
      await shows(other.page, DIRECT, set);
      compare((await tableOf(other.page, DIRECT)).values, values, 'by the link');
      await axe(other.page, 'direct paths, on a phone');
      assert.deepEqual(other.complaints, []);
      await other.close();
    }
    await axe(page, 'direct paths');
    assert.deepEqual(complaints, []);
    await close();
  });
