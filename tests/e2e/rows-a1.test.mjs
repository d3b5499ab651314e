// A1: every hook of the loaded architecture is there by its name, and its numbers are those of `hs run --capture`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { idsOf, settled, start } from './lib/browser.mjs';
import { hsHooks, hsRun, MANIFEST } from './lib/model.mjs';
import { causal, worstOf } from './lib/palette.mjs';
import { cellsOf, compare, comparePixels, namesOf, openTab, scaleOf, shows, tableOf, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const HOOK = 'the hook';
/** A head that is not the first, where a hook has heads. */
const HEAD = 5;

/** The hook field, as a person uses it: what stands there is replaced by what is typed. */
async function choose(page, name) {
  await page.getByRole('combobox', { name: 'hook', exact: true }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(name);
}

/** [rows, cols] of what is drawn of a captured tensor. */
function drawn({ shape, data }, head) {
  if (shape.length === 2) return { rows: shape[0], cols: shape[1], values: data };
  const [a, b, c] = shape;
  if (b === c) return { rows: b, cols: c, values: data.subarray(head * b * c, (head + 1) * b * c), square: true };
  return { rows: a, cols: c, values: Float32Array.from({ length: a * c }, (_, i) => data[(Math.floor(i / c) * b + head) * c + (i % c)]) };
}

/** The table twin has the tensor: whole; or, where it has too many columns, the largest of each row and all of one row. */
function compareTable(table, { rows, cols, values, square }, names, where) {
  assert.deepEqual(table.rows, names, where);
  if (table.values) {
    assert.deepEqual(table.cols, square ? names : Array.from({ length: cols }, (_, i) => String(i)), where);
    return compare(table.values, square ? causal(values, rows) : values, where);
  }
  table.top.forEach((top, row) => {
    const of = values.subarray(row * cols, (row + 1) * cols);
    compare(top.map(({ value }) => value), top.map(({ col }) => of[Number(col)]), `${where}, largest of row ${row}`);
    compare(top.map(({ value }) => value), [...of].sort((x, y) => Math.abs(y) - Math.abs(x)).slice(0, top.length), `${where}, in order, row ${row}`);
  });
  const row = names.indexOf(table.full.row);
  assert.deepEqual(table.full.cols, Array.from({ length: cols }, (_, i) => String(i)), where);
  compare(table.full.values, values.subarray(row * cols, (row + 1) * cols), `${where}, row ${row}`);
}

for (const model of MANIFEST.models)
  test(`${model.id}: the list is that of hs hooks, and one hook of every kind has its numbers`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    if (model !== MANIFEST.models[0]) await useModel(page, model.id);
    await write(page, 'The cat sat. The cat ran.');
    await openTab(page, 'Hooks');
    const [ids, names] = [await idsOf(page), await namesOf(page)];

    const hooks = hsHooks(ids.length, model);
    const field = page.getByRole('combobox', { name: 'hook', exact: true });
    const offered = await field.evaluate((input) => [...input.list.options].map((option) => option.value));
    assert.deepEqual(offered, hooks.map(({ name }) => name));

    // Every name but for the layer once, each in another layer.
    const kinds = [...new Set(hooks.map(({ name }) => name.replace(/^blocks\.\d+/, 'blocks.*')))];
    const wanted = kinds.map((kind, i) => kind.replace('*', String(i % model.shape.n_layers)));
    const coloured = ['blocks.1.hook_resid_post', 'blocks.1.attn.hook_pattern'];
    const run = hsRun(ids, { model, capture: [...wanted, ...coloured] });
    for (const name of wanted) {
      await choose(page, name);
      await shows(page, HOOK, { ids, hooks: [name] }, 'run');
      const tensor = run.tensors.get(name);
      const heads = page.getByRole('combobox', { name: 'head', exact: true });
      assert.equal(await heads.count(), tensor.shape.length > 2 ? 1 : 0, name);
      if (tensor.shape.length > 2) await heads.selectOption(String(HEAD));
      compareTable(await tableOf(page, HOOK), drawn(tensor, HEAD), names, name);
    }

    // Pixels: one of all columns, with signs; one of every source.
    for (const name of coloured) {
      await choose(page, name);
      await shows(page, HOOK, { ids, hooks: [name] }, 'run');
      const { rows, cols, values, square } = drawn(run.tensors.get(name), HEAD);
      const how = { scale: await scaleOf(page, HOOK), palette: square ? 'cividis' : 'diverging' };
      comparePixels(worstOf(await cellsOf(page, HOOK, rows, cols), square ? causal(values, rows) : values, cols, 'light', how), name);
    }

    // A name that is none says so, and the picture stays.
    await choose(page, 'blocks.0.attn.hook_nothing');
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    await shows(page, HOOK, { ids, hooks: [coloured.at(-1)] }, 'run');
    assert.deepEqual(complaints, []);
    await close();
  });

test('by the keyboard alone: found by a part of its name, read cell by cell', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const [ids, names] = [await idsOf(page), await namesOf(page)];
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /^Find/ }).waitFor();
  await page.keyboard.type('l1 hook_z');
  await page.keyboard.press('Enter');
  await shows(page, HOOK, { ids, hooks: ['blocks.1.attn.hook_z'] }, 'run');
  const head = Number(await page.getByRole('combobox', { name: 'head', exact: true }).inputValue());
  const { cols, values } = drawn(hsRun(ids, { capture: ['blocks.1.attn.hook_z'] }).tensors.get('blocks.1.attn.hook_z'), head);
  const grid = page.locator('.heatmap-grid');
  await page.getByRole('tab', { name: 'Hooks' }).focus();
  for (let stops = 0; !(await grid.evaluate((element) => element === document.activeElement)); stops++) {
    assert.ok(stops < 20, 'the picture is a tab stop');
    await page.keyboard.press('Tab');
  }
  for (const [key, row, col] of [['Control+Home', 0, 0], ['ArrowDown', 1, 0], ['ArrowRight', 1, 1], ['m', 1, null]]) {
    await page.keyboard.press(key);
    const at = col ?? values.subarray(row * cols, (row + 1) * cols).reduce((best, x, i, of) => (x > of[best] ? i : best), 0);
    const said = await grid.getByRole('gridcell').getAttribute('aria-label');
    assert.ok(said.startsWith(`${names[row]}, number ${at}: `), `${key}: ${said}`);
    compare([Number(said.split(': ').at(-1).replace('\u2212', '-'))], [Number(values[row * cols + at].toPrecision(3))], key);
  }
  assert.deepEqual(complaints, []);
  await close();
});
