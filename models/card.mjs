/* The figures on a model's card, from its evidence.json and its tasks.json: rewrites what stands between
 * the two "figures" comments of the folder's README.md.
 *
 *     node models/card.mjs models/stories-2l
 */

import { readFileSync, writeFileSync } from 'node:fs';
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
const tables = kindOf(read('recipe.json')).tables(read('evidence.json')) + tasks(read('tasks.json'));

const path = join(folder, 'README.md');
const card = readFileSync(path, 'utf8');
const [begin, end] = [card.indexOf(BEGIN), card.indexOf(END)];
if (begin < 0 || end < begin) {
  console.error(`${path}: lacks the lines "${BEGIN}" and "${END}" between which the figures go`);
  process.exit(1);
}
writeFileSync(path, card.slice(0, begin + BEGIN.length) + tables + card.slice(end));
