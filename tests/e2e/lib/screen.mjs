// What the screen shows, in numbers: a picture's document, its table twin, its bars and its pixels. Tests hold them against
// native `hs` on a document of their own (docs/rows.md), never against the page's engine.

import assert from 'node:assert/strict';
import { after, pixelsIn } from './browser.mjs';

/** Pictures are float32 sums in another order than `hs` has them: this much of the largest of them, or of 1. */
export const TOLERANCE = 1e-4;
const WITHIN_PIXEL = 2;

export const picture = (page, name) => page.locator(`figure.picture[aria-label="${name}"]`);

/** What the picture says that it shows: { kind, document }. */
export const documentOf = async (page, name) => JSON.parse(await picture(page, name).getAttribute('data-document'));

/** Waits until the picture is true and says that it shows this document, the test's own; else fails with what it says. */
export async function shows(page, name, document, kind = 'read') {
  const wanted = JSON.parse(JSON.stringify({ kind, document }));
  try {
    await page.waitForFunction(
      ([label, text]) => {
        const sorted = (x) => (x && typeof x === 'object' && !Array.isArray(x) ? Object.fromEntries(Object.keys(x).sort().map((k) => [k, sorted(x[k])])) : Array.isArray(x) ? x.map(sorted) : x);
        const figure = document.querySelector(`figure.picture[aria-label="${label}"]`);
        const said = figure?.dataset.document;
        return (
          document.querySelector('.look')?.dataset.stale === 'false' && figure?.dataset.stale === 'false' && said &&
          JSON.stringify(sorted(JSON.parse(said))) === JSON.stringify(sorted(JSON.parse(text)))
        );
      },
      [name, JSON.stringify(wanted)],
      { timeout: 60_000 },
    );
  } catch (thrown) {
    assert.equal(await picture(page, name).count(), 1, `there is a picture called "${name}"`);
    assert.deepEqual(await documentOf(page, name), wanted, `the document of "${name}"`);
    throw thrown;
  }
}

/** A number as a title has it: the whole float, with either minus. */
export const numberOf = (text) => (text === 'NaN' ? Number.NaN : Number(text.replace('\u2212', '-').replace('\u221e', 'Infinity')));

/** Does something while the picture's table twin is open; opens and closes it by its button. */
async function withTable(page, name, act) {
  const toggle = page.getByRole('button', { name: `Table of ${name}`, exact: true });
  const open = (await toggle.getAttribute('aria-pressed')) === 'true';
  if (!open) await toggle.click();
  const out = await act();
  if (!open) await toggle.click();
  return out;
}

/** The table twin of a matrix: { rows, cols, values, words }, names and the whole numbers row by row, null where a cell is
 *  masked, and what stands before each number.
 *  Of more columns than a table can have, { rows, top, full }: of each row its largest, [{ col, value }, ...], and one row
 *  in full, { row, cols, values }. */
export async function tableOf(page, name) {
  const tables = await withTable(page, name, () =>
    picture(page, name).locator('.heatmap-table table').evaluateAll((all) =>
      all.map((table) => ({
        caption: table.caption?.textContent ?? '',
        cols: [...table.querySelectorAll('thead th')].map((th) => th.textContent),
        rows: [...table.querySelectorAll('tbody tr')].map((tr) => ({
          name: tr.querySelector('th').textContent,
          cells: [...tr.querySelectorAll('td')].map((td) => ({
            text: td.textContent, value: td.getAttribute('title'), word: td.querySelector('.heatmap-name')?.textContent.trimEnd(),
          })),
        })),
      })),
    ),
  );
  assert.ok(tables.length > 0, `"${name}" has a table twin`);
  const value = (cell) => (cell.value === null ? null : numberOf(cell.value));
  const rows = tables[0].rows.map((row) => row.name);
  if (!/all of row/.test(tables[1]?.caption)) {
    const cells = tables[0].rows.flatMap((row) => row.cells);
    return { rows, cols: tables[0].cols, values: cells.map(value), words: cells.map(({ word }) => word) };
  }
  const pairs = (cells) => Array.from({ length: cells.length / 2 }, (_, i) => ({ col: cells[2 * i].text, value: value(cells[2 * i + 1]) }));
  const [, open] = tables;
  return {
    rows,
    top: tables[0].rows.map(({ cells }) => pairs(cells)),
    full: { row: /all of row (.+)$/.exec(open.caption)[1], cols: open.rows.map((row) => row.name), values: open.rows.map(({ cells }) => value(cells[0])) },
  };
}

