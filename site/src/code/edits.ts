import type { Edit, ModelConfig, Operand, RunRequest } from '../engine/types';
import { axesOf, hooksOf, matches } from './hooks';
import { Code, lines, literal, range, tensor } from './python';

/** A run as a document has it, and how many positions it has: more than `ids` where a text was continued. */
export interface EditedRun {
  readonly ids: ArrayLike<number>;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
  readonly vectors?: unknown;
  readonly rows: number;
}

/** A hook and the function that edits it. */
export interface Hooked {
  readonly hook: string;
  readonly call: string;
}

type Indices = readonly number[] | null; // of one axis; null: all
const isSlice = (list: readonly number[]) => list.every((x, i) => x === list[0]! + i);

export const isRun = (value: Operand | undefined): value is Extract<Operand, { run: string }> => typeof value === 'object' && 'run' in value;

/** The index of a selection. `lengths` of the axes that lists may stand for, 0 for the last; `keep`: how many of the
 *  last axes stay when they have one entry. */
function index(chosen: readonly Indices[], lengths: readonly number[], keep: number): string {
  const scattered = chosen.filter((list) => list && !isSlice(list)).length;
  // Lists with a slice between them would move to the front: then every axis that can be is a list, in a mesh.
  const axes = scattered < 2 ? chosen : chosen.map((list, i) => list ?? (lengths[i] ? range(0, lengths[i]) : null));
  let depth = axes.filter((list, i) => list && (scattered < 2 ? !isSlice(list) : lengths[i])).length;
  const said = axes.map((list, i) => {
    if (!list) return ':';
    const [first = 0] = list;
    if (scattered < 2 ? isSlice(list) : !lengths[i]) return list.length === 1 && i < axes.length - keep && !scattered ? `${first}` : `${first}:${first + list.length}`;
    depth--;
    return `[${list.map((x) => '['.repeat(depth) + x + ']'.repeat(depth)).join(', ')}]`;
  });
  return said.join(', ');
}

const rank = (value: unknown): number => (Array.isArray(value) ? 1 + rank(value[0]) : 0);

/** A list, a named vector or a number as a tensor; with its number of axes. */
function constant(value: Operand, vectors: unknown): { readonly code: string; readonly axes: number } {
  if (typeof value === 'number') return { code: literal(value), axes: 0 };
  if (!('vector' in value)) return { code: tensor(value), axes: rank(value) };
  const given = (vectors as NonNullable<RunRequest['vectors']>)[value.vector]!;
  const [data, shape] = 'data' in given ? [given.data, given.shape] : [given, [given.length]];
  const numbers = Array.from(data, (x) => Number(x.toPrecision(9))); // all that a float has
  return { code: `${tensor(numbers)}${shape.length > 1 ? `.reshape(${shape})` : ''}`, axes: shape.length };
}

const FUNCTION = `
def $name(x, hook):
    <<v:v = $v>>
    <<direction:v = v / v.norm()>>
    y = <<masked:x.tril()||x.clone()>>
    <<op=zero:y[$at] = 0>>
    <<op=scale:y[$at] *= $scale>>
    <<op=add:y[$at] += <<scale:$scale * >><<v:v||$value>>>>
    <<op=project_out:y[$at] -= (y[$at] @ v)[..., None] * v>>
    <<op=clamp:c = (y[$at] @ v)[..., None]
    y[$at] += (c.clamp($min, $max) - c) * v>>
    <<put:y[$at] = <<v:v||$value>>>>
    return <<masked:torch.where(torch.ones_like(x).tril() > 0, y, x)  # later sources are out of reach||y>>`;

/** The function of one edit for hooks of one kind, or nothing where it reaches no position. `split`: LN1 of inputs that heads
 *  have of their own, with an axis of heads behind that of positions. `source`: the activation in the other run. */
