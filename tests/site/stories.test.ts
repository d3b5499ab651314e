/** The sentences of the Patch bench's studies: what they say is what the sign of the number says. */
import { whereabouts } from '../../site/src/views/patch/kept';
import { ablationStory, circuitStory, estimateStory, pathStory, type Scored } from '../../site/src/views/patch/stories';
import { waysStory } from '../../site/src/views/steer/waysStory';

const of = (direction: Scored['direction'], { clean, corrupted } = { clean: 3, corrupted: -1 }, pairs = 1): Scored => ({ base: { clean, corrupted, pairs }, direction, metric: 'logit_diff' });

describe('paths', () => {
  const paths = [{ name: 'embed', value: -1 }, { name: 'L0H1', value: 1 }, { name: 'L0H2', value: -1.4 }] as const;

  it('bring back, or take away, and what goes the other way is said to', () => {
    expect(pathStory(of('denoise'), 'into final', paths)).toMatchObject({
      words: 'Of the 3 direct paths into final that from L0H1 alone brings back most: 0.50. That from L0H2 goes the other way: −0.10.', head: { layer: 0, head: 1 },
    });
    expect(pathStory(of('noise'), 'from embed', [{ name: 'L1H0.k', value: 1 }, { name: 'final', value: 3.4 }]).words).toBe(
      'Of the 2 direct paths from embed that into L1H0.k alone takes away most: 0.50 is left. That into final goes the other way: 1.10.');
  });

  it('of a set are said to be', () => {
    expect(pathStory(of('denoise', undefined, 4), 'into final', paths.slice(0, 2)).words).toBe(
      'Over 4 pairs: of the 2 direct paths into final that from L0H1 alone brings back most: 0.50.');
  });

  it('that do nothing are not said to do most', () => {
    expect(pathStory(of('denoise', undefined, 4), 'into final', [{ name: 'embed', value: -1.001 }]).words).toBe('Over 4 pairs: no direct path into final brings any of it back by itself.');
    expect(pathStory(of('denoise'), 'into final', [{ name: 'embed', value: -1.001 }, { name: 'L0H2', value: -1.4 }]).words).toBe(
      'No direct path into final brings any of it back by itself. That from L0H2 goes the other way: −0.10.');
    expect(pathStory(of('noise'), 'into final', [{ name: 'embed', value: 3 }]).words).toBe('No direct path into final takes any of it away by itself.');
    expect(pathStory(of('denoise'), 'into embed', []).words).toBe('There is no direct path into embed.');
  });

  it('have no score where both prompts have the same metric', () => {
    expect(pathStory(of('denoise', { clean: 2, corrupted: 2 }), 'into final', [{ name: 'embed', value: 2.5 }, { name: 'L0H0', value: 1 }]).words).toBe(
      'A and B have the same logit difference, 2.00: there is no difference to bring back, and no score. Of the 2 direct paths into final that from L0H0 alone moves it most: to 1.00.');
  });
});

describe('estimates', () => {
  it('find the patch that does most, or another', () => {
    const places = [{ name: 'z of L0H0 at position 1', value: 1, guess: 0 }, { name: 'v of L1H2 at position 3', value: 0, guess: 1.4 }];
    expect(estimateStory(of('denoise'), places, '0.412').words).toBe(
      'z of L0H0 at position 1 brings back most: 0.50. Gradients say 0.25, but name v of L1H2 at position 3 first (0.60; by patching 0.25). Over all 2 patches both correlate with r = 0.412.');
    expect(estimateStory(of('noise'), places.toReversed(), null).words).toMatch(
      /^v of L1H2 at position 3 takes away most: 0\.25 is left\. Gradients say 0\.60, but name z of L0H0 at position 1 first \(0\.25; by patching 0\.50\)\.$/);
    expect(estimateStory(of('denoise'), places.slice(0, 1), '1').words).toMatch(/and name it first, too\./);
  });

  it('of patches that all go the other way are of none that brings back', () => {
    expect(estimateStory(of('denoise'), [{ name: 'z of L0H0 at position 1', value: -2, guess: 1 }], '0.1').words).toMatch(/^No single patch brings any of it back\./);
  });
});

