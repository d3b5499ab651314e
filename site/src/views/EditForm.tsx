/** An intervention made or changed by hand: a hook, what part of it, what is done there. It is tried on the model
 *  before it is put in force, so that what does not fit is said here. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Edit, Op, Operand } from '../engine/types';
import { runPart, takesFrom } from '../state/run';
import { asFailure } from '../state/failure';
import { Dialog } from './Dialog';
import { usePage } from './page';

/** What an op does, in words, and which operands it takes. */
const OPS: Readonly<Record<Op, readonly [does: string, operands: readonly ('scale' | 'value' | 'min' | 'max')[]]>> = {
  zero: ['set to 0', []],
  scale: ['x · scale', ['scale']],
  set: ['becomes the value', ['value']],
  add: ['x + scale · value', ['value', 'scale']],
  mean: ['becomes a mean: a list, or that of a run', ['value']],
  patch: ['taken from another run', ['value']],
  freeze: ['as patch, for the pattern and LayerNorm scales', ['value']],
  project_out: ['the part along a direction is taken out, or scale of it', ['value', 'scale']],
  clamp: ['the part along a direction is kept between min and max', ['value', 'min', 'max']],
};

/** Which fields narrow an edit down, and how each is written. */
const PARTS = {
  heads: 'all heads; or 1, 3',
  positions: 'all positions; or 3, -1',
  from: 'every position from this one',
  sources: 'all sources (of scores and pattern)',
  dims: 'all; or from, to (to is not in it)',
} as const;
type PartName = keyof typeof PARTS;

type Draft = Readonly<Record<'hook' | PartName | 'scale' | 'value' | 'min' | 'max', string>> & { readonly op: Op };

const written = (value: unknown): string => (value === undefined ? '' : Array.isArray(value) && value.every((x) => typeof x === 'number') ? value.join(', ') : JSON.stringify(value));

function draftOf(edit: Edit): Draft {
  return {
    hook: edit.hook, op: edit.op, heads: written(edit.heads), positions: written(edit.positions), from: written(edit.from),
    sources: written(edit.sources), dims: written(edit.dims), scale: written(edit.scale), value: written(edit.value), min: written(edit.min), max: written(edit.max),
  };
}

const numberIn = (field: string, text: string): number => {
  const value = Number(text.replace('−', '-'));
  if (text.trim() === '' || !Number.isFinite(value)) throw { status: 'EEDIT', detail: `${field}: a number is needed here, not "${text}"` };
  return value;
};
const listIn = (field: string, text: string): number[] => text.split(/[\s,]+/).filter(Boolean).map((item) => numberIn(field, item));

function operandIn(text: string): Operand {
  const trimmed = text.trim();
  if (/^[ab]$/i.test(trimmed)) return { run: trimmed.toUpperCase() };
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) {
    try {
      return JSON.parse(trimmed) as Operand;
    } catch (thrown) {
      throw { status: 'EEDIT', detail: `value: this is no JSON (${thrown instanceof Error ? thrown.message : ''}); write a number, a list such as 1, 0, 2, or B for prompt B` };
    }
  }
  const list = listIn('value', trimmed);
  return list.length === 1 && list[0] !== undefined ? list[0] : list;
}

/** The edit that a draft says; throws a failure that names the field. */
function editOf(draft: Draft): Edit {
  const operands = OPS[draft.op][1];
  const has = (name: keyof Draft) => draft[name].trim() !== '';
  const list = (name: PartName) => (has(name) ? { [name]: listIn(name, draft[name]) } : {});
  const number = (name: 'from' | 'scale' | 'min' | 'max') => (has(name) ? { [name]: numberIn(name, draft[name]) } : {});
  if (operands.includes('value') && !has('value'))
    throw { status: 'EEDIT', detail: `value: "${draft.op}" needs one: a number, a list such as 1, 0, 2, or B for prompt B` };
  return {
    hook: draft.hook.trim(), op: draft.op, ...list('heads'), ...list('positions'), ...number('from'), ...list('sources'), ...list('dims'),
    ...(operands.includes('scale') ? number('scale') : {}),
    ...(operands.includes('value') ? { value: operandIn(draft.value) } : {}),
    ...(operands.includes('min') ? { ...number('min'), ...number('max') } : {}),
  };
}

