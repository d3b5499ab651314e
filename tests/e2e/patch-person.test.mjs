// The Patch bench as a person uses it, by the pointer and by the keyboard alone: a pair, a sweep, its best cell put in
// force, the link opened without a network in another profile. What the screen says is held against native `hs` on documents
// of the test's own. And what happens meanwhile: a sweep that is cancelled, overtaken, asked beside.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { encoderOf } from '../../models/tasks.mjs';
import { sides, TASKS } from '../../models/tasklist.mjs';
import { axe, DESK, idsOf, PHONE, settled, start } from './lib/browser.mjs';
import { hsRead, hsRun, modelOf, probabilitiesAt } from './lib/model.mjs';
import { button, linkByKeys, linkByPointer, openedOffline, tabTo, toBench } from './lib/person.mjs';
import { barsOf, choose, compare, numberOf, openTab, picture, pointAt, shows, tableOf, useModel, write } from './lib/screen.mjs';
import { unitsOf, watchUnits } from './lib/units.mjs';

const MODEL_ID = 'stories-2l';
const model = modelOf(MODEL_ID);
const encoder = encoderOf(MODEL_ID);
const STREAM = 'the sweep of the stream';
const HEADS = 'the sweep of the heads';
const WHOLE = 'the sweep of whole heads';
const [LAYERS, N_HEADS] = [2, 8];

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());


/** The first pair that the page offers of a task, by the list that it was made from. */
function pairOf(task) {
  const { text, answer } = TASKS.find(({ name }) => name === task).pairs[0];
  const [clean, corrupted] = sides(text).map(encoder.prompt);
  const [correct, wrong] = sides(answer).map(encoder.word);
  return { texts: sides(text), clean, corrupted, correct, wrong };
}

/** What the three pictures of the sweep must say that they show. */
function documentsOf({ clean, corrupted, correct, wrong }, { direction = 'denoise', kind = 'logit_diff' } = {}) {
  const metric = { kind, position: -1, ...(kind !== 'kl' && { correct }), ...(kind === 'logit_diff' && { wrong }) };
  const part = { read: 'sweep', clean, corrupted, direction, metric };
  return {
    [STREAM]: { ...part, what: ['resid_pre', 'attn_out'], by: 'layer,position' },
    [HEADS]: { ...part, what: 'z', by: 'layer,position,head' },
    [WHOLE]: { ...part, what: 'z', by: 'layer,head' },
  };
}

/** The metrics of a sweep by hs, in the order of its picture, row by row. */
function metricsOf(document) {
  const values = hsRead(document, model).arrays.get('values').data;
  const n = document.clean.length;
  if (document.by === 'layer,head') return [...values];
  const [rows, at] = document.what === 'z'
    ? [LAYERS * N_HEADS, (row, col) => (Math.floor(row / N_HEADS) * n + col) * N_HEADS + (row % N_HEADS)]
    : [LAYERS * 2, (row, col) => ((row % 2) * LAYERS + Math.floor(row / 2)) * n + col];
  return Array.from({ length: rows * n }, (_, i) => values[at(Math.floor(i / n), i % n)]);
}

/** The same as scores: 0 as B, 1 as A. */
function scoresOf(document) {
  const { clean, corrupted } = hsRead(document, model).values;
  return metricsOf(document).map((x) => (x - corrupted) / (clean - corrupted));
}

/** What a picture of a sweep says, as numbers row by row. */
const saidBy = async (page, name) => (name === WHOLE ? (await barsOf(page, name)).map(({ value }) => value) : (await tableOf(page, name)).values);

/** All three pictures are there, are of these documents, and have hs's numbers. -> name -> numbers */
async function sweepIsTrue(page, documents, where) {
  const said = {};
  for (const [name, document] of Object.entries(documents)) {
    await shows(page, name, document);
    said[name] = await saidBy(page, name);
    compare(said[name], scoresOf(document), `${where}: ${name}`);
  }
  return said;
}

