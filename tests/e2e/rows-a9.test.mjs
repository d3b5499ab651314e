// A9: two prompts, aligned, and their difference in every view: what the screen says is what `hs` says of the one less the other.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, predictions, settled, start } from './lib/browser.mjs';
import { hsRead, hsRun, modelOf, probabilitiesAt } from './lib/model.mjs';
import { causal, endsOf, worstOf } from './lib/palette.mjs';
import { barsOf, cellsOf, choose, compare, comparePixels, documentOf, namesOf, openTab, picture, scaleOf, shows, tableOf, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const MODEL = modelOf('stories-gelu-4l');
const { n_layers, n_heads } = MODEL.shape;
const A = 'The red fox sat. The red fox ran.';
const B = 'The big dog sat. The red dog ran.';
const SIDES = 'Which run is shown';
const LESS = 'A \u2212 B';
const AT = 7;

async function open() {
  const visit = await site.open();
  const { page } = visit;
  await settled(page);
  await useModel(page, MODEL.id);
  await write(page, A);
  await write(page, B, 'B');
  return { ...visit, a: await idsOf(page), b: await idsOf(page, 'b') };
}

/** The columns of the strip: [token of A, token of B, whether they are marked], "" for none. */
const columns = (page) =>
  page.locator('.tok-pair').evaluateAll((pairs) =>
    pairs.map((pair) => {
      const at = (prompt) => pair.querySelector(`.tok[data-at^="${prompt}"]`);
      const chips = [...pair.querySelectorAll('.tok')];
      return [at('a')?.textContent ?? '', at('b')?.textContent ?? '', chips.every((chip) => chip.dataset.differs === 'true')];
    }),
  );

test('prompts of one length stand position by position, others by what they have in common; unequal tokens are marked', async () => {
  const { page, a, complaints, close } = await open();
  assert.deepEqual(
    await columns(page),
    [['<bos>', '<bos>'], ['The', 'The'], ['\u2423red', '\u2423big'], ['\u2423fox', '\u2423dog'], ['\u2423sat', '\u2423sat'], ['.', '.'],
      ['\u2423The', '\u2423The'], ['\u2423red', '\u2423red'], ['\u2423fox', '\u2423dog'], ['\u2423ran', '\u2423ran'], ['.', '.']].map(([x, y]) => [x, y, x !== y]),
  );

  // Other lengths: no difference, and why; prompt A is what pictures then show, and prompt B by itself.
  await choose(page, SIDES, LESS);
  await write(page, 'The red fox sat by the tree. The red dog ran.', 'B');
  const b = await idsOf(page, 'b');
  const shown = await columns(page);
  assert.deepEqual(shown.map(([x]) => x).filter(Boolean), (await namesOf(page)).map((name) => name.replace(/ \(\d+\)$/, '')));
  assert.deepEqual(shown.slice(0, 5), [['<bos>', '<bos>'], ['The', 'The'], ['\u2423red', '\u2423red'], ['\u2423fox', '\u2423fox'], ['\u2423sat', '\u2423sat']].map((pair) => [...pair, false]));
  assert.deepEqual(shown.slice(5, 5 + b.length - a.length), ['\u2423by', '\u2423the', '\u2423tree'].map((word) => ['', word, true]));
  assert.deepEqual(shown.slice(-6).map(([, , marked]) => marked), [false, false, false, true, false, false]);
  assert.match(await page.locator('main').innerText(), new RegExp(`A has ${a.length} tokens and B ${b.length}: a difference needs prompts of as many tokens\\. Prompt A is shown\\.`));
  await openTab(page, 'Logit lens');
  const lens = { read: 'lens', ln: 'recompute', token: 'top', k: 5 };
  await shows(page, 'the logit lens', { ...lens, ids: a });
  assert.doesNotMatch(await picture(page, 'the logit lens').innerText(), /difference/);
  await choose(page, SIDES, 'B');
  await shows(page, 'the logit lens', { ...lens, ids: b });
  const probabilities = hsRead({ ...lens, ids: b }, MODEL).arrays.get('prob');
  compare((await tableOf(page, 'the logit lens')).values, turned(probabilities), 'prompt B');

  // Of one length again, the difference that was asked for is there; without B there is none.
  await choose(page, SIDES, LESS);
  await write(page, B, 'B');
  await shows(page, 'the logit lens', { ...lens, ids: a, minus: { ids: await idsOf(page, 'b') } });
  await after(page, () => page.getByRole('button', { name: 'Remove prompt B' }).click());
  await shows(page, 'the logit lens', { ...lens, ids: a });
  assert.equal(await page.getByRole('radiogroup', { name: SIDES }).count(), 0);
  assert.deepEqual(complaints, []);
  await close();
});

/** [rows, cols] as [cols, rows]. */
const turned = ({ shape: [rows, cols], data }) => Array.from({ length: rows * cols }, (_, i) => data[(i % rows) * cols + Math.floor(i / rows)]);

/** A matrix is these numbers, in its table and in its pixels: signed around zero, but for what has no sign. */
async function assertMatrix(page, name, document, values, { kind = 'read', signed = true } = {}) {
  await shows(page, name, document, kind);
  const { rows, cols, values: told } = await tableOf(page, name);
  const where = `${name}, ${JSON.stringify(document)}`;
  compare(told, values, where);
  const scale = endsOf(values.filter((x) => x !== null), signed);
  assert.deepEqual(await scaleOf(page, name), scale, where);
  comparePixels(worstOf(await cellsOf(page, name, rows.length, cols.length), values, cols.length, 'light', { palette: signed ? 'diverging' : 'cividis', scale }), where);
}

/** Bars are these parts; what stands below them are these totals. */
async function assertBars(page, name, document, values, totals = []) {
  await shows(page, name, document);
  const bars = await barsOf(page, name);
  compare(bars.filter(({ total }) => !total).map(({ value }) => value), values, `${name}, ${JSON.stringify(document)}`);
  compare(bars.filter(({ total }) => total).map(({ value }) => value), totals, `totals of ${name}`);
}

test('the difference in every tab', async () => {
  const { page, a, b, complaints, close } = await open();
  await choose(page, SIDES, LESS);
  await page.locator(`.tok[data-at="a${AT}"]`).click();
  await page.mouse.move(700, 20);
  const less = { ids: a, minus: { ids: b } };
  const read = (document) => hsRead(document, MODEL).arrays;
  const n = a.length;

  // Attention: heads (rows-a3), how far apart the streams are, each token's loss and the next token, one beside the other.
  const stream = { read: 'states', ...less, states: [...Array.from({ length: n_layers }, (_, l) => `${l}_pre`), 'final_post'] };
  await assertMatrix(page, 'the residual stream', stream, turned(read(stream).get('distance')), { signed: false });
  const loss = (ids) => [...read({ read: 'predictions', ids }).get('loss').data].slice(0, -1);
  await page.getByRole('button', { name: 'Table of the losses' }).click();
  const losses = (await page.getByRole('region', { name: 'Table of losses' }).locator('td').evaluateAll((cells) => cells.map((cell) => Number(cell.title))));
  compare(losses.filter((_, i) => i % 2 === 0), loss(b), 'losses of B');
  compare(losses.filter((_, i) => i % 2 === 1), loss(a), 'losses of A');
  await page.getByRole('button', { name: 'Table of the losses' }).click();
  const [nextA, nextB] = [a, b].map((ids) => probabilitiesAt(hsRun(ids, { model: MODEL, capture: ['logits'] }), AT));
  const shown = await predictions(page);
  compare(shown.map(({ now }) => now), shown.map(({ id }) => nextA[id]), 'next token of A');
  compare(shown.map(({ before: other }) => other), shown.map(({ id }) => nextB[id]), 'next token of B');

  await openTab(page, 'Residual stream');
  const states = { read: 'states', ...less };
  await assertMatrix(page, 'the residual stream', states, turned(read(states).get('distance')), { signed: false });
  for (const by of ['component', 'head']) {
    await choose(page, 'Parts', by === 'head' ? 'heads' : 'layers');
    // Along what the two vectors differ by: the page's engine may be the relaxed build, so its last digits are its own.
    const ours = [...read({ read: 'states', ...less, states: ['final_post'], positions: [AT], vectors: true }).get('vectors').data];
    await page.waitForFunction((kind) => {
      const said = JSON.parse(document.querySelector('figure.picture[aria-label="what wrote it"]')?.dataset.document ?? '{}').document;
      return said?.by === kind && said.along?.vector;
    }, by);
    const { vector } = (await documentOf(page, 'what wrote it')).document.along;
    compare(vector, ours, 'the direction');
    const wrote = { read: 'decompose', ...less, state: 'final_post', positions: [AT], by, along: { vector } };
    const parts = read(wrote);
    await assertBars(page, 'what wrote it', wrote, parts.get('along').data, [parts.get('state_along').data[0], parts.get('error').data[0]]);
  }
  await choose(page, 'Measure', 'cosine');
  await assertMatrix(page, 'the residual stream', states, turned(read(states).get('cosine')));

  await openTab(page, 'Logit lens');
  const lens = { read: 'lens', ...less, ln: 'recompute', token: 'top', k: 5 };
  for (const [array, word] of [['prob', 'probability'], ['rank', 'rank'], ['kl', 'KL'], ['entropy', 'entropy'], ['logit', 'logit']]) {
    await choose(page, 'Measure', word);
    await assertMatrix(page, 'the logit lens', lens, turned(read(lens).get(array)));
  }

  // Attribution: of what A's run finds most probable there.
  await openTab(page, 'Attribution');
  const token = nextA.indexOf(Math.max(...nextA));
  const attribution = { read: 'attribution', ...less, positions: [AT], token, by: 'component' };
  await choose(page, 'Attribution by', 'component');
  const one = read(attribution);
  await assertBars(page, 'the attribution', attribution, one.get('values').data, [one.get('logit').data[0], one.get('error').data[0]]);
  const byHead = { ...attribution, by: 'head' };
  await assertMatrix(page, 'the attribution of all heads', byHead, [...read(byHead).get('heads').data]);
  const everywhere = { ...attribution, positions: a.map((_, i) => i) };
  await assertMatrix(page, 'the attribution at every position', everywhere, [...read(everywhere).get('values').data]);

  await openTab(page, 'MLP');
  const neurons = { read: 'neurons', ...less, position: AT, k: 15, by: 'activation' };
  const most = read(neurons);
  await assertBars(page, 'the neurons that do most', neurons, most.get('post').data);
  const [layer, neuron] = [most.get('layer').data[0], most.get('neuron').data[0]];
  const over = { read: 'neuron', ...less, layer, neuron };
  await assertMatrix(page, `L${layer} N${neuron} over the text`, over, [...read(over).get('pre').data, ...read(over).get('post').data]);

  await openTab(page, 'Written');
  const written = { read: 'written', ...less, positions: a.slice(1).map((_, i) => i + 1) };
  const of = read(written);
  await assertBars(page, 'what each component writes', written, of.get('norm_mean').data);
  await assertBars(page, 'the stream\u2019s norm', written, of.get('stream_norm').data);
  await assertMatrix(page, 'what is written at every position', written, turned(of.get('norm')));
  await assertMatrix(page, 'what each head writes', written, [...of.get('heads_norm').data]);
  const detect = { read: 'detect', on: 'text', error_measure: 'stripe', ...less };
  const kinds = ['induction', 'previous', 'duplicate'].map((kind) => read(detect).get(kind).data);
  await assertMatrix(page, 'what heads do', detect, Array.from({ length: 3 * n_layers * n_heads }, (_, i) => kinds[i % 3][Math.floor(i / 3)]));

  await openTab(page, 'Hooks');
  const field = page.getByRole('combobox', { name: 'hook', exact: true });
  const hooks = ['blocks.2.ln2.hook_scale', 'blocks.3.attn.hook_pattern'];
  const [ofA, ofB] = [a, b].map((ids) => hsRun(ids, { model: MODEL, capture: hooks }).tensors);
  for (const name of hooks) {
    await field.fill(name);
    await shows(page, 'the hook', { ...less, hooks: [name] }, 'run');
    const heads = page.getByRole('combobox', { name: 'head', exact: true });
    const head = (await heads.count()) ? 4 : 0;
    if (await heads.count()) await heads.selectOption(String(head));
    const values = ofA.get(name).data.map((x, i) => x - ofB.get(name).data[i]);
    const square = name.endsWith('pattern');
    await assertMatrix(page, 'the hook', { ...less, hooks: [name] }, square ? causal(values.subarray(head * n * n, (head + 1) * n * n), n) : [...values], { kind: 'run' });
  }
  assert.deepEqual(complaints, []);
  await close();
});

test('edits act on both prompts, but those that take from B on A alone', async () => {
  const { page, a, b, complaints, close } = await open();
  await openTab(page, 'Logit lens');
  await choose(page, SIDES, LESS);
  const add = async (edit, fields) => {
    await page.getByRole('button', { name: 'Add an intervention' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('does', { exact: true }).selectOption(edit.op);
    for (const [name, text] of Object.entries({ hook: edit.hook, ...fields })) await form.getByLabel(name, { exact: true }).fill(text);
    await after(page, () => form.getByRole('button', { name: 'Put in force' }).click());
  };
  const off = { hook: 'blocks.0.attn.hook_z', op: 'zero', heads: [2, 3] };
  const patch = { hook: 'blocks.1.hook_resid_post', op: 'patch', value: { run: 'B' }, positions: [3] };
  await add(off, { heads: '2, 3' });
  const lens = { read: 'lens', ln: 'recompute', token: 'top', k: 5 };
  const both = { ...lens, ids: a, edits: [off], minus: { ids: b, edits: [off] } };
  await assertMatrix(page, 'the logit lens', both, turned(hsRead(both, MODEL).arrays.get('prob')));
  await add(patch, { value: 'B', positions: '3' });
  const one = { ...lens, ids: a, edits: [off, patch], runs: { B: b }, minus: { ids: b, edits: [off] } };
  await assertMatrix(page, 'the logit lens', one, turned(hsRead(one, MODEL).arrays.get('prob')));
  await choose(page, SIDES, 'effect');
  const effect = { ...lens, ids: a, edits: [off, patch], runs: { B: b }, minus: { ids: a } };
  await assertMatrix(page, 'the logit lens', effect, turned(hsRead(effect, MODEL).arrays.get('prob')));
  await choose(page, SIDES, 'B');
  const other = { ...lens, ids: b, edits: [off] };
  await shows(page, 'the logit lens', other);
  compare((await tableOf(page, 'the logit lens')).values, turned(hsRead(other, MODEL).arrays.get('prob')), 'prompt B with the edits that act on it');
  assert.deepEqual(complaints, []);
  await close();
});
