// A6: direct logit attribution by component, head, neuron and source; of a token and of a difference of two; with edits in
// force and as their effect. Bars, sums, errors and pictures are those of `hs attribution`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, settled, start } from './lib/browser.mjs';
import { hsRead, hsRun, MODEL, modelOf } from './lib/model.mjs';
import { worstOf } from './lib/palette.mjs';
import {
  barsOf, cellsOf, choose, compare, comparePixels, intervene, namesOf, openTab, picture, pointAt, scaleOf, shows, tableOf, typeToken, useModel,
} from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const BARS = 'the attribution';
const HEADS = 'the attribution of all heads';
const EVERYWHERE = 'the attribution at every position';
/** So many bars of heads, neurons or sources. */
const MOST = 20;
/** What float32 leaves of a sum of a logit's size. */
const ROUNDING = 1e-4;

const WORDS = { attn_out: 'attention', mlp_out: 'MLP', embed: 'embedding', pos_embed: 'position', ln_final_bias: 'final LN bias', unembed_bias: 'unembed bias' };
/** What the screen calls a part of `hs`. */
const spoken = (part) => part.replace(/^edit (\d+)_/, 'edit of L$1 ').replace(/^(\d+)_/, 'L$1 ').replace(/\w+$/, (word) => WORDS[word] ?? word);

const read = (document, model) => {
  const { arrays, axes } = hsRead({ v: 1, ...document }, model);
  return { ...Object.fromEntries([...arrays].map(([name, { data }]) => [name, [...data]])), parts: axes.part ?? [] };
};
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** Each bar begins at the common zero and is as long as its value, and so is the pale one behind it, which is drawn where
 *  the value was another. */
async function assertLengths(page, bars) {
  const drawn = await picture(page, BARS).locator('.signed-bar').evaluateAll((all) =>
    all.map((bar) => {
      const box = bar.getBoundingClientRect();
      const ends = (part) => part && [part.getBoundingClientRect().left, part.getBoundingClientRect().right].map((x) => (x - box.left) / box.width);
      return { fill: ends(bar.querySelector('.fill')), ghost: ends(bar.querySelector('.ghost')) };
    }),
  );
  const parts = bars.filter(({ total }) => !total);
  assert.equal(drawn.length, parts.length);
  const sizes = parts.flatMap(({ value, before: was }) => [value, was ?? 0]);
  const [low, high] = [Math.min(0, ...sizes), Math.max(0, ...sizes)];
  const place = (value) => (value - low) / (high - low);
  const near = (ends, value, name) => [place(0), place(value)].sort((a, b) => a - b).forEach((at, i) => assert.ok(Math.abs(ends[i] - at) < 0.01, `the bar of ${name}`));
  parts.forEach(({ name, value, before: was }, i) => {
    if (value === 0) assert.equal(drawn[i].fill, null, name);
    else near(drawn[i].fill, value, name);
    if (was === null || was === value) assert.equal(drawn[i].ghost, null, `no pale bar of ${name}`);
    else near(drawn[i].ghost, was, `${name} before`);
  });
}

