// C2: activation patching: every sweep that TransformerLens names, both directions, every metric; filling in, cancelled,
// overtaken by a newer question; a patch read, put in force, composed, undone. Numbers are those of `hs sweep` and `hs run`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { predictions, settled, start } from './lib/browser.mjs';
import { glyphOf, hsRun, idOf, modelOf, probabilitiesAt } from './lib/model.mjs';
import { byHead, byLayer, HEADS, hsStudy, openPair, pairOf, scoreOf, STREAM, WHOLE } from './lib/patch.mjs';
import { causal, worstOf } from './lib/palette.mjs';
import { barsOf, cellsOf, choose, compare, comparePixels, numberOf, picture, shows, tableOf, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const metricOf = (kind, [correct, wrong]) => ({ kind, position: -1, ...(kind !== 'kl' && { correct }), ...(kind === 'logit_diff' && { wrong }) });

for (const [id, name, sites] of [['stories-2l', 'refrain', ['resid_pre', 'attn_out']], ['stories-gelu-4l', 'he or she', ['resid_pre', 'attn_out', 'resid_mid', 'mlp_out']]])
  test(`${id}: every sweep is that of hs sweep, in both directions, with every metric`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    const answers = words.map(idOf);
    const [layers, heads, positions] = [model.shape.n_layers, model.shape.n_heads, clean.length];
    let pair = { clean, corrupted, direction: 'denoise', metric: metricOf('logit_diff', answers) };

    const stream = async () => {
      const document = { read: 'sweep', ...pair, what: sites, by: 'layer,position' };
      await shows(page, STREAM, document);
      const hs = hsStudy(document, model);
      const scores = byLayer(hs.values, { sites: sites.length, layers, positions }).map(scoreOf(hs));
      const table = await tableOf(page, STREAM);
      assert.deepEqual(table.rows, Array.from({ length: layers * sites.length }, (_, i) => `${sites[i % sites.length]} L${Math.floor(i / sites.length)}`));
      compare(table.values, scores, `${pair.direction} ${pair.metric.kind}`);
      return scores;
    };
    const scores = await stream();
    const drawn = await cellsOf(page, STREAM, layers * sites.length, positions);
    // The middle of a cell that has a number written in it is the number's ink.
    const bare = drawn.map((pixel, i) => [pixel, scores[i]]).filter(([, score]) => Math.abs(score) < 0.02);
    comparePixels(worstOf(bare.map(([pixel]) => pixel), bare.map(([, score]) => score), bare.length, 'light', { scale: [-1, 1], palette: 'diverging' }), 'the stream');

    for (const kind of ['log_prob', 'rank', 'kl', 'logit_diff']) {
      await page.getByRole('combobox', { name: 'metric' }).selectOption(kind);
      pair = { ...pair, metric: metricOf(kind, answers) };
      await stream();
    }
    await choose(page, 'Direction', 'noise, B into A');
    pair = { ...pair, direction: 'noise' };
    await stream();
    await choose(page, 'Direction', 'denoise, A into B');
    pair = { ...pair, direction: 'denoise' };

    for (const what of ['z', 'q', 'k', 'v', 'pattern']) {
      await choose(page, 'What of a head', what);
      const document = { read: 'sweep', ...pair, what, by: what === 'pattern' ? 'layer,head,dest' : 'layer,position,head' };
      await shows(page, HEADS, document);
      const hs = hsStudy(document, model);
      const wanted = what === 'pattern' ? [...hs.values] : byHead(hs.values, { layers, heads, positions });
      compare((await tableOf(page, HEADS)).values, wanted.map(scoreOf(hs)), what);
      const whole = { read: 'sweep', ...pair, what, by: 'layer,head' };
      await shows(page, WHOLE, whole);
      compare((await barsOf(page, WHOLE)).map(({ value }) => value), [...hsStudy(whole, model).values].map(scoreOf(hs)), `${what}, all positions`);
    }

    // One head's pattern, weight by weight: of the head whose whole pattern brings back most, which is selected as nobody chose another.
    await choose(page, 'Heads by', 'dest × source');
    const all = hsStudy({ read: 'sweep', ...pair, what: 'pattern', by: 'layer,head' }, model);
    const brings = [...all.values].map(scoreOf(all));
    const best = brings.indexOf(Math.max(...brings));
    const bySource = { read: 'sweep', ...pair, what: 'pattern', by: 'layer,head,dest,src', layers: [Math.floor(best / heads)], heads: [best % heads] };
    await shows(page, HEADS, bySource);
    const hs = hsStudy(bySource, model);
    compare((await tableOf(page, HEADS)).values, causal([...hs.values].map(scoreOf(hs)), positions), 'dest × source');

    // The metric in the place of the score.
    await choose(page, 'Cells say', 'metric');
    compare((await tableOf(page, HEADS)).values, causal(hs.values, positions), 'the metric itself');
    assert.deepEqual(complaints, []);
    await close();
  });

