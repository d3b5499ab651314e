// A3: attention of all heads and of one, in every mode and as a difference; the numbers and the pixels are those of
// `hs attention`. What is pointed at is shown, a click keeps it, the same click again lets it go.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, settled, start } from './lib/browser.mjs';
import { hsRead, MANIFEST, MODEL } from './lib/model.mjs';
import { causal, endsOf, worstOf } from './lib/palette.mjs';
import { cellsOf, choose, compare, comparePixels, inspects, namesOf, picture, pointAt, scaleOf, shows, tableOf, thumbnailOf, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const GRID = 'all heads';
const nameOf = ({ layer, head }) => `L${layer}H${head}`;
const large = (id) => `the attention of ${nameOf(id)}`;
const headsOf = ({ shape: { n_layers, n_heads } }) =>
  Array.from({ length: n_layers * n_heads }, (_, i) => ({ layer: Math.floor(i / n_heads), head: i % n_heads }));
const shownHead = async (page) => {
  const [, layer, head] = /^L(\d+)H(\d+)/.exec(await page.locator('.attention .title').innerText());
  return { layer: Number(layer), head: Number(head) };
};
const thumbnail = (page, { layer, head }) => page.locator(`[data-head="${layer} ${head}"]`);

async function hover(page, id) {
  await thumbnail(page, id).hover({ position: { x: 10, y: 10 } });
  await thumbnail(page, id).hover({ position: { x: 20, y: 20 } }); // only a pointer that moves previews
}

/** Away from every picture. */
const leave = (page) => page.mouse.move(700, 20);

const MODES = [['pattern', 'pattern'], ['scores', 'scores'], ['value_weighted', 'value-weighted'], ['result_weighted', 'result-weighted']];

/** One head's cells of a reading of all of them, null where a source comes after its destination. */
function headOf({ shape: [, n], data }, { layer, head }, nHeads) {
  const at = (layer * nHeads + head) * n * n;
  return causal(data.subarray(at, at + n * n), n);
}

/** The grid and the large head are those of `hs attention` on the test's own run: table twin, pixels, a thumbnail's pixels. */
async function assertAttention(page, run, mode, id, model = MODEL) {
  const n = run.ids.length;
  const names = await namesOf(page);
  const heads = headsOf(model);
  const document = { read: 'attention', ...run, mode, heads: heads.map(({ layer, head }) => [layer, head]) };
  await shows(page, GRID, document);
  await shows(page, large(id), { ...document, heads: [[id.layer, id.head]] });
  const all = hsRead(document, model).arrays.get('attention');
  const wanted = headOf(all, id, model.shape.n_heads);
  const table = await tableOf(page, large(id));
  assert.deepEqual([table.rows, table.cols], [names, names]);
  compare(table.values, wanted, `${mode} of ${nameOf(id)}`);

  const plain = mode === 'pattern' && !run.minus;
  const signed = mode === 'scores' || run.minus !== undefined;
  const palette = signed ? 'diverging' : 'cividis';
  const ends = plain ? [0, 1] : endsOf(wanted.filter((x) => x !== null), signed);
  assert.deepEqual(await scaleOf(page, large(id)), ends, 'the colour bar');
  comparePixels(worstOf(await cellsOf(page, large(id), n, n), wanted, n, 'light', { palette, scale: ends }), `${mode} of ${nameOf(id)}`);
  const scale = plain ? [0, 1] : endsOf(all.data, signed);
  if (!plain) assert.deepEqual(await scaleOf(page, GRID), scale, 'the colour bar of all heads');
  for (const other of [id, heads.at(-1)])
    comparePixels(worstOf(await thumbnailOf(page, other, n), headOf(all, other, model.shape.n_heads), n, 'light', { palette, scale }), `${mode}, thumbnail of ${nameOf(other)}`);
}

for (const model of MANIFEST.models)
  test(`${model.id}: every mode; heads in the order of each detector`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    if (model !== MODEL) await useModel(page, model.id);
    await write(page, 'The red fox sat. The red fox ran.');
    const ids = await idsOf(page);
    await thumbnail(page, { layer: 0, head: 3 }).click();
    await leave(page);
    for (const [mode, word] of MODES) {
      await choose(page, 'What of attention', word);
      await assertAttention(page, { ids }, mode, { layer: 0, head: 3 }, model);
    }
    await choose(page, 'What of attention', 'pattern');

    const detected = hsRead({ read: 'detect', on: 'text', ids }, model).arrays;
    const heads = headsOf(model);
    const score = (kind, { layer, head }) => detected.get(kind).data[layer * model.shape.n_heads + head];
    const kinds = ['induction', 'previous', 'duplicate'];
    for (const order of ['layer', ...kinds]) {
      await page.getByRole('combobox', { name: 'order' }).selectOption(order);
      const cells = await page.locator('.headgrid-cell').evaluateAll((all) => all.map((cell) => cell.dataset.head.split(' ').map(Number)));
      const listed = cells.map(([layer, head]) => ({ layer, head }));
      assert.deepEqual(new Set(listed.map(nameOf)), new Set(heads.map(nameOf)));
      if (order === 'layer') assert.deepEqual(listed, heads);
      else compare(listed.map((id) => score(order, id)), heads.map((id) => score(order, id)).sort((a, b) => b - a), `order by ${order}`);
      const table = await tableOf(page, GRID);
      assert.deepEqual([table.rows, table.cols], [listed.map(nameOf), kinds]);
      compare(table.values, listed.flatMap((id) => kinds.map((kind) => score(kind, id))), `scores, ${order}`);
    }
    // What the names under the thumbnails say: the strongest of what a head can do, where it is 0.2 or more.
    for (const id of heads) {
      const able = kinds.filter((kind) => kind !== 'induction' || id.layer > 0).sort((a, b) => score(b, id) - score(a, id));
      const best = score(able[0], id);
      const says = (await thumbnail(page, id).innerText()).replaceAll(/\s+/g, ' ').trim();
      if (Math.abs(best - 0.2) > 1e-3) assert.ok(says.includes(best >= 0.2 ? `${able[0]} ${best.toFixed(2)}` : nameOf(id)) && (best >= 0.2 || says === nameOf(id)), `${says}: ${able[0]} ${best}`);
    }
    assert.deepEqual(complaints, []);
    await close();
  });

