import type { Edit, ModelConfig, Operand, RunRequest } from '../engine/types';
import { hooksOf, matches } from './hooks';
import { literal, render } from './python';

/** A run as a document has it. `length`: of the prompt, which is shorter than `ids` where a text was continued. */
export interface EditedRun {
  readonly ids: readonly number[];
  readonly length: number;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
  readonly vectors?: unknown;
}

const FUNCTION = `
def %name(x, hook):
    ~vector?v = %v^
    ~project|clamp?v = v / v.norm()^
    y = ~masked?x.tril();x.clone()^
    ~"zero?y[%at] = 0^
    ~:"scale?y[%at] *= $scale^
    ~"add?y[%at] += ~scale":?$scale * ^~vector?v;$value^^
    ~project?y[%at] -= (y[%at] @ v)[..., None] * v^
    ~clamp?c = (y[%at] @ v)[..., None]
    y[%at] += (c.clamp($min, $max) - c) * v^
    ~:"(set|mean|patch|freeze)"?y[%at] = ~vector?v;$value^^
    return ~masked?torch.where(torch.ones_like(x).tril() > 0, y, x)  # later sources are out of reach;y^
`;

type Lists = Readonly<Record<string, readonly number[] | undefined>>; // of indices, by axis

const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
export const isRun = (value: Operand | undefined): value is Extract<Operand, { run: string }> => typeof value === 'object' && 'run' in value;

/** The index of cells. An axis without a list, or with one of its `whole` length, is whole; the last `keep` axes stay where one entry
 *  is taken. Lists with a slice between them would move to the front: then each is a list, in a mesh. */
function index(axes: string, lists: Lists, whole: Readonly<Record<string, number>>, keep: number): string {
  const isList = (axis: string) => lists[axis]?.some((x, i, list) => x !== list[0]! + i);
  const mesh = [...axes].filter(isList).length > 1;
  const meshed = [...axes].filter((axis) => (mesh ? lists[axis] && axis !== 'd' : isList(axis)));
  return [...axes]
    .map((axis, i) => {
      const list = lists[axis] ?? [];
      const after = meshed.length - 1 - meshed.indexOf(axis);
      if (meshed.includes(axis)) return `[${list.map((x) => '['.repeat(after) + x + ']'.repeat(after)).join(', ')}]`;
      if (!list.length || list.length === whole[axis]) return ':';
      return list.length === 1 && !meshed.length && i < axes.length - keep ? `${list}` : `${list[0]}:${list.at(-1)! + 1}`;
    })
    .join(', ');
}

/** A list or a named vector: its numbers, nested or not, and its shape. */
function constant(value: Operand | undefined, vectors: unknown): { readonly numbers: unknown; readonly shape: readonly number[] } {
  const shapeOf = (list: unknown): readonly number[] => (Array.isArray(list) ? [list.length, ...shapeOf(list[0])] : []);
  if (typeof value !== 'object' || !('vector' in value)) return { numbers: value, shape: shapeOf(value) };
  const given = (vectors as NonNullable<RunRequest['vectors']>)[value.vector]!;
  const { data, shape } = 'data' in given ? given : { data: given, shape: [given.length] };
  return { numbers: Array.from(data, (x) => Number(x.toPrecision(9))), shape }; // all that a float has
}

/** The function of one edit at a hook, its name left out, or "" where it reaches no position. `split`: LN1 of inputs that heads
 *  have of their own, with an axis of heads behind that of positions. */
