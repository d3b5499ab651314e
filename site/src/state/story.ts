/** The line under the picture: what is seen, in this run's numbers. Pure: a run in, words out. */
import { share, three } from './numbers';
import {
  bestHead,
  headName,
  meanLoss,
  probabilitiesAt,
  repeatedPart,
  SHOWS,
  strongestSource,
  weightAt,
  weightIn,
} from './reading';
import type { Run, Shown } from './run';
import { NOTHING, type HeadId, type Selection } from './selection';

/** Words, and the tokens and heads they name (which a view may make live). */
export type Part =
  | { readonly kind: 'words'; readonly words: string }
  | { readonly kind: 'token'; readonly position: number }
  /** A token of the vocabulary, by its id. */
  | { readonly kind: 'vocab'; readonly id: number }
  | { readonly kind: 'head'; readonly head: HeadId };

const words = (text: string): Part => ({ kind: 'words', words: text });
const token = (position: number): Part => ({ kind: 'token', position });
const headPart = (head: HeadId): Part => ({ kind: 'head', head });

export type Relation = 'first' | 'itself' | 'previous' | 'induction' | 'duplicate' | 'other';

/** The part of its strongest look that counts as looking hard, too. */
const LOOKS_HARD = 0.75;

/** What a source is to a destination, by the tokens alone. */
export function relation(ids: ArrayLike<number>, dest: number, src: number): Relation {
  if (src === dest) return 'itself';
  if (src > 1 && ids[src - 1] === ids[dest]) return 'induction';
  if (src > 0 && ids[src] === ids[dest]) return 'duplicate';
  if (src === dest - 1) return 'previous';
  return src === 0 ? 'first' : 'other';
}

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth'];

export function ordinalWord(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13;
  return ORDINALS[n - 1] ?? `${n}${teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')}`;
}

/** How many times a position's token stood up to and with it, in words. */
function ordinal(ids: ArrayLike<number>, position: number): string {
  let n = 0;
  for (let i = 0; i <= position; i++) if (ids[i] === ids[position]) n++;
  return ordinalWord(n);
}

const comesTwice = (ids: ArrayLike<number>, position: number) =>
  Array.prototype.some.call(ids, (id: number, i: number) => i !== position && id === ids[position]);

/** A token that is a word by itself, seen with its neighbours: "word" is then the better name for it. */
function isWord(shown: Shown, position: number): boolean {
  const [last, here, next] = [-1, 0, 1].map((step) => shown.tokenized.tokens[position + step]);
  const begins = /^\s/.test(here?.text ?? '') || last === undefined || last.special || /\s$/.test(last.text);
  return begins && /^\s?\p{L}+$/u.test(here?.text ?? '') && !/^\p{L}/u.test(next?.text ?? '');
}

interface Place {
  readonly dest: number;
  readonly src: number;
  readonly weight: number;
  /** The source is where the destination looks most. */
  readonly most: boolean;
}

/** Of the places where a head looks hard at what followed before, the one where the model also says what it found. */
function clearestCopy(shown: Shown, head: HeadId): { readonly dest: number; readonly src: number } {
  const { before, tokenized } = shown;
  const { ids } = tokenized;
  const pattern = before.pattern(head);
  const all: Place[] = [];
  for (let dest = 1; dest < ids.length; dest++) {
    const most = strongestSource(before, head, dest);
    for (let src = 2; src < dest; src++) {
      if (relation(ids, dest, src) === 'induction') all.push({ dest, src, weight: weightIn(pattern, dest, src), most: src === most });
    }
  }
  // Inside a phrase that comes again, if there is one: there the text itself confirms what is copied.
  const repeated = new Set(repeatedPart(ids));
  const inside = all.filter(({ dest }) => repeated.has(dest));
  // A look is told best where the row has no stronger one.
  const strongest = all.filter(({ most }) => most);
  // What comes after the end of the text is unknown.
  const early = strongest.filter(({ dest }) => dest < ids.length - 1);
  const kinds = [inside.filter(({ most }) => most), early, strongest, inside, all];
  const places = kinds.find((of) => of.length > 0) ?? [];
  const hardest = Math.max(...places.map(({ weight }) => weight));
  const hard = places.filter(({ weight }) => weight >= LOOKS_HARD * hardest);
  // Words say more than their pieces and than full stops.
  const ofWords = hard.filter(({ dest, src }) => isWord(shown, dest) && isWord(shown, src));
  const said = ({ dest, src }: Place) => probabilitiesAt(before, dest)?.[ids[src] ?? 0] ?? 0;
  const { dest, src } = (ofWords.length > 0 ? ofWords : hard)
    .map((place) => ({ ...place, p: said(place) }))
    .reduce((best, place) => (place.p > best.p ? place : best), { dest: ids.length - 1, src: 0, p: -1 });
  return { dest, src };
}

