// A4: the residual stream by each measure, and one vector of it: its numbers, what it reads as, who wrote it. All of it is
// what `hs states`, `hs lens` and `hs decompose` say.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, settled, start } from './lib/browser.mjs';
import { hsRead, idOf, MANIFEST, MODEL } from './lib/model.mjs';
import { endsOf, worstOf } from './lib/palette.mjs';
import {
  barsOf, cellsOf, choose, compare, comparePixels, inspects, namesOf, numberOf, openTab, picture, pointAt, scaleOf, shows, stateName, tableOf, typeToken,
  useModel, write,
} from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const STREAM = 'the residual stream';
const WROTE = 'what wrote it';
const LENS = { read: 'lens', ln: 'recompute', token: 'top', k: 5 };
/** The array, the page's word for it, the document, the scale where it is its own, whether zero is in the middle. */
const MEASURES = [
  ['norm', 'length', { read: 'states' }, null],
  ['prob', 'probability', LENS, [0, 1]],
  ['rank', 'rank', LENS, [20, 0]],
  ['kl', 'KL', LENS, [5, 0]],
  ['cosine', 'cosine', { read: 'states' }, [-1, 1], true],
];
const PROJECTION = ['projection', 'projection', { read: 'states' }, null, true];

async function assertStream(page, run, [array, , about, fixed, signed = false], { model = MODEL, across = false, ...more } = {}) {
  const document = { ...about, ...run, ...more };
  await shows(page, STREAM, document);
  const { axes, arrays } = hsRead(document, model);
  const { shape: [depths, n], data } = arrays.get(array);
  const [names, states] = [await namesOf(page), axes.state.map((label) => stateName(label, model.shape))];
  const [rows, cols] = across ? [states, names] : [names, states];
  const wanted = across ? [...data] : Array.from(data, (_, i) => data[(i % depths) * n + Math.floor(i / depths)]);
  const table = await tableOf(page, STREAM);
  const where = JSON.stringify([array, document]);
  assert.deepEqual([table.rows, table.cols], [rows, cols]);
  compare(table.values, wanted, where);
  const scale = fixed ?? endsOf(wanted, signed);
  assert.deepEqual(await scaleOf(page, STREAM), scale, `the colour bar, ${where}`);
  comparePixels(worstOf(await cellsOf(page, STREAM, rows.length, cols.length), wanted, cols.length, 'light', { palette: signed ? 'diverging' : 'cividis', scale }), where);
}

/** What wrote a vector: every part with its number, together the whole, and what rounding left; before an edit, too. */
async function assertWrote(page, run, about, unit, model = MODEL) {
  const document = { read: 'decompose', ...run, ...about };
  await shows(page, WROTE, document);
  const of = (wanted) => {
    const { axes, arrays } = hsRead(wanted, model);
    return { parts: new Map(axes.part.map((part, i) => [part, arrays.get('along').data[i]])), whole: arrays.get('state_along').data[0], error: arrays.get('error').data[0] };
  };
  const now = of(document);
  if (run.edits) await picture(page, WROTE).locator('thead', { hasText: 'before' }).waitFor();
  const bars = await barsOf(page, WROTE);
  const [parts, totals] = [bars.filter(({ total }) => !total), bars.filter(({ total }) => total)];
  const where = JSON.stringify(document);
  assert.deepEqual(parts.map(({ label }) => label), [...now.parts.keys()], where);
  compare(parts.map(({ value }) => value), [...now.parts.values()], where);
  assert.deepEqual(totals.map(({ name }) => name), [`sum = ${unit}`, 'error of the sum']);
  compare(totals.map(({ value }) => value), [now.whole, now.error], where);
  // The parts on the screen are the whole, but for the error on the screen.
  const sum = parts.reduce((total, { value }) => total + value, 0);
  assert.ok(Math.abs(sum - totals[0].value) <= 1e-5 * Math.max(1, Math.abs(totals[0].value)) + Math.abs(totals[1].value), `${sum} is ${totals[0].value}`);
  assert.ok(Math.abs(totals[1].value) < 1e-4);
  if (run.edits) {
    const before = of({ ...document, ...run, edits: [] });
    compare(parts.map((part) => part.before), [...now.parts.keys()].map((part) => before.parts.get(part) ?? 0), `before, ${where}`);
    compare([totals[0].before], [before.whole], `before, ${where}`);
  }
  return parts.map(({ name }) => name);
}

/** The inspector on one vector: length, rank and KL of the lens, the likeliest tokens, every number. */
async function assertVector(page, run, state, position, model = MODEL) {
  await inspects(page, `${stateName(state, model.shape)} position ${position}`);
  const at = { states: [state], positions: [position] };
  const vector = hsRead({ read: 'states', ...run, ...at, vectors: true }, model).arrays;
  const lens = hsRead({ ...LENS, ...run, ...at }, model).arrays;
  const inspector = page.locator('aside.inspector');
  const shown = await inspector.locator('.numbers div').evaluateAll((all) => all.map((div) => [div.querySelector('dt').textContent, div.querySelector('dd').title, div.querySelector('dd').textContent]));
  const told = Object.fromEntries(shown.map(([name, title, text]) => [name.split(/,| of/)[0], { title: numberOf(title.replace('logit ', '')), text }]));
  compare([told.length.title, told.rank.title, told['KL to the final'].title], [vector.get('norm').data[0], lens.get('logit').data[0], lens.get('kl').data[0]], state);
  assert.equal(Number(told.rank.text.split(',')[0]), lens.get('rank').data[0]);
  const read = await inspector.locator('table.bars tr').evaluateAll((all) => all.map((tr) => [Number(/id (\d+)/.exec(tr.querySelector('code').title)[1]), Number(tr.querySelector('.num').title)]));
  assert.deepEqual(read.map(([id]) => id), [...lens.get('top_ids').data]);
  compare(read.map(([, p]) => p), lens.get('top_probs').data, 'what it reads as');
  await page.getByRole('button', { name: 'Table of the vector' }).click();
  const numbers = await page.getByRole('region', { name: 'Table of the vector' }).locator('td').evaluateAll((all) => all.map((td) => td.title));
  compare(numbers.map(numberOf), vector.get('vectors').data, 'its numbers');
  await page.getByRole('button', { name: 'Table of the vector' }).click();
}

