/* How stories-2l copies, by its causes: the figures of docs/induction.md, measured with `hs` alone.
 *
 *     node models/induction.mjs [--write]
 *
 * Prints the figures that decide. --write puts all of them into models/stories-2l/induction.json and makes
 * docs/induction.md and its pictures of them (inductionPage.mjs). Everything that is drawn comes from SEED. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ask, nextTokenLosses, withRuns } from './hs.mjs';
import { pages } from './inductionPage.mjs';
import { randomFrom } from './random.mjs';
import { TASKS, sides } from './tasklist.mjs';
import { encoded, encoderOf } from './tasks.mjs';

const MODEL = 'stories-2l';
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const FOLDER = at(MODEL);
const SEED = 7;
/** Sequences for the in-context loss, tokens in their half, and pairs of each kind on random tokens. */
const SEQUENCES = 40;
const HALF = 64;
const PAIRS = 100;
const WORDS = 20;
const LAYERS = [0, 1];
const HEADS = [0, 1, 2, 3, 4, 5, 6, 7];
const INPUTS = ['q', 'k', 'v'];
/** What is changed between clean and corrupted; each is a list of pairs. */
export const CHANGES = ['key', 'query', 'value'];

const headName = (layer, head) => `L${layer}H${head}`;
const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
const range = (n) => Array.from({ length: n }, (_, i) => i);
/** Four digits are more than any of this holds. */
const short = (x) => Number(x.toFixed(4));

/** Value below which a share of a list lies, between its neighbours. */
function quantile(list, share) {
  const sorted = [...list].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low] + (place - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
}

/* ---- prompts ---- */

/** Tokens that are a space and letters. */
function wordIds() {
  const { vocab } = JSON.parse(readFileSync(`${FOLDER}/tokenizer.json`, 'utf8')).model;
  return Object.entries(vocab).filter(([content]) => /^Ġ[A-Za-z]+$/.test(content)).map(([, id]) => id);
}

const exchanged = (list, i, j) => list.map((x, at) => (at === i ? list[j] : at === j ? list[i] : x));

/** Words drawn at random, and from their beginning again up to one of them, A; what followed A then is asked for. Another
 *  word C, with another word after it, is what is changed with:
 *    key    A and C change places where they stand first: something else stands before each answer
 *    query  the prompt ends with C in place of A
 *    value  what followed A and what followed C change places */
function randomPairs(change, words, bos) {
  const random = randomFrom(SEED + CHANGES.indexOf(change));
  return range(PAIRS).map(() => {
    const list = random.sample(words, WORDS);
    const a = 1 + random.below(WORDS - 3);
    let c = a;
    while (Math.abs(c - a) < 2) c = 1 + random.below(WORDS - 2);
    const again = list.slice(0, a);
    const prompt = (first, end) => [bos, ...first, ...again, end];
    const corrupted = {
      key: () => prompt(exchanged(list, a, c), list[a]),
      query: () => prompt(list, list[c]),
      value: () => prompt(exchanged(list, a + 1, c + 1), list[a]),
    }[change]();
    return { clean: prompt(list, list[a]), corrupted, correct: list[a + 1], wrong: list[c + 1] };
  });
}

/** The same changes in sentences: the tasks "which of two" and "refrain", and "which of two" by its last word. */
function textPairs(change, encoder) {
  const pairsOf = (name) => TASKS.find((task) => task.name === name).pairs;
  const which = pairsOf('which of two');
  const ends = range(which.length / 2).flatMap((i) => {
    const [one, other] = [which[2 * i], which[2 * i + 1]].map(({ text, answer }) => ({ text: sides(text), answer: sides(answer) }));
    return [0, 1].map((side) => {
      const [clean, corrupted] = [one, other].map(({ text }) => encoder.prompt(text[side]));
      return { clean, corrupted, correct: encoder.word(one.answer[side]), wrong: encoder.word(other.answer[side]) };
    });
  });
  if (change === 'query') return ends.filter(({ clean, corrupted }) => clean.length === corrupted.length);
  return pairsOf(change === 'key' ? 'which of two' : 'refrain').map((pair) => encoded(encoder, pair));
}

/** Sequences whose second half is the first again: of random words, and of the stories on stories-gelu-4l's card. */
function repeatedSequences({ prompt }, words) {
  const random = randomFrom(SEED);
  const [bos] = prompt('');
  const { stories } = JSON.parse(readFileSync(at('stories-gelu-4l/evidence.json'), 'utf8')).samples;
  const texts = stories.map(({ text }) => prompt(text).slice(1)).filter((ids) => ids.length > HALF);
  const twice = (half) => [bos, ...half, ...half];
  return {
    random: range(SEQUENCES).map(() => twice(range(HALF).map(() => random.pick(words)))),
    text: range(SEQUENCES).map(() => {
      const ids = random.pick(texts);
      const from = random.below(ids.length - HALF + 1);
      return twice(ids.slice(from, from + HALF));
    }),
  };
}

/* ---- what the heads look at ---- */

