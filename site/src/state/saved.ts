/** What the browser keeps for a person: the experiment they are in the middle of, and those they gave a name.
 *  Nothing here throws: what could not be kept stays in memory, and `problem` says so. */
import { signal, type ReadonlySignal } from '@preact/signals';
import { Flaw, checkDocument, fields, flaw, list as listOf, text, type Check, type ExperimentDocument } from './document';
import { crc32 } from './link';

export interface SavedExperiment {
  /** Of one list, no two are the same. */
  readonly name: string;
  /** When it was saved: "2026-11-28T00:00:00.000Z". */
  readonly date: string;
  readonly document: ExperimentDocument;
}

type Store = Pick<Storage, 'getItem' | 'setItem'>;

const LIST = 'hookscope.saved';
const UNREAD = 'hookscope.saved.unread';
/** Written in turn, so that a write that fails half-way leaves the one before it. */
const SLOTS = ['hookscope.last.0', 'hookscope.last.1'] as const;
const LONGEST_NAME = 100;
const LARGEST_FILE = 8_000_000;
/** Milliseconds from a change to its being written. */
const SOON = 500;

const FORBIDDEN = 'This browser lets the page keep nothing: what is saved here lasts until the tab is closed. Export it as a file.';
const FULL = 'The browser\u2019s storage for this page is full: the last change is kept only until the tab is closed. Export what matters as a file, then delete some.';

const date: Check = (x, at) => {
  if (typeof x !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/.test(x) || Number.isNaN(Date.parse(x))) flaw(at, 'is not a date');
};
const file = fields({ v: (x, at) => void (x === 1 || flaw(at, 'only version 1 can be read here')), experiments: listOf(() => {}, 10_000) }, ['v', 'experiments']);
const entry = fields({ name: text(LONGEST_NAME, 1), date, document: checkDocument }, ['name', 'date', 'document']);

const why = (thrown: unknown): string => (thrown instanceof Flaw ? thrown.message : 'it is not JSON');

/** The experiments of a file or of the browser's list, and a line for what is wrong with each of the others. */
function parse(json: string): { readonly good: SavedExperiment[]; readonly bad: string[] } {
  const good: SavedExperiment[] = [];
  const bad: string[] = [];
  try {
    const value: unknown = JSON.parse(json);
    file(value, '');
    (value as { experiments: unknown[] }).experiments.forEach((x, i) => {
      try {
        entry(x, `experiments[${i}]`);
        good.push(x as SavedExperiment);
      } catch (thrown) {
        bad.push(why(thrown));
      }
    });
  } catch (thrown) {
    bad.push(why(thrown));
  }
  return { good, bad };
}

const write = (experiments: readonly SavedExperiment[]) => JSON.stringify({ v: 1, experiments });
const same = (a: ExperimentDocument, b: ExperimentDocument) => JSON.stringify(a) === JSON.stringify(b);

function unused(wanted: string, experiments: readonly SavedExperiment[]): string {
  const name = wanted.replace(/\s+/g, ' ').trim().slice(0, LONGEST_NAME - 8) || 'Unnamed';
  const taken = (x: string) => experiments.some((e) => e.name === x);
  let n = 1;
  while (taken(n === 1 ? name : `${name} (${n})`)) n++;
  return n === 1 ? name : `${name} (${n})`;
}

const checksum = (line: string) => crc32(new TextEncoder().encode(line)).toString(16);

