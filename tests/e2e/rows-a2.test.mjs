// A2: every operation can be done at a hook, by hand; what the page then predicts is what `hs run --edits` predicts.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, predictions, settled, start } from './lib/browser.mjs';
import { hsRead, hsRun, MODEL, modelOf, probabilitiesAt } from './lib/model.mjs';
import { compare, openTab, shows, tableOf, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const B = { run: 'B' };
const FIELDS = ['heads', 'positions', 'from', 'sources', 'dims', 'scale', 'value', 'min', 'max'];

/** As a person writes it into a field of the form. */
function typed(value) {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.join(', ');
  return value.positions ? JSON.stringify(value) : value.run;
}

const form = (page) => page.getByRole('dialog');
const field = (page, name) => form(page).getByLabel(name, { exact: true });

async function fill(page, edit) {
  await field(page, 'hook').fill(edit.hook);
  await field(page, 'does').selectOption(edit.op);
  for (const name of FIELDS) if (edit[name] !== undefined) await field(page, name).fill(typed(edit[name]));
}

async function add(page, edit) {
  await page.getByRole('button', { name: 'Add an intervention' }).click();
  await fill(page, edit);
  await after(page, () => form(page).getByRole('button', { name: 'Put in force' }).click());
  assert.equal(await form(page).count(), 0, 'the form closes');
}

const readsRuns = (edit) => edit.value?.run !== undefined;

/** The run that the test has set up: the text's ids, these edits, and prompt B where one of them takes from it. */
const runOf = ({ a, b }, edits) => ({ ids: a, ...(edits.length > 0 && { edits }), ...(edits.some(readsRuns) && { runs: { B: b } }) });

/** The predictions at the last token, without and with these edits. How far the edits move them. */
async function assertPredictions(page, prompts, edits, model = MODEL) {
  const run = runOf(prompts, edits);
  const at = prompts.a.length - 1;
  await shows(page, 'the next token', { read: 'predictions', ...run, positions: [at], k: 9 });
  const shown = await predictions(page);
  assert.equal(shown.length, 9);
  const now = probabilitiesAt(hsRun(run.ids, { ...run, model, capture: ['logits'] }), at);
  const was = probabilitiesAt(hsRun(run.ids, { model, capture: ['logits'] }), at);
  const where = JSON.stringify(edits);
  compare(shown.map((row) => row.now), shown.map(({ id }) => now[id]), `now, ${where}`);
  if (edits.length > 0) compare(shown.map((row) => row.before), shown.map(({ id }) => was[id]), `before, ${where}`);
  const larger = now.map((p, id) => Math.max(p, was[id]));
  compare(shown.map(({ id }) => larger[id]), [...larger].sort((x, y) => y - x).slice(0, 9), `the largest, ${where}`);
  return Math.max(...now.map((p, id) => Math.abs(p - was[id])));
}

/** A page on two prompts of one length, its last token locked. */
async function open(model = MODEL) {
  const visit = await site.open();
  const { page } = visit;
  await settled(page);
  if (model !== MODEL) await useModel(page, model.id);
  await write(page, 'The cat sat on the bed. The cat was sad.');
  await write(page, 'The dog sat on the bed. The dog was big.', 'B');
  const prompts = { a: await idsOf(page), b: await idsOf(page, 'b') };
  assert.equal(prompts.a.length, prompts.b.length);
  await page.locator(`.tok[data-at="a${prompts.a.length - 1}"]`).click();
  return { ...visit, prompts };
}

const EDITS = [
  { hook: 'blocks.1.attn.hook_z', op: 'zero', heads: [2, 5], positions: [3, -1] },
  { hook: 'blocks.0.attn.hook_v', op: 'scale', scale: 3, heads: [1, 6], dims: [0, 16] },
  { hook: 'blocks.1.hook_resid_pre', op: 'add', value: [1, 0, 2, -1], scale: 4, dims: [8, 12], from: 2 },
  { hook: 'blocks.0.attn.hook_attn_scores', op: 'set', value: 6, heads: [0, 1, 2], sources: [1], positions: [-1] },
  { hook: 'blocks.*.attn.hook_z', op: 'mean', value: { run: 'B', positions: [1, 2, 5] }, heads: [3, 4] },
  { hook: 'blocks.1.hook_resid_pre', op: 'patch', value: B, positions: [12, 2] },
  { hook: 'blocks.1.hook_resid_post', op: 'project_out', value: [3, 1, -1, 2, 1, 0, 4, -2], dims: [16, 24] },
  { hook: 'blocks.1.hook_attn_in', op: 'clamp', value: [1, 1, -1, 2], min: -0.01, max: 0.01, dims: [0, 4], heads: [0, 7] },
  { hook: 'blocks.*.attn.hook_pattern', op: 'freeze', value: B },
];

test('each operation by the form; one alone, and all of them in their order', async () => {
  const { page, prompts, complaints, close } = await open();
  for (const edit of EDITS) {
    await add(page, edit);
    assert.ok((await assertPredictions(page, prompts, [edit])) > 1e-3, `${edit.op} matters`);
    await after(page, () => page.keyboard.press('Control+z'));
  }
  await assertPredictions(page, prompts, []);
  for (const edit of EDITS) await add(page, edit);
  await assertPredictions(page, prompts, EDITS);
  await openTab(page, 'Logit lens');
  const document = { read: 'lens', ...runOf(prompts, EDITS), ln: 'recompute', token: 'top', k: 5 };
  await shows(page, 'the logit lens', document);
  const { shape, data } = hsRead(document).arrays.get('prob');
  const [states, positions] = shape;
  compare((await tableOf(page, 'the logit lens')).values, Array.from(data, (_, i) => data[(i % states) * positions + Math.floor(i / states)]), 'lens');
  assert.deepEqual(complaints, []);
  await close();
});

test('order counts; muted, changed, removed, undone', async () => {
  const { page, prompts, complaints, close } = await open();
  const set = { hook: 'blocks.0.hook_resid_pre', op: 'set', value: 2, dims: [0, 9] };
  const scale = { hook: 'blocks.0.hook_resid_pre', op: 'scale', scale: 3, dims: [0, 9] };
  await add(page, scale);
  await add(page, set);
  const forth = await assertPredictions(page, prompts, [scale, set]);
  await after(page, () => page.getByRole('button', { name: /^Remove scale/ }).click());
  await assertPredictions(page, prompts, [set]);
  await add(page, scale);
  assert.ok(Math.abs((await assertPredictions(page, prompts, [set, scale])) - forth) > 1e-3, 'the other order is another run');

  await after(page, () => page.getByRole('button', { name: /^Mute set/ }).click());
  await assertPredictions(page, prompts, [scale]);
  await after(page, () => page.getByRole('button', { name: /^Mute set/ }).click());
  await assertPredictions(page, prompts, [set, scale]);

  await page.locator('.chip-says', { hasText: 'scale' }).click();
  assert.deepEqual([await field(page, 'hook').inputValue(), await field(page, 'scale').inputValue(), await field(page, 'dims').inputValue()], [scale.hook, '3', '0, 9']);
  await field(page, 'scale').fill('-1');
  await field(page, 'positions').fill('1, 2');
  await after(page, () => form(page).getByRole('button', { name: 'Change' }).click());
  const changed = { ...scale, scale: -1, positions: [1, 2] };
  await assertPredictions(page, prompts, [set, changed]);
  await after(page, () => page.keyboard.press('Control+z'));
  await assertPredictions(page, prompts, [set, scale]);
  await after(page, () => page.keyboard.press('Control+Shift+z'));
  await after(page, () => page.getByRole('button', { name: /^Remove set/ }).click());
  await assertPredictions(page, prompts, [changed]);
  await after(page, () => page.getByRole('button', { name: 'Clear', exact: true }).click());
  await assertPredictions(page, prompts, []);
  assert.deepEqual(complaints, []);
  await close();
});

test('an edit that does not fit says what and where, in the words of hs, and nothing is lost', async () => {
  const { page, prompts, complaints, close } = await open();
  const kept = { hook: 'blocks.0.attn.hook_z', op: 'zero', heads: [1] };
  await add(page, kept);
  await page.getByRole('button', { name: 'Add an intervention' }).click();
  const bad = { hook: 'blocks.1.attn.hook_v', op: 'add', value: [1, 2, 3], heads: [9], dims: [0, 3], positions: [4] };
  await fill(page, bad);
  const said = async () => {
    await form(page).getByRole('button', { name: 'Put in force' }).click();
    await form(page).getByRole('alert').waitFor();
    return form(page).getByRole('alert').innerText();
  };
  const words = (edit) => {
    try {
      hsRun(prompts.a, { edits: [edit] });
    } catch ({ stderr }) {
      return /edits\[0\].*/.exec(stderr)[0];
    }
    return assert.fail('hs takes it');
  };
  assert.equal(await said(), words(bad));
  // Nothing of what was written is lost, and nothing is in force; put right, it is.
  for (const name of ['value', 'heads', 'dims', 'positions']) assert.equal(await field(page, name).inputValue(), typed(bad[name]));
  await field(page, 'heads').fill('2, x');
  assert.match(await said(), /^heads: a number is needed here, not "x"/);
  await field(page, 'heads').fill('2');
  await field(page, 'value').fill('{"run"');
  assert.match(await said(), /^value: this is no JSON/);
  await field(page, 'value').fill('');
  assert.match(await said(), /^value: "add" needs one/);
  await field(page, 'value').fill('1, 2, 3, 4');
  assert.equal(await said(), words({ ...bad, heads: [2], value: [1, 2, 3, 4] }));
  await field(page, 'value').fill(typed(bad.value));
  await after(page, () => form(page).getByRole('button', { name: 'Put in force' }).click());
  await assertPredictions(page, prompts, [kept, { ...bad, heads: [2] }]);

  // Without a prompt B nothing can be taken from it.
  await after(page, () => page.getByRole('button', { name: 'Remove prompt B' }).click());
  await page.getByRole('button', { name: 'Add an intervention' }).click();
  await fill(page, { hook: 'blocks.0.hook_resid_post', op: 'patch', value: B });
  assert.match(await said(), /^value: there is no prompt B/);
  assert.deepEqual(complaints, []);
  await close();
});

test('neurons and LayerNorm scales of a model that has them, by the keyboard alone', async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, prompts, complaints, close } = await open(model);
  const focused = () => page.evaluate(() => document.activeElement.id && document.querySelector(`label[for="${document.activeElement.id}"]`)?.textContent);
  const tabTo = async (name) => {
    for (let stops = 0; (await focused()) !== name; stops++) {
      assert.ok(stops < 20, `no field "${name}"`);
      await page.keyboard.press('Tab');
    }
  };
  const edits = [
    { hook: 'blocks.2.mlp.hook_post', op: 'scale', scale: -2, dims: [0, 512], from: 1 },
    { hook: 'blocks.*.ln2.hook_scale', op: 'freeze', value: B },
    { hook: 'blocks.1.hook_mlp_out', op: 'patch', value: B, positions: [-1] },
  ];
  for (const edit of edits) {
    await page.getByRole('button', { name: 'Add an intervention' }).focus();
    await page.keyboard.press('Enter');
    await form(page).waitFor();
    await tabTo('hook');
    await page.keyboard.press('Control+a');
    await page.keyboard.type(edit.hook);
    await tabTo('does');
    await page.keyboard.type(edit.op);
    for (const name of ['value', 'scale', 'positions', 'from', 'dims'])
      if (edit[name] !== undefined) {
        await tabTo(name);
        await page.keyboard.type(typed(edit[name]));
      }
    await after(page, () => page.keyboard.press('Enter'));
  }
  assert.ok((await assertPredictions(page, prompts, edits, model)) > 1e-3);
  assert.deepEqual(complaints, []);
  await close();
});