function detect() {
  const document = { read: 'detect', on: 'random', length: 50, batch: 10, seed: SEED, bos: 0, error_measure: 'stripe' };
  const { tensors } = ask('detect', FOLDER, document);
  const grid = (name) => LAYERS.map((layer) => HEADS.map((head) => short(tensors.get(name).data[layer * HEADS.length + head])));
  return { previous: grid('previous'), induction: grid('induction') };
}

/** The head of layer 0 that looks most at the previous token, and the heads of layer 1 with induction above a half. */
export function circuitOf({ previous, induction }) {
  return {
    previous: HEADS.reduce((best, h) => (previous[0][h] > previous[0][best] ? h : best), 0),
    induction: HEADS.filter((h) => induction[1][h] > 0.5),
  };
}

/* ---- ablation ---- */

const zeroed = (heads) => {
  const of = (layer) => heads.filter(([l]) => l === layer).map(([, h]) => h);
  return LAYERS.map((layer) => ({ hook: `blocks.${layer}.attn.hook_z`, heads: of(layer), op: 'zero' })).filter((edit) => edit.heads.length > 0);
};

/** Every choice of k of a list. */
const choices = (list, k) => (k === 0 ? [[]] : list.flatMap((item, i) => choices(list.slice(i + 1), k - 1).map((rest) => [item, ...rest])));

/** Groups of heads that are zeroed together; every choice of as many other heads of layer 1 is a control. */
function groups({ previous, induction }) {
  const others = HEADS.filter((h) => !induction.includes(h));
  return [
    { name: 'induction', heads: induction.map((h) => [1, h]) },
    { name: 'previous', heads: [[0, previous]] },
    { name: 'other heads of layer 0', heads: HEADS.filter((h) => h !== previous).map((h) => [0, h]) },
    { name: 'other heads of layer 1', heads: others.map((h) => [1, h]) },
    ...choices(others, induction.length).map((list) => ({ name: 'control', heads: list.map((h) => [1, h]) })),
  ];
}

/** Mean loss of both halves of a sequence, with edits. */
export function halves(run, ids, edits) {
  const half = (ids.length - 1) / 2;
  const losses = nextTokenLosses(run(ids, { edits, capture: ['logits'] }).get('logits'), ids);
  return { first: mean(losses.slice(0, half)), second: mean(losses.slice(half)) };
}

/** The loss of the second half when each head is ablated by itself, [layer][head], mean over the sequences. */
function ablatedHeads(sequences, op) {
  const document = { prompts: sequences, what: 'z', by: 'layer,head', op, metric: { kind: 'loss', from: HALF } };
  const losses = ask('ablate', FOLDER, document).tensors.get('values').data;
  return LAYERS.map((layer) => HEADS.map((head) => short(losses[layer * HEADS.length + head])));
}

function ablation(run, sequences, circuit) {
  const base = sequences.map((ids) => halves(run, ids, []));
  const group = ({ name, heads }) => {
    const found = sequences.map((ids) => halves(run, ids, zeroed(heads)));
    return {
      name, heads: heads.map(([l, h]) => headName(l, h)),
      first: short(mean(found.map(({ first }) => first))),
      second: found.map(({ second }) => short(second)),
    };
  };
  return {
    first: short(mean(base.map(({ first }) => first))),
    second: base.map(({ second }) => short(second)),
    zero: ablatedHeads(sequences, 'zero'),
    mean: ablatedHeads(sequences, 'mean'),
    groups: groups(circuit).map(group),
  };
}

/* ---- patching ---- */

/** Senders and receivers of the path patches, with names for the sets among them; single inputs come last. */
export function ends({ previous, induction }) {
  const others = HEADS.filter((h) => !induction.includes(h));
  const inputs = (heads, which) => which.flatMap((input) => heads.map((h) => `L1H${h}.${input}`));
  const senders = [
    ['embed', 'embed'],
    ...HEADS.map((h) => [headName(0, h), headName(0, h)]),
    ['rest', HEADS.filter((h) => h !== previous).map((h) => headName(0, h))],
    ['all', ['embed', ...HEADS.map((h) => headName(0, h))]],
  ];
  const receivers = [
    ...INPUTS.map((input) => [`induction.${input}`, inputs(induction, [input])]),
    ['induction', inputs(induction, INPUTS)],
    ['others', inputs(others, INPUTS)],
    ['final', 'final'],
    ...HEADS.flatMap((h) => INPUTS.map((input) => [`L1H${h}.${input}`, `L1H${h}.${input}`])),
  ];
  return { senders, receivers };
}

/** What a patch does to a pair's logit difference, as a share of what there is between clean and corrupted: regained by
 *  denoising, lost by noising. Each array [cells], with the share's parts so that means can be taken over pairs. */
export function patchPair(study, document, { correct, wrong, ...prompts }, direction) {
  const metric = { kind: 'logit_diff', correct, wrong };
  const { values, tensors } = ask(study, FOLDER, { ...document, ...prompts, metric, direction });
  const { clean, corrupted } = values;
  const cells = [...tensors.get('values').data];
  const [from, sign] = direction === 'noise' ? [clean, -1] : [corrupted, 1];
  return { clean, corrupted, moved: cells.map((x) => sign * (x - from)) };
}