/** The columns of the inspector's predictions: name -> id -> probability. */
async function predicted(page) {
  const { names, rows } = await page.locator('table.patch-next').evaluate((table) => ({
    names: [...table.querySelectorAll('thead th')].slice(1).map((th) => th.textContent.trim().toLowerCase()),
    rows: [...table.querySelectorAll('tbody tr')].map((tr) => ({
      id: Number(/id (\d+)/.exec(tr.querySelector('code').title)[1]), titles: [...tr.querySelectorAll('td')].map((td) => td.title),
    })),
  }));
  return Object.fromEntries(names.map((name, i) => [name, new Map(rows.map(({ id, titles }) => [id, numberOf(/: (.+)$/.exec(titles[i])[1])]))]));
}

const inspected = (page, title) =>
  page.waitForFunction((wanted) => {
    const body = document.querySelector('.patch-details');
    return body?.querySelector('h2')?.textContent === wanted && body.querySelector('[data-stale="true"]') === null && body.querySelector('table.patch-next tbody tr');
  }, title, { timeout: 60_000 });

/** The inspector's columns are hs's predictions after the last token: A, B, the patch alone, and what is in force. */
async function predictionsAreTrue(page, { clean, corrupted }, patch, edits) {
  const said = await predicted(page);
  const runs = { A: clean };
  const wanted = {
    a: hsRun(clean, { capture: ['logits'], model }),
    b: hsRun(corrupted, { capture: ['logits'], model }),
    patched: hsRun(corrupted, { edits: [patch], runs, capture: ['logits'], model }),
    ...(edits && { 'in force': hsRun(corrupted, { edits, runs, capture: ['logits'], model }) }),
  };
  assert.deepEqual(Object.keys(said).sort(), Object.keys(wanted).sort());
  for (const [name, run] of Object.entries(wanted)) {
    const p = probabilitiesAt(run, clean.length - 1);
    assert.ok(said[name].size >= 2);
    for (const [id, value] of said[name]) assert.ok(Math.abs(value - p[id]) < 1e-5, `${name}, token ${id}: ${value} on the screen, ${p[id]} by hs`);
  }
  return said;
}

/** So many interventions are in force, and what is drawn is true of them. */
async function inForce(page, count) {
  await page.waitForFunction((n) => {
    const columns = [...document.querySelectorAll('table.patch-next thead th')].some((th) => /in force/i.test(th.textContent));
    return document.querySelectorAll('.chip').length === n && columns && document.querySelector('.look')?.dataset.stale === 'false';
  }, count, { timeout: 60_000 });
}

async function keep(page, count) {
  await page.getByRole('button', { name: /^Keep this patch in force/ }).click();
  await inForce(page, count);
}

/** The place of the largest number. */
const best = (numbers) => numbers.reduce((top, x, i) => (x > numbers[top] ? i : top), 0);

/** The whole head that brings back most: by hs, its name and its patch. */
function bestHead(documents) {
  const row = best(scoresOf(documents[WHOLE]));
  const [layer, head] = [Math.floor(row / N_HEADS), row % N_HEADS];
  return { row, name: `L${layer}H${head}`, title: `z of L${layer}H${head}, all positions`, patch: { hook: `blocks.${layer}.attn.hook_z`, heads: [head], op: 'patch', value: { run: 'A' } } };
}

/** What the link must bring: the same sweep, the same patch in force. */
async function arrives(link, documents, said, title, inForce) {
  await openedOffline(link, async (page) => {
    assert.deepEqual(await sweepIsTrue(page, documents, 'offline'), said, 'bit for bit, in another profile');
    await inspected(page, title);
    assert.deepEqual((await predicted(page))['in force'], inForce);
  });
}