/** The bars are these parts (each { name, value, before }), the largest where they are many, and the lines below add up. */
async function assertBars(page, own, { whole, named, rest = null, error = null }) {
  const bars = await barsOf(page, BARS);
  const [shown, lines] = [bars.filter(({ total }) => !total), bars.filter(({ total }) => total)];
  const edited = own.some(({ before: was }) => was !== undefined);
  if (own.length <= MOST || rest === null) assert.deepEqual(shown.map(({ name }) => name), own.map(({ name }) => name));
  else {
    assert.equal(new Set(shown.map(({ name }) => name)).size, MOST);
    const size = ({ value, before: was }) => Math.max(Math.abs(value), Math.abs(was ?? 0));
    compare(shown.map(size), own.map(size).sort((a, b) => b - a).slice(0, MOST), 'the largest, in order');
  }
  const of = new Map(own.map((part) => [part.name, part]));
  compare(shown.map(({ value }) => value), shown.map(({ name }) => of.get(name).value), 'now');
  if (edited) compare(shown.map(({ before: was }) => was), shown.map(({ name }) => of.get(name).before), 'before');
  else assert.ok(bars.every(({ before: was }) => was === null));

  const [total, ...others] = lines;
  assert.equal(total.name, `sum = ${named}`);
  compare([total.value], [whole.value], 'the whole');
  if (edited) compare([total.before], [whole.before], 'the whole before');
  const last = others.pop();
  assert.equal(last.name, 'error of the sum');
  if (error !== null) compare([last.value], [error], 'the error');
  assert.ok(Math.abs(last.value) < ROUNDING, `the error of the sum is rounding: ${last.value}`);
  assert.ok(Math.abs(total.value - sum([...shown, ...others].map(({ value }) => value)) - last.value) < ROUNDING, 'what is on the screen adds up');
  if (rest !== null) {
    const left = own.length - shown.length;
    assert.deepEqual(others.map(({ name }) => name), [...(left > 0 ? [`of which ${left} other ${rest.of}`] : []), ...(rest.value === null ? [] : [rest.named])]);
    if (left > 0) compare([others[0].value], [sum(own.map(({ value }) => value)) - sum(shown.map(({ name }) => of.get(name).value))], 'the others');
    if (rest.value !== null) compare([others.at(-1).value], [rest.value], 'the rest');
  } else assert.equal(others.length, 0);
  await assertLengths(page, bars);
}

const pair = (now, was, i) => ({ value: now[i], ...(was && { before: was[i] }) });
const single = (now, was) => pair(now, was, 0);

/** By component: every part in its order; `asked` is the test's document without `by`. */
async function assertComponents(page, model, asked, named, asBefore = null) {
  const document = { ...asked, by: 'component' };
  await shows(page, BARS, document);
  const now = read(document, model);
  const was = asBefore && read({ ...asBefore, by: 'component' }, model);
  const own = now.parts.map((part, i) => ({
    name: spoken(part), value: now.values[i],
    ...(was && { before: was.parts.includes(part) ? was.values[was.parts.indexOf(part)] : 0 }),
  }));
  await assertBars(page, own, { whole: single(now.logit, was?.logit), named, error: now.error[0] });
  return now;
}

async function assertHeads(page, model, asked, named, asBefore = null) {
  const { n_heads } = model.shape;
  const document = { ...asked, by: 'head' };
  await shows(page, BARS, document);
  const now = read(document, model);
  const was = asBefore && read({ ...asBefore, by: 'head' }, model);
  const own = now.heads.map((_, i) => ({ name: `L${Math.floor(i / n_heads)}H${i % n_heads}`, ...pair(now.heads, was?.heads, i) }));
  await assertBars(page, own, {
    whole: single(now.logit, was?.logit), named, error: now.error[0],
    rest: { of: 'heads', named: 'of which all but heads', value: sum(now.values) },
  });
}

async function assertNeurons(page, model, asked, named, asBefore = null) {
  const document = { ...asked, by: 'neuron' };
  await shows(page, BARS, document);
  const now = read(document, model);
  const was = asBefore && read({ ...asBefore, by: 'neuron' }, model);
  const each = now.neurons.length / model.shape.n_layers;
  const own = now.neurons.map((_, i) => ({ name: `L${Math.floor(i / each)} N${i % each}`, ...pair(now.neurons, was?.neurons, i) }));
  await assertBars(page, own, {
    whole: single(now.logit, was?.logit), named, error: now.error[0],
    rest: { of: 'neurons', named: 'of which all but neurons', value: sum(now.values) + sum(now.heads) },
  });
}

