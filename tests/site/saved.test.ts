import { EMPTY } from '../../site/src/state/experiment';
import { toDocument, type ExperimentDocument } from '../../site/src/state/document';
import { createSaved } from '../../site/src/state/saved';
import { random, randomExperiment } from './randomExperiment';

const doc = (text: string): ExperimentDocument => ({ v: 1, a: { text } });

/** A browser's storage, which can fail as they do. */
function storage(items = new Map<string, string>()) {
  const store = {
    items,
    /** How a write fails: not, by quota with nothing written, or cut short. */
    fails: null as null | 'quota' | 'torn',
    getItem: (key: string) => items.get(key) ?? null,
    setItem(key: string, value: string) {
      if (store.fails === 'torn') items.set(key, value.slice(0, value.length / 2));
      if (store.fails) throw new DOMException('full', 'QuotaExceededError');
      items.set(key, value);
    },
  };
  return store;
}
const open = (store: ReturnType<typeof storage>) => createSaved(() => store);
const names = (saved: ReturnType<typeof createSaved>) => saved.list.value.map((e) => e.name);

describe('saved experiments', () => {
  it('are there on the next visit, the newest first, exactly as they were', () => {
    const store = storage();
    const saved = open(store);
    const next = random(3);
    const documents = Array.from({ length: 20 }, () => {
      const { experiment, lock, a } = randomExperiment(next);
      return toDocument(experiment, lock, { a });
    });
    documents.forEach((document, i) => saved.save(`number ${i}`, document));
    const again = open(store);
    expect(again.list.value).toEqual(saved.list.value);
    expect(again.list.value.map((e) => e.document)).toEqual(documents.toReversed());
    expect(again.problem.value).toBeNull();
  });

  it('keep both of two with the same name', () => {
    const saved = open(storage());
    for (const text of ['a', 'b', 'c']) saved.save(' the  same ', doc(text));
    saved.save('', doc('d'));
    saved.save('x'.repeat(300), doc('e'));
    expect(names(saved)).toEqual(['x'.repeat(92), 'Unnamed', 'the same (3)', 'the same (2)', 'the same']);
    saved.rename('Unnamed', 'the same');
    saved.rename('the same (3)', 'the same (3)');
    expect(names(saved).slice(1)).toEqual(['the same (4)', 'the same (3)', 'the same (2)', 'the same']);
    expect(saved.list.value.map((e) => e.document.a.text)).toEqual(['e', 'd', 'c', 'b', 'a']);
  });

  it('come back after they were deleted, where they stood', () => {
    const saved = open(storage());
    for (const name of ['c', 'b', 'a']) saved.save(name, doc(name));
    saved.remove('b');
    saved.remove('no such name');
    saved.remove('a');
    expect(names(saved)).toEqual(['c']);
    saved.save('b', doc('other'));
    saved.restore();
    saved.restore();
    saved.restore();
    expect(names(saved)).toEqual(['a', 'b (2)', 'b', 'c']);
  });

  it('of two tabs do not overwrite each other', () => {
    const store = storage();
    const [one, two] = [open(store), open(store)];
    one.save('from one', doc('1'));
    two.save('from two', doc('2'));
    one.remove('no such name');
    one.rename('from two', 'from both');
    expect(names(open(store))).toEqual(['from both', 'from one']);
  });

  it('stay in memory, with word of it, where storage is forbidden or full', () => {
    for (const saved of [createSaved(() => { throw new DOMException('no', 'SecurityError'); }), createSaved(() => null as never)]) {
      expect(saved.problem.value).toMatch(/keep nothing/);
      saved.save('a', doc('a'));
      saved.save('b', doc('b'));
      saved.autosave(doc('c'));
      saved.flush();
      expect(names(saved)).toEqual(['b', 'a']);
      expect(saved.last()).toBeNull();
      expect(JSON.parse(saved.export()).experiments).toHaveLength(2);
    }
    const store = storage();
    const saved = open(store);
    saved.save('kept', doc('a'));
    store.fails = 'quota';
    saved.save('not kept', doc('b'));
    expect(saved.problem.value).toMatch(/full/);
    expect(names(open(store))).toEqual(['kept']);
    store.fails = null;
    saved.save('later', doc('c'));
    expect(names(open(store))).toEqual(['later', 'not kept', 'kept']);
  });

  it('that cannot be read here are kept aside before anything is written', () => {
    for (const text of ['{"v":2,"experiments":[]}', 'no JSON', '{"v":1,"experiments":[{"name":"x","date":"2026-01-01T00:00:00.000Z","document":{"v":9}},1]}']) {
      const store = storage(new Map([['hookscope.saved', text]]));
      const saved = open(store);
      expect(saved.list.value).toEqual([]);
      expect(saved.problem.value).toMatch(/cannot be read here/);
      expect(store.items.get('hookscope.saved')).toBe(text);
      saved.save('new', doc('a'));
      expect(store.items.get('hookscope.saved.unread')).toBe(text);
      expect(names(open(store))).toEqual(['new']);
    }
  });
});

