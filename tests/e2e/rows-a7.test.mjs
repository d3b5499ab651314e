// A7: the neurons that do most at a token, one of them over the text, what it reads and what it writes; and one that is
// switched off or pushed changes what the model predicts, as `hs run --edits` says.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, predictions, settled, start } from './lib/browser.mjs';
import { glyphOf, hsRead, hsRun, modelOf, probabilitiesAt } from './lib/model.mjs';
import { worstOf } from './lib/palette.mjs';
import { barsOf, cellsOf, choose, compare, comparePixels, namesOf, numberOf, openTab, picture, scaleOf, shows, tableOf, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const model = modelOf('stories-gelu-4l');
const MOST = 'the neurons that do most';
const K = 15;
/** So many tokens at each end of a direction: in the tab, and in the inspector. */
const ENDS = 8;
const FEW = 5;

const nameOf = ({ layer, neuron }) => `L${layer} N${neuron}`;
const overText = (at) => `${nameOf(at)} over the text`;

const read = (document) => {
  const { arrays, values } = hsRead({ v: 1, ...document }, model);
  return { values, ...Object.fromEntries([...arrays].map(([name, { data }]) => [name, [...data]])) };
};

/** A page that shows the neurons of stories-gelu-4l. */
async function open() {
  const visit = await site.open();
  await settled(visit.page);
  await useModel(visit.page, model.id);
  await openTab(visit.page, 'MLP');
  return visit;
}

/** The list of neurons; -> them, in its order. */
async function assertMost(page, asked) {
  const document = { read: 'neurons', k: K, ...asked };
  await shows(page, MOST, document);
  const of = read(document);
  const bars = await barsOf(page, MOST);
  const neurons = of.layer.map((layer, i) => ({ layer, neuron: of.neuron[i] }));
  assert.deepEqual(bars.map(({ name }) => name), neurons.map(nameOf));
  compare(bars.map(({ value }) => value), asked.by === 'attribution' ? of.attribution : of.post, `neurons by ${asked.by}`);
  return neurons;
}

/** One neuron at every position: the table and the picture. -> { pre, post } of `hs`. */
async function assertOver(page, at, run) {
  const document = { read: 'neuron', ...run, ...at };
  const name = overText(at);
  await shows(page, name, document);
  const { pre, post } = read(document);
  const cols = pre.length;
  const values = [...pre, ...post];
  comparePixels(worstOf(await cellsOf(page, name, 2, cols), values, cols, 'light', { scale: await scaleOf(page, name), palette: 'diverging' }), name);
  const table = await tableOf(page, name);
  const names = await namesOf(page);
  assert.deepEqual(table.rows, ['pre', 'post']);
  if (table.values) {
    assert.deepEqual(table.cols, names);
    compare(table.values, values, name);
  } else {
    [pre, post].forEach((row, i) => {
      compare(table.top[i].map(({ value }) => value), [...row].sort((a, b) => Math.abs(b) - Math.abs(a)).slice(0, 5), `${name}, the largest`);
      compare(table.top[i].map(({ value }) => value), table.top[i].map(({ col }) => row[names.indexOf(col)]), `${name}, by their tokens`);
    });
    assert.deepEqual([table.full.row, table.full.cols], ['post', names]);
    compare(table.full.values, post, name);
  }
  return { pre, post };
}

/** What it reads and writes: the tokens at both ends, their numbers, and the sentence below. */
async function assertDirections(page, at) {
  const document = { read: 'directions', ...at, k: ENDS };
  const of = read(document);
  for (const way of ['read', 'write']) {
    const name = `what it ${way}s`;
    await shows(page, name, document);
    const bars = await barsOf(page, name);
    assert.deepEqual(bars.map((bar) => bar.name), [...of[`${way}_ids`], ...of[`${way}_low_ids`].reverse()].map(glyphOf), name);
    compare(bars.map(({ value }) => value), [...of[`${way}_values`], ...of[`${way}_low_values`].reverse()], name);
  }
  const said = await picture(page, 'what it writes').locator('p.says').innerText();
  const numbers = /reads has length (\S+), the one that it writes (\S+); their cosine is (\S+)\.$/.exec(said);
  assert.ok(numbers, said);
  compare(numbers.slice(1).map(numberOf), ['read_norm', 'write_norm', 'cosine'].map((name) => Number(of.values[name].toPrecision(3))), said);
}

/** The inspector tells of the same neuron at the token that is selected. */
async function assertInspector(page, at, dest, { pre, post }) {
  const body = page.locator('.inspector-body');
  await page.waitForFunction((name) => document.querySelector('.inspector-body h2')?.innerText.startsWith(name), nameOf(at));
  await page.waitForFunction(() => !document.querySelector('.inspector-body [data-stale="true"]'));
  const numbers = await body.locator('.numbers dd').evaluateAll((all) => all.map((dd) => dd.title));
  compare(numbers.map(numberOf), [pre[dest], post[dest]], 'the inspector');
  const of = read({ read: 'directions', ...at, k: FEW });
  const rows = await body.locator('table.signed tbody tr').evaluateAll((all) => all.map((row) => [row.querySelector('th').textContent, row.querySelector('td.num').title]));
  assert.deepEqual(rows.map(([word]) => word), [...of.read_ids, ...of.write_ids].map(glyphOf));
  compare(rows.map(([, value]) => numberOf(value)), [...of.read_values, ...of.write_values], 'the inspector');
}

/** The predictions after the selected token are those of `hs run` with these edits. How far they are from those without. */
async function assertPredictions(page, ids, dest, edits) {
  await openTab(page, 'Attention');
  await shows(page, 'the next token', { read: 'predictions', ids, ...(edits.length > 0 && { edits }), positions: [dest], k: 9 });
  const shown = await predictions(page);
  const [now, was] = [edits, []].map((of) => probabilitiesAt(hsRun(ids, { edits: of, model, capture: ['logits'] }), dest));
  compare(shown.map((row) => row.now), shown.map(({ id }) => now[id]), JSON.stringify(edits));
  if (edits.length > 0) compare(shown.map((row) => row.before), shown.map(({ id }) => was[id]), 'before');
  await openTab(page, 'MLP');
  return Math.max(...now.map((p, id) => Math.abs(p - was[id])));
}

test('by the pointer: most active, largest effect, one neuron over the text, its directions, switched off and pushed', async () => {
  const { page, complaints, close } = await open();
  const ids = await idsOf(page);
  const dest = 9;
  await page.locator(`[data-at="a${dest}"]`).click();

  const [first, , third] = await assertMost(page, { ids, position: dest, by: 'activation' });
  await assertOver(page, first, { ids }); // unless one is picked
  await picture(page, MOST).getByRole('row', { name: nameOf(third) }).click();
  await assertInspector(page, third, dest, await assertOver(page, third, { ids }));
  await assertDirections(page, third);

  // By what it adds to the logit of a token: the first guess, then the token that comes.
  await choose(page, 'Neurons by', 'attribution');
  const [guess] = hsRun(ids, { model }).top[dest].ids;
  await assertMost(page, { ids, position: dest, by: 'attribution', token: guess });
  await page.getByRole('combobox', { name: 'token', exact: true }).selectOption('the token that comes next');
  const [most] = await assertMost(page, { ids, position: dest, by: 'attribution', token: ids[dest + 1] });
  // A click on what is kept already would let it go.
  if (nameOf(most) !== nameOf(third)) await picture(page, MOST).getByRole('row', { name: nameOf(most) }).click();
  await assertOver(page, most, { ids });

  // Off, and what it is then.
  const hook = `blocks.${most.layer}.mlp.hook_post`;
  const dims = [most.neuron, most.neuron + 1];
  const off = { hook, dims, op: 'zero' };
  const push = { hook, dims, op: 'add', value: 1, scale: 3 };
  const name = nameOf(most);
  await after(page, () => page.getByRole('button', { name: `Switch ${name} off`, exact: true }).click());
  const { post } = await assertOver(page, most, { ids, edits: [off] });
  assert.ok(post.every((x) => x === 0));
  assert.ok((await assertPredictions(page, ids, dest, [off])) > 1e-3, 'the neuron mattered');
  await after(page, () => page.getByRole('button', { name: 'Push it by 3', exact: true }).click());
  await assertMost(page, { ids, edits: [off, push], position: dest, by: 'attribution', token: ids[dest + 1] });
  await assertPredictions(page, ids, dest, [off, push]);
  await after(page, () => page.getByRole('button', { name: `Switch ${name} back on`, exact: true }).click());
  await assertPredictions(page, ids, dest, [push]);

  // What the push changes, in every picture.
  await choose(page, 'Which run is shown', 'effect');
  const run = { ids, edits: [push], minus: { ids } };
  await assertMost(page, { ...run, position: dest, by: 'attribution', token: ids[dest + 1] });
  const change = await assertOver(page, most, run);
  compare(change.post, ids.map(() => 3), 'pushed by 3 at every token');
  await after(page, () => page.getByRole('button', { name: 'Stop pushing it', exact: true }).click());
  await assertPredictions(page, ids, dest, []);
  assert.deepEqual(complaints, []);
  await close();
});

test('by the keyboard, on a long text: neurons walked, one kept, its picture read cell by cell', async () => {
  const { page, complaints, close } = await open();
  await write(page, Array.from({ length: 9 }, (_, i) => ['One day, a little girl went to the park.', 'She saw a big red ball.'][i % 2]).join(' '));
  const [ids, names] = [await idsOf(page), await namesOf(page)];
  assert.ok(ids.length > 60, 'longer than half the width can show');
  const tabTo = async (selector, key = 'Tab') => {
    for (let stops = 0; !(await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)); stops++) {
      assert.ok(stops < 40, `${selector} is reached by Tab`);
      await page.keyboard.press(key);
    }
  };
  await page.locator('.strip .edit').first().focus();
  await tabTo('.tok', 'Shift+Tab');
  await page.keyboard.press('Home');
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
  const dest = 4;
  const neurons = await assertMost(page, { ids, position: dest, by: 'activation' });
  await tabTo('table.signed tr');
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const kept = neurons[4];
  const { pre, post } = await assertOver(page, kept, { ids });
  await assertInspector(page, kept, dest, { pre, post });
  await assertDirections(page, kept);

  await picture(page, overText(kept)).getByRole('button', { name: /^Export/ }).focus();
  await tabTo('.heatmap-grid');
  const best = post.indexOf(Math.max(...post));
  for (const [keys, row, col] of [[['Control+Home'], 0, 0], [['ArrowDown', 'm'], 1, best], [['Home', 'ArrowRight'], 1, 1]]) {
    for (const key of keys) await page.keyboard.press(key);
    const wanted = `${names[col]}: ${['pre', 'post'][row]} `;
    // The read-out waits until the keys rest.
    await page.waitForFunction(([of, start]) => {
      const figure = document.querySelector(`figure.picture[aria-label="${of}"]`);
      return [...figure.querySelectorAll('[aria-live]')].some((line) => line.textContent.startsWith(start));
    }, [overText(kept), wanted]);
    const said = await picture(page, overText(kept)).getByRole('gridcell').getAttribute('aria-label');
    compare([numberOf(said.slice(wanted.length))], [[pre, post][row][col]], said);
  }
  assert.deepEqual(complaints, []);
  await close();
});