async function assertSources(page, model, asked, { layer, head }, asBefore = null) {
  const document = { ...asked, by: 'source', layer, head };
  await shows(page, BARS, document);
  const names = await namesOf(page);
  const now = read(document, model);
  const was = asBefore && read({ ...asBefore, by: 'source', layer, head }, model);
  const at = layer * model.shape.n_heads + head;
  // Later tokens are out of a head's reach.
  const own = names.slice(0, asked.positions[0] + 1).map((name, i) => ({ name, ...pair(now.source, was?.source, i) }));
  await assertBars(page, own, {
    whole: pair(now.heads, was?.heads, at), named: `L${layer}H${head}`,
    rest: { of: 'tokens', named: `of which the edit of L${layer}H${head}`, value: now.source_edit?.[0] ?? null },
  });
}

/** The two pictures beside the bars: their tables and their pixels. */
async function assertPictures(page, model, asked) {
  const { n_layers, n_heads } = model.shape;
  const names = await namesOf(page);
  const byHead = { ...asked, by: 'head' };
  const everywhere = { ...asked, by: 'component', positions: names.map((_, i) => i) };
  await shows(page, HEADS, byHead);
  await shows(page, EVERYWHERE, everywhere);
  const numbers = (n, letter) => Array.from({ length: n }, (_, i) => `${letter}${i}`);
  const parts = read(everywhere, model);
  for (const [name, rows, cols, values] of [
    [HEADS, numbers(n_layers, 'L'), numbers(n_heads, 'H'), read(byHead, model).heads],
    [EVERYWHERE, names, parts.parts.map(spoken), parts.values],
  ]) {
    const pixels = worstOf(await cellsOf(page, name, rows.length, cols.length), values, cols.length, 'light', { scale: await scaleOf(page, name), palette: 'diverging' });
    // Words stand in SVG above the cells, on a canvas of their own.
    comparePixels(pixels, name);
    const table = await tableOf(page, name);
    assert.deepEqual([table.rows, table.cols], [rows, cols], name);
    compare(table.values, values, name);
  }
}

test('stories-gelu-4l, by the pointer: component, head, neuron, source, a difference of tokens, edits and their effect', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close } = await site.open();
  await settled(page);
  await useModel(page, model.id);
  await openTab(page, 'Attribution');
  const ids = await idsOf(page);
  const dest = 9;
  await page.locator(`[data-at="a${dest}"]`).click();
  const by = (word) => choose(page, 'Attribution by', word);
  const tops = (edits = []) => hsRun(ids, { edits, model }).top[dest].ids;

  const [token, second] = tops();
  const asked = { read: 'attribution', ids, positions: [dest], token };
  await assertComponents(page, model, asked, 'logit');
  await assertPictures(page, model, asked);
  await by('head');
  await assertHeads(page, model, asked, 'logit');
  await by('neuron');
  await assertNeurons(page, model, asked, 'logit');
  const head = { layer: 2, head: 3 };
  await pointAt(page, HEADS, [head.layer, head.head], [model.shape.n_layers, model.shape.n_heads]);
  await page.mouse.down();
  await page.mouse.up();
  await by('source');
  await assertSources(page, model, asked, head);

  // Less another token's: the second guess, then one that is typed.
  await page.getByRole('checkbox', { name: /less another/ }).check();
  await assertSources(page, model, { ...asked, wrong: second }, head);
  const wrong = ids[3];
  await typeToken(page, 'The other token', `#${wrong}`);
  await by('component');
  const less = { ...asked, wrong };
  await assertComponents(page, model, less, 'logit difference');
  await assertPictures(page, model, less);
  await by('neuron');
  await assertNeurons(page, model, less, 'logit difference');
  await page.getByRole('checkbox', { name: /less another/ }).uncheck();

  // Two edits: one writes to the stream itself and is a part of the sum, the other changes what a head found.
  const edits = [
    { hook: 'blocks.1.hook_resid_pre', op: 'add', positions: [dest], value: 1, scale: 0.5 },
    { hook: `blocks.${head.layer}.attn.hook_z`, op: 'scale', heads: [head.head], scale: 3 },
  ];
  for (const edit of edits) await intervene(page, edit);
  const now = { read: 'attribution', ids, edits, positions: [dest], token: tops(edits)[0] };
  const { edits: _, ...unedited } = now;
  await by('component');
  const { parts } = await assertComponents(page, model, now, 'logit', unedited);
  assert.ok(parts.includes('edit 1_resid_pre'), 'what an edit put in is a part');
  await by('head');
  await assertHeads(page, model, now, 'logit', unedited);
  await by('neuron');
  await assertNeurons(page, model, now, 'logit', unedited);
  await by('source');
  await assertSources(page, model, now, head, unedited);
  await assertPictures(page, model, now);
  // A token that the head may not look at any more: its bar is what it was.
  const blind = { hook: `blocks.${head.layer}.attn.hook_pattern`, op: 'zero', heads: [head.head], sources: [3] };
  await intervene(page, blind);
  const less3 = [...edits, blind];
  await assertSources(page, model, { ...now, edits: less3, token: tops(less3)[0] }, head, { ...unedited, token: tops(less3)[0] });
  assert.equal((await barsOf(page, BARS))[3].value, 0);
  await after(page, () => page.keyboard.press('Control+z'));

  // What the edits change, as one difference.
  await choose(page, 'Which run is shown', 'effect');
  await by('component');
  await assertComponents(page, model, { ...now, minus: { ids } }, 'logit');
  await assertPictures(page, model, { ...now, minus: { ids } });
  assert.deepEqual(complaints, []);
  await close();
});