/** `open`: the browser's storage, which may be forbidden and then throws. */
export function createSaved(open: () => Store) {
  const list = signal<readonly SavedExperiment[]>([]);
  const removed = signal<readonly { readonly index: number; readonly experiment: SavedExperiment }[]>([]);
  const problem = signal<string | null>(null);
  /** Whether what `list` holds is what the browser holds. */
  let kept = true;
  /** The stored text, when a part of it cannot be read here. */
  let unreadable: string | null = null;

  /** What is stored; undefined where storage is forbidden. */
  function stored(key: string): string | null | undefined {
    try {
      return open().getItem(key);
    } catch {
      return undefined;
    }
  }
  /** Another tab may have changed it: what is stored is read anew before each change. */
  function read(): readonly SavedExperiment[] {
    const json = kept ? stored(LIST) : null;
    if (typeof json !== 'string') return list.peek();
    const { good, bad } = parse(json);
    unreadable = bad.length > 0 ? json : null;
    if (bad[0]) problem.value = `Some saved experiments cannot be read here (${bad[0]}). The browser keeps them aside, as \u201c${UNREAD}\u201d.`;
    return good;
  }
  function put(key: string, value: string): boolean {
    try {
      open().setItem(key, value);
      return true;
    } catch {
      problem.value = stored(key) === undefined ? FORBIDDEN : FULL;
      return false;
    }
  }
  function change(next: readonly SavedExperiment[]) {
    list.value = next;
    kept = (unreadable === null || put(UNREAD, unreadable)) && put(LIST, write(next));
    if (kept) unreadable = null;
  }
  const add = (name: string, document: ExperimentDocument, when = new Date().toISOString()) => {
    const now = read();
    change([{ name: unused(name, now), date: when, document }, ...now]);
  };

  /** The slots that were written whole, the newest first. */
  function slots() {
    return SLOTS.flatMap((key) => {
      try {
        const [, sum, line, n, json] = /^(\w+) ((\d+) (.*))$/s.exec(stored(key) ?? '') ?? [];
        if (line === undefined || json === undefined || sum !== checksum(line)) return [];
        return [{ key, n: Number(n), document: checkDocument(JSON.parse(json)) }];
      } catch {
        return []; // written by another version of the page
      }
    }).sort((a, b) => b.n - a.n);
  }
  let waiting: ExperimentDocument | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  function flush() {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!waiting) return;
    const [newest] = slots();
    const line = `${(newest?.n ?? 0) + 1} ${JSON.stringify(waiting)}`;
    waiting = null;
    put(SLOTS[newest?.key === SLOTS[0] ? 1 : 0], `${checksum(line)} ${line}`);
  }
  const last = (): ExperimentDocument | null => waiting ?? slots()[0]?.document ?? null;

  list.value = read();
  if (stored(LIST) === undefined) problem.value = FORBIDDEN;
  globalThis.addEventListener?.('visibilitychange', flush);
  globalThis.addEventListener?.('pagehide', flush);
  globalThis.addEventListener?.('storage', () => {
    list.value = read();
  });

  return {
    /** The newest first. */
    list: list as ReadonlySignal<readonly SavedExperiment[]>,
    /** Deleted in this tab; `restore` brings the last of them back. */
    removed: removed as ReadonlySignal<typeof removed.value>,
    problem: problem as ReadonlySignal<string | null>,

    save: (name: string, document: ExperimentDocument) => add(name, document),
    rename(name: string, to: string) {
      const now = read();
      const others = now.filter((e) => e.name !== name);
      change(now.map((e) => (e.name === name ? { ...e, name: unused(to, others) } : e)));
    },
    remove(name: string) {
      const now = read();
      const index = now.findIndex((e) => e.name === name);
      const experiment = now[index];
      if (!experiment) return;
      removed.value = [...removed.value, { index, experiment }];
      change(now.toSpliced(index, 1));
    },
    restore() {
      const back = removed.value.at(-1);
      if (!back) return;
      removed.value = removed.value.slice(0, -1);
      const now = read();
      change(now.toSpliced(back.index, 0, { ...back.experiment, name: unused(back.experiment.name, now) }));
    },
    /** A file's text: all of them, or one. */
    export: (name?: string): string => write(list.value.filter((e) => name === undefined || e.name === name)),
    /** Takes in what is good of a file's text. What is here already, under the same name, is not taken twice. */
    import(json: string): { readonly added: number; readonly bad: readonly string[] } {
      if (json.length > LARGEST_FILE) return { added: 0, bad: [`a file of more than ${LARGEST_FILE / 1e6} MB is no list of experiments`] };
      const { good, bad } = parse(json);
      const now = read();
      const fresh = good.filter(({ name, document }) => !now.some((e) => e.name === name && same(e.document, document)));
      if (fresh.length > 0) change(fresh.toReversed().reduce((all, e) => [{ ...e, name: unused(e.name, all) }, ...all], now));
      return { added: fresh.length, bad };
    },

    /** The experiment as it now is: written soon, and at once when the tab is hidden or closed. */
    autosave(document: ExperimentDocument) {
      waiting = document;
      timer ??= setTimeout(flush, SOON);
    },
    flush,
    /** The experiment as it was last left. */
    last,
    /** Before an opened link is worked on: what was left stays, in the list. */
    setAside() {
      const left = last();
      if (left && !read().some((e) => same(e.document, left))) add('Before the link', left);
    },
  };
}

export type Saved = ReturnType<typeof createSaved>;