test('by the pointer: a pair, its sweep, the best head in force, the link without a network', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await toBench(page, 'Patch');
  await button(page, 'which of two').click();
  const pair = pairOf('which of two');
  const documents = documentsOf(pair);
  const said = await sweepIsTrue(page, documents, 'pointer');
  assert.deepEqual([await idsOf(page, 'a'), await idsOf(page, 'b')], [pair.clean, pair.corrupted]);

  // Under the pointer: what the patch of that cell does.
  const cell = best(said[STREAM]);
  const n = pair.clean.length;
  await pointAt(page, STREAM, [Math.floor(cell / n), cell % n], [2 * LAYERS, n]);
  const [site_, layer, position] = [['resid_pre', 'attn_out'][Math.floor(cell / n) % 2], Math.floor(cell / n / 2), cell % n];
  await inspected(page, `${site_} L${layer}, position ${position}`);
  await predictionsAreTrue(page, pair, { hook: `blocks.${layer}.hook_${site_}`, positions: [position], op: 'patch', value: { run: 'A' } });

  // The best head: locked, put in force; the prediction moves to A's answer's side.
  const { row, title, patch } = bestHead(documents);
  assert.equal(best(said[WHOLE]), row);
  await picture(page, WHOLE).locator('table.signed tbody tr').nth(row).click();
  await page.mouse.move(5, 5);
  await inspected(page, title);
  const before = await predictionsAreTrue(page, pair, patch);
  assert.ok(before.patched.get(pair.correct) > before.b.get(pair.correct));
  await keep(page, 1);
  await inspected(page, title);
  const after = await predictionsAreTrue(page, pair, patch, [patch]);
  assert.deepEqual(after['in force'], after.patched);
  const bars = await page.locator('table.patch-next .mini').evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().width));
  assert.equal(bars.length, 4 * after.a.size, 'a bar for each probability, with a patch in force, too');
  assert.ok(bars.every((width) => width > 0) && Math.max(...bars) > 20);
  const words = await page.locator('table.patch-next thead th').evaluateAll((all) => all.slice(1).map((th) => {
    const range = document.createRange();
    range.selectNodeContents(th);
    return [range.getBoundingClientRect().left, range.getBoundingClientRect().right];
  }));
  words.forEach(([left], i) => assert.ok(i === 0 || left >= words[i - 1][1] + 3, `heading ${i} of the table stands clear of the one before it`));

  // A second one is composed with it.
  const second = scoresOf(documents[WHOLE]).map((x, i) => (i === row ? -Infinity : x));
  const next = best(second);
  await picture(page, WHOLE).locator('table.signed tbody tr').nth(next).click();
  await page.mouse.move(5, 5);
  const both = { hook: `blocks.${Math.floor(next / N_HEADS)}.attn.hook_z`, heads: [next % N_HEADS], op: 'patch', value: { run: 'A' } };
  await inspected(page, `z of L${Math.floor(next / N_HEADS)}H${next % N_HEADS}, all positions`);
  await keep(page, 2);
  await inspected(page, `z of L${Math.floor(next / N_HEADS)}H${next % N_HEADS}, all positions`);
  await predictionsAreTrue(page, pair, both, [patch, both]);
  await button(page, 'Undo').click();
  await inForce(page, 1);
  await picture(page, WHOLE).locator('table.signed tbody tr').nth(row).click();
  await page.mouse.move(5, 5);
  await inspected(page, title);
  await predictionsAreTrue(page, pair, patch, [patch]);

  const link = await linkByPointer(page);
  assert.deepEqual(complaints, []);
  await close();
  await arrives(link, documents, said, title, after['in force']);
});