/** The strongest induction head of a run and the clearest place to see it; else the next best thing. null while the
 *  pattern that decides is on its way. */
export function findStory(shown: Shown): Selection | null {
  const { before, tokenized } = shown;
  const { ids } = tokenized;
  const last = ids.length - 1;
  const induction = bestHead(before, 'induction');
  if (induction && induction.induction >= SHOWS) {
    return before.pattern(induction) && { ...NOTHING, head: id(induction), ...clearestCopy(shown, induction) };
  }
  const previous = bestHead(before, 'previous');
  if (previous && previous.previous >= SHOWS && last > 0) {
    const pattern = before.pattern(previous);
    if (!pattern) return null;
    let dest = last;
    for (let d = 1; d <= last; d++) if (weightIn(pattern, d, d - 1) > weightIn(pattern, dest, dest - 1)) dest = d;
    return { ...NOTHING, head: id(previous), dest, src: dest - 1 };
  }
  const any = induction ?? before.heads[0];
  return { ...NOTHING, head: any ? id(any) : null, dest: last };
}

const id = ({ layer, head }: HeadId): HeadId => ({ layer, head });

/** Why no induction is told, when it is not. */
function absence(shown: Shown): Part[] {
  const { before, info } = shown;
  if (info.config.n_layers === 0) return [words('This model has no attention: it guesses from the current token alone.')];
  if (info.config.n_layers === 1) return [words('This model has one layer; copying a repetition takes two. ')];
  const best = bestHead(before, 'induction');
  if (!best || best.induction >= SHOWS) return [];
  if (before.n_duplicates === 0) return [words('No token comes twice here, so there is nothing to copy. ')];
  return [words('No head copies here (the best, '), headPart(id(best)), words(`, has induction ${share(best.induction)} of 1). `)];
}

const likeliest = (p: Float64Array): number => p.reduce((best, x, i) => (x > (p[best] ?? 0) ? i : best), 0);

function prediction(shown: Shown, dest: number): Part[] {
  const p = probabilitiesAt(shown.now, dest);
  if (!p) return [];
  const first = likeliest(p);
  return [words('After '), token(dest), words(' its first guess is '), { kind: 'vocab', id: first }, words(` (${share(p[first] ?? 0)}).`)];
}

/** "the second `cat`", or "`cat`" where it stands once. */
const named = (ids: ArrayLike<number>, position: number): Part[] =>
  comesTwice(ids, position) ? [words(`the ${ordinal(ids, position)} `), token(position)] : [token(position)];

/** What one head does at one destination. Where it looks more at another source than at the one that is named, that comes first. */
function looks(shown: Shown, head: HeadId, dest: number, src: number): Part[] {
  const { ids } = shown.tokenized;
  const strongest = strongestSource(shown.now, head, dest);
  const [here, most] = [src, strongest].map((s) => share(weightAt(shown.now, head, dest, s)));
  const start = [headPart(head), words(' looks from '), ...named(ids, dest)];
  const noun = isWord(shown, src) ? 'word' : 'token';
  const place = (to: string, back: string): Part[] => {
    switch (relation(ids, dest, src)) {
      case 'induction':
        return [words(` ${to} the ${noun} that followed the ${ordinal(ids, src - 1)} one, `), token(src)];
      case 'duplicate':
        return [words(` ${back} the ${ordinal(ids, src)} one`)];
      case 'previous':
        return [words(` ${to} the token just before it, `), token(src)];
      case 'first':
        return [words(` ${to} the start of the text, `), token(src)];
      case 'itself':
        return [words(' at itself')];
      case 'other':
        return [words(` ${to} `), ...named(ids, src)];
    }
  };
  if (here === most) return [...start, ...place('to', 'back to'), words(` (${here} of its attention).`)];
  const first = strongest === dest ? [words('itself')] : strongest === 0 ? [words('the start of the text, '), token(0)] : named(ids, strongest);
  return [...start, words(' most at '), ...first, words(` (${most} of its attention);`), ...place('at', 'at'), words(` ${here}.`)];
}

