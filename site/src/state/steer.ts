/** What steers: a direction, where it acts, how, and how strongly. It is a part of the experiment. Its vector travels as
 *  the recipe that it is made by, texts and names of parts, never as numbers: whoever opens it makes it anew. */
import type { Edit, Engine, ModelConfig, Operand, ReadRequest, Tensor } from '../engine/types';
import { three } from './numbers';

type Pair = readonly [number, number];

/** docs/formats.md, "vector"; texts stand where the core has their ids. */
export type VectorRecipe =
  | {
      readonly contrast: { readonly positive: readonly string[]; readonly negative: readonly string[] };
      readonly hook: string;
      readonly method: (typeof METHODS)[number];
      readonly position: (typeof PLACES)[number];
    }
  | { readonly neuron: Pair }
  | { readonly token: number; readonly minus?: number }
  | { readonly ov: Pair; readonly k: number; readonly side: (typeof OV_SIDES)[number] }
  | { readonly activation: string; readonly hook: string; readonly position: number };

export const METHODS = ['mean', 'pca', 'actadd'] as const;
export const PLACES = ['last', 'mean'] as const;
export const OV_SIDES = ['write', 'read'] as const;
/** docs/formats.md, "dose". */
export const OPERATORS = ['add', 'project_out', 'cap', 'clamp', 'ablate_add'] as const;
/** Which tokens are steered: every one, those after the first, or from the prompt's last on. */
export const WHERE = ['all', 'rest', 'last'] as const;
/** Whether it is an intervention in force: not at all, kept but muted, or yes. */
export const FORCE = ['off', 'muted', 'on'] as const;

export interface Steer {
  readonly recipe: VectorRecipe;
  /** Where it acts. */
  readonly hook: string;
  readonly op: (typeof OPERATORS)[number];
  readonly where: (typeof WHERE)[number];
  /** Times the vector; of "project_out" times what stands along it; of "cap" and "clamp" what is left along it. */
  readonly strength: number;
  /** The curve's strengths go from -range to range. */
  readonly range: number;
  /** Two sets of tokens whose log-odds are the effect; null: what the vector itself writes most and least. */
  readonly effect: { readonly for: readonly number[]; readonly against: readonly number[] } | null;
  /** Other ways to the same end: what is said before the prompt, heads that are switched off, a text that the stream of the
   *  prompt's last token is taken from. */
  readonly instead: string;
  readonly off: readonly Pair[];
  readonly patch: { readonly text: string; readonly hook: string };
  readonly force: (typeof FORCE)[number];
}

/** At most: strength and range. */
export const STRONGEST = 1e4;

type Tokenize = (text: string) => Promise<ArrayLike<number>>;

/** The reading that makes the vector, on a prompt that it will steer. */
export async function vectorRequest({ recipe, hook }: Steer, prompt: ArrayLike<number>, tokenize: Tokenize): Promise<ReadRequest> {
  const ids = async (text: string) => Array.from(await tokenize(text));
  const all = (texts: readonly string[]) => Promise.all(texts.filter((text) => text.trim() !== '').map(ids));
  const contrast = async ({ contrast: { positive, negative }, hook: at, method, position }: Extract<VectorRecipe, { contrast: unknown }>) => ({
    contrast: { positive: await all(positive), negative: await all(negative) }, hook: at, method, ...(method !== 'actadd' && { position }),
  });
  const said =
    'contrast' in recipe ? await contrast(recipe) : 'activation' in recipe ? { ...recipe, activation: await ids(recipe.activation) } : recipe;
  return { read: 'vector', recipe: said, at: { hook, prompt: Array.from(prompt) } };
}

export type Vector = Pick<Tensor, 'shape' | 'data'>;

/** The shortest decimals that are these floats and no others. */
export const numbersOf = (data: Float32Array): number[] =>
  Array.from(data, (x) => [6, 7, 8].map((digits) => Number(x.toPrecision(digits))).find((short) => Math.fround(short) === x) ?? Number(x.toPrecision(9)));

function operand({ shape, data }: Vector, rows: number): Operand {
  const numbers = numbersOf(data);
  const width = shape.at(-1) ?? numbers.length;
  if (shape.length === 1) return numbers;
  return Array.from({ length: Math.min(rows, shape[0] ?? 0) }, (_, i) => numbers.slice(i * width, (i + 1) * width));
}

/** What picks the steered positions of a prompt of n tokens and of what follows it. A matrix steers the first ones, row by row. */
export function wherePart({ where }: Pick<Steer, 'where'>, { shape }: Vector, n: number): Pick<Edit, 'positions' | 'from'> {
  if (shape.length > 1) return { positions: Array.from({ length: Math.min(n, shape[0] ?? 0) }, (_, i) => i) };
  return where === 'all' ? {} : { from: where === 'rest' ? 1 : -1 };
}

