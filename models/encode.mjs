/* The corpus of a recipe as token ids, once:
 *
 *     CORPUS=dir node models/encode.mjs models/stories-2l/recipe.json OUTDIR
 *
 * reads the files that the recipe names from CORPUS and the tokenizer.json beside the recipe, checks
 * their sha256, and writes OUTDIR/NAME.train.u16 and OUTDIR/NAME.heldout.u16 (little-endian uint16),
 * which `hs train RECIPE --data OUTDIR` reads. What the ids hash to is printed, and checked where the
 * recipe says it. */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeCorpus, readPacked, readTokenizer, sha256, toBytes } from './corpus.mjs';

function fail(message) {
  console.error(`encode: ${message}`);
  process.exit(1);
}

function mustHash(what, found, expected) {
  if (found !== expected) fail(`${what} has sha256 ${found}; the recipe says ${expected}`);
}

const [recipePath, outDir] = process.argv.slice(2);
const corpus = process.env.CORPUS;
if (!recipePath || !outDir) fail('usage: CORPUS=dir node models/encode.mjs RECIPE.json OUTDIR');
if (!corpus) fail('set CORPUS to the folder that holds the corpus files of the recipe');

const { name, data } = JSON.parse(readFileSync(recipePath, 'utf8'));
const tokenizerPath = join(dirname(recipePath), 'tokenizer.json');
mustHash(tokenizerPath, sha256(readFileSync(tokenizerPath)), data.tokenizer_sha256);
const tokenizer = readTokenizer(tokenizerPath);

mkdirSync(outDir, { recursive: true });
for (const split of ['train', 'heldout']) {
  const { file, sha256: expected, tokens, ids_sha256: idsExpected } = data[split];
  const path = join(corpus, file);
  mustHash(path, sha256(readFileSync(path)), expected);
  const ids = encodeCorpus(readPacked(path).toString('utf8'), tokenizer);
  const bytes = toBytes(ids);
  const out = join(outDir, `${name}.${split}.u16`);
  writeFileSync(`${out}.part`, bytes);
  renameSync(`${out}.part`, out);
  console.log(`${out}: ${ids.length} tokens, sha256 ${sha256(bytes)}`);
  if (idsExpected !== undefined) mustHash(out, sha256(bytes), idsExpected);
  if (tokens !== undefined && tokens !== ids.length) fail(`${out} has ${ids.length} tokens; the recipe says ${tokens}`);
}