/** The bars of a picture: [{ name, label, value, before, total }]: its words for a part, the core's name for it (null where it
 *  is none of the core's), and the whole numbers; `before` is null where the picture has none. */
export const barsOf = async (page, name) =>
  (
    await picture(page, name).locator('table.signed tbody tr').evaluateAll((rows) =>
      rows.map((row) => ({
        name: row.querySelector('th').textContent,
        label: row.querySelector('th').getAttribute('title'),
        numbers: [...row.querySelectorAll('td.num')].map((cell) => cell.title),
        total: row.classList.contains('total'),
      })),
    )
  ).map(({ name: part, label, numbers, total }) => ({
    name: part,
    label,
    value: numberOf(numbers.at(-1)),
    before: numbers.length > 1 && numbers[0] !== '' ? numberOf(numbers[0]) : null,
    total,
  }));

/** Numbers of the screen are those of `hs`; null is a masked cell, and NaN where there is nothing to say. */
export function compare(screen, wanted, where = '') {
  assert.equal(screen.length, wanted.length, `${where}: as many numbers`);
  let largest = 1;
  for (const x of wanted) if (x !== null && Number.isFinite(x)) largest = Math.max(largest, Math.abs(x));
  for (let i = 0; i < wanted.length; i++) {
    const same = Object.is(screen[i], wanted[i]) || screen[i] === wanted[i] || Math.abs(screen[i] - wanted[i]) <= TOLERANCE * largest;
    assert.ok(same && (screen[i] === null) === (wanted[i] === null), `${where}: number ${i} is ${screen[i]}, hs says ${wanted[i]}`);
  }
}

/** The colour bar's ends, as they are printed: what the first and the last colour mean. */
export async function scaleOf(page, name) {
  const ticks = (await picture(page, name).locator('.heatmap-tick').allInnerTexts()).map(numberOf);
  return [ticks[0], ticks.at(-1)];
}

/** The size of all cells together, CSS pixels; what the canvas is longer stays clear. */
const sizeOf = (page, name) =>
  picture(page, name).locator('.heatmap-plot > svg').evaluate((svg) => ({ width: svg.width.baseVal.value, height: svg.height.baseVal.value }));

/** The middle pixel of each cell of a picture. */
export const cellsOf = async (page, name, rows, cols) =>
  pixelsIn(picture(page, name).locator('.heatmap-plot > canvas'), rows, cols, { x: 0, y: 0, ...(await sizeOf(page, name)) });

/** The pointer onto a cell of a picture of [rows, cols]; `page.mouse` then clicks there. */
export async function pointAt(page, name, [row, col], [rows, cols]) {
  const plot = picture(page, name).locator('.heatmap-plot > canvas');
  await plot.scrollIntoViewIfNeeded();
  const [{ x, y }, { width, height }] = [await plot.boundingBox(), await sizeOf(page, name)];
  await page.mouse.move(x + ((col + 0.5) * width) / cols, y + ((row + 0.5) * height) / rows, { steps: 2 });
}

/** The pixels of a head's thumbnail, [n, n] cells. */
export async function thumbnailOf(page, { layer, head }, n) {
  const canvas = picture(page, 'all heads').locator('.headgrid > canvas');
  const [of, box] = [await canvas.boundingBox(), await picture(page, 'all heads').locator(`[data-head="${layer} ${head}"] .headgrid-thumb`).boundingBox()];
  return pixelsIn(canvas, n, n, { x: box.x - of.x, y: box.y - of.y, width: box.width, height: box.height });
}

