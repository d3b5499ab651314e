/** Random experiments, the same for a seed. */
import type { Edit, Op } from '../../site/src/engine/types';
import type { Experiment } from '../../site/src/state/experiment';
import { NOTHING, type Selection } from '../../site/src/state/selection';
import { FORCE, METHODS, OPERATORS, OV_SIDES, PLACES, WHERE, type Steer, type VectorRecipe } from '../../site/src/state/steer';
import { OPTIONS, SAMPLER, SAMPLER_RANGES, VIEW, type Direction } from '../../site/src/state/view';

/** mulberry32: the same numbers for a seed, each in [0, 1). */
export function random(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LETTERS = ['a', 'the ', ' bear', '\n', '\u00e9', '\u4e2d', '\u{1f43b}', '"', '\\', '<b>', '\u202e', '\0', '\u2028', '#x=1.'];

export function randomExperiment(next: () => number): { experiment: Experiment; lock: Selection; a: number[]; b: number[] } {
  const below = (n: number) => Math.floor(next() * n);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const many = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const text = () => many(30, () => pick(LETTERS)).join('');
  const maybe = <K extends string, T>(key: K, make: () => T) => (next() < 0.3 ? ({ [key]: make() } as { [P in K]: T }) : {});
  const number = () => pick([0, 1, -1.5, next() * 1e6, next() * 1e-30, 1 / 3, Number.MAX_VALUE]);
  const value = () => pick([number(), many(8, number), [many(3, number), []], { vector: 'mean' }, { run: 'B' }, { run: 'A' }, { run: 'B', positions: [-1, 3] }]);
  const edit = (): Edit => {
    const op = pick<Op>(['zero', 'scale', 'set', 'add', 'mean', 'patch', 'freeze', 'project_out', 'clamp']);
    return {
      hook: pick(['blocks.0.attn.hook_z', 'blocks.*.hook_resid_post', 'no such hook']),
      op,
      ...maybe('heads', () => many(4, () => below(8))),
      ...maybe('positions', () => many(4, () => below(40) - 20)),
      ...maybe('sources', () => many(4, () => below(40) - 20)),
      ...maybe('dims', () => [below(10), 10 + below(100)] as const),
      ...maybe('from', () => below(10)),
      ...(op === 'scale' && { scale: number() }),
      ...(!['zero', 'scale'].includes(op) && { value: value() }),
      ...(op === 'add' && maybe('scale', number)),
      ...(op === 'clamp' && { min: -1, ...maybe('max', number) }),
    };
  };
  const head = () => [below(12), below(12)] as const;
  const along = (): Direction =>
    pick<Direction>([{ token: below(999) }, { token: 3, minus: 7 }, { neuron: head() }, { neuron_in: head() }, { state: '1_pre', position: 4 }, { head: head(), position: 0 }]);
  const hook = () => pick(['blocks.1.hook_resid_pre', 'blocks.0.hook_resid_mid', 'no such hook']);
  const ids = () => many(5, () => below(2048));
  const steer = (): Steer => ({
    recipe: pick<VectorRecipe>([
      { contrast: { positive: many(4, text), negative: many(4, text) }, hook: hook(), method: pick(METHODS), position: pick(PLACES) },
      { neuron: head() },
      { token: below(2048) },
      { token: below(2048), minus: below(2048) },
      { ov: head(), k: below(8), side: pick(OV_SIDES) },
      { activation: text(), hook: hook(), position: below(9) - 4 },
    ]),
    hook: hook(),
    op: pick(OPERATORS),
    where: pick(WHERE),
    strength: pick([0, -4, next() * 1e4]),
    range: pick([8, 1 / 3]),
    effect: next() < 0.5 ? { for: ids(), against: ids() } : null,
    instead: text(),
    off: many(3, head),
    patch: { text: text(), hook: hook() },
    force: pick(FORCE),
  });
  const options = Object.fromEntries(Object.entries(OPTIONS).flatMap(([name, choices]) => (next() < 0.4 ? [[name, pick<string>(choices)]] : [])));
  const sampler = Object.fromEntries(
    Object.entries(SAMPLER_RANGES).flatMap(([name, [, least, most]]) =>
      next() < 0.4 ? [[name, ['max_new', 'top_k', 'seed'].includes(name) ? least + below(most - least + 1) : least + next() * (most - least)]] : [],
    ),
  );
  return {
    experiment: {
      model: pick(['', 'stories-2l', 'stories-gelu-4l', '../<x>']),
      text: text(),
      textB: next() < 0.5 ? text() : null,
      interventions: many(6, () => ({ edit: edit(), muted: next() < 0.3 })),
      steer: next() < 0.5 ? steer() : null,
      view: { ...VIEW, ...options, ...maybe('target', () => pick(['next' as const, below(999)])), ...maybe('wrong', () => below(999)), ...maybe('along', along), ...maybe('hook', () => 'hook_embed'), ...maybe('answers', head), ...maybe('receiver', () => 'L1H3.k'), ...maybe('edges', () => below(999)), ...maybe('layer', () => below(12)) },
      sampler: { ...SAMPLER, ...sampler },
    },
    lock: {
      ...NOTHING,
      ...maybe('head', () => ({ layer: below(12), head: below(12) })),
      ...maybe('dest', () => below(40)),
      ...maybe('src', () => below(40)),
      ...maybe('depth', () => below(40)),
      ...maybe('neuron', () => ({ layer: below(12), neuron: below(3000) })),
    },
    a: many(40, () => below(2048)),
    b: many(40, () => below(2048)),
  };
}