test('by the keyboard alone: a pair, its sweep, the best head in force, the link', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await tabTo(page, /^button Patch \|/);
  await page.keyboard.press('Enter');
  await page.waitForSelector('.offers');
  await tabTo(page, /^button which of two \|/);
  await page.keyboard.press('Enter');
  const pair = pairOf('which of two');
  const documents = documentsOf(pair);
  for (const [name, document] of Object.entries(documents)) await shows(page, name, document);

  // The bars of whole heads are one stop: down to the best, Enter locks it.
  const { row, title, patch } = bestHead(documents);
  await tabTo(page, new RegExp(`^tr .*\\| ${WHOLE}$`));
  await page.keyboard.press('Home');
  for (let i = 0; i < row; i++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await inspected(page, title);
  await page.keyboard.press('k');
  await inForce(page, 1);
  await inspected(page, title);
  const now = await predictionsAreTrue(page, pair, patch, [patch]);
  assert.ok(now['in force'].get(pair.correct) > now.b.get(pair.correct));

  const link = await linkByKeys(page);
  const said = await sweepIsTrue(page, documents, 'keyboard');
  assert.deepEqual(complaints, []);
  await close();
  await arrives(link, documents, said, title, now['in force']);
});

/** The Patch bench with the first pair of a task, in a visit whose worker is watched. */
async function patchBench(watch, task = 'which of two') {
  const visit = await site.open({}, (page) => watchUnits(page, watch));
  await settled(visit.page);
  await toBench(visit.page, 'Patch');
  await button(visit.page, task).click();
  return visit;
}

/** How many cells a map says that it has, and of how many: "12 of 88". */
const countOf = async (page, name) => (/(\d+) of (\d+)/.exec(await picture(page, name).locator('.study-progress').innerText()) ?? []).slice(1).map(Number);

const fills = (page, name, least = 1) =>
  page.waitForFunction(([label, n]) => {
    const said = /(\d+) of (\d+)/.exec(document.querySelector(`figure.picture[aria-label="${label}"] .study-progress`)?.textContent ?? '');
    return said && Number(said[1]) >= n;
  }, [name, least], { timeout: 60_000 });

const cancel = (page, name) => picture(page, name).getByRole('button', { name: /^Cancel/ });

test('what a person locks in a study stays locked there, and no other study takes its place', async () => {
  const { page, complaints, close } = await patchBench({});
  const pair = pairOf('which of two');
  const documents = documentsOf(pair);
  const study = (name) => openTab(page, name);
  const told = () => page.locator('aside.inspector h2').innerText();
  for (const name of [STREAM, WHOLE]) await shows(page, name, documents[name]);
  // Until a person chooses, what does most is told of, in every study.
  await page.waitForFunction(() => /^resid_pre L1, position/.test(document.querySelector('aside.inspector h2')?.textContent));
  const most = await told();
  for (const name of ['Path patching', 'Attribution', 'Circuit', 'Sweep']) {
    await study(name);
    await inspected(page, most);
  }
  await pointAt(page, STREAM, [1, 7], [2 * LAYERS, pair.clean.length]);
  await page.mouse.down();
  await page.mouse.up();
  await page.mouse.move(5, 5);
  await inspected(page, 'attn_out L0, position 7');
  // Where nothing was locked it is what was locked last; a node of the drawing is then this study's own.
  await study('Path patching');
  await inspected(page, 'attn_out L0, position 7');
  await page.locator('.model-drawing [data-node="L1H3"]').click();
  await page.mouse.move(5, 5);
  await inspected(page, 'z of L1H3, all positions');
  for (const [name, title] of [['Sweep', 'attn_out L0, position 7'], ['Path patching', 'z of L1H3, all positions'], ['Ablation', null], ['Sweep', 'attn_out L0, position 7']]) {
    await study(name);
    if (title) await inspected(page, title);
  }
  assert.deepEqual(complaints, []);
  await close();
});

