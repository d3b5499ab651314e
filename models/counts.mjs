/* What counting alone can predict, beside which a model's loss means something: the mean loss in nats
 * a token of a unigram and a bigram model counted on the training ids, over the held-out ids.
 *
 *     node models/counts.mjs IDS/NAME.train.u16 IDS/NAME.heldout.u16 D_VOCAB
 */

import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { readIds } from './corpus.mjs';

/** Added to each count, so that nothing has probability 0. */
const ADDED = 0.05;

/** How often each id occurs. */
export function histogram(ids, dVocab) {
  const counts = new Float64Array(dVocab);
  for (const id of ids) counts[id]++;
  return counts;
}

/** Loss of ids[1..] under P(id): the first id is given, as it is to the bigram model. */
export function unigramLoss(train, heldout, dVocab) {
  const counts = histogram(train, dVocab);
  const total = train.length + ADDED * dVocab;
  let sum = 0;
  for (let i = 1; i < heldout.length; i++) sum -= Math.log((counts[heldout[i]] + ADDED) / total);
  return sum / (heldout.length - 1);
}

/** Loss of ids[1..] under P(id | the id before). */
export function bigramLoss(train, heldout, dVocab) {
  const pairs = new Float64Array(dVocab * dVocab);
  for (let i = 1; i < train.length; i++) pairs[train[i - 1] * dVocab + train[i]]++;
  const rows = histogram(train.subarray(0, -1), dVocab);
  let sum = 0;
  for (let i = 1; i < heldout.length; i++) {
    const before = heldout[i - 1];
    const count = pairs[before * dVocab + heldout[i]];
    sum -= Math.log((count + ADDED) / (rows[before] + ADDED * dVocab));
  }
  return sum / (heldout.length - 1);
}

/** The unigram distribution's own entropy in nats: the best loss that ignores what came before. */
export function entropy(ids, dVocab) {
  return histogram(ids, dVocab).reduce((sum, n) => (n > 0 ? sum - (n / ids.length) * Math.log(n / ids.length) : sum), 0);
}

if (import.meta.url === pathToFileURL(argv[1]).href) {
  const [trainPath, heldoutPath, dVocab] = argv.slice(2);
  if (dVocab === undefined) {
    console.error('usage: node models/counts.mjs IDS.train.u16 IDS.heldout.u16 D_VOCAB');
    process.exit(1);
  }
  const [train, heldout] = [readIds(trainPath), readIds(heldoutPath)];
  console.log(`unigram ${unigramLoss(train, heldout, Number(dVocab)).toFixed(4)} nats a token`);
  console.log(`bigram  ${bigramLoss(train, heldout, Number(dVocab)).toFixed(4)} nats a token`);
}