/** The patched run's next token, as the inspector has it: id -> { A, B, patched, "in force" }. */
const nextTokens = async (page) => {
  const { heads, rows } = await page.locator('.patch-next').evaluate((table) => ({
    heads: [...table.querySelectorAll('thead th')].slice(1).map((th) => th.textContent),
    rows: [...table.querySelectorAll('tbody tr')].map((tr) => [tr.querySelector('code').title, ...[...tr.querySelectorAll('td')].map((td) => td.title)]),
  }));
  return new Map(rows.map(([id, ...values]) => [Number(id.slice(3)), Object.fromEntries(heads.map((name, i) => [name, numberOf(values[i].split(': ').at(-1))]))]));
};

test('by the keyboard alone: the best cell is found, read, put in force, composed and undone', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { clean, corrupted, words } = await openPair(page, 'refrain');
  const answers = words.map(idOf);
  const pair = { clean, corrupted, direction: 'denoise', metric: metricOf('logit_diff', answers) };
  const document = { read: 'sweep', ...pair, what: 'z', by: 'layer,position,head' };
  await shows(page, HEADS, document);
  const hs = hsStudy(document, modelOf('stories-2l'));
  const rows = byHead(hs.values, { layers: 2, heads: 8, positions: clean.length });
  const best = rows.indexOf(Math.max(...rows));
  const [row, position] = [Math.floor(best / clean.length), best % clean.length];

  const grid = picture(page, HEADS).locator('.heatmap-grid');
  await page.getByRole('radio', { name: 'position', exact: true }).focus();
  for (let stops = 0; !(await grid.evaluate((element) => element === document.activeElement)); stops++) {
    assert.ok(stops < 20, 'the map is a tab stop');
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Control+Home');
  for (let i = 0; i < row; i++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('m');
  assert.match(await grid.getByRole('gridcell').getAttribute('aria-label'), new RegExp(`^L1H${row - 8}.*position ${position}: score`));
  await page.keyboard.press('Enter');
  const edit = { hook: 'blocks.1.attn.hook_z', heads: [row - 8], positions: [position], op: 'patch', value: { run: 'A' } };
  await page.waitForFunction((name) => document.querySelector('.patch-details h2')?.textContent === name && !document.querySelector('.patch-details [data-stale="true"]'), `z of L1H${row - 8}, position ${position}`);

  // The inspector: that patch's prediction, and both prompts'.
  const run = (ids, edits = [], runs = {}) => probabilitiesAt(hsRun(ids, { edits, runs, capture: ['logits'] }), ids.length - 1);
  const wanted = { A: run(clean), B: run(corrupted), patched: run(corrupted, [edit], { A: clean }) };
  const compareNext = async (columns) => {
    const next = await nextTokens(page);
    assert.ok(answers.every((id) => next.has(id)), 'both answers are told of');
    for (const [id, numbers] of next) for (const [name, p] of Object.entries(columns)) compare([numbers[name]], [p[id]], `${name}: ${glyphOf(id)}`);
  };
  await compareNext(wanted);
  const score = await page.locator('.patch-details .numbers > div').first().getAttribute('title');
  compare([numberOf(/= ([^;]+);/.exec(score)[1])], [scoreOf(hs)(rows[best])], 'the score');

  // In force: a chip, and the run of B has it.
  await page.keyboard.press('k');
  const inForce = async (edits) => {
    await page.waitForFunction((n) => document.querySelectorAll('.chip').length === n, edits.length);
    await page.waitForFunction(() => document.querySelector('.look').dataset.stale === 'false' && !document.querySelector('.patch-details [data-stale="true"]'));
    if (edits.length > 0) await compareNext({ ...wanted, 'in force': run(corrupted, edits, { A: clean }) });
  };
  await inForce([edit]);
  // Composed with another: the head below, at all positions.
  await page.getByRole('button', { name: /^Patch L1H/ }).press('Enter');
  const other = Number(/L1H(\d)/.exec(await page.locator('.story p').innerText())[1]);
  await inForce([edit, { hook: 'blocks.1.attn.hook_z', heads: [other], op: 'patch', value: { run: 'A' } }]);
  await page.keyboard.press('Control+z');
  await inForce([edit]);
  await page.keyboard.press('Control+z');
  await inForce([]);
  assert.deepEqual(complaints, []);
  await close();
});

/** The page's worker answers a study's questions one by one: told to hold back, so that a test can look between. */
test('a newer question ends the one before it, whose numbers never stand for it; Cancel keeps what is there', async () => {
  const { page, complaints, close } = await site.open({}, async (page) => {
    await page.addInitScript(() => {
      // Every message of a study comes late, and in its order.
      const Real = window.Worker;
      window.delayed = 0;
      window.Worker = class extends Real {
        set onmessage(listen) {
          super.onmessage = (event) => (window.delayed > 0 && (event.data.progress || event.data.answer?.read === 'sweep') ? setTimeout(() => listen(event), window.delayed) : listen(event));
        }
      };
    });
  });
  await settled(page);
  const { clean, corrupted, words } = await openPair(page, 'name swap');
  const answers = words.map(idOf);
  const document = (direction, kind) => ({ read: 'sweep', clean, corrupted, direction, metric: metricOf(kind, answers), what: 'z', by: 'layer,position,head' });
  await shows(page, HEADS, document('denoise', 'logit_diff'));
  const wanted = {};
  for (const direction of ['denoise', 'noise'])
    for (const kind of ['logit_diff', 'log_prob', 'kl', 'rank']) {
      const hs = hsStudy(document(direction, kind));
      wanted[`${direction} ${kind}`] = byHead(hs.values, { layers: 2, heads: 8, positions: clean.length }).map(scoreOf(hs));
    }
  // What the map shows at any moment, with the question that it says it answers.
  const seen = () => page.evaluate((name) => {
    const figure = [...document.querySelectorAll('figure.picture')].find((f) => f.getAttribute('aria-label') === name);
    const { direction, metric } = JSON.parse(figure.dataset.document).document;
    return { question: `${direction} ${metric.kind}`, values: [...figure.querySelectorAll('.heatmap-table tbody td')].map((td) => td.title) };
  }, HEADS);
  const metric = page.getByRole('combobox', { name: 'metric' });
  await page.getByRole('button', { name: `Table of ${HEADS}`, exact: true }).click();
  await page.evaluate(() => (window.delayed = 150));
  // Each of these was never asked before; the next comes while the last one's answers are on their way.
  const questions = [() => choose(page, 'Direction', 'noise, B into A'), () => metric.selectOption('log_prob'), () => choose(page, 'Direction', 'denoise, A into B'), () => metric.selectOption('kl'), () => choose(page, 'Direction', 'noise, B into A')];
  for (const ask of questions) {
    await ask();
    for (let look = 0; look < 4; look++) {
      const { question, values } = await seen();
      values.forEach((value, cell) => {
        if (value !== 'NaN') compare([numberOf(value)], [wanted[question][cell]], `${question}, cell ${cell}`);
      });
      await page.waitForTimeout(30);
    }
  }
  await shows(page, HEADS, document('noise', 'kl'));
  const { values } = await seen();
  compare(values.map(numberOf), wanted['noise kl'], 'the last question');

  // Cancelled before its answer is there: what it has stays, and says how much it is; then anew.
  await page.evaluate(() => (window.delayed = 2000));
  await metric.selectOption('rank');
  await page.getByRole('button', { name: `Cancel ${HEADS}`, exact: true }).click();
  await picture(page, HEADS).getByText('stopped', { exact: true }).waitFor();
  const before = await seen();
  await page.waitForTimeout(2500);
  assert.deepEqual(await seen(), before, 'nothing comes after it was cancelled');
  assert.match(await picture(page, HEADS).locator('.study-progress').innerText(), new RegExp(`^${before.values.filter((x) => x !== 'NaN').length} of ${16 * clean.length}`));
  await page.evaluate(() => (window.delayed = 0));
  await page.getByRole('button', { name: `Run ${HEADS} again`, exact: true }).click();
  await shows(page, HEADS, document('noise', 'rank'));
  compare((await seen()).values.map(numberOf), wanted['noise rank'], 'run again');
  assert.deepEqual(complaints, []);
  await close();
});

/** The story once it is of this sweep of whole heads. */
async function storyOf(page, document) {
  await shows(page, WHOLE, document);
  return page.locator('.story p').innerText();
}

test('the story has the head that goes farthest towards the other run, not the one that goes farthest', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  await write(page, 'I am as big as');
  await write(page, 'I am so big as', 'B');
  await page.getByRole('button', { name: 'Patch', exact: true }).click();
  await page.waitForSelector('.look.patch[data-stale="false"]');
  const { clean, corrupted, words } = await pairOf(page);
  const asked = (direction, kind) => ({ read: 'sweep', clean, corrupted, direction, metric: metricOf(kind, words.map(idOf)), what: 'z', by: 'layer,head' });
  const heads = modelOf('stories-2l').shape.n_heads;
  let turned = 0;
  for (const direction of ['noise', 'denoise'])
    for (const kind of ['log_prob', 'logit_diff', 'rank']) {
      await choose(page, 'Direction', direction === 'noise' ? 'noise, B into A' : 'denoise, A into B');
      await page.getByRole('combobox', { name: 'metric' }).selectOption(kind);
      const document = asked(direction, kind);
      const story = await storyOf(page, document);
      const hs = hsStudy(document, modelOf('stories-2l'));
      if (hs.clean === hs.corrupted) {
        assert.match(story, /^A and B have the same [a-z- ]+, [−\d.]+: there is no difference to bring back, and no score\./);
        continue;
      }
      const gains = [...hs.values].map(scoreOf(hs)).map((score) => (direction === 'noise' ? 1 - score : score));
      const most = gains.indexOf(Math.max(...gains));
      if (Math.max(...gains.map(Math.abs)) > gains[most]) turned++;
      if (gains[most] < 0.005) {
        assert.match(story, /No single head (brings|takes) any of it (back|away)\.$/);
        continue;
      }
      const [, name, value] = /Of the outputs \(z\) of single heads that of (L\d+H\d+) (?:brings back|takes away) most: ([−\d.]+)(?: is left)?\.$/.exec(story) ?? [null, story];
      assert.equal(name, `L${Math.floor(most / heads)}H${most % heads}`, `${direction} ${kind}`);
      assert.ok(Math.abs(numberOf(value) - (direction === 'noise' ? 1 - gains[most] : gains[most])) <= 0.0051, `${direction} ${kind}: ${story}`);
    }
  assert.ok(turned > 0, 'some head goes farther the other way: otherwise this shows nothing');
  assert.deepEqual(complaints, []);
  await close();
});

