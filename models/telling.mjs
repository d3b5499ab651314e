/* What is asked of a model with MLPs that was trained on stories, measured with `hs` alone: figures, the
 * lines that judge them, and the tables of the card (evidence.mjs, card.mjs). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoised, readTokenizer } from './corpus.mjs';
import { againstCounts } from './heldout.mjs';
import { ask, withRuns } from './hs.mjs';
import { PROBES } from './probes.mjs';
import { randomFrom } from './random.mjs';

/** Stretches of held-out text over which the writes to the stream are averaged. */
const WINDOWS = 20;
const SEED = 20;
const SAMPLES = 10;
const SAMPLE = { text: 'Once upon a time', max_new: 90, temperature: 0.7 };

/** The choices that the model is asked to get right; the others are measured to show where it ends. */
const ASKED = ['he or she', 'the character of three sentences ago'];

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;

/** How often the fitting word has the larger logit. */
function probe(run, encode, bos, choices) {
  const word = (text) => {
    const ids = encode(` ${text}`);
    if (ids.length !== 1) throw new Error(`" ${text}" is ${ids.length} tokens; a choice is between single tokens`);
    return ids[0];
  };
  const right = choices.filter((choice) => {
    const { shape, data } = run([bos, ...encode(choice.text)], { capture: ['logits'] }).get('logits');
    const last = data.subarray(-shape[1]);
    return last[word(choice.right)] > last[word(choice.wrong)];
  });
  return { right: right.length, of: choices.length };
}

/** Norm and variance that attention and MLP of each layer write, means over stretches of text; position 0, the
 *  beginning of text, is left out. */
function written(folder, { config, bos }, heldout) {
  const random = randomFrom(SEED);
  const readings = Array.from({ length: WINDOWS }, () => {
    const at = random.below(heldout.length - config.n_ctx);
    const ids = [bos, ...heldout.subarray(at, at + config.n_ctx - 1)];
    return ask('written', folder, { read: 'written', ids, positions: Array.from({ length: ids.length - 1 }, (_, i) => i + 1) });
  });
  const parts = readings[0].axes.part;
  const of = (part, quantity) => mean(readings.map((reading) => reading.tensors.get(quantity).data[parts.indexOf(part)]));
  const both = (part) => ({ norm: of(part, 'norm_mean'), variance: of(part, 'variance_mean') });
  return Array.from({ length: config.n_layers }, (_, layer) => ({
    layer, attention: both(`${layer}_attn_out`), mlp: both(`${layer}_mlp_out`),
  }));
}

/** Continuations with the seeds 1, 2, ...: none is left out. */
function samples(folder, tokenizer, bos) {
  const ids = [bos, ...tokenizer.encode(SAMPLE.text).ids];
  return Array.from({ length: SAMPLES }, (_, i) => {
    const { tokens } = ask('generate', folder, { ids, max_new: SAMPLE.max_new, temperature: SAMPLE.temperature, seed: i + 1, stop: [bos] });
    return { seed: i + 1, text: SAMPLE.text + tokenizer.decode(tokens.map(({ id }) => id), { skip_special_tokens: true }) };
  });
}

/** Every figure, from a model folder, its recipe and the ids of its corpus. */
export function measure(folder, { config, bos }, { train, heldout }) {
  const tokenizer = readTokenizer(join(folder, 'tokenizer.json'));
  const encode = memoised(tokenizer);
  const copying = JSON.parse(readFileSync(new URL('stories-2l/evidence.json', import.meta.url), 'utf8'));
  return withRuns(folder, (run) => ({
    ...againstCounts(run, { config, bos }, { train, heldout }),
    stories_2l: copying.heldout,
    probes: Object.fromEntries(Object.entries(PROBES).map(([name, choices]) => [name, probe(run, encode, bos, choices)])),
    written: { windows: WINDOWS, layers: written(folder, { config, bos }, heldout) },
    samples: { ...SAMPLE, stories: samples(folder, tokenizer, bos) },
  }));
}

const percent = ({ right, of }) => `${right} of ${of} (${((100 * right) / of).toFixed(0)} %)`;
const larger = ({ attention, mlp }, quantity) => (mlp[quantity] > attention[quantity] ? 'MLP' : 'attention');

/** A line a figure: say(what, value, what is asked of it, whether it holds). */
export function report(figures, say) {
  say('held-out loss, nats a token', figures.heldout.toFixed(4), '< 3.45, clearly below stories-2l', figures.heldout < 3.45);
  say('  stories-2l', figures.stories_2l.toFixed(4));
  say('  bigram counts', figures.bigram.toFixed(4));
  say('  unigram counts', figures.unigram.toFixed(4));
  for (const [name, score] of Object.entries(figures.probes)) {
    if (ASKED.includes(name)) say(name, percent(score), '>= 75 %', score.right / score.of >= 0.75);
    else say(name, percent(score));
  }
  for (const row of figures.written.layers) {
    const both = (quantity) => `attention ${row.attention[quantity].toPrecision(3)}, MLP ${row.mlp[quantity].toPrecision(3)}: ${larger(row, quantity)} more`;
    say(`layer ${row.layer} writes, norm`, both('norm'));
    say(`layer ${row.layer} writes, variance`, both('variance'));
  }
  for (const { seed, text } of figures.samples.stories) say(`sample, seed ${seed}`, JSON.stringify(text));
}

/** The card's tables. */
export function tables(f) {
  const nats = (x) => x.toFixed(2);
  const three = (x) => x.toPrecision(3);
  return `
Loss on the ${f.tokens.toLocaleString('en-GB')} held-out tokens, nats a token:

| this model | stories-2l | bigram counts | unigram counts |
|---|---|---|---|
| **${nats(f.heldout)}** | ${nats(f.stories_2l)} | ${nats(f.bigram)} | ${nats(f.unigram)} |

Choices between two words (the fitting one has the larger logit; \`models/probes.mjs\` has every prompt):

| choice | right |
|---|---|
${Object.entries(f.probes).map(([name, score]) => `| ${name} | ${percent(score)} |`).join('\n')}

What attention and MLP of each layer write to the residual stream: mean over ${f.written.windows} stretches of held-out text, the beginning-of-text
position left out; the norm is that of \`hook_attn_out\` and \`hook_mlp_out\`, the variance is over d_model:

| layer | norm: attention | norm: MLP | more | variance: attention | variance: MLP | more |
|---|---|---|---|---|---|---|
${f.written.layers.map((row) => `| ${row.layer} | ${three(row.attention.norm)} | ${three(row.mlp.norm)} | ${larger(row, 'norm')} | ${three(row.attention.variance)} | ${three(row.mlp.variance)} | ${larger(row, 'variance')} |`).join('\n')}

Ten stories, seeds 1 to ${f.samples.stories.length}, none left out: "${f.samples.text}" and up to ${f.samples.max_new} tokens at temperature ${f.samples.temperature}:

${f.samples.stories.map(({ seed, text }) => `${seed}. ${text.replace(/\s+/g, ' ').trim()}`).join('\n')}
`;
}
