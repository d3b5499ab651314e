// A8: norm and variance of what attention and MLPs write, layer by layer and head by head, with the sentence that says which
// writes more; and what heads do, on a text and on seeded random tokens, by all three measures. All as `hs` has it.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, settled, start } from './lib/browser.mjs';
import { hsRead, MODEL, modelOf } from './lib/model.mjs';
import { worstOf } from './lib/palette.mjs';
import {
  barsOf, cellsOf, choose, compare, comparePixels, intervene, namesOf, numberOf, openTab, picture, scaleOf, shows, stateName,
  tableOf, useModel,
} from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const PARTS = 'what each component writes';
const STREAM = 'the stream’s norm';
const EVERYWHERE = 'what is written at every position';
const HEADS = 'what each head writes';
const DETECTORS = 'what heads do';
const KINDS = ['induction', 'previous', 'duplicate'];
const ERRORS = { 'mean weight': 'stripe', mul: 'mul', abs: 'abs' };

const WORDS = { attn_out: 'attention', mlp_out: 'MLP', embed: 'embedding', pos_embed: 'position' };
const spoken = (part) => part.replace(/^(\d+)_/, 'L$1 ').replace(/\w+$/, (word) => WORDS[word] ?? word);
const read = (document, model) => {
  const { arrays, axes, values } = hsRead({ v: 1, ...document }, model);
  return { axes, single: values, of: (name) => [...arrays.get(name).data] };
};

async function assertMatrix(page, name, { rows, cols, values }, palette = 'cividis') {
  const how = { scale: await scaleOf(page, name), palette };
  comparePixels(worstOf(await cellsOf(page, name, rows.length, cols.length), values, cols.length, 'light', how), name);
  const table = await tableOf(page, name);
  assert.deepEqual([table.rows, table.cols], [rows, cols], name);
  compare(table.values, values, name);
}

/** The bars of an array, and what they were before the edits. */
async function assertBars(page, name, names, now, was) {
  const bars = await barsOf(page, name);
  assert.deepEqual(bars.map((bar) => bar.name), names, name);
  compare(bars.map(({ value }) => value), now, name);
  if (was) compare(bars.map((bar) => bar.before), was, `${name} before`);
  else assert.ok(bars.every((bar) => bar.before === null), name);
}

/** The sentence is true of `hs`'s numbers: each layer stands, with its two means, among those where the MLP writes more or
 *  among the others, and their count is right. */
async function assertClaim(page, { axes, of }, size, { n_layers, attn_only }) {
  const said = await page.locator('.look > p.says').innerText();
  const mean = (part) => of(`${size}_mean`)[axes.part.indexOf(part)];
  const layers = Array.from({ length: n_layers }, (_, l) => ({ attention: mean(`${l}_attn_out`), mlp: mean(`${l}_mlp_out`) }));
  const close = (text, value) => compare([numberOf(text)], [Number(value.toPrecision(3))], said);
  if (attn_only) {
    const told = [...said.matchAll(/([\d.]+) in L(\d+)/g)];
    assert.match(said, /^This model has no MLPs\. Attention writes /);
    assert.deepEqual(told.map(([, , l]) => Number(l)), layers.map((_, l) => l));
    told.forEach(([, value], l) => close(value, layers[l].attention));
    return said;
  }
  const [, more = '', none = '', others = ''] =
    /^In (?:all \d+ layers|\d+ of \d+ layers) the MLP writes more than attention \(([^)]*)\)(?:\.|(), in the others it does not \(([^)]*)\)\.)/.exec(said) ??
    /^In no layer does the MLP write more than attention ()\(([^)]*)\)\./.exec(said) ?? assert.fail(said);
  const told = (text) => [...text.matchAll(/L(\d+): (\S+) against (\S+?)(?:,|$)/g)].map(([, l, mlp, attention]) => ({ l: Number(l), mlp, attention }));
  const [above, below] = [told(more), told(none || others)];
  assert.deepEqual([...above, ...below].map(({ l }) => l).sort(), layers.map((_, l) => l), said);
  for (const { l, mlp, attention } of [...above, ...below]) {
    close(mlp, layers[l].mlp);
    close(attention, layers[l].attention);
  }
  assert.ok(above.every(({ l }) => layers[l].mlp > layers[l].attention) && below.every(({ l }) => !(layers[l].mlp > layers[l].attention)), said);
  if (above.length > 0) assert.ok(said.startsWith(below.length > 0 ? `In ${above.length} of ${n_layers} layers` : `In all ${n_layers} layers`), said);
  return said;
}

