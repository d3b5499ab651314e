import type { Edit, ModelConfig, Operand, RunRequest } from '../engine/types';
import { axesOf, hooksOf, matches } from './hooks';
import { Code, literal, render } from './python';

/** A run as a document has it. `length`: of the prompt, which is shorter than `ids` where a text was continued. */
export interface EditedRun {
  readonly ids: readonly number[];
  readonly length: number;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
  readonly vectors?: unknown;
}

/** A hook and the function that edits it. */
export interface Hooked {
  readonly hook: string;
  readonly call: string;
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

type Indices = readonly number[] | null | undefined; // of one axis; none: all

export const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const isSlice = (list: readonly number[]) => list.every((x, i) => x === list[0]! + i);
export const isRun = (value: Operand | undefined): value is Extract<Operand, { run: string }> => typeof value === 'object' && 'run' in value;

/** The index of a selection. `lengths` of the axes that lists may stand for, 0 for the last; `keep`: how many of the
 *  last axes stay when they have one entry. */
function index(chosen: readonly Indices[], lengths: readonly number[], keep: number): string {
  // Lists with a slice between them would move to the front: then every axis that can be is a list, in a mesh.
  const mesh = chosen.filter((list) => list && !isSlice(list)).length > 1;
  const axes = mesh ? chosen.map((list, i) => list ?? (lengths[i] ? range(0, lengths[i]) : null)) : chosen;
  const isList = (list: Indices, i: number) => list && (mesh ? lengths[i] : !isSlice(list));
  const depth = (i: number) => axes.slice(i + 1).filter((list, j) => isList(list, i + 1 + j)).length;
  return axes
    .map((list, i) => {
      if (!list) return ':';
      if (isList(list, i)) return `[${list.map((x) => '['.repeat(depth(i)) + x + ']'.repeat(depth(i))).join(', ')}]`;
      return list.length === 1 && i < axes.length - keep && axes.every((other, j) => !isList(other, j)) ? `${list}` : `${list[0]}:${list[0]! + list.length}`;
    })
    .join(', ');
}

const rank = (value: unknown): number => (Array.isArray(value) ? 1 + rank(value[0]) : 0);

/** A list or a named vector as a tensor, with its number of axes; a number has none. */
function constant(value: Operand | undefined, vectors: unknown): { readonly code: string; readonly axes: number } {
  if (typeof value !== 'object' || !('vector' in value)) return { code: `torch.Tensor(${literal(value)})`, axes: rank(value) };
  const given = (vectors as NonNullable<RunRequest['vectors']>)[value.vector]!;
  const [data, shape] = 'data' in given ? [given.data, given.shape] : [given, [given.length]];
  const numbers = Array.from(data, (x) => Number(x.toPrecision(9))); // all that a float has
  return { code: `torch.Tensor(${literal(numbers)})${shape.length > 1 ? `.reshape(${shape})` : ''}`, axes: shape.length };
}

/** The function of one edit for hooks of one kind, or "" where it reaches no position. `split`: LN1 of inputs that heads
 *  have of their own, with an axis of heads behind that of positions. `source`: the activation in the other run. */
function define(name: string, edit: Edit, axes: string, split: boolean, run: EditedRun, n_heads: number, source: string): string {
  const { op, value, from = 0 } = edit;
  const { ids: { length: rows }, length: n } = run;
  const resolved = (list: Indices, length = n): Indices => list?.map((x) => (x < 0 ? x + length : x));
  let positions = resolved(edit.positions) ?? (from && range(from < 0 ? from + n : from, rows));
  let sources = resolved(edit.sources);
  let there: Indices; // positions of the other run
  if (isRun(value)) {
    const length = run.runs?.[value.run]?.length ?? 0;
    there = resolved(value.positions, length);
    // Its values at the positions that are written, generated ones only if it has them.
    if (op !== 'mean') there ??= positions = (positions || range(0, rows)).filter((x) => x < Math.max(n, length));
    if (length < rows) sources ??= range(0, length);
  }
  if (positions) {
    const reached = positions.map((x) => x < rows);
    if (there?.length === reached.length) there = there.filter((_, i) => op === 'mean' || reached[i]);
    positions = positions.filter((_, i) => reached[i]);
    if (!positions.length) return '';
  }
  const masked = axes === 'hps';
  const kinds = [...(split ? 'pxd' : axes)];
  const lengths: Readonly<Record<string, number>> = { p: rows, s: rows, h: n_heads };
  const select = (p: Indices, s: Indices, keep: number) => {
    const of: Readonly<Record<string, Indices>> = { p, s, h: edit.heads, d: edit.dims && range(...edit.dims) };
    return index(kinds.map((kind) => of[kind]), kinds.map((kind) => lengths[kind] ?? 0), keep);
  };
  const fixed = constant(value, run.vectors);
  const v = isRun(value)
    ? `${source}[${select(there, sources ?? (masked ? range(0, rows) : null), 4)}]${op === 'mean' ? `.mean(${masked ? 1 : 0}, keepdim=True)` : ''}`
    : fixed.axes && fixed.code + (split && fixed.axes > 1 ? '[..., None, :]' : '');
  return render(FUNCTION, {
    ...edit,
    name: new Code(name),
    v: v ? new Code(v) : null,
    at: new Code(`:, ${select(positions || null, sources, isRun(value) || fixed.axes > 1 ? 4 : fixed.axes)}`.replace(/(, :)+$/, '')),
    masked,
    direction: /project|clamp/.test(op),
    put: /set|mean|patch|freeze/.test(op),
  });
}

/** Hooks that TransformerLens computes only with a switch on. */
const SWITCHES: Readonly<Record<string, RegExp>> = { attn_result: /result$/, attn_in: /attn_in$/, split_qkv_input: /_input$/, hook_mlp_in: /mlp_in$/ };

/** The lines that turn on what these hooks need. */
export const switches = (hooks: readonly string[]): string =>
  Object.entries(SWITCHES).flatMap(([name, pattern]) => (hooks.some((hook) => pattern.test(hook)) ? [`model.set_use_${name}(True)\n`] : [])).join('');

export const editedHooks = (run: Pick<EditedRun, 'edits'> | undefined, config: ModelConfig): readonly string[] =>
  hooksOf(config).filter((hook) => run?.edits?.some((edit) => matches(edit.hook, hook)));

/** The functions of a run's edits, and which hooks call them, in the order of the forward pass. `all`: the hooks that any run needs;
 *  `suffix`: of this run's names. */
export function edits(run: EditedRun, config: ModelConfig, all: readonly string[], suffix: string) {
  const every = hooksOf(config);
  const ownInputs = all.some((hook) => /_input$/.test(hook));
  const headInputs = ownInputs || all.some((hook) => /attn_in$/.test(hook));
  const functions: string[] = [];
  const handed: Hooked[] = []; // what attn_in hands on comes before the inputs' own
  const own: Hooked[] = [];
  run.edits?.forEach((edit, i) => {
    const kinds = new Map<string, string[]>();
    for (const hook of editedHooks({ edits: [edit] }, config)) {
      const kind = hook === 'logits' ? hook : headInputs && /ln1/.test(hook) ? 'split' : axesOf(hook);
      kinds.set(kind, [...(kinds.get(kind) ?? []), hook]);
    }
    for (const [kind, hooks] of kinds) {
      const call = `${edit.op}_${i + 1}${kinds.size > 1 ? kind : ''}${suffix}`;
      const source = `runs${suffix}[${literal(isRun(edit.value) && edit.value.run)}][${hooks.length > 1 ? 'hook.name' : literal(hooks[0])}]`;
      const text = define(call, edit, axesOf(hooks[0]!), kind === 'split', run, config.n_heads, source);
      if (!text) continue;
      functions.push(text, '');
      for (const hook of hooks) {
        own.push({ hook, call });
        if (ownInputs && /attn_in$/.test(hook)) for (const input of 'qkv') handed.push({ hook: hook.replace('attn_in', `${input}_input`), call });
      }
    }
  });
  return { functions, hooked: [...handed, ...own].sort((a, b) => every.indexOf(a.hook) - every.indexOf(b.hook)) };
}
