/* Every figure that a trained model is asked to show:
 *
 *     node models/evidence.mjs models/NAME IDS_DIR [--write]
 *
 * IDS_DIR holds what models/encode.mjs wrote. Prints one line a figure, with what is asked of it where
 * something is; exit 1 if any falls short. --write puts the figures into evidence.json beside the
 * model, from which models/card.mjs makes the card's tables. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readIds } from './corpus.mjs';
import { kindOf } from './kinds.mjs';

const [folder, idsDir, flag] = process.argv.slice(2);
if (!folder || !idsDir || (flag !== undefined && flag !== '--write')) {
  console.error('usage: node models/evidence.mjs MODEL_FOLDER IDS_DIR [--write]');
  process.exit(2);
}
const recipe = JSON.parse(readFileSync(join(folder, 'recipe.json'), 'utf8'));
const ids = (part) => readIds(join(idsDir, `${recipe.name}.${part}.u16`));
const kind = kindOf(recipe);
const figures = kind.measure(folder, recipe, { train: ids('train'), heldout: ids('heldout') });
let allHold = true;
kind.report(figures, (what, value, asked, holds) => {
  allHold &&= holds !== false;
  const verdict = asked === undefined ? '' : `  (asked ${asked}: ${holds ? 'holds' : 'FALLS SHORT'})`;
  console.log(`${what}: ${value}${verdict}`);
});
if (flag === '--write') writeFileSync(join(folder, 'evidence.json'), `${JSON.stringify(figures, null, 2)}\n`);
process.exit(allHold ? 0 : 1);
