/* Directions that steer the shipped models' texts, found and measured with `hs`:
 *
 *     node models/steering.mjs [--write]
 *
 * Each contrast of steerlist.mjs is made at several places (hook, position) and tried at several strengths on three prompts with one seed;
 * the place and strength are kept at which the effect grows most while the texts stay coherent, then measured with three seeds, frozen
 * attention and random directions of the same length. A direction steers when in each seed, over all prompts, its effect is of the
 * right sign and at least twice what any random direction does in any seed, with texts at most so much harder for the model without
 * edits (perplexity) as COHERENT says. Prints a line a contrast and model; --write puts the figures of those that steer into
 * models/NAME/steering.json (the card's table: card.mjs) and the directions, as texts, into site/src/state/steeringMeasured.ts. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { memoised, readTokenizer } from './corpus.mjs';
import { ask } from './hs.mjs';
import { CONTRASTS, PROMPTS } from './steerlist.mjs';

/** Layers before which each is tried. */
export const MODELS = { 'stories-gelu-4l': [2, 3], 'stories-2l': [0, 1] };
export const SEEDS = [1, 2, 3];
export const SAMPLER = { max_new: 30, temperature: 0.8 };
const POSITIONS = ['last', 'mean'];
const TRIED = [0.5, 1, 1.5, 2, 3];
const CURVE = [-12, -8, -6, -4, -2, -1, 0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 12];
const RANDOM = 3;
/** At the strength that is kept: perplexity less than so many times that of the texts without edits. */
const COHERENT = 3;
const CONTROL = 2;

const folderOf = (model) => fileURLToPath(new URL(model, import.meta.url));
const PAGE = new URL('../site/src/state/steeringMeasured.ts', import.meta.url);

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;

/** Text -> ids behind the beginning-of-text token, and a word -> its one id, a space before it. */
function encoder(model) {
  const folder = folderOf(model);
  const { bos } = JSON.parse(readFileSync(`${folder}/recipe.json`, 'utf8'));
  const encode = memoised(readTokenizer(`${folder}/tokenizer.json`));
  const word = (text) => {
    const ids = encode(` ${text}`);
    if (ids.length !== 1) throw new Error(`"${text}" is ${ids.length} tokens; one that counts is one`);
    return ids[0];
  };
  return { prompt: (text) => [bos, ...encode(text)], word };
}

/** Everything that is done on one model. */
export function steering(model) {
  const folder = folderOf(model);
  const { prompt, word } = encoder(model);

  /** The effect's two sets. */
  const effectOf = ({ more, less }) => ({ for: more.map(word), against: less.map(word) });

  function vectorOf({ positive, negative }, { hook, position }) {
    const contrast = { positive: positive.map(prompt), negative: negative.map(prompt) };
    const { tensors, values } = ask('vector', folder, { read: 'vector', recipe: { contrast, hook, method: 'mean', position } });
    return { value: [...tensors.get('vector').data], separation: values.separation };
  }

  /** A dose of a direction from the prompt's last token on: numbers by [way][strength][prompt][seed]. */
  function dose(contrast, hook, value, strengths, options) {
    const { tensors, values } = ask('dose', folder, {
      read: 'dose', prompts: PROMPTS.map(prompt), seeds: SEEDS, ...SAMPLER, effect: effectOf(contrast), strengths, steer: { hook, value, op: 'add', from: 1 }, ...options,
    });
    const rows = (name) => {
      const { shape, data } = tensors.get(name);
      const cut = (axis, from) => {
        const each = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
        return Array.from({ length: shape[axis] }, (_, i) => (axis + 1 < shape.length ? cut(axis + 1, from + i * each) : data[from + i]));
      };
      return cut(0, 0);
    };
    const base = rows('base_effect');
    return { values, base, effect: rows('effect'), kl: rows('kl'), repetition3: rows('repetition3'), ratio: rows('perplexity_ratio') };
  }

  /** Of the strengths tried, the one with the largest mean effect that is still coherent; null if none is. */
  function best({ effect, ratio, repetition3, base }, strengths) {
    const found = strengths
      .map((strength, i) => ({ strength, gain: mean(effect[0][i]) - mean(base), ratio: ratio[0][i], repeats: mean(repetition3[0][i]) }))
      .filter((at) => at.ratio < COHERENT && at.repeats < 0.2);
    return found.sort((a, b) => b.gain - a.gain)[0] ?? null;
  }

  function search(contrast) {
    const places = MODELS[model].flatMap((layer) => POSITIONS.map((position) => ({ hook: `blocks.${layer}.hook_resid_pre`, position })));
    const made = places.map((place) => ({ place, value: vectorOf(contrast, place).value })).filter(({ value }) => value.some((x) => x !== 0));
    const tried = made.map(({ place, value }) => ({ place, found: best(dose(contrast, place.hook, value, TRIED, { random: 0, seeds: SEEDS.slice(0, 1) }), TRIED) }));
    return tried.filter(({ found }) => found).sort((a, b) => b.found.gain - a.found.gain)[0];
  }

  function measure(contrast, { place, strength }) {
    const { value, separation } = vectorOf(contrast, place);
    const at = CURVE.indexOf(strength);
    const { values, base, effect, kl, repetition3, ratio } = dose(contrast, place.hook, value, CURVE, { random: RANDOM, frozen: true });
    const way = (i) => ({ effect: bySeed(effect[i][at], base).map((x) => round(x)), perplexity_ratio: round(ratio[i][at]), kl: round(mean(kl[i][at])), repetition3: round(mean(repetition3[i][at])) });
    return {
      name: contrast.name, ...place, strength, norm: round(Math.hypot(...value)), separation: round(separation),
      base: { effect: round(values.base_effect), perplexity: round(values.base_perplexity, 1) },
      steered: way(0), frozen: way(1), random: Array.from({ length: RANDOM }, (_, i) => way(2 + i)),
      collapse: [values.collapse_down, values.collapse_up],
      curve: {
        strengths: CURVE, effect: effect[0].map((cell) => round(mean(bySeed(cell, base)))), perplexity_ratio: ratio[0].map((x) => round(x)),
        random: CURVE.map((_, i) => round(mean(Array.from({ length: RANDOM }, (_, j) => mean(bySeed(effect[2 + j][i], base)))))),
      },
    };
  }

  return { prompt, effectOf, search, measure };
}