for (const [id, name, at] of [['stories-2l', 'which of two', null], ['stories-2l', 'refrain', null], ['stories-gelu-4l', 'was or were', 'end'], ['stories-gelu-4l', 'he or she', null]])
  test(`${id}, ${name}: the story names the positions that the row it names has, and the best of them is selected`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    const sites = id === 'stories-2l' ? ['resid_pre', 'attn_out'] : ['resid_pre', 'attn_out', 'resid_mid', 'mlp_out'];
    const document = { read: 'sweep', clean, corrupted, direction: 'denoise', metric: metricOf('logit_diff', words.map(idOf)), what: sites, by: 'layer,position' };
    await shows(page, STREAM, document);
    const hs = hsStudy(document, model);
    const { n_layers: layers } = model.shape;
    const n = clean.length;
    const scores = [...hs.values].map(scoreOf(hs));
    const row = (site, layer) => scores.slice((sites.indexOf(site) * layers + layer) * n).slice(0, n);
    const story = await storyOf(page, { ...document, what: 'z', by: 'layer,head' });
    const [where, then] = story.split(/: the score of /);
    /** "resid_pre L1 there is 0.44 and 0.27" */
    const [, of, layer, numbers] = /^(resid_pre|attn_out) L(\d) there is ([−\d., and]+)[.;]/.exec(then);
    const values = numbers.replace(/\.$/, '').split(/, | and /).map(numberOf);
    const groups = where.split(', and then at ').map((part) => [...part.matchAll(/\((\d+)\)/g)].map(([, position]) => Number(position)));
    const named = groups.at(-1);
    const kept = of === 'resid_pre' ? Number(layer) : Number(/until layer (\d)/.exec(where)[1]);
    const there = row('resid_pre', kept);
    const strongest = Math.max(...(at === 'end' ? there : there.slice(0, -1)));
    assert.equal(there[named[0]], strongest, `${story}: the strongest first`);
    for (const position of named) assert.ok(there[position] >= strongest / 2 && there[position] > 0.2, `${story}: ${position} has ${there[position]}`);
    if (groups.length > 1) for (const position of groups[0]) assert.ok(row('resid_pre', 0)[position] > 0.2, `${story}: ${position} of the first row`);
    const wanted = of === 'resid_pre' ? named.map((position) => there[position]) : [row('attn_out', Number(layer))[n - 1]];
    assert.equal(values.length, wanted.length, story);
    values.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) <= 0.0051, `${story}: ${value} is ${wanted[i]}`));
    if (at === 'end') assert.match(story, /where the answer is read: .*; nothing has to be carried\./);
    assert.equal(await page.locator('.patch-details h2').innerText(), `resid_pre L${kept}, position ${named[0]}`);
    assert.deepEqual(complaints, []);
    await close();
  });

