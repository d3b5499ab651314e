import { createCompute, type Shown } from '../../site/src/state/run';
import { repeatedPart, strongestSource, weightAt } from '../../site/src/state/reading';
import { findStory, ordinalWord, plain, relation, tell } from '../../site/src/state/story';
import { ablatedHead, ablation } from '../../site/src/state/experiment';
import { NOTHING, type HeadId, type Selection } from '../../site/src/state/selection';
import { fakeEngine, type FakeOptions } from './fakeEngine';

const CAT = 'One day the cat sat on the mat. Then the cat sat on the';

async function picture(text: string, options: FakeOptions = {}, off: readonly HeadId[] = []) {
  const engine = fakeEngine(options);
  const compute = createCompute(engine, await engine.load('fake'));
  const { a: shown } = await compute({ text, textB: null, edits: off.map(ablation) }, new AbortController().signal);
  const story = findStory(shown) ?? NOTHING;
  const vocabulary = await engine.tokens(Array.from({ length: 512 }, (_, i) => i));
  const line = (selection: Selection = story) => {
    const heads = shown.edits.map(ablatedHead).filter((h) => h !== null);
    return plain(tell(shown, { selection, off: heads, others: 0 }), shown, (id) => vocabulary[id]?.text ?? '');
  };
  return { shown, story, line };
}

const weight = (shown: Shown, { head, dest, src }: Selection) => (head ? weightAt(shown.now, head, dest ?? 0, src ?? 0) : 0);

describe('the story', () => {
  it('tells the strongest induction head at the second occurrence, with this run\'s number', async () => {
    const { shown, story, line } = await picture(CAT);
    expect(story.head).toEqual({ layer: 1, head: 3 });
    expect(relation(shown.tokenized.ids, story.dest ?? 0, story.src ?? 0)).toBe('induction');
    expect(repeatedPart(shown.tokenized.ids)).toContain(story.dest);
    expect(line()).toBe(
      `L1H3 looks from the second \`cat\` to the word that followed the first one, \`sat\` (${weight(shown, story).toFixed(2)} of its attention).`,
    );
  });

  it('follows the model: another head, another strength, another sentence', async () => {
    const { story, line } = await picture(CAT, { inductionHead: 6, strength: 0.6 });
    expect(story.head).toEqual({ layer: 1, head: 6 });
    expect(line()).toMatch(/^L1H6 looks from .*\(0\.6\d of its attention\)\.$/);
  });

  it('follows the text: a token that comes a third time is called so', async () => {
    const { story, line } = await picture('z a b c a b d a b');
    expect(line({ ...story, dest: 8, src: 6 })).toMatch(/^L1H3 looks from the third `a` to the word that followed the second one, `b`/);
  });

  it('chooses a row whose strongest look is the one it names', async () => {
    const { shown, story } = await picture(CAT, { strength: 0.4 });
    const { head, dest, src } = story;
    expect(head && strongestSource(shown.before, head, dest ?? 0)).toBe(src);
  });

  it('where a head looks more at another source than at the one that is chosen, says so first', async () => {
    const { shown, story, line } = await picture(CAT);
    const most = weight(shown, story).toFixed(2);
    expect(line({ ...story, src: story.dest })).toBe(`L1H3 looks from the second \`cat\` most at the first \`sat\` (${most} of its attention); at itself <0.01.`);
  });

  it('of places that are as clear, words come before full stops', async () => {
    const { shown, story } = await picture('He sat. He sat. He sat. He sat.');
    const text = (at: number | null) => shown.tokenized.tokens[at ?? 0]?.text.trim();
    expect([text(story.dest), text(story.src)]).toEqual(['He', 'sat']);
  });

  it('a piece of a word is called a token', async () => {
    const { line } = await picture('x1y x1y');
    expect(line()).toMatch(/the token that followed the first one/);
  });

  it('without an induction head says so with its number and shows the previous-token head', async () => {
    const { shown, story, line } = await picture(CAT, { inductionHead: -1 });
    const best = Math.max(...shown.before.heads.filter((h) => h.layer > 0).map((h) => h.induction));
    expect(story.head).toEqual({ layer: 0, head: 0 });
    expect(line()).toMatch(new RegExp(`^No head copies here \\(the best, L\\dH\\d, has induction ${best.toFixed(2)} of 1\\)\\. L0H0 looks from `));
    expect(line()).toMatch(/to the token just before it/);
  });

  it('without a repeated token says that there is nothing to copy', async () => {
    const { line } = await picture('The cat sat on my mat');
    expect(line()).toMatch(/^No token comes twice here, so there is nothing to copy\. L0H0 looks from /);
  });

  it('without any pattern to tell speaks of the prediction', async () => {
    const { line } = await picture(CAT, { nLayers: 0 });
    expect(line()).toMatch(/^This model has no attention: it guesses from the current token alone\. After `the` its first guess is `.*` \((0\.\d\d|<0\.01)\)\.$/s);
  });

  it('tells what switching the head off did, in both numbers', async () => {
    const { line } = await picture(CAT, {}, [{ layer: 1, head: 3 }]);
    expect(line()).toMatch(
      /^Without L1H3, `sat` after the second `cat` falls from 0\.\d\d to 0\.\d\d, and the loss on the repeated part rises from [\d.]+ to [\d.]+ nats\.$/,
    );
  });

  it('names every head that is off, and says when nothing moved', async () => {
    const { line } = await picture(CAT, {}, [{ layer: 0, head: 1 }, { layer: 0, head: 2 }, { layer: 1, head: 5 }]);
    expect(line()).toMatch(/^Without L0H1, L0H2 and L1H5, .* stays at 0\.\d\d, and the loss on the repeated part stays at /);
  });
});

describe('several heads off', () => {
  it('names three in the order of layers, and counts more', async () => {
    const heads = [{ layer: 1, head: 5 }, { layer: 0, head: 2 }, { layer: 0, head: 1 }];
    expect((await picture(CAT, {}, heads)).line()).toMatch(/^Without L0H1, L0H2 and L1H5, /);
    expect((await picture(CAT, {}, [...heads, { layer: 1, head: 0 }])).line()).toMatch(/^Without 4 heads, /);
  });
});

describe('a model of one layer', () => {
  it('is told as one that cannot copy, whatever a head of it happens to score', async () => {
    const { shown, line } = await picture(CAT, { nLayers: 1, inductionHead: 5 });
    expect(Math.max(...shown.before.heads.map((h) => h.induction))).toBeGreaterThan(0.5);
    expect(line()).toMatch(/^This model has one layer; copying a repetition takes two\. L0H0 looks from /);
  });
});

describe('words for numbers', () => {
  it('counts occurrences in words, and in figures past the ninth', () => {
    expect([1, 2, 9, 10, 11, 12, 13, 21, 22, 23, 111, 121].map(ordinalWord)).toEqual(
      ['first', 'second', 'ninth', '10th', '11th', '12th', '13th', '21st', '22nd', '23rd', '111th', '121st'],
    );
  });

  it('knows what a source is to a destination', () => {
    const ids = [0, 7, 8, 9, 7, 8];
    const of = (dest: number, src: number) => relation(ids, dest, src);
    expect([of(4, 2), of(4, 1), of(3, 2), of(3, 0), of(3, 3), of(3, 1)]).toEqual(
      ['induction', 'duplicate', 'previous', 'first', 'itself', 'other'],
    );
  });

  it('the repeated part is where a pair of tokens comes again', () => {
    expect(repeatedPart([0, 7, 8, 9, 7, 8, 9, 5])).toEqual([4, 5]);
    expect(repeatedPart([0, 1, 2])).toEqual([]);
  });
});