/** Everything that the tab shows of what is written. */
async function assertWritten(page, model, document, size, { unedited = null, palette = 'cividis' } = {}) {
  for (const name of [PARTS, STREAM, EVERYWHERE, HEADS]) await shows(page, name, document);
  const { n_layers, n_heads } = model.shape;
  const now = read(document, model);
  const was = unedited && read(unedited, model);
  const { part, position } = now.axes;
  await assertBars(page, PARTS, part.map(spoken), now.of(`${size}_mean`), was?.of(`${size}_mean`));
  await assertBars(page, STREAM, now.axes.state.map((state) => stateName(state, model.shape)), now.of('stream_norm'), was?.of('stream_norm'));
  const all = now.of(size);
  const names = await namesOf(page);
  await assertMatrix(page, EVERYWHERE, {
    rows: position.map((p) => names[p]), cols: part.map(spoken),
    values: position.flatMap((_, p) => part.map((__, i) => all[i * position.length + p])),
  }, palette);
  const numbers = (n, letter) => Array.from({ length: n }, (_, i) => `${letter}${i}`);
  await assertMatrix(page, HEADS, { rows: numbers(n_layers, 'L'), cols: numbers(n_heads, 'H'), values: now.of(`heads_${size}`) }, palette);
  return now;
}

/** What heads do. -> its numbers. */
async function assertDetectors(page, model, document, palette = null) {
  await shows(page, DETECTORS, document);
  const { n_layers, n_heads } = model.shape;
  const { of } = read(document, model);
  const kinds = KINDS.map(of);
  const heads = Array.from({ length: n_layers * n_heads }, (_, i) => `L${Math.floor(i / n_heads)}H${i % n_heads}`);
  const values = heads.flatMap((_, i) => kinds.map((kind) => kind[i]));
  await assertMatrix(page, DETECTORS, { rows: heads, cols: KINDS, values }, palette ?? (values.some((x) => x < 0) ? 'diverging' : 'cividis'));
  return values;
}

const tail = (ids) => ids.slice(1).map((_, i) => i + 1);

test('stories-gelu-4l, by the pointer: MLP against attention, with and without the first token, edited; what heads do', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close } = await site.open();
  await settled(page);
  await useModel(page, model.id);
  await openTab(page, 'Written');
  const ids = await idsOf(page);
  const written = { read: 'written', ids, positions: tail(ids) };

  const plain = await assertWritten(page, model, written, 'norm');
  assert.match(await assertClaim(page, plain, 'norm', model.shape), /Mean norm over this text, <bos> left out\.$/);
  await choose(page, 'Size of what is written', 'variance');
  await assertClaim(page, await assertWritten(page, model, written, 'variance'), 'variance', model.shape);
  await page.getByRole('checkbox', { name: 'with <bos>' }).check();
  const withFirst = { read: 'written', ids };
  const said = await assertClaim(page, await assertWritten(page, model, withFirst, 'variance'), 'variance', model.shape);
  assert.match(said, /Mean variance over every token of this text\.$/);
  await choose(page, 'Size of what is written', 'norm');
  await page.getByRole('checkbox', { name: 'with <bos>' }).uncheck();

  // An MLP made small: the sentence follows. Then all of them: in no layer.
  const one = { hook: 'blocks.1.hook_mlp_out', op: 'scale', scale: 0.1 };
  await intervene(page, one);
  const edited = { ...written, edits: [one] };
  assert.match(await assertClaim(page, await assertWritten(page, model, edited, 'norm', { unedited: written }), 'norm', model.shape), /^In 3 of 4 layers /);
  await assertDetectors(page, model, { read: 'detect', on: 'text', error_measure: 'stripe', ids, edits: [one] });
  await choose(page, 'Which run is shown', 'effect');
  await assertWritten(page, model, { ...edited, minus: { ids } }, 'norm', { palette: 'diverging' });
  assert.match(await page.locator('.look > p.says').innerText(), /^Each number is a difference of two means\. /);
  await assertDetectors(page, model, { read: 'detect', on: 'text', error_measure: 'stripe', ids, edits: [one], minus: { ids } }, 'diverging');
  await choose(page, 'Which run is shown', 'A');
  const none = { hook: 'blocks.*.hook_mlp_out', op: 'zero' };
  await intervene(page, none);
  const of = await assertWritten(page, model, { ...written, edits: [one, none] }, 'norm', { unedited: written });
  assert.match(await assertClaim(page, of, 'norm', model.shape), /^In no layer /);
  await after(page, () => page.getByRole('button', { name: 'Clear', exact: true }).click());

  // Detectors on this text and on random tokens, by each measure.
  for (const [word, error_measure] of Object.entries(ERRORS)) {
    await choose(page, 'Measure', word);
    await assertDetectors(page, model, { read: 'detect', on: 'text', error_measure, ids });
  }
  await choose(page, 'Detect on', 'random tokens');
  for (const [word, error_measure] of Object.entries(ERRORS)) {
    await choose(page, 'Measure', word);
    await assertDetectors(page, model, { read: 'detect', on: 'random', error_measure, seed: 1, bos: ids[0] });
  }
  assert.deepEqual(complaints, []);
  await close();
});

