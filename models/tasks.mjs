/* What the shipped models do with the tasks of tasklist.mjs, measured with `hs`, and the pairs that the page offers:
 *
 *     node models/tasks.mjs [--write]
 *
 * A prompt is its text's tokens behind the beginning-of-text token, as the page makes them. It is right when its own
 * answer's logit at the last position is above the other side's answer, and "first" when no token of the vocabulary is
 * above it. Prints a line a model and task; --write puts the figures into models/NAME/tasks.json (the card's table:
 * card.mjs) and, of the tasks that a model gets right in at least 90 % of at least 100 prompts, a handful of pairs
 * into site/src/state/tasksMeasured.ts. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { memoised, readTokenizer } from './corpus.mjs';
import { withRuns } from './hs.mjs';
import { sides, TASKS } from './tasklist.mjs';

export const MODELS = ['stories-2l', 'stories-gelu-4l'];
const PROMPTS = 100;
const SHARE = 0.9;
/** Pairs that the page offers of a task: so many aligned token by token, and as many that are not. */
const OFFERED = 4;
const PAGE = new URL('../site/src/state/tasksMeasured.ts', import.meta.url);

const folderOf = (model) => fileURLToPath(new URL(model, import.meta.url));

/** Text -> ids with the beginning-of-text token, and one word -> its id. */
export function encoderOf(model) {
  const { bos } = JSON.parse(readFileSync(`${folderOf(model)}/recipe.json`, 'utf8'));
  const encode = memoised(readTokenizer(`${folderOf(model)}/tokenizer.json`));
  const prompt = (text) => [bos, ...encode(text)];
  const word = (text) => {
    const ids = encode(text);
    if (ids.length !== 1) throw new Error(`"${text}" is ${ids.length} tokens; an answer is one`);
    return ids[0];
  };
  return { prompt, word };
}

/** A pair as ids: two prompts of one length, and the answer of each. */
export function encoded({ prompt, word }, { text, answer }) {
  const [clean, corrupted] = sides(text).map(prompt);
  if (clean.length !== corrupted.length) throw new Error(`${text}: ${clean.length} tokens and ${corrupted.length}`);
  const [correct, wrong] = sides(answer).map(word);
  return { clean, corrupted, correct, wrong };
}

/** Of one pair: per side, the difference of the answers' logits, and whether its own answer is the first of all. */
function measurePair(run, { clean, corrupted, correct, wrong }) {
  const side = (ids, own, other) => {
    const { shape, data } = run(ids, { capture: ['logits'] }).get('logits');
    const last = data.subarray(-shape[1]);
    return { difference: last[own] - last[other], first: last.every((logit, id) => id === own || logit < last[own]) };
  };
  return [side(clean, correct, wrong), side(corrupted, wrong, correct)];
}

const right = ({ difference }) => difference > 0;
const count = (list, holds) => list.filter(holds).length;

/** Figures of a task, over the prompts of both sides, and its pairs with what was found of each. */
export function measureTask(run, encoder, { name, pairs }) {
  const found = pairs.map((pair) => {
    const ids = encoded(encoder, pair);
    return { ...pair, ids, sides: measurePair(run, ids) };
  });
  const prompts = found.flatMap((pair) => pair.sides);
  const mean = prompts.reduce((sum, { difference }) => sum + difference, 0) / prompts.length;
  const least = prompts.reduce((low, { difference }) => Math.min(low, difference), Infinity);
  const figures = { name, prompts: prompts.length, right: count(prompts, right), first: count(prompts, ({ first }) => first), mean, least };
  return { figures, found };
}

export const isDone = ({ prompts, right: n }) => prompts >= PROMPTS && n >= SHARE * prompts;

/** The pairs to offer: right on both sides, the answers first on both sides if there are such; some of equal length that differ
 *  at the same positions, then some of other shapes. */
function offered(found) {
  const good = found.filter((pair) => pair.sides.every(right));
  const best = [...good.filter((pair) => pair.sides.every(({ first }) => first)), ...good];
  const pairs = [...new Set(best)];
  const shape = ({ ids: { clean, corrupted } }) => `${clean.length}:${clean.flatMap((id, i) => (id === corrupted[i] ? [] : [i]))}`;
  const aligned = pairs.filter((pair) => shape(pair) === shape(pairs[0])).slice(0, OFFERED);
  const shapes = new Map(pairs.filter((pair) => shape(pair) !== shape(pairs[0])).reverse().map((pair) => [shape(pair), pair]));
  const others = pairs.filter((pair) => [...shapes.values()].includes(pair)).slice(0, OFFERED);
  return { aligned: aligned.length, pairs: [...aligned, ...others].map(({ text, answer }) => ({ text, answer })) };
}

/** Every task on a model: [{ figures, found }]. */
const measureModel = (model) =>
  withRuns(folderOf(model), (run) => {
    const encoder = encoderOf(model);
    return TASKS.map((task) => ({ about: task.about, ...measureTask(run, encoder, task) }));
  });

const rounded = (figures) => ({ ...figures, mean: Number(figures.mean.toFixed(2)), least: Number(figures.least.toFixed(2)) });

function pageFile(measured) {
  const quote = (text) => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const task = ({ about, figures: { name, prompts, right: n, first }, found }) => {
    const { aligned, pairs } = offered(found);
    const rows = pairs.map(({ text, answer }) => `        { text: ${quote(text)}, answer: ${quote(answer)} },\n`).join('');
    return `    {
      name: ${quote(name)}, about: ${quote(about)},
      prompts: ${prompts}, right: ${n}, first: ${first}, aligned: ${aligned},
      pairs: [
${rows}      ],
    },
`;
  };
  const models = measured.map(({ model, tasks }) => `  ${quote(model)}: [\n${tasks.filter(({ figures }) => isDone(figures)).map(task).join('')}  ],\n`);
  return `/** Written by models/tasks.mjs: the tasks that a shipped model does, by the model's id. */
import type { Task } from './tasks';

export const TASKS: Readonly<Record<string, readonly Task[]>> = {
${models.join('')}};
`;
}

/** A line a task, and where asked the files. */
function main(flag) {
  const measured = MODELS.map((model) => ({ model, tasks: measureModel(model) }));
  for (const { model, tasks } of measured) {
    for (const { figures } of tasks) {
      const { name, prompts, right: n, first, mean, least } = figures;
      console.log(`${model}, ${name}: ${n} of ${prompts} right, ${first} first of all; logit difference ${mean.toFixed(2)}, at least ${least.toFixed(2)}${isDone(figures) ? '' : '  (not offered)'}`);
    }
    if (flag === '--write') {
      writeFileSync(`${folderOf(model)}/tasks.json`, `${JSON.stringify(tasks.map(({ figures }) => rounded(figures)), null, 2)}\n`);
    }
  }
  if (flag === '--write') writeFileSync(PAGE, pageFile(measured));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = process.argv[2];
  if (flag !== undefined && flag !== '--write') {
    console.error('usage: node models/tasks.mjs [--write]');
    process.exit(2);
  }
  main(flag);
}
