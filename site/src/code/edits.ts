import type { Edit, ModelConfig, Operand, RunRequest, Tensor } from '../engine/types';
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
    ~project?y[%at] -= ~scale":?$scale * ^(y[%at] @ v)[..., None] * v^
    ~clamp?c = (y[%at] @ v)[..., None]
    y[%at] += (c.clamp($min, $max) - c) * v^
    ~:"(set|mean|patch|freeze)"?y[%at] = ~vector?v;$value^^
    return ~masked?torch.where(torch.ones_like(x).tril() > 0, y, x)  # what is masked stays;y^
`;

type Lists = Readonly<Record<string, readonly number[] | undefined>>; // of indices, by axis: b(atch), p(ositions), h(eads), s(ources), d(ims)

const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
export const isRun = (value: Operand | undefined): value is Extract<Operand, { run: string }> => typeof value === 'object' && 'run' in value;

/** The index of cells. An axis without a list, or with one of its `whole` length, is whole; the last `keep` axes stay where one entry
 *  is taken. Lists with a slice between them would move to the front: then each is a list, in a mesh. */
function index(axes: string, lists: Lists, whole: Readonly<Record<string, number>>, keep: number): string {
  const isList = (axis: string) => lists[axis]?.some((x, i, list) => x !== list[0]! + i);
  const meshed = [...axes].filter(isList).length > 1 ? axes.replace(/[bxd]/g, '') : [...axes].filter(isList).join('');
  return [...axes]
    .map((axis, i) => {
      const list = lists[axis] ?? [];
      const depth = meshed.length - 1 - meshed.indexOf(axis);
      if (meshed.includes(axis)) return `[${list.map((x) => '['.repeat(depth) + x + ']'.repeat(depth)).join(', ')}]`;
      if (!list.length || list.length === whole[axis]) return ':';
      return list.length > 1 || meshed || i >= axes.length - keep ? `${list[0]}:${list.at(-1)! + 1}` : `${list}`;
    })
    .join(', ')
    .replace(/(, :)+$/, '');
}

const shapeOf = (list: unknown): readonly number[] => (Array.isArray(list) ? [list.length, ...shapeOf(list[0])] : []);

/** The function of one edit at a hook, its name left out, or "" where it reaches no position. */
function define(edit: Edit, hook: string, split: boolean, run: EditedRun, n_heads: number, suffix: string): string {
  const { op, value, from = 0, heads: h = range(0, n_heads), dims } = edit;
  const { ids: { length: rows }, length: n } = run;
  const masked = /scores|pattern/.test(hook);
  // Where heads have inputs of their own, LN1 has an axis of heads behind that of positions.
  const axes = masked ? 'hps' : split && /ln1/.test(hook) ? 'pxd' : /hook_([qkvz]|result|attn_in|._input)$/.test(hook) ? 'phd' : 'pd';
  const resolved = (list: readonly number[] | undefined, length: number) => list?.map((x) => (x < 0 ? x + length : x));
  const other = isRun(value) && value;
  const mean = op === 'mean';
  const length = other ? (run.runs?.[other.run]?.length ?? 0) : rows;
  const said = other ? resolved(other.positions, length) : undefined;
  const d = dims && range(...dims);
  const s = resolved(edit.sources, n) ?? range(0, Math.min(rows, length));
  // Of another run the same positions, generated ones only if it has them, or those that are said, one for all or one for each.
  const pairs = (resolved(edit.positions, n) ?? range(from < 0 ? from + n : from, rows))
    .map((p, i) => [p, said && !mean ? (said[i] ?? said[0]!) : p] as const)
    .filter(([p]) => p < rows && (said || !other || mean || p < Math.max(n, length)));
  if (!pairs.length) return '';
  const [p, there] = [pairs.map(([here]) => here), mean ? (said ?? range(0, length)) : pairs.map((pair) => pair[1])];
  const vectors = run.vectors as Readonly<Record<string, Float32Array>>;
  const given = typeof value === 'object' && 'vector' in value ? vectors[value.vector] : undefined;
  const { data = given, shape = data ? [data.length] : shapeOf(value) } = (given ?? {}) as Partial<Tensor>;
  const numbers = data ? Array.from(data, (x) => Number(x.toPrecision(7))) : value; // what a float holds
  const cells = index(axes, { h, d, s, p: there }, { h: n_heads }, 4);
  const v = other
    ? `runs${suffix}[${literal(other.run)}][${hook === 'logits' ? '"logits"' : 'hook.name'}][${cells}]${mean ? `.mean(${masked ? 1 : 0}, keepdim=True)` : ''}`
    : shape.length && `torch.Tensor(${literal(numbers)})${shape.length > 1 ? `.reshape(${shape})${axes === 'pxd' ? '[..., None, :]' : ''}` : ''}`;
  const at = index(`b${axes}`, { h, d, s, p }, { h: n_heads, s: rows, p: rows }, other || shape.length > 1 ? 4 : shape.length);
  return render(FUNCTION, JSON.stringify({ op, scale: edit.scale }) + (masked && 'masked') + (v ? 'vector' : ''), {
    ...edit,
    name: '%name',
    v,
    at,
  });
}

export const editedHooks = (run: Pick<EditedRun, 'edits'> | undefined, config: ModelConfig): readonly string[] =>
  hooksOf(config).filter((hook) => run?.edits?.some((edit) => matches(edit.hook, hook)));

/** The functions of a run's edits that `names` does not have yet, and what calls them: `lines` for TransformerLens, or for nnsight, which
 *  waits for each module in the order of the forward pass, and for LN1 three times; `after`, of the output. `split`: whether heads have
 *  inputs of their own; what attn_in is given, these are. */
export function edits(run: EditedRun, config: ModelConfig, split: boolean, names: Map<string, string>, nnsight: boolean, suffix: string) {
  const functions: string[] = [];
  const lines = (hook: string, from = hook): readonly string[] =>
    (run.edits ?? []).flatMap((edit) => {
      const text = matches(edit.hook, from) && define(edit, hook, split, run, config.n_heads, suffix);
      if (!text) return [];
      const call = names.get(text) ?? `${edit.op}_${names.size + 1}`;
      if (!names.has(text)) functions.push(text.replace('%name', call), '');
      names.set(text, call);
      const point = `nn.${hook.replace(/\.(\d+)/, '[$1]')}`;
      if (hook === 'logits') return `logits${suffix} = ${call}(logits${suffix}, None)`;
      return nnsight ? `${point}.output = ${call}(${point}.output, ${point})` : `("${hook}", ${call}),`;
    });
  const inside = hooksOf(config).slice(0, -1).flatMap((hook) => {
    const own = lines(hook);
    if (/_input/.test(hook)) return [...lines(hook, hook.replace(/._input/, 'attn_in')), ...own];
    if (!nnsight || !/ln1/.test(hook)) return own;
    const both = /scale/.test(hook) ? [...own, ...lines(hook.replace('scale', 'normalized'))] : [];
    return both.length ? ['for _ in tracer.iter[0:3]:  # q, k, v', ...both.map((line) => `    ${line}`)] : [];
  });
  return { lines: inside.join('\n'), after: lines('logits').join('\n'), functions: functions.join('\n') };
}