test('a sweep of minutes ends after at most one unit, and what it has stays and is true', async () => {
  const unitMs = 1_700;
  const { page, complaints, close } = await patchBench({ slow: ['sweep'], unitMs });
  await fills(page, STREAM, 2);
  const [, cells] = await countOf(page, STREAM);
  const share = Number(await picture(page, STREAM).getByRole('progressbar').getAttribute('value'));
  await page.evaluate(() => addEventListener('click', () => (globalThis.clicked = performance.timeOrigin + performance.now()), { capture: true, once: true }));
  await cancel(page, STREAM).click();
  await picture(page, STREAM).getByRole('button', { name: /^Run .* again$/ }).waitFor();
  const clicked = await page.evaluate(() => globalThis.clicked);
  const [stopped] = await countOf(page, STREAM);
  // The next study has begun, so this one is over.
  await fills(page, HEADS, 1);
  const log = await unitsOf(page);
  const { reading } = log.find(({ what, read }) => what === 'unit' && read === 'sweep');
  const end = log.findIndex(({ what, reading: which, at }) => what === 'free' && which === reading && at > clicked);
  assert.ok(end >= 0, 'its memory is given back');
  const ofIt = log.slice(0, end).filter(({ what, reading: which }) => what === 'unit' && which === reading);
  const late = ofIt.filter(({ at }) => at > clicked);
  assert.ok(late.length <= 1, `${late.length} units began after the click`);
  assert.ok((ofIt.length * unitMs) / share > 60_000, `${ofIt.length} units were ${share} of it: all would have taken minutes`);
  // On the screen nothing more comes, and what is there is the numbers of hs.
  assert.deepEqual(await countOf(page, STREAM), [stopped, cells]);
  const pair = pairOf('which of two');
  const said = (await tableOf(page, STREAM)).values;
  const there = said.filter((value) => value !== null && !Number.isNaN(value));
  assert.ok(there.length > 0 && there.length < cells, `${there.length} of ${cells} cells`);
  const wanted = scoresOf(documentsOf(pair)[STREAM]);
  said.forEach((value, i) => value === null || Number.isNaN(value) || assert.ok(Math.abs(value - wanted[i]) < 1e-4, `cell ${i}: ${value}, hs ${wanted[i]}`));
  assert.deepEqual(complaints, []);
  await close();
});

