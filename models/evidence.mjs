/* Every figure that a trained attention-only model is asked to show, measured with `hs run` alone:
 *
 *     node models/evidence.mjs models/stories-2l IDS_DIR [--write]
 *
 * IDS_DIR holds what models/encode.mjs wrote. Prints one line a figure, with what is asked of it where
 * something is; exit 1 if any falls short. --write puts the figures into evidence.json beside the
 * model, from which models/card.mjs makes the card's tables.
 *
 * Repeated sequences are `bos, 64 tokens, the same 64 again`. The loss of a half is the mean over its
 * tokens. Stripe scores are means of attention over those sequences: "previous" from each position to
 * the one before, "induction" from each position of the second half to the one after its first
 * occurrence. "Given back" is how much of the drop from first to second half an ablation undoes. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bigramLoss, histogram, unigramLoss } from './counts.mjs';
import { readIds } from './corpus.mjs';
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

function measure(folder, idsDir) {
  const recipe = JSON.parse(readFileSync(join(folder, 'recipe.json'), 'utf8'));
  const { config, bos, name } = recipe;
  const train = readIds(join(idsDir, `${name}.train.u16`));
  const heldout = readIds(join(idsDir, `${name}.heldout.u16`));
  const random = randomFrom(SEED);
  const many = (draw) => Array.from({ length: SEQUENCES }, () => repeated(bos, Array.from({ length: HALF }, draw)));
  const corpusDrawn = many(unigramSampler(train, config.d_vocab, random));
  const uniformDrawn = many(() => 1 + random.below(config.d_vocab - 1));
  const stretches = Array.from({ length: SEQUENCES }, () => {
    const at = random.below(heldout.length - HALF);
    return repeated(bos, [...heldout.subarray(at, at + HALF)]);
  });

  return withRuns(folder, (run) => {
    const windows = [];
    for (let at = 0; at < heldout.length; at += config.n_ctx - 1) {
      windows.push([bos, ...heldout.subarray(at, at + config.n_ctx - 1)]);
    }
    const losses = windows.flatMap((ids) => nextTokenLosses(run(ids, { capture: ['logits'] }).get('logits'), ids));

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
      tokens: heldout.length,
      sequences: SEQUENCES,
      heldout: mean(losses),
      unigram: unigramLoss(train, heldout, config.d_vocab),
      bigram: bigramLoss(train, heldout, config.d_vocab),
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

function report(figures) {
  const lines = [];
  const say = (what, value, asked, holds) => lines.push({ what, value, asked, holds });
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
  for (const { what, value, asked, holds } of lines) {
    const verdict = asked === undefined ? '' : `  (asked ${asked}: ${holds ? 'holds' : 'FALLS SHORT'})`;
    console.log(`${what}: ${value}${verdict}`);
  }
  return lines.every(({ holds }) => holds !== false);
}

const [folder, idsDir, flag] = process.argv.slice(2);
if (!folder || !idsDir || (flag !== undefined && flag !== '--write')) {
  console.error('usage: node models/evidence.mjs MODEL_FOLDER IDS_DIR [--write]');
  process.exit(2);
}
const figures = measure(folder, idsDir);
const allHold = report(figures);
if (flag === '--write') writeFileSync(join(folder, 'evidence.json'), `${JSON.stringify(figures, null, 2)}\n`);
process.exit(allHold ? 0 : 1);
