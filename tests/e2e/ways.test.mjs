// What every picture has: a colour bar, what its numbers mean, a table twin, files that hold the same, code, one tab stop. And the
// ways about the page: the command palette, undo and redo, the steps of the session.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after as atEnd, before, test } from 'node:test';
import { after, idsOf, settled, start } from './lib/browser.mjs';
import { modelOf } from './lib/model.mjs';
import { colour } from './lib/palette.mjs';
import { pixelsOf } from './lib/png.mjs';
import { choose, documentOf, inspects, intervene, namesOf, numberOf, openTab, picture, scaleOf, shows, useModel, write } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

/** The picture of a neuron is called by it: the most active one. */
const OVER_TEXT = 'over the text';
/** All pictures of all tabs: what each is (a matrix, rows with a bar each, ...), and the title of its files. */
const PICTURES = {
  Attention: {
    'all heads': ['grid', /^All heads: detector scores$/],
    'the attention of L2H3': ['matrix', /^L2H3 pattern$/],
    'the residual stream': ['matrix', /^Residual stream: length of each vector$/],
    'the losses': ['rows', /^Loss of the next token$/],
    'the next token': ['rows', /^Next token after \S+ \(\d+\)$/],
    'query, key and value': ['steps', /^L2H3, \S+ \(\d+\) looks at \S+ \(\d+\): query, key and value$/],
  },
  'Residual stream': {
    'the residual stream': ['matrix', /^Residual stream: length$/],
    'what wrote it': ['rows', /^What wrote .+ at \S+ \(\d+\)$/],
  },
  'Logit lens': { 'the logit lens': ['matrix', /^Logit lens: probability$/] },
  Attribution: {
    'the attribution': ['rows', /^Attribution of the logit of \S+ after \S+ \(\d+\), by component$/],
    'the attribution of all heads': ['matrix', /^Attribution of the logit of \S+ after \S+ \(\d+\), each head$/],
    'the attribution at every position': ['matrix', /^Attribution of the logit of \S+ at every position$/],
  },
  MLP: {
    'the neurons that do most': ['rows', /^Neurons by activation at \S+ \(\d+\)$/],
    [OVER_TEXT]: ['matrix', /^L\d N\d+ over the text$/],
    'what it reads': ['rows', /^L\d N\d+: what it reads$/],
    'what it writes': ['rows', /^L\d N\d+: what it writes$/],
  },
  Written: {
    'what each component writes': ['rows', /^Written by each component: mean norm$/],
    'the stream’s norm': ['rows', /^Mean norm of the stream$/],
    'what is written at every position': ['matrix', /^Written at every position: norm$/],
    'what each head writes': ['matrix', /^Written by each head: mean norm$/],
    'what heads do': ['matrix', /^What heads do on this text$/],
  },
  Hooks: { 'the hook': ['matrix', /^hook_embed$/] },
  Generate: { 'the generated text': ['tokens', /^Generated text$/] },
};
const TEXT = 'The red bear sat on the bed. Then the red bear sat on the';
const EDITS = [
  { hook: 'blocks.1.attn.hook_z', op: 'scale', heads: [3, 6], scale: 0.25 },
  { hook: 'blocks.2.mlp.hook_post', op: 'add', positions: [4], dims: [7, 9], value: 1.5, scale: 2 },
];
/** Of a matrix of more cells an image is drawn, not a rectangle for each; of more columns the table has the largest alone. */
const MOST_RECTS = 4096;
const MOST_COLS = 32;
const BAR_RECTS = 64;
const [BLUE, OCHRE] = [[79, 131, 184], [180, 134, 42]];

const trueNow = (page, name) =>
  page.waitForFunction((label) => {
    const figure = document.querySelector(`figure.picture[aria-label="${label}"]`);
    return document.querySelector('.look')?.dataset.stale === 'false' && figure?.dataset.stale === 'false' && figure.querySelector('[aria-haspopup="menu"]');
  }, name, { timeout: 60_000 });

async function pick(page, name, item) {
  await page.getByRole('button', { name: `Export ${name}`, exact: true }).press('Enter');
  await page.getByRole('menuitem', { name: item, exact: true }).press('Enter');
}