const round = (x, digits = 2) => (x === null ? null : Number(x.toFixed(digits)) + 0); // no -0

/** By seed: the mean over the prompts of the effect of a cell, less that of the texts without edits. */
const bySeed = (cell, base) => SEEDS.map((_, seed) => mean(PROMPTS.map((_, p) => cell[p * SEEDS.length + seed] - base[p * SEEDS.length + seed])));

export function steers({ steered, random }) {
  const control = Math.max(...random.flatMap(({ effect }) => effect.map(Math.abs)));
  return steered.perplexity_ratio < COHERENT && steered.effect.every((x) => x >= CONTROL * control);
}

/** `all`: by the model's id. */
export function pageFile(all) {
  const quote = (text) => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const texts = (list) => `[\n${list.map((text) => `        ${quote(text)},\n`).join('')}      ]`;
  const row = (effectOf) => ({ contrast, figures: { name, hook, position, strength, steered, random, collapse } }) => `    {
      name: ${quote(name)}, about: ${quote(contrast.about)}, hook: ${quote(hook)}, position: ${quote(position)}, strength: ${strength},
      positive: ${texts(contrast.positive)},
      negative: ${texts(contrast.negative)},
      effect: ${JSON.stringify(effectOf(contrast)).replace(/"/g, '').replace(/([:,])/g, '$1 ').replace('{', '{ ').replace('}', ' }')},
      measured: { effect: ${round(mean(steered.effect))}, random: ${round(mean(random.flatMap(({ effect }) => effect)))}, perplexity: ${steered.perplexity_ratio}, collapse: ${collapse[1]} },
    },
`;
  return `/** Written by models/steering.mjs: directions that steer a shipped model's text, by the model's id. */

export interface MeasuredSteering {
  readonly name: string;
  readonly about: string;
  /** Where the contrast is read, and where it acts, from the second token on. */
  readonly hook: string;
  readonly position: 'last' | 'mean';
  readonly strength: number;
  readonly positive: readonly string[];
  readonly negative: readonly string[];
  /** Tokens that become more frequent, and less. */
  readonly effect: { readonly for: readonly number[]; readonly against: readonly number[] };
  /** At that strength: how much the log-odds of the two sets rise, and with random directions; how many times the
   *  perplexity; the strength upwards at which texts fall apart. */
  readonly measured: { readonly effect: number; readonly random: number; readonly perplexity: number; readonly collapse: number | null };
}

export const STEERINGS: Readonly<Record<string, readonly MeasuredSteering[]>> = {
${Object.entries(all).map(([model, list]) => `  ${quote(model)}: [
${list.map(row(steering(model).effectOf)).join('')}  ],
`).join('')}};
`;
}

export function write(all) {
  for (const [model, list] of Object.entries(all))
    writeFileSync(`${folderOf(model)}/steering.json`, `[\n${list.map(({ figures }) => JSON.stringify(figures)).join(',\n')}\n]\n`);
  writeFileSync(PAGE, pageFile(all));
}

export function found(model) {
  const { search, measure } = steering(model);
  return CONTRASTS.map((contrast) => {
    const at = search(contrast);
    const figures = at && measure(contrast, { place: at.place, strength: at.found.strength });
    const good = figures && steers(figures);
    if (!figures) console.log(`${model}, ${contrast.name}: no coherent text is steered`);
    else {
      const { hook, position, strength, steered, frozen, random, collapse, separation } = figures;
      console.log(`${model}, ${contrast.name}: ${hook}, ${position}, strength ${strength}: effect ${steered.effect.join(' ')} (frozen ${frozen.effect.join(' ')}; random ${random.map(({ effect }) => effect.join(' ')).join('; ')}), perplexity x ${steered.perplexity_ratio} (frozen ${frozen.perplexity_ratio}, random ${random.map((r) => r.perplexity_ratio).join(' ')}), collapse ${collapse}, separation ${separation}${good ? '' : '  (not kept)'}`);
    }
    return { contrast, figures, good };
  }).filter(({ good }) => good);
}

function main(flag) {
  const all = Object.fromEntries(Object.keys(MODELS).map((model) => [model, found(model)]));
  if (flag === '--write') write(all);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = process.argv[2];
  if (flag !== undefined && flag !== '--write') {
    console.error('usage: node models/steering.mjs [--write]');
    process.exit(2);
  }
  main(flag);
}