describe('a circuit', () => {
  const says = (edges: number, faithfulness: number, completeness: number, enough: number | null = null) =>
    circuitStory(of('denoise'), { edges, all: 40, faithfulness, completeness }, enough).words;

  it('makes a share of the difference, more than all of it, or the opposite', () => {
    expect(says(7, 0.93, -0.2, 0.9)).toBe('7 edges, of 40, make 0.93 of the difference in logit difference; no smaller circuit of those tried makes 0.9. All others without them make −0.20 of it.');
    expect(says(1, 1.39, 0)).toBe('1 edge, of 40, makes 1.39 of the difference in logit difference, more than all edges do. All others without it make 0.00 of it.');
    expect(says(2, -0.3, 1)).toMatch(/make −0\.30 of the difference .*, the other way\./);
    expect(says(40, 1, 0)).toMatch(/These are all\.$/);
    expect(says(2, Number.NaN, Number.NaN)).toMatch(/there is no difference to bring back/);
  });
});

describe('an ablation', () => {
  const heads = [{ name: 'L0H0', value: 2.5 }, { name: 'L0H1', value: 3.2 }, { name: 'L1H0', value: 2.9 }] as const;

  it('harms where a loss rises and where a logit difference falls', () => {
    expect(ablationStory('loss', 2.8, 'head', '', heads)).toMatchObject({
      words: 'Without L0H1 the mean loss rises from 2.80 to 3.20 nats: no other single head is missed so much. Without L0H0 it falls from 2.80 to 2.50 nats.', head: { layer: 0, head: 1 },
    });
    expect(ablationStory('logit_diff', 2.8, 'head', 'at its mean over the text', heads).words).toBe(
      'With L0H0 at its mean over the text the logit difference falls from 2.80 to 2.50: no other single head is missed so much. With L0H1 at its mean over the text it rises from 2.80 to 3.20.');
    expect(ablationStory('kl', 0, 'place', '', [{ name: 'attn_out L0 at position 2', value: 0.31 }]).words).toMatch(/^Without attn_out L0 at position 2 the KL from A rises from 0 to 0\.310 nats/);
  });

  it('without which all is better, or the same, is not missed', () => {
    expect(ablationStory('loss', 4, 'head', '', heads).words).toBe('No single head is missed: without L0H0 the mean loss even falls from 4.00 to 2.50 nats.');
    expect(ablationStory('loss', 2.5, 'head', '', [{ name: 'L0H0', value: 2.5001 }]).words).toBe('No single head is missed: the mean loss stays at 2.50 nats.');
  });
});

describe('ways to one end', () => {
  const of = (effect: number, perplexity: number, repetition = 0) => ({ effect, perplexity, repetition, kl: 0 });
  const limits = { perplexity_limit: 10, repetition_limit: 0.5 };
  const says = (...ways: Parameters<typeof waysStory>[2]) => waysStory(limits, of(-1.2, 20), ways);

  it('are told by what they gain and what they cost', () => {
    expect(says(['Ablation', of(-1.2, 22)], ['Steering', of(0.5, 210)], ['Prompting', of(0.25, 18)])).toBe(
      'Steering takes the effect furthest: from −1.20 to +0.50, and perplexity from 20.0 to 210. Its texts have collapsed. Next is prompting: +0.25, perplexity 18.0.');
    expect(says(['Ablation', of(-1.3, 22)], ['Patching', of(-1, 18)])).toMatch(/to −1\.00, .* 18\.0\. No other way raises it\.$/);
    expect(says(['Steering', of(2, 20)], ['Ablation', of(1, 30, 0.6)])).toMatch(/Next is ablation: \+1\.00, perplexity 30\.0, repetition 0\.60, collapsed\.$/);
    expect(says(['Steering', of(2, 6, 0.45)], ['Ablation', of(1, 8, 0.3)])).toMatch(
      / to 6\.00\. 3-gram repetition rises from 0\.00 to 0\.45: the lower perplexity is that of text that repeats itself\. Next is ablation: \+1\.00, perplexity 8\.00, repetition 0\.30\.$/);
    expect(says(['Steering', of(2, 20)])).toMatch(/from 20\.0 to 20\.0\.$/);
  });

  it('that do not raise it are not said to', () => {
    expect(says(['Ablation', of(-1.3, 22)], ['Patching', of(-1.25, 18)])).toBe('None of these ways raises the effect above −1.20, the model’s own; patching comes nearest: −1.25.');
    expect(says()).toBe('');
  });
});

