/* What is asked of an attention-only model that was trained to copy, measured with `hs run` alone:
 * figures, the lines that judge them, and the tables of the card (evidence.mjs, card.mjs).
 *
 * Repeated sequences are `bos, 64 tokens, the same 64 again`. The loss of a half is the mean over its
 * tokens. Stripe scores are means of attention over those sequences: "previous" from each position to
 * the one before, "induction" from each position of the second half to the one after its first
 * occurrence. "Given back" is how much of the drop from first to second half an ablation undoes. */

import { histogram } from './counts.mjs';
import { againstCounts } from './heldout.mjs';
import { nextTokenLosses, withRuns } from './hs.mjs';
import { randomFrom } from './random.mjs';

const SEQUENCES = 50;
/** Of them, for the curves over the number of heads. */
const CURVE_SEQUENCES = 16;
const HALF = 64;
/** Random groups of other heads to zero for comparison, at most; each is judged. */
const CONTROLS = 5;
const SEED = 20;

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;

/** Draws ids as they are distributed in a text. */
function unigramSampler(ids, dVocab, random) {
  const cumulative = histogram(ids, dVocab);
  for (let i = 1; i < dVocab; i++) cumulative[i] += cumulative[i - 1];
  return () => {
    const x = random.uniform() * cumulative[dVocab - 1];
    return cumulative.findIndex((edge) => x < edge);
  };
}

function repeated(bos, half) {
  return [bos, ...half, ...half];
}

/** Mean loss of first and second half over sequences, under edits. */
function halves(run, sequences, edits = []) {
  const losses = sequences.map((ids) => nextTokenLosses(run(ids, { edits, capture: ['logits'] }).get('logits'), ids));
  return {
    first: mean(losses.map((list) => mean(list.slice(0, HALF)))),
    second: mean(losses.map((list) => mean(list.slice(HALF)))),
  };
}

/** Stripe scores of every head, mean over sequences: [{ layer, head, previous, induction }]. */
function stripes(run, sequences, { n_layers: nLayers, n_heads: nHeads }) {
  const scores = [];
  for (let layer = 0; layer < nLayers; layer++) {
    for (let head = 0; head < nHeads; head++) scores.push({ layer, head, previous: 0, induction: 0 });
  }
  for (const ids of sequences) {
    const tensors = run(ids, { capture: ['*.hook_pattern'] });
    const T = ids.length;
    for (const score of scores) {
      const { data } = tensors.get(`blocks.${score.layer}.attn.hook_pattern`);
      const at = (dest, src) => data[(score.head * T + dest) * T + src];
      const stripe = (from, back) => mean(Array.from({ length: T - from }, (_, i) => at(from + i, from + i - back)));
      score.previous += stripe(1, 1) / sequences.length;
      score.induction += stripe(HALF + 1, HALF - 1) / sequences.length;
    }
  }
  return scores;
}

const ablation = (layer, heads) => [{ hook: `blocks.${layer}.attn.hook_z`, heads, op: 'zero' }];

/** Every choice of k of a list. */
function choices(list, k) {
  if (k === 0) return [[]];
  return list.flatMap((item, i) => choices(list.slice(i + 1), k - 1).map((rest) => [item, ...rest]));
}