/** What is put into the clipboard, which it was not before. */
async function copied(page, name, item) {
  const last = await page.evaluate(() => navigator.clipboard.readText());
  await pick(page, name, item);
  return page.evaluate(async (old) => {
    for (;;) {
      const text = await navigator.clipboard.readText();
      if (text !== old) return text;
      await new Promise(requestAnimationFrame);
    }
  }, last);
}

async function saved(page, name, kind) {
  const arrives = page.waitForEvent('download');
  await pick(page, name, `Save as ${kind.toUpperCase()}`);
  const file = await arrives;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

/** RFC 4180: lines of fields. */
function fieldsOf(csv) {
  const lines = [[]];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n|$)/g)) {
    lines.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '\r\n') lines.push([]);
    if (end === '') break;
  }
  return lines.slice(0, -1);
}

/** The table twin as it stands there: { caption, cols, rows: [{ name, words, values }] } of each of its tables, whole numbers. */
async function twinOf(page, name) {
  const toggle = page.getByRole('button', { name: `Table of ${name}`, exact: true });
  assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
  await toggle.press('Enter');
  const tables = await picture(page, name).locator('.heatmap-table table, .table-box table, table[data-table="true"]').evaluateAll((all) =>
    all.map((table) => ({
      caption: table.caption?.textContent ?? '',
      cols: [...table.querySelectorAll('thead th')].map((th) => th.textContent),
      rows: [...table.querySelectorAll('tbody tr')].map((tr) => ({
        name: tr.querySelector('th').textContent,
        cells: [...tr.querySelectorAll('td:not(.bar-cell):not(.heatmap-name)')].map((td) => td.title),
        words: [...tr.querySelectorAll('td.heatmap-name')].map((td) => td.textContent),
      })),
    })),
  );
  await toggle.press('Enter');
  assert.ok(tables.length > 0, `${name} has a table twin`);
  const number = (title) => (title === '' ? null : numberOf(title.replace(/^.*: /, '')));
  return tables.map((table) => ({ ...table, rows: table.rows.map(({ cells, ...row }) => ({ ...row, values: cells.map(number) })) }));
}

/** Of the SVG, parsed: its first words (the title), the lines below the picture (what the numbers mean), the words on its colour
 *  bar, its rectangles and images where they stand in the whole. */
const svgOf = (page, text) =>
  page.evaluate((source) => {
    const svg = new DOMParser().parseFromString(source, 'image/svg+xml');
    const place = (element) => {
      let [x, y] = [Number(element.getAttribute('x') ?? 0), Number(element.getAttribute('y') ?? 0)];
      for (let up = element.parentElement; up; up = up.parentElement) {
        const [, dx, dy] = /translate\(([\d.]+) ([\d.]+)\)/.exec(up.getAttribute('transform') ?? '') ?? [];
        [x, y] = [x + Number(dx ?? 0), y + Number(dy ?? 0)];
      }
      return { x, y, width: Number(element.getAttribute('width')), height: Number(element.getAttribute('height')), fill: element.getAttribute('fill') };
    };
    return {
      damaged: svg.querySelector('parsererror')?.textContent ?? null,
      title: svg.querySelector('g[font-size] > text')?.textContent,
      means: [...svg.querySelectorAll('svg > g > text')].map((line) => line.textContent),
      ticks: [...svg.querySelectorAll('text[text-anchor="middle"]')].map((tick) => tick.textContent),
      rects: [...svg.querySelectorAll('rect')].slice(1).map(place),
      images: [...svg.querySelectorAll('image')].map(place),
    };
  }, text);

/** Pixels of a PNG at points of the SVG, of that width, that it was made of. */
function pixelsAt(bytes, points, width) {
  const png = pixelsOf(bytes);
  const ratio = png.width / width;
  return points.map(([x, y]) => png.at(Math.floor(x * ratio), Math.floor(y * ratio)));
}

const near = (pixel, wanted, where) =>
  assert.ok(Math.max(...pixel.map((c, k) => Math.abs(c - wanted[k]))) <= 3, `${where}: ${pixel} is not ${wanted}`);
/** In a cell, beside its word. */
const inside = ({ x, y, width, height }) => [x + (width > 6 ? 2.5 : width / 2), y + (height > 6 ? 2.5 : height / 2)];

