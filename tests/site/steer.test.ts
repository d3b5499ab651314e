/** What steers: from a recipe to the edits of a run, and how it is kept. */
import { checkDocument, fromDocument, toDocument } from '../../site/src/state/document';
import { createExperiment, EMPTY } from '../../site/src/state/experiment';
import { createCompute } from '../../site/src/state/run';
import { NOTHING } from '../../site/src/state/selection';
import { hookName, randomLike, recipeName, steerEdits, steerName, streamHooks, vectorRequest, type Steer, type Vector } from '../../site/src/state/steer';
import type { ModelConfig, ReadRequest, RunRequest } from '../../site/src/engine/types';
import { endOf } from '../../site/src/views/steer/Texts';
import { plainPairs, readyFor, wordsOf } from '../../site/src/views/steer/ready';
import { fakeEngine } from './fakeEngine';

const STEER: Steer = {
  recipe: {
    contrast: { positive: ['The girl was very happy', 'Tom felt so happy', ' '], negative: ['The girl was very sad', 'Tom felt so sad'] },
    hook: 'blocks.1.hook_resid_pre', method: 'mean', position: 'last',
  },
  hook: 'blocks.1.hook_resid_pre', op: 'add', where: 'all', strength: 4, range: 8, effect: null, instead: 'Be happy.', off: [[1, 3]],
  patch: { text: 'x', hook: 'blocks.1.hook_resid_pre' }, force: 'off',
};
const VECTOR: Vector = { shape: [3], data: Float32Array.of(1, 0.1, -2) };
const MATRIX: Vector = { shape: [4, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
const numbers = [1, 0.1, -2];
const glyph = (id: number) => `#${id}`;

describe('the edits of a steered run', () => {
  const edits = (part: Partial<Steer>, vector = VECTOR, n = 5) => steerEdits({ ...STEER, ...part }, vector, n);
  const hook = STEER.hook;

  it('each operator is what docs/formats.md says of its edits', () => {
    expect(edits({})).toEqual([{ hook, op: 'add', scale: 4, value: numbers }]);
    expect(edits({ op: 'project_out' })).toEqual([{ hook, op: 'project_out', value: numbers, scale: 4 }]);
    expect(edits({ op: 'cap' })).toEqual([{ hook, op: 'clamp', value: numbers, max: 4 }]);
    expect(edits({ op: 'clamp' })).toEqual([{ hook, op: 'clamp', value: numbers, min: 4, max: 4 }]);
    expect(edits({ op: 'ablate_add' })).toEqual([{ hook, op: 'project_out', value: numbers }, { hook, op: 'add', scale: 4, value: numbers }]);
  });

  it('every token, those after the first, or from the last of the prompt on', () => {
    expect(edits({ where: 'rest' })[0]).toMatchObject({ from: 1 });
    expect(edits({ where: 'last' })[0]).toMatchObject({ from: -1 });
    expect(edits({ where: 'all' })[0]).not.toHaveProperty('from');
  });

  it('a matrix steers the first positions, row by row, as many as the prompt has', () => {
    expect(edits({ where: 'last' }, MATRIX, 3)).toEqual([{ hook, op: 'add', scale: 4, positions: [0, 1, 2], value: [[1, 2], [3, 4], [5, 6]] }]);
    expect(edits({}, MATRIX, 9)[0]).toMatchObject({ positions: [0, 1, 2, 3] });
  });

  it('the numbers are the floats, to the bit', () => {
    const data = Float32Array.from({ length: 200 }, (_, i) => Math.sin(i) * 10 ** ((i % 20) - 10));
    const [edit] = steerEdits(STEER, { shape: [200], data }, 4);
    expect(Float32Array.from(edit?.value as number[])).toEqual(data);
  });
});

describe('a random direction', () => {
  it('is as long, row by row, the same for a seed and another for another', () => {
    const norm = (x: ArrayLike<number>) => Math.hypot(...Array.from(x));
    const of = (seed: number) => randomLike(MATRIX, seed).data;
    for (const row of [0, 2, 4, 6]) expect(norm(of(1).subarray(row, row + 2))).toBeCloseTo(norm(MATRIX.data.subarray(row, row + 2)), 5);
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it('points nowhere in particular', () => {
    const long: Vector = { shape: [4000], data: new Float32Array(4000).fill(1) };
    const { data } = randomLike(long, 7);
    const mean = data.reduce((a, b) => a + b, 0) / 4000;
    expect(Math.abs(mean)).toBeLessThan(0.06);
    expect(data.filter((x) => Math.abs(x) < 1).length / 4000).toBeCloseTo(0.683, 1);
  });
});

describe('a recipe', () => {
  it('becomes a reading: texts as their ids, blank lines left out', async () => {
    const request = await vectorRequest(STEER, [0, 7], async (text) => [0, text.length]);
    expect(request).toEqual({
      read: 'vector',
      recipe: { ...STEER.recipe, contrast: { positive: [[0, 23], [0, 17]], negative: [[0, 21], [0, 15]] } },
      at: { hook: STEER.hook, prompt: [0, 7] },
    });
    if ('contrast' in STEER.recipe) {
      const front = await vectorRequest({ ...STEER, recipe: { ...STEER.recipe, method: 'actadd' } }, [0], async () => [1]);
      expect(front['recipe']).not.toHaveProperty('position'); // it takes every position
    }
    const activation = await vectorRequest({ ...STEER, recipe: { activation: 'abc', hook: 'blocks.0.hook_resid_pre', position: -1 } }, [0], async () => [9]);
    expect(activation['recipe']).toEqual({ activation: [9], hook: 'blocks.0.hook_resid_pre', position: -1 });
  });

  it('has a name of its own', () => {
    expect(recipeName(STEER.recipe, glyph)).toBe('happy − sad');
    expect(recipeName({ token: 3, minus: 4 }, glyph)).toBe('#3 − #4');
    expect(recipeName({ neuron: [2, 34] }, glyph)).toBe('L2 N34');
    expect(recipeName({ ov: [1, 3], k: 2, side: 'write' }, glyph)).toBe('OV L1H3 #2');
    expect(steerName(STEER, glyph)).toBe('+4.00 happy − sad');
    expect(steerName({ ...STEER, strength: -1.5 }, glyph)).toBe('−1.50 happy − sad');
    expect(steerName({ ...STEER, op: 'project_out', strength: 1 }, glyph)).toBe('without happy − sad');
    expect(steerName({ ...STEER, op: 'cap' }, glyph)).toBe('happy − sad at most 4.00');
    expect(hookName('blocks.1.hook_resid_pre')).toBe('resid_pre L1');
  });

  it('acts where the stream is', () => {
    const config = { n_layers: 2, attn_only: false } as ModelConfig;
    expect(streamHooks(config)).toEqual(['blocks.0.hook_resid_pre', 'blocks.0.hook_resid_mid', 'blocks.1.hook_resid_pre', 'blocks.1.hook_resid_mid', 'blocks.1.hook_resid_post']);
    expect(streamHooks({ ...config, attn_only: true })).toEqual(['blocks.0.hook_resid_pre', 'blocks.1.hook_resid_pre', 'blocks.1.hook_resid_post']);
    expect(streamHooks({ ...config, n_layers: 0 })).toEqual([]);
  });
});

describe('in force', () => {
  it('undo and redo cover it; clearing takes it out and keeps the direction', () => {
    const experiment = createExperiment(EMPTY, { get: () => NOTHING, set() {} });
    expect(experiment.steering.value).toBeNull();
    experiment.steer({ ...STEER, force: 'on' });
    experiment.steer({ ...STEER, force: 'on', strength: 5 }, 'steer strength');
    experiment.steer({ ...STEER, force: 'on', strength: 6 }, 'steer strength');
    expect(experiment.steering.value?.strength).toBe(6);
    experiment.undo();
    expect(experiment.steering.value?.strength).toBe(4);
    experiment.redo();
    experiment.clear();
    expect([experiment.steering.value, experiment.current.value.steer?.strength]).toEqual([null, 6]);
    experiment.steer({ ...STEER, force: 'muted' });
    expect(experiment.steering.value).toBeNull();
  });

  it('a run is made with the other edits first, then steered, with a vector that is made once', async () => {
    const asked: ReadRequest[] = [];
    const runs: RunRequest[] = [];
    const engine = fakeEngine();
    const compute = createCompute(
      {
        ...engine,
        run: (request, options) => {
          runs.push(request);
          return engine.run(request, options);
        },
        read: async (request) => {
          asked.push(request);
          return { read: request.read, tokens: 0, conventions: {}, axes: {}, values: {}, arrays: new Map([['vector', { name: 'vector', axes: [], ...VECTOR }]]) };
        },
      },
      await engine.load(''),
    );
    const other = { hook: 'blocks.0.attn.hook_z', heads: [1], op: 'zero' } as const;
    const ask = { text: 'one two', textB: null, edits: [other], steer: STEER };
    const { a } = await compute(ask, new AbortController().signal);
    expect(a.edits).toEqual([other, { hook: STEER.hook, op: 'add', scale: 4, value: numbers }]);
    expect(runs.at(-1)?.edits).toEqual(a.edits);
    await compute({ ...ask, steer: { ...STEER, strength: 2 } }, new AbortController().signal);
    expect(asked.filter(({ read }) => read === 'vector')).toHaveLength(1);
    expect(runs.at(-1)?.edits?.at(-1)).toMatchObject({ scale: 2 });
  });
});

describe('kept and sent', () => {
  it('as its recipe, never as numbers; an experiment without it stays as it was', () => {
    const document = toDocument({ ...EMPTY, text: 'x', steer: STEER }, NOTHING);
    expect(document.steer).toEqual(STEER);
    expect(JSON.stringify(document)).not.toContain('0.1');
    expect(fromDocument(checkDocument(JSON.parse(JSON.stringify(document)))).experiment.steer).toEqual(STEER);
    expect(toDocument({ ...EMPTY, text: 'x' }, NOTHING)).not.toHaveProperty('steer');
    expect(fromDocument({ v: 1, a: { text: 'x' } }).experiment.steer).toBeNull();
  });

  it('what does not fit is named by its field', () => {
    const flaw = (part: object) => {
      try {
        checkDocument({ v: 1, a: { text: 'x' }, steer: { ...STEER, ...part } });
        return 'fits';
      } catch (thrown) {
        return (thrown as Error).message;
      }
    };
    expect(flaw({})).toBe('fits');
    expect(flaw({ effect: { for: [1], against: [2] } })).toBe('fits');
    expect(flaw({ recipe: { vector: [1, 2] } })).toMatch(/^steer\.recipe: names none of contrast, neuron/);
    expect(flaw({ recipe: { ...STEER.recipe, values: [1] } })).toBe('steer.recipe.values: there is no such field');
    expect(flaw({ recipe: { contrast: { positive: [1], negative: [] }, hook: 'h', method: 'mean', position: 'last' } })).toMatch(/^steer\.recipe\.contrast\.positive\[0\]: /);
    expect(flaw({ recipe: { contrast: { positive: Array(65).fill('x'), negative: [] }, hook: 'h', method: 'mean', position: 'last' } })).toMatch(/65 entries/);
    expect(flaw({ recipe: { ov: [0, 1], k: 0 } })).toBe('steer.recipe.side: is missing');
    expect(flaw({ op: 'multiply' })).toMatch(/^steer\.op: /);
    expect(flaw({ strength: Infinity })).toMatch(/^steer\.strength: /);
    expect(flaw({ range: 0 })).toMatch(/^steer\.range: /);
    expect(flaw({ effect: { for: [1] } })).toBe('steer.effect.against: is missing');
    expect(flaw({ force: 'yes' })).toMatch(/^steer\.force: /);
    expect(flaw({ instead: '\ud800' })).toMatch(/^steer\.instead: /);
    expect(flaw({ hook: undefined })).toMatch(/^steer\.hook: /);
  });
});

describe('words for the other ways', () => {
  const ready = readyFor('stories-gelu-4l').map(({ steer }) => steer);
  const [she, thou] = ready;
  const token = { token: 7 };

  it('that came with a direction go with it; a person’s stay', () => {
    if (!she || !thou) throw new Error('two directions are ready');
    expect(wordsOf('stories-gelu-4l', she, thou.recipe)).toEqual({ instead: thou.instead, patch: thou.patch });
    expect(wordsOf('stories-gelu-4l', she, token)).toEqual({ instead: '', patch: { ...she.patch, text: '' } });
    const mine = { ...she, instead: 'Say thou to her.', patch: { ...she.patch, text: 'Thou art mine' } };
    expect(wordsOf('stories-gelu-4l', mine, thou.recipe)).toEqual({ instead: mine.instead, patch: mine.patch });
    expect(wordsOf('stories-gelu-4l', mine, token)).toEqual({ instead: mine.instead, patch: mine.patch });
    const plain = wordsOf('stories-gelu-4l', thou, plainPairs('blocks.0.hook_resid_pre'));
    expect(plain.instead).toMatch(/happy/);
    expect(wordsOf('stories-gelu-4l', { ...she, ...plain }, she.recipe)).toEqual({ instead: she.instead, patch: she.patch });
  });

  it('have directions whose names say what they do', () => {
    for (const model of ['stories-gelu-4l', 'stories-2l'])
      for (const { name } of readyFor(model)) expect(name).toMatch(/^\w+: \w+ [^.]+; log-odds \+\d/);
  });
});

it('of a long prompt the end is told, in whole words', () => {
  const prompt = 'Once upon a time there was a little dog. One day';
  expect(endOf(prompt)).toBe('…a time there was a little dog. One day');
  expect(endOf(prompt.slice(-40))).toBe(prompt.slice(-40));
  expect(endOf(`Then ${prompt.slice(-40)}`)).toBe(`…${prompt.slice(-40)}`);
});