test('stories-2l, by the keyboard: a model without MLPs says so; random tokens by their seed; a text without repetition', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const ids = await idsOf(page);
  const tabTo = async (selector, key = 'Tab') => {
    for (let stops = 0; !(await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)); stops++) {
      assert.ok(stops < 60, `${selector} is reached by ${key}`);
      await page.keyboard.press(key);
    }
  };
  await tabTo('[role="tab"]');
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
  const written = { read: 'written', ids, positions: tail(ids) };
  await assertClaim(page, await assertWritten(page, MODEL, written, 'norm'), 'norm', MODEL.shape);
  await tabTo('[aria-label="Size of what is written"] [role="radio"]');
  await page.keyboard.press('ArrowRight');
  await assertClaim(page, await assertWritten(page, MODEL, written, 'variance'), 'variance', MODEL.shape);

  // Cells of the heads' picture, read out.
  const grid = `figure[aria-label="${HEADS}"] .heatmap-grid`;
  await tabTo(grid);
  for (const key of ['Control+Home', 'ArrowDown', 'm']) await page.keyboard.press(key);
  const row = read(written, MODEL).of('heads_variance').slice(MODEL.shape.n_heads, 2 * MODEL.shape.n_heads);
  const best = row.indexOf(Math.max(...row));
  await page.waitForFunction(([selector, start]) => {
    const figure = document.querySelector(selector).closest('figure.picture');
    return [...figure.querySelectorAll('[aria-live]')].some((line) => line.textContent.startsWith(start));
  }, [grid, `L1H${best}: `]);
  const read_out = await page.locator(grid).getByRole('gridcell').getAttribute('aria-label');
  compare([numberOf(read_out.replace(/^\S+ | variance$/g, ''))], [row[best]], read_out);

  await assertDetectors(page, MODEL, { read: 'detect', on: 'text', error_measure: 'stripe', ids });
  await tabTo('[aria-label="Detect on"] [role="radio"]');
  await page.keyboard.press('ArrowRight');
  const random = { read: 'detect', on: 'random', error_measure: 'stripe', seed: 1, bos: ids[0] };
  const first = await assertDetectors(page, MODEL, random);
  await tabTo('.pick input[type="number"]');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('29');
  assert.notDeepEqual(await assertDetectors(page, MODEL, { ...random, seed: 29 }), first, 'other tokens');
  await tabTo('[aria-label="Measure"] [role="radio"]', 'Shift+Tab');
  await page.keyboard.press('ArrowRight');
  await assertDetectors(page, MODEL, { ...random, seed: 29, error_measure: 'mul' });
  await tabTo('[aria-label="Measure"] [role="radio"]', 'Shift+Tab');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('ArrowLeft');

  await after(page, () => page.getByRole('button', { name: 'no repeat', exact: true }).click());
  const alone = await idsOf(page);
  const document = { read: 'detect', on: 'text', error_measure: 'stripe', ids: alone };
  await assertDetectors(page, MODEL, document);
  assert.equal(read(document, MODEL).single.duplicates, 0);
  assert.match(await picture(page, DETECTORS).innerText(), /No token of this text stands twice, so nothing can be duplicate or induction\./);
  assert.deepEqual(complaints, []);
  await close();
});