/** The edits of a run on a prompt of n tokens. */
export function steerEdits(steer: Steer, vector: Vector, n: number): readonly Edit[] {
  const { hook, op, strength } = steer;
  const on = { hook, ...wherePart(steer, vector, n), value: operand(vector, n) };
  if (op === 'project_out') return [{ ...on, op, scale: strength }];
  if (op === 'cap' || op === 'clamp') return [{ ...on, op: 'clamp', ...(op === 'clamp' && { min: strength }), max: strength }];
  const add: Edit = { ...on, op: 'add', scale: strength };
  return op === 'add' ? [add] : [{ ...on, op: 'project_out' }, add];
}

/** Vectors of one model, made when they are asked for and kept while the recipe stays. */
export function createVectors(engine: Pick<Engine, 'tokenize' | 'read'>) {
  let kept: { readonly key: string; readonly vector: Promise<Vector> } | null = null;
  return async (steer: Steer, prompt: ArrayLike<number>): Promise<Vector> => {
    const request = await vectorRequest(steer, prompt, async (text) => (await engine.tokenize(text)).ids);
    const key = JSON.stringify(request);
    const make = async () => {
      const made = (await engine.read(request)).arrays.get('vector');
      if (!made) throw { status: 'ESTATE', detail: 'the reading has no vector' };
      return made;
    };
    if (kept?.key !== key) kept = { key, vector: make() };
    return kept.vector;
  };
}

const WORD = 2n ** 64n - 1n;

/** core/rng.h: SplitMix64, a stream for each (seed, what, index); uniform in [0, 1). */
function stream(seed: bigint, what: number, index: number): () => number {
  let counter = seed;
  const next = () => {
    counter = (counter + 0x9e3779b97f4a7c15n) & WORD;
    let z = counter;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD;
    return z ^ (z >> 31n);
  };
  counter = next() ^ BigInt(what);
  counter = next() ^ BigInt(index);
  counter = next();
  return () => Number(next() >> 11n) * 2 ** -53;
}

/** Another direction of the same length, row by row, the very one that the study "dose" calls "random `which`": what any push
 *  of this size does. */
export function randomLike({ shape, data }: Vector, which: number): Vector {
  const width = shape.at(-1) ?? data.length;
  const out = new Float32Array(data.length);
  const square = (of: ArrayLike<number>) => Array.from(of).reduce((sum, x) => sum + x * x, 0);
  for (let row = 0; row * width < data.length; row++) {
    const uniform = stream(0x646f7365n, which, row);
    const normal = Array.from({ length: width }, () => {
      let x = -6;
      for (let k = 0; k < 12; k++) x += uniform();
      return x;
    });
    const by = Math.sqrt(square(data.subarray(row * width, (row + 1) * width)) / square(normal));
    normal.forEach((x, i) => (out[row * width + i] = Math.fround(x) * by));
  }
  return { shape, data: out };
}

/** Hooks of the stream where a vector can act, in the order of the forward pass. */
export function streamHooks({ n_layers, attn_only }: ModelConfig): readonly string[] {
  const points = attn_only ? ['pre'] : ['pre', 'mid'];
  const blocks = Array.from({ length: n_layers }, (_, l) => points.map((point) => `blocks.${l}.hook_resid_${point}`));
  return [...blocks.flat(), ...(n_layers > 0 ? [`blocks.${n_layers - 1}.hook_resid_post`] : [])];
}

/** "resid_pre L1" */
export const hookName = (hook: string): string => hook.replace(/^blocks\.(\d+)\.hook_(.+)$/, '$2 L$1');

const brief = (text: string, most = 24): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** What one text says and the other does not, in their order. */
function only(text: string, other: string): string {
  const there = new Set(other.match(/[\p{L}\p{N}']+/gu));
  return (text.match(/[\p{L}\p{N}']+/gu) ?? []).filter((word) => !there.has(word)).join(' ');
}

/** A direction in few words: "happy − sad", "L2 N34", "OV L1H3". */
export function recipeName(recipe: VectorRecipe, glyph: (id: number) => string): string {
  if ('contrast' in recipe) {
    const { positive: [a = ''], negative: [b = ''] } = recipe.contrast;
    return `${brief(only(a, b) || 'A')} − ${brief(only(b, a) || 'B')}`;
  }
  if ('neuron' in recipe) return `L${recipe.neuron[0]} N${recipe.neuron[1]}`;
  if ('token' in recipe) return `${glyph(recipe.token)}${recipe.minus === undefined ? '' : ` − ${glyph(recipe.minus)}`}`;
  if ('ov' in recipe) return `OV L${recipe.ov[0]}H${recipe.ov[1]}${recipe.k > 0 ? ` #${recipe.k}` : ''}${recipe.side === 'read' ? ' reads' : ''}`;
  return `“${brief(recipe.activation)}”`;
}

/** What is done, in few words: "+4.00 happy − sad". */
export function steerName({ op, strength, recipe }: Steer, glyph: (id: number) => string): string {
  const name = recipeName(recipe, glyph);
  if (op === 'project_out') return `without ${strength === 1 ? '' : `${three(strength)} of `}${name}`;
  if (op === 'cap' || op === 'clamp') return `${name} ${op === 'cap' ? 'at most' : 'set to'} ${three(strength)}`;
  return `${strength > 0 ? '+' : ''}${three(strength)} ${op === 'add' ? '' : 'in place of '}${name}`;
}