async function open(model) {
  const visit = await site.open();
  await settled(visit.page);
  if (model !== MODEL) await useModel(visit.page, model.id);
  await write(visit.page, 'The red fox sat. The red fox ran.');
  await openTab(visit.page, 'Residual stream');
  return { ...visit, ids: await idsOf(visit.page) };
}

for (const model of MANIFEST.models)
  test(`${model.id}: each measure, and the projection on each kind of direction`, async () => {
    const { page, ids, complaints, close } = await open(model);
    for (const measure of MEASURES) {
      await choose(page, 'Measure', measure[1]);
      await assertStream(page, { ids }, measure, { model });
    }
    await choose(page, 'Measure', 'projection');
    const kind = (label) => page.getByRole('combobox', { name: 'along', exact: true }).selectOption({ label });
    const pick = (name, value) => page.getByRole('combobox', { name, exact: true }).selectOption(String(value));
    const along = (direction, more) => assertStream(page, { ids }, PROJECTION, { model, along: direction, ...more });
    await kind('a token\u2019s');
    await typeToken(page, 'Token', ' dog');
    await along({ token: idOf('\u2423dog') });
    await kind('a token less another');
    await typeToken(page, 'Token', ' ran');
    await typeToken(page, 'Less token', '#14');
    await along({ token: idOf('\u2423ran'), minus: 14 });
    await kind('another state');
    await pick('State', '1_pre');
    await pick('Position', 3);
    await along({ state: '1_pre', position: 3 });
    await kind('what a head writes');
    await pick('Head', model.shape.n_heads + 5);
    await pick('Position', 4);
    await choose(page, 'Positions', 'text \u2192');
    await along({ head: [1, 5], position: 4 }, { across: true });
    for (const [label, field] of model.shape.attn_only ? [] : [['what a neuron writes', 'neuron'], ['what a neuron reads', 'neuron_in']]) {
      await kind(label);
      await pick('Layer', 2);
      await page.getByRole('spinbutton', { name: 'Neuron' }).fill('777');
      await along({ [field]: [2, 777] }, { across: true });
    }
    assert.deepEqual(complaints, []);
    await close();
  });

for (const model of MANIFEST.models)
  test(`${model.id}: a cell opens its vector, and what wrote it sums to it`, async () => {
    const { page, ids, complaints, close } = await open(model);
    const states = hsRead({ read: 'states', ids }, model).axes.state;
    const last = states.length - 1;
    const size = [ids.length, states.length];
    for (const [position, depth] of [[7, last], [3, last - 1]]) {
      await pointAt(page, STREAM, [position, depth], size);
      await page.mouse.down();
      await page.mouse.up();
      await page.mouse.move(700, 20);
      await assertVector(page, { ids }, states[depth], position, model);
      for (const [by, word] of [['head', 'heads'], ['component', 'layers']]) {
        await choose(page, 'Parts', word);
        const names = await assertWrote(page, { ids }, { state: states[depth], positions: [position], by }, 'length', model);
        assert.ok(names[0] === 'embedding' && names.includes(by === 'head' ? 'L0H7' : 'L0 attention'), names.join());
      }
    }
    // Along a direction the parts are the projection.
    await choose(page, 'Measure', 'projection');
    await typeToken(page, 'Token', ' fox');
    await assertWrote(page, { ids }, { state: states[last - 1], positions: [3], by: 'component', along: { token: idOf('\u2423fox') } }, 'projection', model);
    await choose(page, 'Measure', 'length');

    // By the keyboard: the lock moves with the arrows, and Escape lets go.
    await picture(page, STREAM).locator('.heatmap-grid').focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('End');
    await assertVector(page, { ids }, states[last], 2, model);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.tok[aria-selected="true"]').count(), 0);

    // With an edit in force: what it put in is a part of its own, and each part has its number from before.
    await page.getByRole('button', { name: 'Add an intervention' }).click();
    const form = page.getByRole('dialog');
    const edit = { hook: 'blocks.1.hook_resid_pre', op: 'add', value: [4, -3, 2], dims: [0, 3] };
    await form.getByLabel('hook', { exact: true }).fill(edit.hook);
    await form.getByLabel('does', { exact: true }).selectOption(edit.op);
    await form.getByLabel('value', { exact: true }).fill('4, -3, 2');
    await form.getByLabel('dims', { exact: true }).fill('0, 3');
    await after(page, () => form.getByRole('button', { name: 'Put in force' }).click());
    await pointAt(page, STREAM, [8, last], size);
    await page.mouse.down();
    await page.mouse.up();
    await page.mouse.move(700, 20);
    const run = { ids, edits: [edit] };
    await assertStream(page, run, MEASURES[0], { model });
    await assertVector(page, run, states[last], 8, model);
    const names = await assertWrote(page, run, { state: states[last], positions: [8], by: 'component' }, 'length', model);
    assert.ok(names.includes('edit of L1 resid_pre'), names.join());
    assert.deepEqual(complaints, []);
    await close();
  });