describe('what differs in the stream', () => {
  /** Rows are resid_pre of each layer; `ends`: each layer's attention at the end. */
  const found = (rows: readonly (readonly number[])[], ends: readonly number[]) =>
    whereabouts((layer, position) => rows[layer]?.[position] ?? Number.NaN, (layer) => ends[layer] ?? Number.NaN, rows.length, rows[0]?.length ?? 0);

  it('at the end alone has nothing to be carried, and no position without it is named', () => {
    expect(found([[0, 0, 0, 1], [0, 0, 0, 1]], [0.03, 0.07])).toEqual({ kept: { layer: 0, positions: [3] }, first: null, atEnd: true, alone: true, carries: null });
    expect(found([[0.001, -0.002, 0, 1], [0, 0.004, 0, 1]], [0.9, 0.9]).kept).toEqual({ layer: 0, positions: [3] });
  });

  it('at the end and before it is told of both, the most first', () => {
    expect(found([[0, 0.4, 0, 0.6], [0, 0.4, 0, 0.6]], [0, 0.4])).toMatchObject({ kept: { layer: 0, positions: [3, 1] }, atEnd: true, alone: false });
    expect(found([[0, 0.3, 0, 0.7], [0, 0.3, 0, 0.7]], [0, 0.3])).toMatchObject({ kept: { layer: 0, positions: [3] }, atEnd: true, alone: false });
  });

  it('is told of in the row that still has it, and where it was first', () => {
    expect(found([[0, 0.44, 0, 0.26, 0, 0], [0, 0, 0.44, 0, 0.27, 0]], [0, 1])).toEqual({
      kept: { layer: 1, positions: [2, 4] }, first: { layer: 0, positions: [1, 3] }, atEnd: false, alone: false, carries: 1,
    });
    expect(found([[0, 0.9, 0, 0], [0, 0.8, 0, 0], [0, 0.1, 0, 0.7]], [0, 0.6, 0.1])).toEqual({
      kept: { layer: 1, positions: [1] }, first: null, atEnd: false, alone: false, carries: 1,
    });
  });

  it('is carried by no layer that comes before, nor by one that does little', () => {
    expect(found([[0.9, 0, 0], [0.9, 0, 0], [0.9, 0, 0]], [0.5, 0.1, 0.1]).carries).toBeNull();
    expect(found([[0.9, 0, 0], [0.9, 0, 0], [0.1, 0, 0]], [0, 0.1, 0.5])).toMatchObject({ kept: { layer: 1, positions: [0] }, carries: 2 });
    expect(found([[0.9, 0], [0.9, 0]], [0, 0.19]).carries).toBeNull();
  });

  it('is nowhere where no single position does anything', () => {
    expect(found([[0.004, 0, -0.3], [0, -0.2, 0.9]], [0, 0.9])).toMatchObject({ kept: { positions: [] }, first: null, carries: null });
    expect(found([[Number.NaN, Number.NaN]], [Number.NaN]).kept.positions).toEqual([]);
    expect(found([[0.8]], [0.3])).toMatchObject({ kept: { layer: 0, positions: [0] }, atEnd: true, alone: true });
  });
});