/** Pixels are those of the values, by the palette; `worst` from lib/palette.mjs. */
export function comparePixels({ by, row, col }, where = '') {
  assert.ok(by <= WITHIN_PIXEL, `${where}: the pixel of row ${row}, column ${col} is off by ${by} of 255`);
}

/** A prompt's tokens as pictures name them: "␣cat (3)". */
export const namesOf = async (page, prompt = 'a') =>
  (await page.locator(`.tok[data-at^="${prompt}"]`).allTextContents()).map((text, i) => `${text} (${i})`);

/** A state of the stream as the page calls it: before which layers it stands, split at attention and MLP. */
export function stateName(label, { n_layers }) {
  if (label === 'final_post') return `after L${n_layers - 1}`;
  const [layer, point] = label.split('_');
  if (point === 'mid') return `mid L${layer}`;
  return layer === '0' ? 'embed' : `after L${layer - 1}`;
}

/** Waits until the inspector tells of what its title names: "after L0 position 3". */
export async function inspects(page, title) {
  await page.waitForFunction((wanted) => {
    const aside = document.querySelector('aside.inspector');
    return aside?.querySelector('h2')?.textContent.replaceAll(/\s+/g, ' ').startsWith(wanted) && aside.querySelector('[data-stale="true"]') === null;
  }, title, { timeout: 60_000 });
}

/* What a person does on the way to a picture. */

export async function openTab(page, name) {
  await page.getByRole('tab', { name, exact: true }).click();
  await page.waitForSelector(`.tabs [aria-selected="true"]:text-is("${name}")`);
}

/** One of a row of choices: choose(page, 'Measure', 'rank'). */
export const choose = (page, group, word) => page.getByRole('radiogroup', { name: group, exact: true }).getByRole('radio', { name: word, exact: true }).click();

/** A token into a field of the vocabulary, by what is typed: " dog", "#14". */
export async function typeToken(page, label, typed) {
  await page.getByRole('combobox', { name: label, exact: true }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.type(typed);
}

/** Another model, by the header's picker. */
export const useModel = (page, id) => after(page, () => page.getByRole('combobox', { name: 'Model' }).selectOption(id));

/** Types a text in the place of prompt A, or of prompt B, which is added where there is none. */
export async function write(page, text, prompt = 'A') {
  const button = (name) => page.getByRole('button', { name, exact: true });
  if (prompt === 'B') {
    if (await button('Edit B').count()) await button('Edit B').click();
    else await button('Add a second prompt').click();
  } else await page.getByRole('button', { name: /^Edit( A)?$/ }).click();
  await page.getByRole('textbox', { name: prompt === 'B' ? 'Prompt B' : 'Text that the model reads' }).fill(text);
  await page.keyboard.press('Escape');
  await page.waitForFunction(
    ([which, wanted]) => {
      const chips = [...document.querySelectorAll(`.tok[data-at^="${which}"]`)].map((chip) => chip.textContent);
      return document.querySelector('.look')?.dataset.stale === 'false' && chips.slice(1).join('') === wanted;
    },
    [prompt.toLowerCase(), text.replaceAll(' ', '\u2423')],
    { timeout: 60_000 },
  );
}

/** Puts an edit in force by the form, one field after the other: a list as "1, 3", a value of prompt B as "B". */
export async function intervene(page, { hook, op, ...fields }) {
  await page.getByRole('button', { name: 'Add an intervention', exact: true }).click();
  const field = (name) => page.getByRole('dialog').getByLabel(name, { exact: true });
  await field('hook').fill(hook);
  await field('does').selectOption(op);
  for (const [name, value] of Object.entries(fields)) await field(name).fill(value?.run ?? [value].flat().join(', '));
  await after(page, () => page.getByRole('button', { name: 'Put in force', exact: true }).click());
}