/** The numbers of the file are those of the table twin. -> the file's: { cols, rows } */
async function assertCsv(page, name, kind) {
  const [[, ...cols], ...lines] = fieldsOf((await saved(page, name, 'csv')).bytes.toString('utf8'));
  const rows = lines.map(([row, ...values]) => ({ name: row, values: values.map((value) => (value === '' ? null : Number(value))) }));
  const [table, full] = await twinOf(page, name);
  assert.deepEqual(rows.map((row) => row.name), table.rows.map((row) => row.name), `rows of ${name}`);
  const same = (a, b, where) => {
    assert.equal(a.length, b.length, where);
    a.forEach((x, i) => assert.ok(Object.is(x, b[i]) || Math.abs(x - b[i]) <= 1e-7 * Math.abs(b[i]), `${where}, column ${i}: ${x} in the file, ${b[i]} in the table`));
  };
  rows.forEach(({ name: row, values }, i) => {
    const twin = table.rows[i];
    const where = `${name}, row ${row}`;
    if (kind === 'rows') same(values, [...twin.values].reverse(), where); // the file has what was before at the end
    else if (cols.length <= MOST_COLS) same(values, twin.values, where);
    else {
      same(twin.words.map((word) => values[cols.indexOf(word)]), twin.values, where);
      same(values.filter((x) => x !== null).sort((a, b) => Math.abs(b) - Math.abs(a)).slice(0, twin.values.length), twin.values, `${where}, the largest`);
    }
  });
  if (kind !== 'rows' && cols.length <= MOST_COLS) assert.deepEqual(cols, table.cols, `columns of ${name}`);
  if (cols.length > MOST_COLS) {
    const [, row] = /all of row (.+)$/.exec(full.caption);
    const open = rows.find((line) => line.name === row).values.filter((x) => x !== null);
    assert.deepEqual(full.rows.map((line) => line.name), cols.slice(0, open.length), `${name}, ${row}`);
    same(open, full.rows.map(({ values }) => values[0]), `${name}, row ${row} in full`);
  }
  return { cols, rows };
}

/** The drawings hold the title, what the numbers mean and a rectangle for each number, in its colour. */
async function assertDrawings(page, name, [kind, called], { cols, rows }) {
  const { name: file, bytes } = await saved(page, name, 'svg');
  const source = bytes.toString('utf8');
  const { damaged, title, means, ticks, rects, images } = await svgOf(page, source);
  assert.equal(damaged, null, name);
  assert.match(title, called);
  const model = await page.getByRole('combobox', { name: 'Model' }).inputValue();
  assert.equal(file, `${`${model} ${title}`.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '')}.svg`, 'the file is called by model and title');
  const said = await picture(page, name).evaluate((element) => [...element.querySelectorAll('.conventions li')].map((li) => li.textContent).concat([...element.querySelectorAll('[title]')].map(({ title: words }) => words)));
  // Below stand the model, the text and the edits; above them what the numbers mean, as in the page.
  const [text, ...edits] = means.splice(-1 - EDITS.length);
  assert.equal(text, `${model}: ${JSON.stringify(TEXT)}`);
  assert.deepEqual(edits.map((line) => JSON.parse(line.replace(/^in force: /, ''))), EDITS);
  assert.ok(means.length > 0, `${name}: the drawing says what its numbers mean`);
  for (const line of means) assert.ok(said.some((words) => words.includes(line) || words.includes(line.replace(/^[^:]+: /, ''))), `${name} says in the page, too: ${line}`);

  const { bytes: png } = await saved(page, name, 'png');
  const [, width] = /width="(\d+)"/.exec(source);
  if (kind === 'rows') {
    const bars = rows.filter(({ name: row }) => !/^(sum = |of which |error of the sum|all others)/.test(row));
    const behind = bars.filter(({ values }) => values.length > 1 && values[1] !== null);
    assert.equal(rects.length, bars.length + behind.length, `${name}: a rectangle for each bar`);
    const drawn = rects.filter(({ fill }) => fill !== '#b9b4a8');
    const pixels = pixelsAt(png, drawn.map(({ x, y, width: w, height: h }) => [x + w / 2, y + h / 2]), Number(width));
    const most = Math.max(...bars.map(({ values: [value] }) => Math.abs(value)));
    bars.forEach(({ name: row, values: [value] }, i) => {
      if (Math.abs(value) > most / 50) near(pixels[i], value < 0 ? OCHRE : BLUE, `${name}, ${row}`);
    });
    return;
  }
  const scale = [ticks[0], ticks.at(-1)].map(numberOf);
  if (kind === 'matrix') assert.deepEqual(scale, await scaleOf(page, name), `${name}: the bar of the screen is that of the file`);
  const how = { scale, palette: scale[0] < 0 ? 'diverging' : 'cividis' };
  const count = rows.length * cols.length;
  let cells = rects.slice(0, count);
  if (count > MOST_RECTS) {
    assert.deepEqual([images.length, rects.length], [1, BAR_RECTS], name);
    const [{ x, y, width: w, height: h }] = images;
    cells = rows.flatMap((_, r) => cols.map((__, c) => ({ x: x + (c * w) / cols.length, y: y + (r * h) / rows.length, width: w / cols.length, height: h / rows.length })));
  } else assert.deepEqual([images.length, rects.length], [0, count + BAR_RECTS], `${name}: a rectangle for each cell and the colour bar`);
  const pixels = pixelsAt(png, cells.map(inside), Number(width));
  rows.forEach(({ name: row, values }, r) => values.forEach((value, c) => near(pixels[r * cols.length + c], colour(value, 'light', how), `${name}, ${row}, ${cols[c]}`)));
}