test('A less B, and the effect of an edit', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await write(page, 'The red fox sat. The red fox ran.');
  await write(page, 'The big dog sat. The red dog ran.', 'B');
  const [a, b] = [await idsOf(page), await idsOf(page, 'b')];
  const id = { layer: 1, head: 2 };
  await thumbnail(page, id).click();
  await choose(page, 'Which run is shown', 'A \u2212 B');
  for (const [mode, word] of MODES.slice(0, 3)) {
    await choose(page, 'What of attention', word);
    await leave(page);
    await assertAttention(page, { ids: a, minus: { ids: b } }, mode, id);
  }
  await choose(page, 'Which run is shown', 'A');
  await thumbnail(page, { layer: 0, head: 0 }).click();
  await leave(page);
  await after(page, () => page.keyboard.press('a'));
  await thumbnail(page, id).click();
  await choose(page, 'Which run is shown', 'effect');
  await choose(page, 'What of attention', 'pattern');
  await leave(page);
  const edits = [{ hook: 'blocks.0.attn.hook_z', heads: [0], op: 'zero' }];
  await assertAttention(page, { ids: a, edits, minus: { ids: a } }, 'pattern', id);
  assert.deepEqual(complaints, []);
  await close();
});

test('hover previews, a click keeps, the same click lets go; arcs; the numbers of a pair, step by step', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await write(page, 'The red fox sat. The red fox ran.');
  const ids = await idsOf(page);
  const n = ids.length;
  const attention = ({ layer, head }) => hsRead({ read: 'attention', ids, heads: [[layer, head]], mode: 'pattern' }).arrays.get('attention').data;
  const story = await shownHead(page);
  const other = { layer: 0, head: 6 };
  assert.notDeepEqual(story, other);
  const shownAs = async (id) => {
    await picture(page, large(id)).waitFor();
    comparePixels(worstOf(await cellsOf(page, large(id), n, n), causal(attention(id), n), n), nameOf(id));
  };

  await hover(page, other);
  await shownAs(other);
  await leave(page);
  await shownAs(story);
  await thumbnail(page, other).click();
  await leave(page);
  await shownAs(other);
  await thumbnail(page, other).click();
  await leave(page);
  await shownAs(story);

  // The same of a cell of the large head.
  const lit = (kind) => page.locator('.tok').evaluateAll((chips, wanted) => chips.findIndex((chip) => chip.dataset.lit === wanted), kind);
  const pair = async () => [await lit('dest'), await lit('src')];
  await thumbnail(page, other).click();
  await leave(page);
  const rest = await pair();
  const [dest, src] = [n - 2, 2];
  assert.notDeepEqual(rest, [dest, src]);
  await pointAt(page, large(other), [dest, src], [n, n]);
  assert.deepEqual(await pair(), [dest, src]);
  await leave(page);
  assert.deepEqual(await pair(), rest);
  await pointAt(page, large(other), [dest, src], [n, n]);
  await page.mouse.down();
  await page.mouse.up();
  await leave(page);
  assert.deepEqual(await pair(), [dest, src]);
  assert.equal(await page.locator('.tok[aria-selected="true"]').count(), 1);

  // An arc for each earlier token that is looked at by 0.004 or more, and the weight of the one that is lit.
  const row = attention(other).subarray(dest * n, dest * n + dest);
  const arcs = page.locator('svg.arcs');
  assert.equal(await arcs.locator('path').count(), new Set([src, ...row.keys()].filter((s) => s === src || row[s] >= 0.004)).size);
  assert.equal(await arcs.locator('text').textContent(), row[src].toFixed(2));

  // The numbers of the pair, in the inspector and step by step.
  const document = { read: 'pair', ids, layer: other.layer, head: other.head, dest, src };
  const { values, arrays } = hsRead(document);
  await page.getByRole('button', { name: 'See Q, K, V step by step' }).click();
  const steps = 'query, key and value';
  await shows(page, steps, document);
  await inspects(page, nameOf(other));
  const numbers = await page.locator('aside.inspector .numbers dd').evaluateAll((all) => all.map((dd) => Number(dd.title.replace('\u2212', '-'))));
  compare(numbers, [values.score, values.pattern, values.pattern * values.v_norm], 'the pair');
  const table = await tableOf(page, steps);
  const columns = ['q', 'k', 'product', 'v'].map((name) => arrays.get(name).data);
  compare(table.values, table.rows.flatMap((_, i) => columns.map((column) => column[i])), 'query, key, product, value');
  const said = await picture(page, steps).locator('.formula b').evaluateAll((all) => all.map((b) => Number(b.title.replace('\u2212', '-'))));
  compare(said, [values.score * values.attn_scale, values.attn_scale, values.score], 'the score');
  const logits = await picture(page, steps).locator('table.signed tbody td.num').evaluateAll((all) => all.map((td) => Number(td.title)));
  compare(logits, [...arrays.get('top_values').data.subarray(0, 5), ...arrays.get('bottom_values').data.subarray(0, 3).toReversed()], 'what it adds to logits');

  await page.getByRole('button', { name: 'Close Q, K, V step by step' }).click();
  await pointAt(page, large(other), [dest, src], [n, n]);
  await page.mouse.down();
  await page.mouse.up();
  assert.equal(await page.locator('.tok[aria-selected="true"]').count(), 0, 'the same click again lets go');
  assert.deepEqual(complaints, []);
  await close();
});
