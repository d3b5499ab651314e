// A5: the logit lens, both ways round, by each measure, for any token, with either LayerNorm: numbers, words and pixels are
// those of `hs lens`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { idsOf, settled, start } from './lib/browser.mjs';
import { glyphOf, hsRead, idOf, MANIFEST, MODEL } from './lib/model.mjs';
import { endsOf, worstOf } from './lib/palette.mjs';
import { cellsOf, choose, compare, comparePixels, namesOf, openTab, picture, scaleOf, shows, stateName, tableOf, typeToken, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const LENS = 'the logit lens';
/** Measure, its word, its scale where it has one of its own, whether zero is in the middle. */
const MEASURES = [['prob', 'probability', [0, 1]], ['logit', 'logit', null, true], ['rank', 'rank', [20, 0]], ['kl', 'KL', [5, 0]], ['entropy', 'entropy', null]];

/** The picture is that of `hs lens` on this document: table twin with its words, and pixels. Rows are positions, or states. */
async function assertLens(page, document, [measure, , fixed, signed = false], { across = false, model = MODEL }) {
  await shows(page, LENS, document);
  const { axes, arrays } = hsRead(document, model);
  const [depths, n, k] = arrays.get('top_ids').shape;
  const names = await namesOf(page);
  const states = axes.state.map((label) => stateName(label, model.shape));
  assert.equal(depths, model.shape.attn_only ? model.shape.n_layers + 1 : 2 * model.shape.n_layers + 1);
  // No token comes after the last: nothing is told of it.
  const told = document.token === 'next' && fixed?.[0] !== 5 && measure !== 'entropy' ? n - 1 : n;
  const [rows, cols] = across ? [depths, told] : [told, depths];
  const at = Array.from({ length: rows * cols }, (_, i) => {
    const [row, col] = [Math.floor(i / cols), i % cols];
    return across ? { depth: row, position: col } : { depth: col, position: row };
  });
  const wanted = at.map(({ depth, position }) => arrays.get(measure).data[depth * n + position]);
  const words = at.map(({ depth, position }) => arrays.get('top_ids').data[(depth * n + position) * k]);
  const table = await tableOf(page, LENS);
  assert.deepEqual([table.rows, table.cols], across ? [states, names.slice(0, told)] : [names.slice(0, told), states]);
  compare(table.values, wanted, `${measure}, ${JSON.stringify(document)}`);
  assert.deepEqual(table.words, words.map(glyphOf));
  const drawn = await picture(page, LENS).locator('.heatmap-text text').allTextContents();
  assert.equal(drawn.length, words.length);
  drawn.forEach((text, i) => assert.ok(text === glyphOf(words[i]) || (text.endsWith('\u2026') && glyphOf(words[i]).startsWith(text.slice(0, -1))), text));
  assert.equal(await picture(page, LENS).locator('.heatmap-text circle').count(), words.filter((id, i) => id === document.ids[at[i].position + 1]).length, 'a dot where the first guess is right');

  const scale = fixed ?? endsOf(wanted, signed);
  assert.deepEqual(await scaleOf(page, LENS), scale, 'the colour bar');
  const how = { palette: signed ? 'diverging' : 'cividis', scale };
  comparePixels(worstOf(await cellsOf(page, LENS, rows, cols), wanted, cols, 'light', how), `${measure}, ${JSON.stringify(document)}`);
}

for (const model of MANIFEST.models)
  test(`${model.id}: each measure, LayerNorm anew and cached, positions down and across, any token`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    if (model !== MODEL) await useModel(page, model.id);
    await write(page, 'The red fox sat. The red fox ran.');
    const ids = await idsOf(page);
    await openTab(page, 'Logit lens');
    const document = { read: 'lens', ids, ln: 'recompute', token: 'top', k: 5 };
    for (const measure of MEASURES) {
      await choose(page, 'Measure', measure[1]);
      await assertLens(page, document, measure, { model });
    }
    await choose(page, 'Positions', 'text \u2192');
    await choose(page, 'Final LayerNorm', 'LN cached');
    const cached = { ...document, ln: 'cached' };
    for (const measure of [MEASURES[4], MEASURES[1], MEASURES[0]]) {
      await choose(page, 'Measure', measure[1]);
      await assertLens(page, cached, measure, { across: true, model });
    }
    assert.notDeepEqual(hsRead(cached, model).arrays.get('prob').data, hsRead(document, model).arrays.get('prob').data);

    // The token that comes next; and one that is typed, by its words and by its number.
    const target = page.getByRole('combobox', { name: 'token', exact: true });
    await target.selectOption({ label: 'the token that comes next' });
    await assertLens(page, { ...cached, token: 'next' }, MEASURES[0], { across: true, model });
    await choose(page, 'Positions', 'text \u2193');
    await assertLens(page, { ...cached, token: 'next' }, MEASURES[0], { model });
    await choose(page, 'Measure', 'KL');
    await assertLens(page, { ...cached, token: 'next' }, MEASURES[3], { model });
    await choose(page, 'Measure', 'rank');
    await target.selectOption({ label: 'one token' });
    for (const [typed, glyphs] of [[' dog', '\u2423dog'], ['#14', '.'], ['ran', '\u2423ran']]) {
      await typeToken(page, 'Token', typed);
      await assertLens(page, { ...cached, token: idOf(glyphs) }, MEASURES[2], { model });
    }
    await choose(page, 'Measure', 'logit');
    await assertLens(page, { ...cached, token: ids.at(-2) }, MEASURES[1], { model });
    assert.deepEqual(complaints, []);
    await close();
  });