test('a newer sweep never shows an older one\u2019s numbers, whatever comes late', async () => {
  const { page, complaints, close } = await patchBench({ slow: ['sweep'], unitMs: 150, answerMs: 150 });
  const [two, refrain] = [pairOf('which of two'), pairOf('refrain')];
  await shows(page, STREAM, documentsOf(two)[STREAM]);
  await choose(page, 'Cells say', 'metric');
  await page.getByRole('button', { name: `Table of ${STREAM}`, exact: true }).click();
  // After every change of the screen: what the picture says that it is of, and its numbers.
  await page.evaluate((label) => {
    globalThis.samples = new Map();
    const look = () => {
      const figure = document.querySelector(`figure.picture[aria-label="${label}"]`);
      const cells = [...(figure?.querySelectorAll('.heatmap-table tbody td') ?? [])].map((td) => td.getAttribute('title'));
      if (cells.length > 0) globalThis.samples.set(`${figure.dataset.document}|${cells}`, [figure.dataset.document, cells]);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
  }, STREAM);
  /** Something newer is asked, while what is on the screen is not done; `first`, it comes to show some numbers. */
  const next = async (act, pair, how, first = true) => {
    await act();
    const document = documentsOf(pair, how)[STREAM];
    if (!first) return;
    await page.waitForFunction(([label, n]) => {
      const figure = document.querySelector(`figure.picture[aria-label="${label}"]`);
      const asked = JSON.parse(figure?.dataset.document ?? '{}').document;
      const said = /(\d+) of (\d+)/.exec(figure?.querySelector('.study-progress')?.textContent ?? '');
      const some = Number(said?.[1]) >= 3 || figure.dataset.stale === 'false';
      return asked && JSON.stringify([asked.clean, asked.direction, asked.metric.kind]) === n && some;
    }, [STREAM, JSON.stringify([document.clean, document.direction, document.metric.kind])], { timeout: 60_000 });
  };
  const select = page.getByRole('combobox', { name: 'pair' });
  const optionOf = async (task) => select.locator('option').filter({ hasText: new RegExp(`^${task}: `) }).first().getAttribute('value');
  await next(async () => select.selectOption(await optionOf('refrain')), refrain, {});
  await next(() => choose(page, 'Direction', 'noise, B into A'), refrain, { direction: 'noise' });
  await next(() => page.getByRole('combobox', { name: 'metric' }).selectOption('log_prob'), refrain, { direction: 'noise', kind: 'log_prob' }, false);
  await next(async () => select.selectOption(await optionOf('which of two')), two, { direction: 'noise', kind: 'log_prob' });
  await next(() => choose(page, 'Direction', 'denoise, A into B'), two, { kind: 'log_prob' }, false);
  await shows(page, STREAM, documentsOf(two, { kind: 'log_prob' })[STREAM]);

  const samples = [...(await page.evaluate(() => [...globalThis.samples.values()]))];
  const truth = new Map();
  const partial = new Set();
  for (const [said, titles] of samples) {
    const { document } = JSON.parse(said);
    const key = JSON.stringify(document);
    if (!truth.has(key)) truth.set(key, metricsOf(document));
    const wanted = truth.get(key);
    const numbers = titles.map((title) => (title === null ? Number.NaN : numberOf(title)));
    assert.equal(numbers.length, wanted.length);
    const largest = Math.max(1, ...wanted.map(Math.abs));
    numbers.forEach((x, i) => Number.isNaN(x) || assert.ok(Math.abs(x - wanted[i]) <= 1e-4 * largest, `${key}: cell ${i} was ${x}, hs says ${wanted[i]}`));
    const there = numbers.filter((x) => !Number.isNaN(x)).length;
    if (there > 0 && there < numbers.length) partial.add(key);
  }
  assert.ok(partial.size >= 4, `seen half filled: ${partial.size} sweeps`);
  assert.ok(truth.size >= 5, `${truth.size} sweeps were on the screen`);
  assert.deepEqual(complaints, []);
  await close();
});

test('while a sweep goes on: a cell under the pointer is told of, text is typed, and the sweep waits', async () => {
  const { page, complaints, close } = await patchBench({ slow: ['sweep'], unitMs: 1_000 }); // all of them: a minute and more
  await fills(page, STREAM, 1);
  const pair = pairOf('which of two');
  const n = pair.clean.length;
  const running = () => cancel(page, STREAM).or(cancel(page, HEADS)).count();
  for (const [row, col] of [[0, 2], [2, 7], [3, n - 1]]) {
    await pointAt(page, STREAM, [row, col], [2 * LAYERS, n]);
    const [what, layer] = [['resid_pre', 'attn_out'][row % 2], Math.floor(row / 2)];
    await inspected(page, `${what} L${layer}, position ${col}`);
    await predictionsAreTrue(page, pair, { hook: `blocks.${layer}.hook_${what}`, positions: [col], op: 'patch', value: { run: 'A' } });
    assert.ok(await running(), 'the sweeps are still going on');
  }
  const units = (await unitsOf(page)).filter(({ what, read }) => what === 'unit' && read === 'sweep').length;
  await write(page, 'A king');
  assert.deepEqual(await idsOf(page), encoder.prompt('A king'));
  const log = await unitsOf(page);
  assert.ok(log.filter(({ what, read }) => what === 'unit' && read === 'sweep').length >= units);
  assert.ok(log.filter(({ what }) => what === 'cancel').length >= 1, 'what is no longer asked is cancelled');
  assert.deepEqual(complaints, []);
  await close();
});

test('on a phone both lines are named, what is set is one line that opens, and the picture begins in the first screen', async () => {
  const { page, complaints, close } = await site.open(PHONE);
  await settled(page);
  await toBench(page, 'Patch');
  await button(page, 'which of two').click();
  await page.waitForSelector('.look figure.picture');
  // The lines are scrolled to what is selected: the end, until the sweep has told of the third word.
  await page.waitForFunction(() => document.querySelector('.tokens').scrollLeft === 0);
  const top = async (selector) => (await page.locator(selector).first().boundingBox()).y;
  for (const [who, tok] of [['.whos .who:first-child', '[data-at="a0"]'], ['.whos .who:last-child', '[data-at="b0"]']]) {
    const [name, line] = [await page.locator(who).boundingBox(), await page.locator(tok).boundingBox()];
    assert.ok(name.y < line.y + line.height && line.y < name.y + name.height, 'the name stands beside its line');
    assert.ok(name.x >= 0 && name.x + name.width <= line.x);
  }
  for (const tab of await page.getByRole('tablist', { name: 'Studies' }).getByRole('tab').allInnerTexts()) {
    await openTab(page, tab);
    await page.waitForFunction(() => !document.querySelector('[data-stale="true"]'));
    const begins = await top('.look .heat-room, .look svg[data-drawing]');
    assert.ok(begins < 420 && begins + 200 < (await top('aside.sheet')), `${tab}: the picture begins at ${begins}`);
  }
  await openTab(page, 'Sweep');
  const metric = page.getByRole('combobox', { name: 'metric' });
  assert.equal(await metric.isVisible(), false);
  await page.locator('.settings summary').click();
  await metric.selectOption('log_prob');
  await shows(page, STREAM, documentsOf(pairOf('which of two'), { kind: 'log_prob' })[STREAM]);
  assert.match(await page.locator('.settings summary').innerText(), /^A into B: log-probability/);
  assert.deepEqual(complaints, []);
  await close();
});

test('on a phone a link to another model says its line in full width, and that nothing loads', async () => {
  const desk = await site.open();
  await settled(desk.page);
  await useModel(desk.page, 'stories-gelu-4l');
  const link = await linkByPointer(desk.page);
  await desk.close();
  const { page, complaints, close } = await site.open(PHONE, (opened) => opened.addInitScript((hash) => {
    if (location.protocol.startsWith('http') && !location.hash) location.hash = hash;
  }, link.slice(link.indexOf('#'))));
  const notice = page.locator('.notice[data-link="ask"]');
  await notice.waitFor();
  const [line, act] = [await notice.locator('p').first().boundingBox(), await notice.getByRole('button').boundingBox()];
  assert.ok(line.width > 300, `the line has ${line.width} of 390 pixels`);
  assert.ok(act.y >= line.y + line.height, 'the button stands below it');
  assert.match(await page.locator('.editor-keys').textContent(), /^Nothing is loaded until you say so/);
  await notice.getByRole('button').click();
  await settled(page);
  assert.deepEqual(complaints, []);
  await close();
});

for (const [name, options] of [
  ['light', { ...DESK, colorScheme: 'light' }],
  ['dark', { ...DESK, colorScheme: 'dark' }],
  ['phone', { ...PHONE, colorScheme: 'light' }],
  ['phone, dark', { ...PHONE, colorScheme: 'dark' }],
])
  test(`axe finds nothing in any tab of Patch, as picture and as table: ${name}`, async () => {
    const { page, complaints, close } = await site.open({ ...options, bypassCSP: true });
    await settled(page);
    await toBench(page, 'Patch');
    await page.waitForSelector('.offers');
    await axe(page, `${name}, offers`);
    await button(page, 'which of two').click();
    for (const tab of await page.getByRole('tablist', { name: 'Studies' }).getByRole('tab').allInnerTexts()) {
      await openTab(page, tab);
      await page.waitForSelector('.look figure.picture');
      await axe(page, `${name}, ${tab}`);
      for (const toggle of await page.locator('.look .table-toggle').all()) await toggle.click();
      await axe(page, `${name}, ${tab}, tables`);
    }
    assert.deepEqual(complaints, []);
    await close();
  });