/** The code holds the tokens and every edit; the document is the picture's own. */
async function assertCode(page, name) {
  const { document } = await documentOf(page, name);
  // What has been generated is run as one text, but for its last token.
  const ids = document.ids && [...document.ids, ...(document.forced ?? []).slice(0, -1)];
  for (const library of ['TransformerLens', 'nnsight']) {
    const code = await copied(page, name, `Copy as ${library} code`);
    assert.match(code, library === 'nnsight' ? /from nnsight import/ : /from transformer_lens import/);
    if (ids) assert.ok(code.includes(`[${ids.join(', ')}]`), `${name}: the tokens are in the ${library} code`);
    for (const { hook, scale } of document.edits ?? []) {
      assert.ok(code.includes(`"${hook}"`) || code.includes(`nn.${hook.replace(/^blocks\.(\d+)\./, 'blocks[$1].')}`), `${name}: ${hook} is in the ${library} code`);
      assert.ok(code.includes(String(scale)), `${name}: by ${scale}, ${library}`);
    }
  }
  assert.deepEqual(JSON.parse(await copied(page, name, 'Copy as a document for hs')), document, name);
}

/** One tab stop, whose arrow keys move on, and words for where one stands. */
async function assertKeyboard(page, name, kind) {
  const figure = picture(page, name);
  const part = { grid: '.headgrid-cell', matrix: '.heatmap-grid', rows: 'table tr, li', tokens: '.tok' }[kind];
  const stops = await figure.locator(part).evaluateAll((all) => all.filter((element) => element.tabIndex === 0).length);
  assert.equal(stops, 1, `${name} is one tab stop`);
  await figure.getByRole('button', { name: `Export ${name}`, exact: true }).focus();
  const isThere = () => page.evaluate(([label, selector]) => {
    const at = document.activeElement;
    return at.matches(selector) && at.closest('figure.picture')?.getAttribute('aria-label') === label;
  }, [name, part]);
  for (let i = 0; !(await isThere()); i++) {
    assert.ok(i < 20, `${name} is reached by Tab`);
    await page.keyboard.press('Tab');
  }
  // What is read out: the cell that is active, or the row that has the focus.
  const words = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return document.getElementById(at.getAttribute('aria-activedescendant'))?.getAttribute('aria-label') ?? at.getAttribute('aria-label') ?? at.innerText;
    });
  const across = kind === 'grid' || kind === 'tokens';
  await page.keyboard.press(kind === 'matrix' ? 'Control+Home' : 'Home');
  const first = await words();
  await page.keyboard.press(across ? 'ArrowRight' : 'ArrowDown');
  const second = await words();
  assert.ok(first.length > 3 && second.length > 3 && first !== second, `${name}: ${first}, then ${second}`);
  if (kind === 'matrix')
    await page
      .waitForFunction((label) => {
        const figure = document.querySelector(`figure.picture[aria-label="${label}"]`);
        const cell = figure.querySelector('.heatmap-grid [role="gridcell"]').getAttribute('aria-label');
        return [...figure.querySelectorAll('[aria-live]')].some((line) => line.textContent === cell);
      }, name)
      .catch(() => assert.fail(`${name}: "${second}" is not read out`));
  await page.keyboard.press(across ? 'ArrowLeft' : 'ArrowUp');
  // The number may be another: some pictures ask about the token of the place that one moves to.
  const place = (said) => said.replace(/:[^:]*$/, '');
  assert.equal(place(await words()), place(first), name);
  await page.evaluate(() => document.activeElement.blur());
}