function define(name: string, edit: Edit, axes: string, split: boolean, run: EditedRun, config: ModelConfig, source: string): readonly string[] {
  const { op, value = 0, from = 0 } = edit;
  const n = run.ids.length;
  const resolved = (list: readonly number[] | undefined, length = n): Indices => list?.map((x) => (x < 0 ? x + length : x)) ?? null;
  let positions = resolved(edit.positions) ?? (from ? range(from < 0 ? from + n : from, run.rows) : null);
  let sources = resolved(edit.sources);
  let there: Indices = null; // positions of the other run
  const other = isRun(value) ? value : undefined;
  if (other) {
    const length = run.runs?.[other.run]?.length ?? 0;
    there = resolved(other.positions, length);
    // Its values at the positions that are written, generated ones only if it has them.
    if (op !== 'mean') there ??= positions = (positions ?? range(0, run.rows)).filter((x) => x < Math.max(n, length));
    if (length < run.rows) sources ??= range(0, length);
  }
  const reached = positions?.map((x) => x < run.rows);
  if (op !== 'mean' && there?.length === reached?.length) there = there?.filter((_, i) => reached?.[i]) ?? null;
  positions = positions?.filter((_, i) => reached?.[i]) ?? null;
  if (positions?.length === 0) return [];

  const masked = axes === 'hps';
  const kinds = split ? 'pxd' : axes;
  const lengths: Readonly<Record<string, number>> = { p: run.rows, s: run.rows, h: config.n_heads };
  const select = (p: Indices, s: Indices, keep: number) => {
    const of: Readonly<Record<string, Indices | undefined>> = { p, s, h: edit.heads, d: edit.dims && range(...edit.dims) };
    return index([...kinds].map((kind) => of[kind] ?? null), [...kinds].map((kind) => lengths[kind] ?? 0), keep);
  };
  const fixed = 'value' in edit && !other ? constant(value, run.vectors) : { code: '', axes: 0 };
  const v = other
    ? `${source}[${select(there, sources ?? (masked ? range(0, run.rows) : null), 4)}]${op === 'mean' ? `.mean(${masked ? 1 : 0}, keepdim=True)` : ''}`
    : fixed.code + (split && fixed.axes > 1 ? '[..., None, :]' : '');
  return lines(FUNCTION, {
    ...edit,
    name: new Code(name),
    v: other || fixed.axes ? new Code(v) : undefined,
    at: new Code(`:, ${select(positions, sources, other || fixed.axes > 1 ? 4 : fixed.axes)}`.replace(/(, :)+$/, '')),
    masked,
    direction: op === 'project_out' || op === 'clamp',
    put: /set|mean|patch|freeze/.test(op),
  });
}

/** Hooks that TransformerLens computes only with a switch on. */
const SWITCHES: readonly (readonly [RegExp, string])[] = [
  [/hook_result$/, 'attn_result'],
  [/hook_attn_in$/, 'attn_in'],
  [/hook_._input$/, 'split_qkv_input'],
  [/hook_mlp_in$/, 'hook_mlp_in'],
];

/** The lines that turn on what these hooks need. */
export const switches = (hooks: Iterable<string>): readonly string[] =>
  SWITCHES.filter(([pattern]) => [...hooks].some((hook) => pattern.test(hook))).map(([, name]) => `model.set_use_${name}(True)`);

export const editedHooks = (run: EditedRun, config: ModelConfig): readonly string[] =>
  hooksOf(config).filter((hook) => run.edits?.some((edit) => matches(edit.hook, hook)));

/** The functions of a run's edits, and which hooks call them, in the order of the forward pass. */
export function edits(run: EditedRun, config: ModelConfig, all: ReadonlySet<string>, prefix: string): { readonly functions: readonly string[]; readonly hooked: readonly Hooked[] } {
  const every = hooksOf(config);
  const ownInputs = [...all].some((hook) => /_input$/.test(hook));
  const headInputs = ownInputs || [...all].some((hook) => /attn_in$/.test(hook));
  const functions: string[] = [];
  const handed: Hooked[] = []; // what attn_in hands on comes before the inputs' own
  const own: Hooked[] = [];
  run.edits?.forEach((edit, i) => {
    const kinds = new Map<string, string[]>();
    for (const hook of every.filter((name) => matches(edit.hook, name))) {
      const kind = hook === 'logits' ? hook : headInputs && /ln1/.test(hook) ? 'split' : axesOf(hook);
      kinds.set(kind, [...(kinds.get(kind) ?? []), hook]);
    }
    for (const [kind, hooks] of kinds) {
      const call = `${prefix}${edit.op}_${i + 1}${kinds.size > 1 ? kind : ''}`;
      const source = `${prefix}runs[${isRun(edit.value) ? literal(edit.value.run) : ''}][${hooks.length > 1 ? 'hook.name' : literal(hooks[0])}]`;
      const text = define(call, edit, axesOf(hooks[0]!), kind === 'split', run, config, source);
      functions.push(...text);
      if (!text.length) continue;
      for (const hook of hooks) {
        own.push({ hook, call });
        if (ownInputs && hook.endsWith('attn_in')) for (const input of 'qkv') handed.push({ hook: hook.replace('attn_in', `${input}_input`), call });
      }
    }
  });
  const order = new Map(every.map((hook, at) => [hook, at]));
  return { functions, hooked: [...handed, ...own].sort((a, b) => order.get(a.hook)! - order.get(b.hook)!) };
}