function define(edit: Edit, hook: string, split: boolean, run: EditedRun, n_heads: number, suffix: string): string {
  const { op, value, from = 0, heads, dims } = edit;
  const { ids: { length: rows }, length: n } = run;
  const masked = /scores|pattern/.test(hook);
  const axes = masked ? 'hps' : split ? 'pxd' : /hook_([qkvz]|result|attn_in|._input)$/.test(hook) ? 'phd' : 'pd';
  const resolved = (list: readonly number[] | undefined, length: number) => list?.map((x) => (x < 0 ? x + length : x));
  const other = isRun(value) && value;
  const length = other ? (run.runs?.[other.run]?.length ?? 0) : rows;
  const said = other ? resolved(other.positions, length) : undefined;
  const h = heads ?? range(0, n_heads);
  const d = dims && range(...dims);
  const s = resolved(edit.sources, n) ?? range(0, Math.min(rows, length));
  // Of another run the same positions, generated ones only if it has them, or those that are said, one for all or one for each.
  const pairs = (resolved(edit.positions, n) ?? range(from < 0 ? from + n : from, rows))
    .map((p, i) => [p, said && op !== 'mean' ? (said[i] ?? said[0]!) : p] as const)
    .filter(([p]) => p < rows && (said || !other || op === 'mean' || p < Math.max(n, length)));
  if (!pairs.length) return '';
  const there = op === 'mean' ? (said ?? range(0, length)) : pairs.map(([, p]) => p);
  const { numbers, shape } = constant(value, run.vectors);
  const v = other
    ? `runs${suffix}[${literal(other.run)}][${hook === 'logits' ? '"logits"' : 'hook.name'}][${index(axes, { h, d, s, p: there }, { h: n_heads }, 4)}]${
      op === 'mean' ? `.mean(${masked ? 1 : 0}, keepdim=True)` : ''}`
    : shape.length && `torch.Tensor(${literal(numbers)})${shape.length > 1 ? `.reshape(${shape})${split ? '[..., None, :]' : ''}` : ''}`;
  const at = index(axes, { h, d, s, p: pairs.map(([p]) => p) }, { h: n_heads, s: rows, p: rows }, other || shape.length > 1 ? 4 : shape.length);
  return render(FUNCTION, JSON.stringify({ op, scale: edit.scale }) + (masked && 'masked') + (v ? 'vector' : ''), {
    ...edit,
    name: '%name',
    v,
    at: `:, ${at}`.replace(/(, :)+$/, ''),
  });
}

export const editedHooks = (run: Pick<EditedRun, 'edits'> | undefined, config: ModelConfig): readonly string[] =>
  hooksOf(config).filter((hook) => run?.edits?.some((edit) => matches(edit.hook, hook)));

/** The functions of a run's edits that `names` does not have yet, and what calls them: lines for TransformerLens, or for nnsight, which
 *  waits for each module in the order of the forward pass, and for LN1 three times. `all`: the hooks that any run needs. */
export function edits(run: EditedRun, config: ModelConfig, all: readonly string[], names: Map<string, string>, nnsight: boolean, suffix: string) {
  const every = hooksOf(config);
  const ownInputs = all.some((hook) => /_input/.test(hook));
  const functions: string[] = [];
  const [handed, own]: [hook: string, call: string][][] = [[], []]; // what attn_in hands on comes before the inputs' own
  for (const edit of run.edits ?? [])
    for (const hook of editedHooks({ edits: [edit] }, config)) {
      const text = define(edit, hook, /ln1/.test(hook) && (ownInputs || all.some((other) => /attn_in/.test(other))), run, config.n_heads, suffix);
      if (!text) continue;
      const call = names.get(text) ?? `${edit.op}_${names.size + 1}`;
      if (!names.has(text)) functions.push(text.replace('%name', call), '');
      names.set(text, call);
      own!.push([hook, call]);
      if (ownInputs && /attn_in/.test(hook)) for (const input of 'qkv') handed!.push([hook.replace('attn_in', `${input}_input`), call]);
    }
  const place = (hook: string) => every.indexOf(hook);
  const lines = [...handed!, ...own!].flatMap(([hook, call]) => {
    const point = `nn.${hook.replace(/\.(\d+)/, '[$1]')}`;
    const set = `${point}.output = ${call}(${point}.output, ${point})`;
    if (hook === 'logits') return { at: place(hook), line: `logits${suffix} = ${call}(logits${suffix}, None)` }; // no hook there
    if (!nnsight) return { at: place(hook), line: `("${hook}", ${call}),` };
    if (!/ln1/.test(hook)) return { at: place(hook), line: set };
    const first = place(hook.replace(/ln1.*/, 'ln1.hook_scale'));
    return [0, 1, 2].map((i) => ({ at: first + i / 4 + (place(hook) - first) / 8, line: `for _ in tracer.iter[${i}:${i + 1}]: ${set}` })); // q, k, v
  });
  return { functions, lines: lines.sort((a, b) => a.at - b.at).map(({ line }) => line) };
}