test('every picture of every tab: colour bar, conventions, table, CSV, SVG, PNG, code, document, keyboard', { timeout: 600_000 }, async () => {
  const model = modelOf('stories-gelu-4l');
  const { page, complaints, close } = await site.open({ acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'] });
  await settled(page);
  await useModel(page, model.id);
  for (const edit of EDITS) await intervene(page, edit);
  const ids = await idsOf(page);
  await page.locator('[data-head="2 3"]').click();
  await page.getByRole('button', { name: /^See Q, K, V/ }).click();

  for (const [tab, list] of Object.entries(PICTURES)) {
    await openTab(page, tab);
    if (tab === 'Generate') {
      await page.getByLabel('tokens', { exact: true }).fill('6');
      await page.getByRole('button', { name: 'Generate', exact: true }).click();
      await page.waitForFunction(() => document.querySelectorAll('.generated .tok').length === 6 && /: /.test(document.querySelector('.look h2').innerText));
    }
    const names = Object.keys(list);
    await page.waitForFunction((n) => document.querySelectorAll('.look figure.picture').length === n, names.length);
    const there = await page.locator('.look figure.picture').evaluateAll((all) => all.map((figure) => figure.getAttribute('aria-label')));
    const wanted = names.map((name) => (name === OVER_TEXT ? there.find((it) => /^L\d N\d+ over the text$/.test(it)) : name));
    assert.deepEqual([...there].sort(), [...wanted].sort(), `pictures of ${tab}`);
    for (const [i, what] of Object.values(list).entries()) {
      const [name, [kind]] = [wanted[i], what];
      await trueNow(page, name);
      const { document } = await documentOf(page, name);
      if (document.ids) assert.deepEqual([document.ids, document.edits], [ids, EDITS], `${name} is of this text and these edits`);
      const numbers = await assertCsv(page, name, kind);
      await assertDrawings(page, name, what, numbers);
      await assertCode(page, name);
      if (kind !== 'steps') await assertKeyboard(page, name, kind);
    }
  }
  assert.deepEqual(complaints, []);
  await close();
});

/** Finds by Ctrl K, and takes the first that is found. */
async function find(page, typed) {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /^Find/ }).waitFor();
  await page.keyboard.type(typed);
  const first = page.getByRole('listbox', { name: 'Found' }).getByRole('option', { selected: true });
  const words = (await first.innerText()).replace('\n', ' ');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('dialog.palette') === null);
  return words;
}

