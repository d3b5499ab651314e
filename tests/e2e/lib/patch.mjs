// The Patch bench as a person uses it: a ready-made pair, a study, and the numbers of its pictures as scores.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { encoded, encoderOf } from '../../../models/tasks.mjs';
import { hsRead } from './model.mjs';

/** The pictures of a sweep. */
export const STREAM = 'the sweep of the stream';
export const HEADS = 'the sweep of the heads';
export const WHOLE = 'the sweep of whole heads';

/** The stream's rows: all sites of a layer, then the next layer's. */
export const byLayer = (values, { sites, layers, positions }) =>
  Array.from({ length: values.length }, (_, i) => {
    const [row, position] = [Math.floor(i / positions), i % positions];
    return values[((row % sites) * layers + Math.floor(row / sites)) * positions + position];
  });

/** Opens the bench with a pair that is offered where there is none yet -> { clean, corrupted, answers }. */
export async function openPair(page, name) {
  await page.getByRole('button', { name: 'Patch', exact: true }).click();
  await page.locator('.offers').getByRole('button', { name, exact: true }).click();
  await page.waitForFunction(() => document.querySelector('.look.patch')?.dataset.stale === 'false' && document.querySelector('.tok[data-at^="b"]'));
  return pairOf(page);
}

/** Both prompts' ids and the answers' words, as they stand on the page at one moment. */
export async function pairOf(page) {
  const [a, b] = await Promise.all(['Answer of A', 'Answer of B'].map((label) => page.getByRole('combobox', { name: label }).elementHandle()));
  return page.evaluate((answers) => {
    const ids = (prompt) => [...document.querySelectorAll(`.tok[data-at^="${prompt}"]`)].map((chip) => Number(/id (\d+)$/.exec(chip.getAttribute('aria-label'))[1]));
    return { clean: ids('a'), corrupted: ids('b'), words: answers.map((field) => field.value) };
  }, [a, b]);
}

const OFFERED = readFileSync(new URL('../../../site/src/state/tasksMeasured.ts', import.meta.url), 'utf8');

/** The first pairs of a task as the page offers them, as ids: of the first four it makes a set. */
export function offeredSet(id, task, count = 4) {
  const ofModel = OFFERED.slice(OFFERED.indexOf(`'${id}': [`));
  const ofTask = ofModel.slice(ofModel.indexOf(`name: '${task}'`));
  const pairs = [...ofTask.matchAll(/\{ text: '(.*?)', answer: '(.*?)' \}/g)].slice(0, count);
  const encoder = encoderOf(id);
  return pairs.map(([, text, answer]) => encoded(encoder, { text, answer }));
}

export async function openStudy(page, name) {
  await page.getByRole('tab', { name, exact: true }).click();
  await page.waitForSelector(`.tabs [aria-selected="true"]:text-is("${name}")`);
}

/** `hs` on a study -> { clean, corrupted, values, arrays, axes, ... }. */
export function hsStudy(document, model) {
  const { values, arrays, axes } = hsRead({ v: 1, ...document }, model);
  return { ...values, arrays, axes, values: arrays.get('values').data };
}

/** (m - m_B) / (m_A - m_B) */
export const scoreOf = ({ clean, corrupted }) => (metric) => (metric - corrupted) / (clean - corrupted);

/** [.., layer, position, head] as the rows and columns of the heads' picture: heads by positions. */
export function byHead(values, { layers, heads, positions }) {
  assert.equal(values.length, layers * heads * positions);
  return Array.from({ length: values.length }, (_, i) => {
    const [row, position] = [Math.floor(i / positions), i % positions];
    return values[(Math.floor(row / heads) * positions + position) * heads + (row % heads)];
  });
}

/** A score as a sentence has it: two decimals, a true minus, and none of a zero. */
export const two = (x) => (Math.abs(x) < 0.005 ? 0 : x).toFixed(2).replace('-', '\u2212');

/** Which is largest; the first of equal ones, no NaN. */
export const largest = (of) => of.reduce((best, x, i) => (!Number.isNaN(x) && (best < 0 || x > of[best]) ? i : best), -1);

/** Waits until the sentence under the study has all of these words, and only then. */
export async function says(page, ...words) {
  await page.waitForFunction((all) => all.every((some) => document.querySelector('.story p')?.textContent.includes(some)), words, { timeout: 60_000 }).catch(async () => {
    assert.deepEqual([await page.locator('.story p').textContent()], words, 'the sentence');
  });
}
