/** An experiment as a document, version 1 (docs/formats.md, "Experiment"): what links, files and the browser's storage hold.
 *  Its checks are structural; whether a model has such a head or hook is for the selection and the core to say. */
import type { Edit, ModelInfo, Op, ShippedModel } from '../engine/types';
import type { Experiment } from './experiment';
import { three } from './numbers';
import { NOTHING, type Selection } from './selection';
import { FORCE, METHODS, OPERATORS, OV_SIDES, PLACES, STRONGEST, WHERE, type Steer } from './steer';
import { OPTIONS, SAMPLER, SAMPLER_RANGES, VIEW, type Sampler, type View } from './view';

type Pair = readonly [number, number];

export interface Prompt {
  readonly text: string;
  /** Absent: it was written before a model had tokenised the text. */
  readonly ids?: readonly number[];
}

export type Numbers = Readonly<Record<string, number>>;

export interface ExperimentDocument {
  readonly v: 1;
  /** Absent: the page's first. */
  readonly model?: { readonly id: string; readonly sha256?: string };
  readonly a: Prompt;
  readonly b?: Prompt;
  readonly edits?: readonly (Edit & { readonly muted?: true })[];
  readonly steer?: Steer;
  /** Only what differs from VIEW, and from SAMPLER. */
  readonly view?: Partial<View>;
  readonly selection?: { readonly head?: Pair; readonly dest?: number; readonly src?: number; readonly depth?: number; readonly neuron?: Pair };
  readonly sampler?: Partial<Sampler>;
  /** What its maker saw. */
  readonly numbers?: Numbers;
}

/** What is known of an experiment's run. `a` and `b` are the ids of its texts as they now are, or null. */
export interface Known {
  readonly info?: ModelInfo | null;
  readonly a?: ArrayLike<number> | null;
  readonly b?: ArrayLike<number> | null;
  readonly numbers?: Numbers;
}

/** Half of a character cannot be told to a tokeniser, nor written in UTF-8. */
const HALF = /\p{Cs}/gu;

const prompt = (text: string, ids: ArrayLike<number> | null | undefined): Prompt => ({
  text: text.replace(HALF, '\ufffd'),
  ...(ids && { ids: Array.from(ids) }),
});

function differing<T extends object>(now: T, usual: T): Partial<T> | null {
  const part = Object.entries(now).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(usual[key as keyof T]));
  return part.length > 0 ? (Object.fromEntries(part) as Partial<T>) : null;
}

/** Equal experiments give equal documents, text for text, where the same is known of them. */
export function toDocument(experiment: Experiment, lock: Selection, { info, a, b, numbers }: Known = {}): ExperimentDocument {
  const { model: id, text, textB, interventions, steer } = experiment;
  const model = info && (id === '' || id === info.id) ? { id: info.id, sha256: info.sha256 } : id !== '' && { id };
  const view = differing(experiment.view, VIEW);
  const sampler = differing(experiment.sampler, SAMPLER);
  const { head, dest, src, depth, neuron } = lock;
  const selection = {
    ...(head && { head: [head.layer, head.head] as const }),
    ...(dest !== null && { dest }),
    ...(src !== null && { src }),
    ...(depth !== null && { depth }),
    ...(neuron && { neuron: [neuron.layer, neuron.neuron] as const }),
  };
  const seen = Object.entries(numbers ?? {}).flatMap(([name, x]) => (Number.isFinite(x) ? [[name, Number(x.toPrecision(7))]] : []));
  return {
    v: 1,
    ...(model && { model }),
    a: prompt(text, a),
    ...(textB !== null && { b: prompt(textB, b) }),
    ...(interventions.length > 0 && { edits: interventions.map(({ edit, muted }) => (muted ? { ...edit, muted } : edit)) }),
    ...(steer && { steer }),
    ...(view && { view }),
    ...(Object.keys(selection).length > 0 && { selection }),
    ...(sampler && { sampler }),
    ...(seen.length > 0 && { numbers: Object.fromEntries(seen) as Numbers }),
  };
}

export function fromDocument({ model, a, b, edits, steer, view, selection, sampler }: ExperimentDocument): { experiment: Experiment; lock: Selection } {
  const { head, neuron, ...rest } = selection ?? {};
  return {
    experiment: {
      model: model?.id ?? '',
      text: a.text,
      textB: b?.text ?? null,
      interventions: (edits ?? []).map(({ muted = false, ...edit }) => ({ edit, muted })),
      steer: steer ?? null,
      view: { ...VIEW, ...view },
      sampler: { ...SAMPLER, ...sampler },
    },
    lock: {
      ...NOTHING,
      ...rest,
      head: head ? { layer: head[0], head: head[1] } : null,
      neuron: neuron ? { layer: neuron[0], neuron: neuron[1] } : null,
    },
  };
}