test('Ctrl K finds a head, a hook, a token, a way of looking, an action, a model', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const [ids, names] = [await idsOf(page), await namesOf(page)];
  assert.match(await find(page, 'logit lens'), /^Logit lens view$/);
  await shows(page, 'the logit lens', { read: 'lens', ids, ln: 'recompute', token: 'top', k: 5 });
  assert.match(await find(page, 'l0h6'), /^L0H6 head/);
  await inspects(page, 'L0H6');
  assert.equal(await page.getByRole('tab', { selected: true }).innerText(), 'Attention', 'a head is looked at there');
  assert.equal(await find(page, 'bed'), `${names[7]} token`);
  await shows(page, 'the next token', { read: 'predictions', ids, positions: [7], k: 9 });
  assert.match(await find(page, 'L1 attn.hook_v'), /^blocks\.1\.attn\.hook_v hook L1$/);
  await shows(page, 'the hook', { ids, hooks: ['blocks.1.attn.hook_v'] }, 'run');
  await after(page, () => find(page, 'switch l1h2 off'));
  const edits = [{ hook: 'blocks.1.attn.hook_z', heads: [2], op: 'zero' }];
  await shows(page, 'the hook', { ids, edits, hooks: ['blocks.1.attn.hook_v'] }, 'run');
  await after(page, () => find(page, 'clear all'));
  await shows(page, 'the hook', { ids, hooks: ['blocks.1.attn.hook_v'] }, 'run');
  await after(page, () => find(page, 'gelu'));
  assert.equal(await page.getByRole('combobox', { name: 'Model' }).inputValue(), 'stories-gelu-4l');

  // Arrow keys, the pointer, and nothing at all.
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /^Find/ }).fill('hook_q');
  const found = page.getByRole('listbox', { name: 'Found' }).getByRole('option');
  await page.keyboard.press('ArrowDown');
  assert.equal(await found.nth(1).getAttribute('aria-selected'), 'true');
  const third = (await found.nth(2).innerText()).split(/\s/)[0];
  await found.nth(2).click();
  await shows(page, 'the hook', { ids, hooks: [third] }, 'run');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /^Find/ }).fill('no such thing');
  await page.getByText('Nothing here has that name.').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog.palette').waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
  await close();
});

/** What is set up, as the screen says it. */
const setUp = async (page) => ({
  model: await page.getByRole('combobox', { name: 'Model' }).inputValue(),
  a: (await namesOf(page)).join(''),
  b: (await namesOf(page, 'b')).join(''),
  edits: await page.locator('.chip .says').allInnerTexts(),
  tab: await page.getByRole('tab', { selected: true }).innerText(),
});

test('undo, redo and the steps of the session go over text, second prompt, edit, view and model', async () => {
  const { page, complaints, close } = await site.open();
  await settled(page);
  const states = [await setUp(page)];
  for (const step of [
    () => write(page, 'The dog ran to the park. The dog ran'),
    () => intervene(page, { hook: 'blocks.0.attn.hook_z', op: 'zero', heads: [1] }),
    () => openTab(page, 'Residual stream'),
    () => after(page, () => page.getByRole('button', { name: 'Mute ablate L0H1' }).click()),
    () => useModel(page, 'stories-gelu-4l'),
    () => after(page, () => page.getByRole('button', { name: 'name swap', exact: true }).click()), // of two prompts
    () => openTab(page, 'MLP'),
  ]) {
    await step();
    states.push(await setUp(page));
  }
  const arrives = async (wanted, where) => {
    for (const deadline = Date.now() + 20_000; ; ) {
      await settled(page);
      const now = await setUp(page);
      if (JSON.stringify(now) === JSON.stringify(wanted)) return;
      if (Date.now() > deadline) assert.deepEqual(now, wanted, where);
    }
  };
  for (let i = states.length - 2; i >= 0; i--) {
    if (i % 2) await page.keyboard.press('Control+z');
    else await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await arrives(states[i], `undone to ${i}`);
  }
  assert.ok(await page.getByRole('button', { name: 'Undo', exact: true }).isDisabled());
  for (let i = 1; i < states.length; i++) {
    if (i % 2) await page.keyboard.press('Control+Shift+z');
    else await page.getByRole('button', { name: 'Redo', exact: true }).click();
    await arrives(states[i], `redone to ${i}`);
  }

  // The list of steps, the newest first: to any of them and back.
  const steps = () => page.getByRole('dialog').locator('ol li button');
  for (const to of [2, 7, 0, 6]) {
    await page.getByRole('button', { name: 'Saved', exact: true }).click();
    await steps().first().waitFor();
    assert.equal(await steps().count(), states.length);
    await steps().nth(states.length - 1 - to).click();
    assert.equal(await steps().nth(states.length - 1 - to).getAttribute('aria-current'), 'true');
    await page.keyboard.press('Escape');
    await arrives(states[to], `step ${to}`);
  }
  assert.deepEqual(complaints, []);
  await close();
});
