import { readdirSync, readFileSync } from 'node:fs';
import { toCode } from '../../site/src/code/index';
import { matches } from '../../site/src/code/hooks';
// @ts-expect-error a script of the golden suite: no types
import { experiments, folder, inputOf, LIBRARIES } from '../golden/code_experiments.mjs';

const libraries = LIBRARIES as readonly ('transformer_lens' | 'nnsight')[];
const list = experiments as readonly { readonly name: string; readonly libraries?: typeof libraries }[];
const models: unknown = JSON.parse(readFileSync(`${folder}models.json`, 'utf8'));
const input = (name: string): Parameters<typeof toCode>[0] => inputOf(list.find((experiment) => experiment.name === name), models);

describe('copy as code', () => {
  // The texts that tests/golden/code_make.mjs ran in Python: what was found right there is what a person gets.
  const texts = list.flatMap(({ name, libraries: some = libraries }) => some.map((library) => [name, library] as const));
  it.each(texts)('%s, %s: the text whose numbers are known', (name, library) => {
    expect(toCode(input(name), library)).toBe(readFileSync(`${folder}${name}.${library}.py`, 'utf8'));
  });

  it('every committed text belongs to an experiment', () => {
    const files = readdirSync(folder as string).filter((file) => file.endsWith('.py'));
    expect(files.sort()).toEqual(texts.map(([name, library]) => `${name}.${library}.py`).sort());
  });

  it('says only what the experiment needs', () => {
    const plain = toCode(input('lens'), 'transformer_lens');
    for (const word of ['nnsight', 'def ', 'runs', 'set_use', 'hooks=', 'process', 'head_detector']) expect(plain).not.toContain(word);
  });

  it('writes whatever a document holds as data', () => {
    const { model } = input('lens');
    const hostile = '"]\nimport os #~%$&^;?\\';
    const text = toCode(
      {
        model: { ...model, id: hostile },
        text: hostile,
        what: {
          kind: 'read',
          document: {
            read: 'states', ids: [1, 2], cosine_to: hostile, states: [hostile],
            edits: [{ hook: 'hook_embed', op: 'patch', value: { run: hostile } }], runs: { [hostile]: [1, 2] },
          },
        },
      },
      'transformer_lens',
    );
    expect(text).toContain(JSON.stringify(hostile));
    expect(text.split('\n').filter((line) => /^\s*import os/.test(line))).toEqual([]);
  });

  it('does not write code for tokens that it does not know', () => {
    const { model } = input('detect');
    expect(() => toCode({ model, what: { kind: 'read', document: { read: 'detect', on: 'random' } } }, 'nnsight')).toThrow('random');
    expect(() => toCode({ model, what: { kind: 'generate', document: { ids: [1, 2] } } }, 'nnsight')).toThrow('not drawn');
  });

  it('says what there is instead of code that there is none of', () => {
    const of = (name: string, change: object) => ({ ...input(name), what: { kind: 'read', document: { ...input(name).what.document, ...change } } }) as Parameters<typeof toCode>[0];
    expect(() => toCode(input('path'), 'nnsight')).toThrow('there is no nnsight code for "path": copy it as TransformerLens code instead');
    for (const change of [{ what: 'direct_path' }, { by: 'layer,neuron' }, { by: 'layer,head,dest' }, { what: ['z', 'pattern'] }])
      expect(() => toCode(of('ablate', change), 'transformer_lens'), JSON.stringify(change)).toThrow(/there is no code for .*: copy it as a document for hs instead/);
  });

  it('reads globs as the core does, and never for long', () => {
    expect(matches('blocks.*.hook_?', 'blocks.10.attn.hook_z')).toBe(true);
    expect(matches('blocks.?.attn.hook_z', 'blocks.10.attn.hook_z')).toBe(false);
    expect(matches('*', '')).toBe(true);
    expect(matches('a*b', 'acbd')).toBe(false);
    expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(300))).toBe(false);
  });
});
