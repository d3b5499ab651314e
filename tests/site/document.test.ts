import type { ShippedModel } from '../../site/src/engine/types';
import { Flaw, agree, checkDocument, fromDocument, plan, printable, retokenized, toDocument, type ExperimentDocument } from '../../site/src/state/document';
import { EMPTY } from '../../site/src/state/experiment';
import { NOTHING } from '../../site/src/state/selection';
import { VIEW } from '../../site/src/state/view';

const [SMALL, LARGE] = ['a', 'b'].map((c) => c.repeat(64));
const MODELS = [
  { id: 'small', title: 'small', path: 'models/small/', bytes: 3_000_000, sha256: SMALL },
  { id: 'large', title: 'large', path: 'models/large/', bytes: 8_600_000, sha256: LARGE },
] as ShippedModel[];
const of = (model?: { id: string; sha256?: string }): ExperimentDocument => ({ v: 1, a: { text: 'x' }, ...(model && { model }) });

describe('what an opened document asks of the page', () => {
  it('runs with the model that the page loads anyway, and with one that is stored', () => {
    expect(plan(of(), MODELS)).toEqual({ kind: 'run', id: 'small' });
    expect(plan(of({ id: 'small', sha256: SMALL ?? '' }), MODELS)).toEqual({ kind: 'run', id: 'small' });
    expect(plan(of({ id: 'large', sha256: LARGE ?? '' }), MODELS, ['large'])).toEqual({ kind: 'run', id: 'large' });
  });

  it('asks before it loads another', () => {
    expect(plan(of({ id: 'large' }), MODELS, ['small'])).toMatchObject({ kind: 'ask', id: 'large', button: 'Load large (8.6 MB) and run it' });
  });

  it('asks before it runs with other weights, and says which', () => {
    const asked = plan(of({ id: 'small', sha256: 'c'.repeat(64) }), MODELS);
    expect(asked).toMatchObject({ kind: 'ask', id: 'small', button: 'Run it' });
    expect(asked).toHaveProperty('line', expect.stringMatching(/cccccccc\u2026; here aaaaaaaa\u2026/));
    expect(plan(of({ id: 'large', sha256: SMALL ?? '' }), MODELS)).toHaveProperty('button', 'Load large (8.6 MB) and run it');
  });

  it('only shows what needs a model that is not here', () => {
    for (const id of ['evil\u202e', '__proto__', '../small'])
      expect(plan(of({ id }), MODELS)).toEqual({ kind: 'show', line: expect.stringContaining(`\u201c${printable(id)}\u201d`) });
    expect(plan(of({ id: 'small' }), [])).toMatchObject({ kind: 'run' }); // the failure to list them is told by the run
  });
});

describe('the numbers of a sender', () => {
  it('are ours within 1e-3 of their size', () => {
    expect(agree({ loss: 3.43, next: 0.5, next_id: 7 }, { loss: 3.4334, next: 0.5, next_id: 7, more: 1 })).toEqual({
      same: true, compared: 3, worst: expect.closeTo(0.0034 / 3.4334, 9), line: 'Same numbers as the sender\u2019s (3 compared).',
    });
    expect(agree({ loss: 0, kl: 3e-8 }, { loss: 0, kl: -1e-8 })).toMatchObject({ same: true });
  });

  it('are told where they differ, with the digits that show it', () => {
    expect(agree({ loss: 3.43, weight: 0.87 }, { loss: 3.51, weight: 0.87 })).toMatchObject({
      same: false, compared: 2, line: 'These numbers differ from the sender\u2019s: loss 3.43 there, 3.51 here.',
    });
    expect(agree({ loss: 3.4301 }, { loss: 3.4339 })).toHaveProperty('line', expect.stringContaining('loss 3.4301 there, 3.4339 here'));
  });

  it('compare tokens as tokens', () => {
    expect(agree({ next_id: 20_000 }, { next_id: 20_001 })).toMatchObject({ same: false, line: expect.stringContaining('next id 20000 there, 20001 here') });
  });

  it('that we lack, or that are no numbers here, are not the same', () => {
    expect(agree({ loss: 3.43 }, {})).toMatchObject({ same: false, compared: 0, line: expect.stringContaining('loss 3.43 there, none here') });
    expect(agree({ constructor: 1 } as never, {})).toMatchObject({ same: false });
    expect(agree({ loss: 3.43 }, { loss: NaN })).toMatchObject({ same: false });
    expect(agree(undefined, { loss: 1 })).toBeNull();
  });
});

describe('a document', () => {
  it('says which texts are other tokens here', () => {
    const sent: ExperimentDocument = { v: 1, a: { text: 'x', ids: [0, 1] }, b: { text: 'y', ids: [0, 2] } };
    expect(retokenized(sent, { a: Int32Array.of(0, 1), b: [0, 2] })).toBeNull();
    expect(retokenized(sent, { a: [0, 1], b: null })).toBeNull();
    expect(retokenized(sent, { a: [0, 1], b: [0, 3] })).toMatch(/splits text B into/);
    expect(retokenized(sent, { a: [0], b: [0, 3] })).toMatch(/splits text A and B into/);
  });

  it('holds only what differs from the defaults of its version', () => {
    expect(toDocument({ ...EMPTY, text: 'x', view: VIEW }, NOTHING)).toEqual({ v: 1, a: { text: 'x' } });
    expect(toDocument({ ...EMPTY, text: 'x', view: { ...VIEW, tab: 'mlp' } }, { ...NOTHING, dest: 0 }, { numbers: { loss: NaN, next: 1 / 3 } }))
      .toEqual({ v: 1, a: { text: 'x' }, view: { tab: 'mlp' }, selection: { dest: 0 }, numbers: { next: 0.3333333 } });
  });

  it('that says nothing of what ablation is judged by means the loss, as ever; a fresh page begins with the metric, and says so', () => {
    expect(fromDocument({ v: 1, a: { text: 'x' } }).experiment.view.judged).toBe('loss');
    expect(EMPTY.view).toEqual({ ...VIEW, judged: 'metric' });
    const sent = toDocument({ ...EMPTY, text: 'x' }, NOTHING);
    expect(sent.view).toEqual({ judged: 'metric' });
    expect(fromDocument(sent).experiment.view).toEqual(EMPTY.view);
  });

  it('never holds half of a character', () => {
    expect(toDocument({ ...EMPTY, text: 'a\ud83d' }, NOTHING).a.text).toBe('a\ufffd');
    expect(() => checkDocument({ v: 1, a: { text: 'a\ud83d' } })).toThrow(Flaw);
  });

  it('that is nested without end is refused and not followed', () => {
    let deep: unknown = 0;
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(() => checkDocument({ v: 1, a: { text: 'x' }, edits: [{ hook: 'x', op: 'set', value: deep }] })).toThrow(Flaw);
    expect(() => checkDocument({ v: 1, a: { text: 'x' }, view: deep })).toThrow(Flaw);
  });
});

describe('someone else\u2019s text', () => {
  it('is shown on one line, with what cannot be seen as its number', () => {
    expect(printable('a\u202eb\u200b\n\0\ud800')).toBe('a\\u{202e}b\\u{200b}\\u{a}\\u{0}\\u{d800}');
    expect(printable('caf\u00e9 e\u0301 \u4e2d \u{1f43b}')).toBe('caf\u00e9 e\u0301 \u4e2d \u{1f43b}');
    expect(printable('x'.repeat(100), 10)).toBe(`${'x'.repeat(10)}\u2026`);
    expect(printable(`Z${'\u0301'.repeat(50)}`)).not.toContain('\u0301'.repeat(4));
  });
});