export const isRight = ({ clean, corrupted }) => clean > 0 && corrupted < 0;
const whole = ({ clean, corrupted }) => clean - corrupted;

/** Over the pairs that are right on both sides: share of the means, and quartiles of the shares of single pairs. */
function shares(found) {
  const total = mean(found.map(whole));
  return found[0].moved.map((_, cell) => {
    const single = found.map((pair) => pair.moved[cell] / whole(pair));
    const share = mean(found.map(({ moved }) => moved[cell])) / total;
    return { share: short(share), low: short(quantile(single, 0.25)), high: short(quantile(single, 0.75)) };
  });
}

const pathDocument = (senders, receivers) => ({ senders: senders.map(([, list]) => list), receivers: receivers.map(([, list]) => list) });

/** One list of pairs: heads patched by themselves, and paths; noised, the paths to sets of receivers alone. */
function patching(pairs, { senders, receivers }, [sender, receiver]) {
  const rightOnes = (study, document, direction) => pairs.map((pair) => patchPair(study, document, pair, direction)).filter(isRight);
  const denoise = rightOnes('path', pathDocument(senders, receivers), 'denoise');
  const sets = receivers.slice(0, receivers.length - HEADS.length * INPUTS.length);
  const noise = rightOnes('path', pathDocument(senders, sets), 'noise');
  const heads = { what: 'z', by: 'layer,head' };
  const cell = senders.findIndex(([name]) => name === sender) * receivers.length + receivers.findIndex(([name]) => name === receiver);
  return {
    pairs: pairs.length, right: denoise.length,
    clean: short(mean(denoise.map(({ clean }) => clean))), corrupted: short(mean(denoise.map(({ corrupted }) => corrupted))),
    heads: { denoise: shares(rightOnes('sweep', heads, 'denoise')), noise: shares(rightOnes('sweep', heads, 'noise')) },
    paths: { denoise: shares(denoise), noise: shares(noise) },
    each: denoise.map((pair) => short(pair.moved[cell] / whole(pair))),
  };
}

/** The path of each change that the textbook names: what it should go through. */
export const expected = ({ previous }) => ({
  key: [headName(0, previous), 'induction.k'], query: ['embed', 'induction.q'], value: ['embed', 'induction.v'],
});

export function pairsOf(kind, change) {
  const encoder = encoderOf(MODEL);
  return kind === 'random' ? randomPairs(change, wordIds(), encoder.prompt('')[0]) : textPairs(change, encoder);
}

export function sequencesOf() {
  return repeatedSequences(encoderOf(MODEL), wordIds());
}

function measure() {
  const detected = detect();
  const circuit = circuitOf(detected);
  const names = ends(circuit);
  const sequences = sequencesOf();
  const kinds = ['random', 'text'];
  const patched = (kind, change) => patching(pairsOf(kind, change), names, expected(circuit)[change]);
  return withRuns(FOLDER, (run) => ({
    model: MODEL, seed: SEED, half: HALF, words: WORDS, detected, circuit,
    senders: names.senders.map(([name]) => name), receivers: names.receivers.map(([name]) => name),
    ablation: Object.fromEntries(kinds.map((kind) => [kind, ablation(run, sequences[kind], circuit)])),
    patching: Object.fromEntries(kinds.map((kind) => [kind, Object.fromEntries(CHANGES.map((change) => [change, patched(kind, change)]))])),
  }));
}

/** The lines that decide. */
function* summary({ circuit, ablation: losses, patching: patched, senders, receivers }) {
  const previous = headName(0, circuit.previous);
  yield `previous-token head ${previous}; induction heads ${circuit.induction.map((h) => headName(1, h)).join(' ')}`;
  for (const [kind, { first, second, groups: list }] of Object.entries(losses)) {
    yield `${kind}: loss ${first}, repeated ${short(mean(second))}; zeroed: ${list.map((g) => `${g.name} ${short(mean(g.second))}`).join(', ')}`;
    for (const [change, { pairs, right, paths }] of Object.entries(patched[kind])) {
      yield `  ${change}: ${right} of ${pairs} right`;
      for (const sender of ['embed', previous, 'rest', 'all']) {
        const at = (receiver) => paths.denoise[senders.indexOf(sender) * receivers.length + receivers.indexOf(receiver)];
        yield `    ${sender} to the induction heads: ${INPUTS.map((input) => `${input} ${at(`induction.${input}`).share}`).join(', ')}`;
      }
    }
  }
}

function main(flag) {
  const figures = measure();
  for (const line of summary(figures)) console.log(line);
  if (flag !== '--write') return;
  writeFileSync(at(`${MODEL}/induction.json`), `${JSON.stringify(figures)}\n`);
  for (const [path, text] of Object.entries(pages(figures))) writeFileSync(at(`../${path}`), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = process.argv[2];
  if (flag !== undefined && flag !== '--write') {
    console.error('usage: node models/induction.mjs [--write]');
    process.exit(2);
  }
  main(flag);
}
