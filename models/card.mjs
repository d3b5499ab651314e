/* The figures on a model's card, from its evidence.json: rewrites what stands between the two
 * "figures" comments of the folder's README.md.
 *
 *     node models/card.mjs models/stories-2l
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BEGIN = '<!-- figures: written by models/card.mjs -->';
const END = '<!-- end of figures -->';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node models/card.mjs MODEL_FOLDER');
  process.exit(2);
}
const f = JSON.parse(readFileSync(join(folder, 'evidence.json'), 'utf8'));
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const nats = (x) => x.toFixed(2);
const halves = (name, { first, second }) => `| ${name} | ${nats(first)} | ${nats(second)} | ${percent(second / first)} |`;
const heads = ({ layer, heads: list }) => list.map((head) => `L${layer}H${head}`).join(', ');

const tables = `
Loss on the ${f.tokens.toLocaleString('en-GB')} held-out tokens, nats a token:

| this model | bigram counts | unigram counts |
|---|---|---|
| **${nats(f.heldout)}** | ${nats(f.bigram)} | ${nats(f.unigram)} |

Loss on 64 tokens and on the same 64 again (mean over ${f.sequences} sequences, a beginning-of-text token before each):

| tokens | first time | second time | second / first |
|---|---|---|---|
${halves('drawn from the corpus, one by one', f.corpus_drawn)}
${halves('drawn uniformly from the vocabulary', f.uniform_drawn)}
${halves('stretches of held-out text', f.heldout_stretches)}

What each head does on the first kind (mean attention along the stripe; 0 to 1):

| head | to the previous token | to the token after the first occurrence |
|---|---|---|
${f.heads.map((s) => `| L${s.layer}H${s.head} | ${nats(s.previous)} | ${nats(s.induction)} |`).join('\n')}

How much of the drop from first to second time comes back when heads of layer ${f.ablated.layer} are zeroed:

| zeroed | given back |
|---|---|
| every head with an induction score above 0.5 (at most four): ${heads(f.ablated)} | ${percent(f.ablated.given_back)} |
${f.controls.map((c) => `| as many of the others, drawn at random: ${heads(c)} | ${percent(c.given_back)} |`).join('\n')}

| heads of layer ${f.ablated.layer} zeroed | from the highest induction score down | from the lowest up |
|---|---|---|
${f.curves.strongest_first.map((x, i) => `| ${i + 1} | ${percent(x)} | ${percent(f.curves.weakest_first[i])} |`).join('\n')}
`;

const path = join(folder, 'README.md');
const card = readFileSync(path, 'utf8');
const [begin, end] = [card.indexOf(BEGIN), card.indexOf(END)];
if (begin < 0 || end < begin) {
  console.error(`${path}: lacks the lines "${BEGIN}" and "${END}" between which the figures go`);
  process.exit(1);
}
writeFileSync(path, card.slice(0, begin + BEGIN.length) + tables + card.slice(end));