test('stories-2l, by the keyboard: tokens that are typed, bars walked and heads picked', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const ids = await idsOf(page);
  const dest = ids.length - 2;
  const focusedOn = (selector) => page.evaluate((wanted) => document.activeElement.matches(wanted), selector);
  const tabTo = async (selector) => {
    for (let stops = 0; !(await focusedOn(selector)); stops++) {
      assert.ok(stops < 40, `${selector} is reached by Tab`);
      await page.keyboard.press('Tab');
    }
  };
  await tabTo('.tok');
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  await tabTo('[role="tab"]');
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
  const asked = { read: 'attribution', ids, positions: [dest], token: hsRun(ids).top[dest].ids[0] };
  await assertComponents(page, MODEL, asked, 'logit');

  // The token that comes next, then any: the choice by its first letters, the token by its number.
  await tabTo('.pick select');
  await page.keyboard.press('ArrowDown');
  await assertComponents(page, MODEL, { ...asked, token: ids[dest + 1] }, 'logit');
  await page.keyboard.press('ArrowDown');
  await tabTo('.token-input');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(`#${ids[2]}`);
  const typed = { ...asked, token: ids[2] };
  await assertComponents(page, MODEL, typed, 'logit');

  // A head by walking the bars; then by the tokens it took it from.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('ArrowRight');
  await assertHeads(page, MODEL, typed, 'logit');
  await tabTo('table.signed tr');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const picked = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
  const [, layer, head] = /^L(\d)H(\d): /.exec(picked);
  await page.keyboard.press('Enter');
  await page.waitForFunction((name) => document.querySelector('.inspector-body h2')?.innerText.startsWith(name), `L${layer}H${head}`);
  for (let stops = 0; !(await focusedOn('[aria-label="Attribution by"] [role="radio"]')); stops++) {
    assert.ok(stops < 40);
    await page.keyboard.press('Shift+Tab');
  }
  await page.keyboard.press('ArrowRight');
  await assertSources(page, MODEL, typed, { layer: Number(layer), head: Number(head) });

  // The same head off: only what an edit of it leaves.
  await after(page, () => page.keyboard.press('a'));
  const edits = [{ hook: `blocks.${layer}.attn.hook_z`, heads: [Number(head)], op: 'zero' }];
  await assertSources(page, MODEL, { ...typed, edits }, { layer: Number(layer), head: Number(head) }, typed);
  await page.keyboard.press('ArrowLeft');
  await assertHeads(page, MODEL, { ...typed, edits }, 'logit', typed);
  assert.deepEqual(complaints, []);
  await close();
});
