// The Steer bench: what a person does there, and its documents as a test builds them.

import assert from 'node:assert/strict';
import { encoderOf } from '../../../models/tasks.mjs';
import { hsRead } from './model.mjs';
import { numberOf, picture } from './screen.mjs';

export const PAIRS = {
  positive: ['The girl was very happy', 'Tom felt so happy', 'It was a happy day and Lily laughed'],
  negative: ['The girl was very sad', 'Tom felt so sad', 'It was a sad day and Lily cried'],
};

export async function openSteer(page) {
  await page.getByRole('button', { name: 'Steer', exact: true }).click();
  await page.locator('.look.steer').waitFor();
}

/** Until the strength fits the direction that was chosen. */
export const fitted = (page) => page.locator('.steer-line [aria-busy="true"]').waitFor({ state: 'detached' });

/** One of the choices on the line of the tabs: set(page, 'at', 'resid_pre L1'); the strength fits it. */
export async function set(page, label, word) {
  await page.getByRole('combobox', { name: label, exact: true }).selectOption({ label: word });
  await fitted(page);
}

/** What the recipe has of its own is open. */
export async function edit(page) {
  const button = page.getByRole('button', { name: /^Edit( pairs)?$/ }).and(page.locator('.tabs-line *'));
  if ((await button.getAttribute('aria-expanded')) !== 'true') await button.click();
}

export async function fillPairs(page, { positive, negative }) {
  await edit(page);
  await page.getByLabel('Towards, one text a line').fill(positive.join('\n'));
  await page.getByLabel('Away from, one text a line').fill(negative.join('\n'));
}

/** A recipe as the core takes it: texts as their ids, by the tokeniser's file. */
export function recipeOf(model, recipe) {
  const { prompt } = encoderOf(model.id);
  if (recipe.activation) return { ...recipe, activation: prompt(recipe.activation) };
  return recipe.contrast ? { ...recipe, contrast: Object.fromEntries(Object.entries(recipe.contrast).map(([side, texts]) => [side, texts.map(prompt)])) } : recipe;
}

export const idsOfText = (model, text) => encoderOf(model.id).prompt(text);

/** `hs vector` on a recipe. */
export const hsVector = (model, recipe, hook, prompt) => {
  const document = { read: 'vector', recipe: recipeOf(model, recipe), at: { hook, prompt } };
  return { document, ...hsRead(document, model) };
};

/** The page's edits with our own vector's numbers in the place of its: after both were found to be the same. The page's engine is
 *  WebAssembly, so they may differ in the last digits. */
export function sameVector(edits, vector, scale = 1) {
  const largest = vector.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
  for (const { value } of edits) {
    const flat = value.flat();
    assert.equal(flat.length, vector.length);
    flat.forEach((x, i) => assert.ok(Math.abs(x - vector[i] * scale) <= 1e-4 * largest, `number ${i} of the vector is ${x}, hs says ${vector[i]}`));
  }
}

/** The inspector's facts of the direction, once they are true of it: { norm: 1.55, ... }, whole numbers. */
export async function factsOf(page) {
  const rows = await page.waitForFunction(() => {
    const section = [...document.querySelectorAll('aside.inspector section')].find((it) => it.querySelector('h3')?.textContent === 'The direction');
    return section?.dataset.stale === 'false' && [...section.querySelectorAll('dl div')].flatMap((row) => {
      const { title } = row.querySelector('dd');
      return title ? [[row.querySelector('dt').textContent, title]] : [];
    });
  }, null, { timeout: 60_000 });
  return Object.fromEntries((await rows.jsonValue()).map(([name, text]) => [name, numberOf(text)]));
}

/** A way's document, once its text is whole. */
export async function textOf(page, way) {
  const said = await page.waitForFunction((name) => document.querySelector(`[data-way="${name}"][data-whole="true"]`)?.dataset.document, way, { timeout: 60_000 });
  return JSON.parse(await said.jsonValue());
}

/** The tokens of a way's text, as they are drawn: { id, kl, line }, `line` in CSS pixels. */
export const tokensOf = (page, way) =>
  page.locator(`.way[data-way="${way}"] [role="option"]`).evaluateAll((all) =>
    all.map((token) => {
      const [, id] = /id (\d+)/.exec(token.title);
      const number = (words) => new RegExp(`${words} ([^, ]+)`).exec(token.title)?.[1] ?? null;
      const { textDecorationLine: line, textDecorationThickness: thick } = getComputedStyle(token);
      return { id: Number(id), p: number(': p'), kl: number('KL'), change: number('log p'), line: line === 'underline' ? parseFloat(thick) : 0 };
    }),
  );

/** The rows of a table of ways: { way: { effect, perplexity, repetition, 'KL / token' } }, whole numbers. */
export const outcomesOf = (page, name) =>
  picture(page, name).locator('table.outcomes').evaluate((table) => {
    const columns = [...table.tHead.querySelectorAll('th')].map((th) => th.textContent);
    return [...table.tBodies[0].rows].map((row) => [row.dataset.way, [...row.querySelectorAll('td.num')].map((td, i) => [columns[i], td.title])]);
  }).then((rows) => Object.fromEntries(rows.map(([way, numbers]) => [way, Object.fromEntries(numbers.map(([column, text]) => [column, numberOf(text)]))])));