/** Every figure, from a model folder, its recipe and the ids of its corpus. */
export function measure(folder, { config, bos }, { train, heldout }) {
  const random = randomFrom(SEED);
  const many = (draw) => Array.from({ length: SEQUENCES }, () => repeated(bos, Array.from({ length: HALF }, draw)));
  const corpusDrawn = many(unigramSampler(train, config.d_vocab, random));
  const uniformDrawn = many(() => 1 + random.below(config.d_vocab - 1));
  const stretches = Array.from({ length: SEQUENCES }, () => {
    const at = random.below(heldout.length - HALF);
    return repeated(bos, [...heldout.subarray(at, at + HALF)]);
  });

  return withRuns(folder, (run) => {
    const drawn = halves(run, corpusDrawn);
    const heads = stripes(run, corpusDrawn, config);
    const last = config.n_layers - 1;
    const ranked = heads.filter(({ layer }) => layer === last).sort((a, b) => b.induction - a.induction);
    const givenBack = (ablated, sequences = corpusDrawn, { first, second } = drawn) =>
      (halves(run, sequences, ablation(last, ablated)).second - second) / (first - second);
    const induction = ranked.filter((score) => score.induction > 0.5).slice(0, 4).map(({ head }) => head);
    const others = ranked.map(({ head }) => head).filter((head) => !induction.includes(head));
    const groups = choices(others, Math.min(induction.length, others.length));
    const controls = random
      .sample(groups, Math.min(CONTROLS, groups.length))
      .map((group) => ({ layer: last, heads: group, given_back: givenBack(group) }));
    const order = ranked.map(({ head }) => head);
    const few = corpusDrawn.slice(0, CURVE_SEQUENCES);
    const fewDrawn = halves(run, few);
    const curve = (list) => list.map((_, i) => givenBack(list.slice(0, i + 1), few, fewDrawn));
    return {
      ...againstCounts(run, { config, bos }, { train, heldout }),
      sequences: SEQUENCES,
      corpus_drawn: drawn,
      uniform_drawn: halves(run, uniformDrawn),
      heldout_stretches: halves(run, stretches),
      heads,
      ablated: { layer: last, heads: induction, given_back: givenBack(induction) },
      controls,
      curves: {
        strongest_first: curve(order),
        weakest_first: curve([...order].reverse()),
      },
    };
  });
}

/** A line a figure: say(what, value, what is asked of it, whether it holds). */
export function report(figures, say) {
  const share = ({ first, second }) => second / first;
  const halfLine = ({ first, second }) => `${first.toFixed(3)} -> ${second.toFixed(3)} nats (${((100 * second) / first).toFixed(1)} %)`;
  const best = (layer, kind) => figures.heads.filter((s) => s.layer === layer).reduce((a, b) => (b[kind] > a[kind] ? b : a));
  const headName = ({ layer, head }) => `L${layer}H${head}`;
  const percent = (x) => `${(100 * x).toFixed(1)} %`;

  say('held-out loss, nats a token', figures.heldout.toFixed(4), '<= 3.65', figures.heldout <= 3.65);
  say('  unigram counts', figures.unigram.toFixed(4));
  say('  bigram counts', figures.bigram.toFixed(4));
  say('drawn from the corpus, repeated once', halfLine(figures.corpus_drawn), '<= 10 %', share(figures.corpus_drawn) <= 0.1);
  say('drawn uniformly, repeated once', halfLine(figures.uniform_drawn), '<= 50 %', share(figures.uniform_drawn) <= 0.5);
  say('held-out stretches, repeated once', halfLine(figures.heldout_stretches));
  const previous = best(0, 'previous');
  say(`previous-token head ${headName(previous)}`, previous.previous.toFixed(3), '> 0.9', previous.previous > 0.9);
  const { layer } = figures.ablated;
  const induction = best(layer, 'induction');
  say(`induction head ${headName(induction)}`, induction.induction.toFixed(3), '> 0.6', induction.induction > 0.6);
  const names = ({ heads }) => heads.map((head) => headName({ layer, head })).join(' ');
  say(`${names(figures.ablated)} zeroed: drop given back`, percent(figures.ablated.given_back), '>= 50 %', figures.ablated.given_back >= 0.5);
  for (const control of figures.controls) {
    say(`${names(control)} zeroed: drop given back`, percent(control.given_back), '< 25 %', control.given_back < 0.25);
  }
  say('drop given back by zeroing 1, 2, ... heads, strongest first', figures.curves.strongest_first.map(percent).join(', '));
  say('drop given back by zeroing 1, 2, ... heads, weakest first', figures.curves.weakest_first.map(percent).join(', '));
}

/** The card's tables. */
export function tables(f) {
  const percent = (x) => `${(100 * x).toFixed(1)} %`;
  const nats = (x) => x.toFixed(2);
  const halves = (name, { first, second }) => `| ${name} | ${nats(first)} | ${nats(second)} | ${percent(second / first)} |`;
  const heads = ({ layer, heads: list }) => list.map((head) => `L${layer}H${head}`).join(', ');

  return `
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
}