const move = (before: number, now: number, say: (x: number) => string): string => {
  if (say(before) === say(now)) return `stays at ${say(now)}`;
  return `${now < before ? 'falls' : 'rises'} from ${say(before)} to ${say(now)}`;
};

/** The token whose fate is told: what the head pointed to when it copies, else the run's first guess. */
function subject(shown: Shown, head: HeadId | null, dest: number, src: number | null): number {
  const { ids } = shown.tokenized;
  const from = src ?? (head ? strongestSource(shown.before, head, dest) : null);
  if (from !== null && relation(ids, dest, from) === 'induction') return ids[from] ?? 0;
  return likeliest(probabilitiesAt(shown.before, dest) ?? new Float64Array(1));
}

/** So many heads are named; more are counted. */
const MOST_NAMES = 3;

/** What the changes in force did at one destination. */
function consequence(shown: Shown, off: readonly HeadId[], others: number, dest: number, about: number): Part[] {
  const { ids } = shown.tokenized;
  const inOrder = [...off].sort((a, b) => a.layer - b.layer || a.head - b.head);
  const names =
    off.length > MOST_NAMES
      ? [words(`${off.length} heads`)]
      : inOrder.flatMap((h, i) => [...(i === 0 ? [] : [words(i === off.length - 1 ? ' and ' : ', ')]), headPart(h)]);
  const opening: Part[] =
    off.length > 0 && others === 0 ? [words('Without '), ...names] : [words(off.length + others === 1 ? 'With a change in force' : `With ${off.length + others} changes in force`)];
  const p = (run: Run) => probabilitiesAt(run, dest)?.[about] ?? Number.NaN;
  const parts: Part[] = [
    ...opening,
    words(', '),
    { kind: 'vocab', id: about },
    words(' after '),
    ...named(ids, dest),
    words(` ${move(p(shown.before), p(shown.now), share)}`),
  ];
  const repeated = repeatedPart(ids);
  const [a, b] = [meanLoss(shown.before.loss, repeated), meanLoss(shown.now.loss, repeated)];
  if (a === null || b === null) return [...parts, words('.')];
  return [...parts, words(`, and the loss on the repeated part ${move(a, b, three)} nats.`)];
}

export interface Telling {
  readonly selection: Selection;
  /** Heads switched off by the edits in force, and how many edits of other kinds there are. */
  readonly off: readonly HeadId[];
  readonly others: number;
}

export function tell(shown: Shown, { selection, off, others }: Telling): Part[] {
  const { head, src } = selection;
  const dest = selection.dest ?? shown.tokenized.ids.length - 1;
  if (off.length + others > 0) return consequence(shown, off, others, dest, subject(shown, head, dest, src));
  if (!head) return [...absence(shown), words(' '), ...prediction(shown, dest)];
  return [...absence(shown), ...looks(shown, head, dest, src ?? strongestSource(shown.now, head, dest))];
}

/** The line as plain text, tokens in backquotes. */
export const plain = (parts: readonly Part[], shown: Shown, vocab: (id: number) => string): string =>
  parts
    .map((p) => {
      if (p.kind === 'words') return p.words;
      if (p.kind === 'head') return headName(p.head);
      return `\`${vocab(p.kind === 'vocab' ? p.id : (shown.tokenized.ids[p.position] ?? 0)).trim()}\``;
    })
    .join('')
    .trim();