interface EditFormProps {
  readonly edit: Edit | null;
  /** Which of the interventions is changed; null: a new one. */
  readonly index: number | null;
  readonly onClose: () => void;
}

export function EditForm({ edit, index, onClose }: EditFormProps) {
  const { app } = usePage();
  const [draft, setDraft] = useState<Draft>(() => {
    const head = app.selection.shown.peek().head;
    return draftOf(edit ?? { hook: head ? `blocks.${head.layer}.attn.hook_z` : 'hook_embed', op: 'zero' });
  });
  const [problem, setProblem] = useState<string | null>(null);
  const id = useId();
  const operands = OPS[draft.op][1];
  const needsB = operands.includes('value') && /^[ab]$|"[AB]"/i.test(draft.value.trim());
  const noB = needsB && app.experiment.current.value.textB === null;

  const open = useRef(true);
  useEffect(() => () => void (open.current = false), []);

  async function apply(event: Event) {
    event.preventDefault();
    setProblem(null);
    try {
      const made = editOf(draft);
      const pair = app.runner.shown.value;
      if (noB) throw { status: 'EEDIT', detail: 'value: there is no prompt B; add one above the pictures first' };
      if (pair) {
        const [a, b] = [pair.a, pair.b ?? pair.a].map(({ tokenized }) => [...tokenized.ids]) as [number[], number[]];
        const part = takesFrom(made, 'A') ? runPart(b, [made], { name: 'A', ids: a }) : runPart(a, [made], { name: 'B', ids: b });
        await app.engine.value?.run({ ...part, capture: [], logits: false });
      }
      if (!open.current) return; // closed meanwhile
      app.experiment.put(made, index);
      onClose();
    } catch (thrown) {
      setProblem(asFailure(thrown).detail);
    }
  }
  const field = (name: Exclude<keyof Draft, 'op'>, hint: string, list?: string) => [
    <label key={`${name} label`} for={`${id}-${name}`}>
      {name}
    </label>,
    <input
      key={name}
      id={`${id}-${name}`}
      value={draft[name]}
      placeholder={hint}
      list={list}
      spellcheck={false}
      autocomplete="off"
      onInput={(event) => setDraft({ ...draft, [name]: event.currentTarget.value })}
    />,
  ];
  return (
    <Dialog title={index === null ? 'New intervention' : 'Change the intervention'} onClose={onClose}>
      <p>Something is done to the numbers at a hook while the model runs; everything after it is computed anew.</p>
      <form class="form" onSubmit={(event) => void apply(event)}>
        {field('hook', 'a hook, or a glob such as blocks.*.hook_resid_post', `${id}-hooks`)}
        <datalist id={`${id}-hooks`}>
          {app.hooks.value.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <label for={`${id}-op`}>does</label>
        <select id={`${id}-op`} value={draft.op} onChange={(event) => setDraft({ ...draft, op: event.currentTarget.value as Op })}>
          {(Object.keys(OPS) as Op[]).map((op) => (
            <option key={op} value={op}>
              {op}: {OPS[op][0]}
            </option>
          ))}
        </select>
        {operands.includes('value') && field('value', 'a number, a list such as 1, 0, 2, or B: from prompt B (A: from A, in B)')}
        {operands.includes('scale') && field('scale', draft.op === 'add' ? '1' : 'a number')}
        {operands.includes('min') && [...field('min', 'no least'), ...field('max', 'no most')]}
        {(Object.keys(PARTS) as PartName[]).map((name) => field(name, PARTS[name]))}
        {problem && (
          <p class="wide" role="alert">
            {problem}
          </p>
        )}
        <p class="wide">
          <button type="submit" class="button ink">
            {index === null ? 'Put in force' : 'Change'}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