describe('files', () => {
  it('take them to another browser, all or one', () => {
    const saved = open(storage());
    for (const name of ['a', 'b', 'c']) saved.save(name, doc(name));
    const other = open(storage());
    other.save('b', doc('another b'));
    expect(other.import(saved.export())).toEqual({ added: 3, bad: [] });
    expect(names(other)).toEqual(['c', 'b (2)', 'a', 'b']);
    const third = open(storage());
    third.import(saved.export('b'));
    expect(third.list.value).toEqual(saved.list.value.filter((e) => e.name === 'b'));
  });

  it('read twice are there once', () => {
    const saved = open(storage());
    saved.save('a', doc('a'));
    expect(saved.import(saved.export())).toEqual({ added: 0, bad: [] });
    expect(names(saved)).toEqual(['a']);
  });

  it('are checked: what does not fit is named, the rest is taken', () => {
    const saved = open(storage());
    const date = '2026-01-01T00:00:00.000Z';
    const good = { name: 'good', date, document: doc('x') };
    const bad: readonly (readonly [object | number | null, RegExp])[] = [
      [1, /^experiments\[0\]: 1 is not an object/],
      [null, /null is not an object/],
      [{ ...good, name: '' }, /experiments\[0\]\.name: a text of 0 characters/],
      [{ ...good, name: 'x'.repeat(101) }, /name: a text of 101/],
      [{ ...good, name: 7 }, /name: 7 is not a text/],
      [{ ...good, date: 1e20 }, /date: is not a date/],
      [{ ...good, date: '2026-99-01T00:00:00.000Z' }, /date: is not a date/],
      [{ ...good, date: -1 }, /date/],
      [{ ...good, more: 1 }, /more: there is no such field/],
      [{ name: 'x', date }, /document: is missing/],
      [{ ...good, document: { v: 1, a: { text: 'x' }, view: { tab: 'admin' } } }, /experiments\[0\]\.document\.view\.tab: "admin" is none/],
      [JSON.parse('{"__proto__":{"name":"x"}}') as object, /__proto__: there is no such field/],
    ];
    for (const [entry, says] of bad) {
      const result = saved.import(JSON.stringify({ v: 1, experiments: [entry] }));
      expect(result.added).toBe(0);
      expect(result.bad).toEqual([expect.stringMatching(says)]);
    }
    const all = saved.import(JSON.stringify({ v: 1, experiments: [...bad.map(([entry]) => entry), good] }));
    expect(all).toMatchObject({ added: 1, bad: { length: bad.length } });
    expect(saved.list.value).toEqual([good]);
  });

  it('that are no list of experiments change nothing', () => {
    const store = storage();
    const saved = open(store);
    for (const text of ['', 'null', '[]', '{}', '{"v":2,"experiments":[]}', '{"v":1,"experiments":{}}', '<html>', '\0', '['.repeat(100_000), ' '.repeat(8_000_001)]) {
      const { added, bad } = saved.import(text);
      expect([added, bad.length]).toEqual([0, 1]);
    }
    expect(store.items.size).toBe(0);
  });
});

describe('the experiment of the moment', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is written within a second of a change, however many follow it', () => {
    const store = storage();
    const saved = open(store);
    for (let i = 0; i < 40; i++) {
      saved.autosave(doc(`text ${i}`));
      vi.advanceTimersByTime(100);
      if (i >= 9) expect(Number(open(store).last()?.a.text.slice(5))).toBeGreaterThanOrEqual(i - 9);
    }
    vi.advanceTimersByTime(1000);
    expect(open(store).last()).toEqual(doc('text 39'));
  });

  it('is written at once when the tab goes', () => {
    const store = storage();
    const saved = open(store);
    saved.autosave(doc('a'));
    expect(open(store).last()).toBeNull();
    expect(saved.last()).toEqual(doc('a'));
    saved.flush();
    expect(open(store).last()).toEqual(doc('a'));
  });

  it('survives a write that is cut short or refused, at any time', () => {
    for (const fails of ['torn', 'quota'] as const)
      for (let good = 1; good < 5; good++) {
        const store = storage();
        const saved = open(store);
        for (let i = 1; i <= good; i++) {
          saved.autosave(doc(`good ${i}`));
          saved.flush();
        }
        store.fails = fails;
        for (let i = 0; i < 3; i++) {
          saved.autosave(doc('lost'));
          saved.flush();
          expect(open(store).last()).toEqual(doc(`good ${good}`));
        }
        store.fails = null;
        const again = open(store);
        again.autosave(doc('after'));
        again.flush();
        expect(open(store).last()).toEqual(doc('after'));
      }
  });

  it('is not believed once any byte of it changed', () => {
    const store = storage();
    const saved = open(store);
    for (const text of ['first', 'second']) {
      saved.autosave(doc(text));
      saved.flush();
    }
    const [key, whole] = [...store.items].find(([, value]) => value.includes('second')) ?? ['', ''];
    for (let i = 0; i < whole.length; i++) {
      store.items.set(key, whole.slice(0, i) + String.fromCharCode(whole.charCodeAt(i) ^ 1) + whole.slice(i + 1));
      expect(open(store).last()).toEqual(doc('first'));
    }
    store.items.set(key, whole);
    expect(open(store).last()).toEqual(doc('second'));
  });

  it('is set aside, once, when a link takes its place', () => {
    const store = storage();
    const saved = open(store);
    saved.setAside();
    expect(names(saved)).toEqual([]);
    saved.autosave(toDocument({ ...EMPTY, text: 'mine' }, { head: null, dest: 3, src: null, depth: null, neuron: null }));
    saved.setAside();
    saved.setAside();
    expect(saved.list.value.map((e) => [e.name, e.document.a.text])).toEqual([['Before the link', 'mine']]);
  });
});