test('a patch kept in force is looked at where it acts: in the run of B, which it moves', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const { clean, corrupted } = await openPair(page, 'refrain');
  await page.getByRole('button', { name: /^Patch L\dH\d/ }).click();
  await page.waitForSelector('.chip');
  const named = /L(\d)H(\d) brings back/.exec(await page.locator('.story p').innerText());
  await page.getByRole('button', { name: 'Look', exact: true }).click();
  await page.waitForSelector('.look[data-tab="attention"][data-stale="false"]');
  const side = page.getByRole('radiogroup', { name: 'Which run is shown' });
  assert.equal(await side.getByRole('radio', { checked: true }).innerText(), 'B');
  const edits = [{ hook: `blocks.${named[1]}.attn.hook_z`, heads: [Number(named[2])], op: 'patch', value: { run: 'A' } }];
  const p = (with_) => probabilitiesAt(hsRun(corrupted, { edits: with_, runs: { A: clean }, capture: ['logits'] }), corrupted.length - 1);
  const [before, now] = [p([]), p(edits)];
  const rows = await predictions(page);
  assert.ok(rows.length > 0 && rows.some((row) => Math.abs(row.now - row.before) > 0.1), 'the prediction moves');
  for (const row of rows) compare([row.before, row.now], [before[row.id], now[row.id]], glyphOf(row.id));
  assert.deepEqual(complaints, []);
  await close();
});