/* The checks. Each takes a value and where it stands, and throws a Flaw or returns. */

/** A document that does not fit; `message` says where and why. */
export class Flaw extends Error {}

export type Check = (value: unknown, at: string) => void;
type Json = Readonly<Record<string, unknown>>;

export function flaw(at: string, what: string): never {
  throw new Flaw(`${at}: ${what}`);
}

/** Someone else's text on one line: what cannot be seen, or turns the line around, is written as its number. */
export function printable(text: string, most = 60): string {
  const characters = Array.from(text.slice(0, 4 * most));
  const shown = characters.slice(0, most).join('').replace(/[\p{C}\p{Zl}\p{Zp}]|\p{M}{4,}/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
  return characters.length > most ? `${shown}\u2026` : shown;
}

const said = (x: unknown): string => {
  if (typeof x === 'string') return `"${printable(x, 40)}"`;
  return typeof x === 'object' && x !== null ? (Array.isArray(x) ? 'a list' : 'an object') : String(x);
};

const finite: Check = (x, at) => void (Number.isFinite(x) || flaw(at, `${said(x)} is not a number`));
const within = (least: number, most: number, whole = true): Check => (x, at) => {
  if (typeof x !== 'number' || !(x >= least && x <= most) || (whole && !Number.isInteger(x)))
    flaw(at, `${said(x)} is not a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
};
export const text = (most: number, least = 0): Check => (x, at) => {
  if (typeof x !== 'string') flaw(at, `${said(x)} is not a text`);
  if (x.length < least || x.length > most) flaw(at, `a text of ${x.length} characters, not ${least} to ${most}`);
  if (x.search(HALF) >= 0) flaw(at, 'holds half of a character');
};
export const list = (item: Check, most: number): Check => (x, at) => {
  if (!Array.isArray(x)) flaw(at, `${said(x)} is not a list`);
  if (x.length > most) flaw(at, `${x.length} entries; at most ${most} are allowed`);
  x.forEach((entry, i) => item(entry, `${at}[${i}]`));
};
const pair = (first: Check, second: Check): Check => (x, at) => {
  if (!Array.isArray(x) || x.length !== 2) flaw(at, 'is not a list of two');
  first(x[0], `${at}[0]`);
  second(x[1], `${at}[1]`);
};
export const oneOf = (options: readonly unknown[]): Check => (x, at) => {
  if (!options.includes(x)) flaw(at, `${said(x)} is none of ${options.join(', ')}`);
};
/** An object with these fields and no other, of which `needed` must be there. */
export const fields = (checks: Readonly<Record<string, Check>>, needed: readonly string[] = []): Check => (x, at) => {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) flaw(at || 'the document', `${said(x)} is not an object`);
  const inside = (name: string) => (at ? `${at}.${name}` : name);
  for (const name of Object.keys(x)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (!check) flaw(inside(printable(name, 40)), 'there is no such field');
    check((x as Json)[name], inside(name));
  }
  for (const name of needed) if (!Object.hasOwn(x, name)) flaw(inside(name), 'is missing');
};
const all = <T extends object>(keys: T, check: (key: keyof T) => Check): Record<string, Check> =>
  Object.fromEntries(Object.keys(keys).map((key) => [key, check(key as keyof T)]));

/** Larger than any model's: docs/formats.md, config.json. */
const index = within(0, 2 ** 20);
const head = pair(within(0, 999), within(0, 4095));
const neuron = pair(within(0, 999), index);
const position = within(-(2 ** 20), 2 ** 20);
const TEXT = text(2 ** 22);
const NAME = text(256, 1);

const promptFields = fields({ text: TEXT, ids: list(index, 2 ** 20) }, ['text']);

const aVector = fields({ vector: NAME });
const aRun = fields({ run: NAME, positions: list(position, 4096) }, ['run']);
const has = (x: unknown, name: string): boolean => typeof x === 'object' && x !== null && Object.hasOwn(x, name);
const operand = (depth: number): Check => (x, at) => {
  if (Array.isArray(x)) list(depth < 3 ? operand(depth + 1) : finite, 65_536)(x, at);
  else (typeof x !== 'object' ? finite : has(x, 'vector') ? aVector : aRun)(x, at);
};

/** What each operation takes; the first must be there. */
const OPERANDS: Readonly<Record<Op, readonly string[]>> = {
  zero: [],
  scale: ['scale'],
  set: ['value'],
  add: ['value', 'scale'],
  mean: ['value'],
  patch: ['value'],
  freeze: ['value'],
  project_out: ['value', 'scale'],
  clamp: ['value', 'min', 'max'],
};
const OPERAND_FIELDS = { scale: finite, value: operand(1), min: finite, max: finite };
const editFields = fields(
  {
    hook: NAME,
    heads: list(within(0, 4095), 4096),
    positions: list(position, 4096),
    sources: list(position, 4096),
    dims: pair(index, index),
    from: position,
    op: oneOf(Object.keys(OPERANDS)),
    muted: oneOf([true]),
    ...OPERAND_FIELDS,
  },
  ['hook', 'op'],
);
const edit: Check = (x, at) => {
  editFields(x, at);
  const given = x as Edit;
  const takes = OPERANDS[given.op];
  for (const name of Object.keys(OPERAND_FIELDS))
    if (has(given, name) && !takes.includes(name)) flaw(`${at}.${name}`, `"${given.op}" takes none`);
  if (takes[0] && !has(given, takes[0])) flaw(`${at}.${takes[0]}`, `is missing; "${given.op}" needs it`);
};

const DIRECTIONS: Readonly<Record<string, Check>> = {
  token: fields({ token: index, minus: index }),
  neuron: fields({ neuron }),
  neuron_in: fields({ neuron_in: neuron }),
  state: fields({ state: NAME, position: index }, ['position']),
  head: fields({ head, position: index }, ['position']),
};
/** An object of one of several kinds, each named by a field that it has. */
const oneOfKinds = (kinds: Readonly<Record<string, Check>>): Check => (x, at) => {
  const names = Object.keys(kinds);
  const check = kinds[names.find((kind) => has(x, kind)) ?? ''] ?? flaw(at, `names none of ${names.join(', ')}`);
  check(x, at);
};
const direction = oneOfKinds(DIRECTIONS);

const TEXT_OF_A_PAIR = text(2000);
const tokenSet = list(index, 100);
const effect = fields({ for: tokenSet, against: tokenSet }, ['for', 'against']);

const texts = list(TEXT_OF_A_PAIR, 64);
const RECIPES: Readonly<Record<string, Check>> = {
  contrast: fields(
    { contrast: fields({ positive: texts, negative: texts }, ['positive', 'negative']), hook: NAME, method: oneOf(METHODS), position: oneOf(PLACES) },
    ['hook', 'method', 'position'],
  ),
  neuron: fields({ neuron }),
  token: fields({ token: index, minus: index }),
  ov: fields({ ov: head, k: index, side: oneOf(OV_SIDES) }, ['k', 'side']),
  activation: fields({ activation: TEXT_OF_A_PAIR, hook: NAME, position }, ['hook', 'position']),
};
const steer = fields(
  {
    recipe: oneOfKinds(RECIPES),
    hook: NAME,
    op: oneOf(OPERATORS),
    where: oneOf(WHERE),
    strength: within(-STRONGEST, STRONGEST, false),
    range: within(1e-4, STRONGEST, false),
    effect: (x, at) => void (x === null || effect(x, at)),
    instead: TEXT_OF_A_PAIR,
    off: list(head, 256),
    patch: fields({ text: TEXT_OF_A_PAIR, hook: NAME }, ['text', 'hook']),
    force: oneOf(FORCE),
  },
  ['recipe', 'hook', 'op', 'where', 'strength', 'range', 'effect', 'instead', 'off', 'patch', 'force'],
);

const WHOLE = ['max_new', 'top_k', 'seed'];

const documentFields = fields(
  {
    v: oneOf([1]),
    model: fields({ id: NAME, sha256: (x, at) => void (/^[0-9a-f]{64}$/.test(String(x)) || flaw(at, 'is not 64 hexadecimal digits')) }, ['id']),
    a: promptFields,
    b: promptFields,
    edits: list(edit, 200),
    steer,
    view: fields({
      ...all(OPTIONS, (name) => oneOf(OPTIONS[name])),
      target: (x, at) => (typeof x === 'number' ? index : oneOf(['top', 'next']))(x, at),
      wrong: index,
      along: direction,
      hook: NAME,
      answers: pair(index, index),
      receiver: NAME,
      edges: within(0, 2 ** 31),
      layer: index,
    }),
    selection: fields({ head, dest: index, src: index, depth: within(0, 1000), neuron }),
    sampler: fields(all(SAMPLER_RANGES, (name) => within(SAMPLER_RANGES[name][1], SAMPLER_RANGES[name][2], WHOLE.includes(name)))),
    numbers: (x, at) => {
      if (typeof x === 'object' && x !== null && Object.keys(x).length > 32) flaw(at, 'more than 32 of them');
      fields(Object.fromEntries(Object.keys(x ?? {}).flatMap((name) => (/^[a-z][a-z0-9_]{0,31}$/.test(name) ? [[name, finite]] : []))))(x, at);
    },
  },
  ['v', 'a'],
);

/** An experiment document, or a Flaw. What it returns has no field but those above, at any level. */
export function checkDocument(value: unknown, at = ''): ExperimentDocument {
  documentFields(value, at);
  return value as ExperimentDocument;
}

/* What a document that was opened asks of the page. */

export type Plan =
  /** Load it (if it is not loaded) and run. */
  | { readonly kind: 'run'; readonly id: string }
  /** Say the line; load and run when a person presses the button. */
  | { readonly kind: 'ask'; readonly id: string; readonly line: string; readonly button: string }
  /** Say the line: it cannot be run here. */
  | { readonly kind: 'show'; readonly line: string };

/** Opening a document never starts a download that the page would not do anyway, nor a run that cannot give its
 *  numbers. `models`: those shipped, the page's own first; `stored`: ids of those that are here already. */
export function plan({ model }: ExperimentDocument, models: readonly ShippedModel[], stored: Iterable<string> = []): Plan {
  const own = models[0];
  if (!own) return { kind: 'run', id: '' }; // and be told why there are none
  const asked = model ? models.find(({ id }) => id === model.id) : own;
  if (!asked) {
    const name = printable(model?.id ?? '');
    return { kind: 'show', line: `This experiment needs the model \u201c${name}\u201d, which this page does not have. It is shown, but not run: choose another model, or undo to go back.` };
  }
  const here = asked === own || [...stored].includes(asked.id);
  const size = here ? '' : ` (${(asked.bytes / 1e6).toFixed(1)} MB)`;
  const button = here ? 'Run it' : `Load ${asked.id}${size} and run it`;
  if (model?.sha256 !== undefined && model.sha256 !== asked.sha256) {
    const [there, ours] = [model.sha256, asked.sha256].map((hex) => hex.slice(0, 8));
    const line = `This experiment was made with other weights under the name ${asked.id} (sha256 ${there}\u2026; here ${ours}\u2026). Its numbers will differ here.`;
    return { kind: 'ask', id: asked.id, line, button };
  }
  if (here) return { kind: 'run', id: asked.id };
  return { kind: 'ask', id: asked.id, line: `This experiment needs the model ${asked.id}, which is not loaded yet.`, button };
}

/** Null where the texts give the same ids here; else a line. */
export function retokenized({ a, b }: ExperimentDocument, here: Pick<Known, 'a' | 'b'>): string | null {
  const differs = (prompt: Prompt | undefined, ids: ArrayLike<number> | null | undefined) =>
    prompt?.ids && ids && JSON.stringify(prompt.ids) !== JSON.stringify(Array.from(ids));
  const texts = [...(differs(a, here.a) ? ['A'] : []), ...(differs(b, here.b) ? ['B'] : [])];
  if (texts.length === 0) return null;
  return `This page splits text ${texts.join(' and ')} into other tokens than the sender\u2019s did, so positions may mean other words.`;
}

export interface Agreement {
  readonly same: boolean;
  /** How many numbers both sides have. */
  readonly compared: number;
  /** The largest relative difference. */
  readonly worst: number;
  readonly line: string;
}

const TOLERANCE = 1e-3;
/** Below this a number is zero but for rounding. */
const NOTHING_LEFT = 1e-6;

/** Whether our numbers are the sender's. A name that ends in "_id" is a token's: the same or not. Null: nothing was sent. */
export function agree(sender: Numbers | undefined, ours: Numbers): Agreement | null {
  const names = Object.keys(sender ?? {});
  if (!sender || names.length === 0) return null;
  let [worst, compared] = [0, 0];
  const lines = names.flatMap((name) => {
    const there = sender[name] ?? NaN;
    const here = Object.hasOwn(ours, name) ? (ours[name] ?? NaN) : null;
    const word = name.replaceAll('_', ' ');
    if (here === null) return [`${word} ${three(there)} there, none here`];
    compared++;
    const off = Math.abs(there - here);
    const by = off === 0 ? 0 : name.endsWith('_id') ? Infinity : off / Math.max(Math.abs(there), Math.abs(here));
    if (!(by <= worst)) worst = by;
    if (by <= TOLERANCE || off <= NOTHING_LEFT) return [];
    return [`${word} ${apart(there, here)}`];
  });
  const same = lines.length === 0;
  return {
    same,
    compared,
    worst,
    line: same ? `Same numbers as the sender\u2019s (${compared} compared).` : `These numbers differ from the sender\u2019s: ${lines.join('; ')}.`,
  };
}

/** Both with as many digits as it takes to see them differ. */
function apart(there: number, here: number): string {
  const say = [three, (x: number) => String(Number(x.toPrecision(7)))].find((f) => f(there) !== f(here)) ?? String;
  return `${say(there)} there, ${say(here)} here`;
}
