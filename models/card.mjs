/* The figures on a model's card, from its evidence.json: rewrites what stands between the two
 * "figures" comments of the folder's README.md.
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
const tables = kindOf(read('recipe.json')).tables(read('evidence.json'));

const path = join(folder, 'README.md');
const card = readFileSync(path, 'utf8');
const [begin, end] = [card.indexOf(BEGIN), card.indexOf(END)];
if (begin < 0 || end < begin) {
  console.error(`${path}: lacks the lines "${BEGIN}" and "${END}" between which the figures go`);
  process.exit(1);
}
writeFileSync(path, card.slice(0, begin + BEGIN.length) + tables + card.slice(end));
