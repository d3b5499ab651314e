/* The figures on a model's card, from its evidence.json, its tasks.json and, where there is one, its steering.json: rewrites what stands between
 * the two "figures" comments of the folder's README.md.
 *
 *     node models/card.mjs models/stories-2l
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from './kinds.mjs';

const BEGIN = '<!-- figures: written by models/card.mjs -->';
const END = '<!-- end of figures -->';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node models/card.mjs MODEL_FOLDER');
  process.exit(2);
}
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const share = (n, of) => `${n} of ${of} (${((100 * n) / of).toFixed(0)} %)`;
const taskRow = ({ name, prompts, right, first, mean }) => `| ${name} | ${share(right, prompts)} | ${share(first, prompts)} | ${mean.toFixed(2)} |`;
const tasks = (list) => `
Tasks with two sides (\`models/tasklist.mjs\` has every prompt). A clean and a corrupted prompt of equal length differ in what decides the next
token; right: the own answer's logit is above that of the other side's answer; first: above that of every token. Both sides are counted.
The page offers pairs of the tasks that are right in at least 90 %:

| task | right | first | logit difference, mean |
|---|---|---|---|
${list.map(taskRow).join('\n')}
`;
const numbers = (list) => list.map((x) => x.toFixed(2)).join(', ');
const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
const steeringRow = ({ name, hook, position, strength, base, steered, frozen, random, collapse }) => {
  const control = random.flatMap(({ effect }) => effect);
  return `| ${name} | \`${hook}\`, ${position} | ${strength} | ${base.effect.toFixed(2)} | ${numbers(steered.effect)} | ${numbers(frozen.effect)} | ${mean(control).toFixed(2)} (${Math.min(...control).toFixed(2)} to ${Math.max(...control).toFixed(2)}) | ${steered.perplexity_ratio} (${mean(random.map((way) => way.perplexity_ratio)).toFixed(2)}) | ${collapse[1] ?? 'none'} |`;
};
const steering = (list) => `
Directions that steer (\`models/steerlist.mjs\` has their texts and words, \`models/steering.mjs\` finds and measures them; \`steering.json\` has the whole
curves). A direction is the mean difference of six pairs of texts at a hook, added there times the strength from the second token on. Effect: how much the log-odds of
its words against the opposite words rise, mean over three beginnings continued by 30 tokens at temperature 0.8, for each of three seeds; the same with the attention of
the text without edits; random: three directions of the same length, mean and range over all seeds. Perplexity: times that of the texts without edits, under the model
without edits (random directions). Collapse: the strength upwards at which it is more than 10 times, or half of the 3-grams come again.

| direction | where | strength | before | effect | attention frozen | random | perplexity | collapse |
|---|---|---|---|---|---|---|---|---|
${list.map(steeringRow).join('\n')}
`;
const steeringTable = existsSync(join(folder, 'steering.json')) ? steering(read('steering.json')) : '';
const tables = kindOf(read('recipe.json')).tables(read('evidence.json')) + tasks(read('tasks.json')) + steeringTable;

const path = join(folder, 'README.md');
const card = readFileSync(path, 'utf8');
const [begin, end] = [card.indexOf(BEGIN), card.indexOf(END)];
if (begin < 0 || end < begin) {
  console.error(`${path}: lacks the lines "${BEGIN}" and "${END}" between which the figures go`);
  process.exit(1);
}
writeFileSync(path, card.slice(0, begin + BEGIN.length) + tables + card.slice(end));
