/** The worker's tokenizer against the Rust tokenizers (tokenizer/make.py wrote what they say). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createTokenizer } from '../../site/src/worker/tokenizer';
import { bytes, root } from './core';

interface Cases {
  readonly ids: readonly (readonly number[])[];
  readonly special: Readonly<Record<string, readonly number[]>>;
}
const here = `${root}tests/wasm/tokenizer/`;
const { texts, ...expected } = JSON.parse(readFileSync(`${here}cases.json`, 'utf8')) as { texts: string[] } & Record<string, Cases>;
const fileOf = (name: string) => (name === 'stories-2l' ? `${root}models/stories-2l/tokenizer.json` : `${here}${name}.json`);

describe.each(['small', 'normal', 'odd', 'stories-2l'])('%s', (name) => {
  const tokenizer = createTokenizer(bytes(fileOf(name)));
  const { ids, special } = expected[name] as Cases;

  test.each([false, true])('the ids of the Rust tokenizers; special tokens matched: %s', (matched) => {
    const wrong = texts.flatMap((text, i) => {
      const wanted = (matched && special[i]) || ids[i];
      const got = tokenizer.encode(text, { special: matched });
      return JSON.stringify(got) === JSON.stringify(wanted) ? [] : [{ text, wanted, got }];
    });
    expect(wrong).toEqual([]);
    expect(texts.length).toBeGreaterThan(1500);
  });

  // `normal` and `odd` compose characters, and `normal` puts a space before each part.
  if (name !== 'normal' && name !== 'odd')
    test('the tokens of a text say the text again', () => {
      for (const [i, text] of texts.entries()) expect(tokenizer.text(ids[i] ?? [])).toBe(text);
    });
});

describe('a typed text', () => {
  const tokenizer = createTokenizer(bytes(`${here}small.json`));

  test('<|endoftext|> is text unless asked otherwise', () => {
    expect(tokenizer.encode('<|endoftext|>', { special: false }).length).toBeGreaterThan(1);
    expect(tokenizer.encode('<|endoftext|>', { special: true })).toEqual([tokenizer.beginning]);
  });
  test('a lone surrogate is U+FFFD, as in what a browser sends', () => {
    for (const text of ['\ud800', 'a\udc00b', '\ud83d'])
      expect(tokenizer.encode(text, { special: false })).toEqual(tokenizer.encode(text.replace(/[\ud800-\udfff]/g, '\ufffd'), { special: false }));
  });
  test('a part of a character shows as U+FFFD and keeps its byte', () => {
    const parts = tokenizer.encode('👍', { special: false }).map(tokenizer.token);
    expect(parts.flatMap(({ bytes }) => [...bytes])).toEqual([0xf0, 0x9f, 0x91, 0x8d]);
    expect(parts[0]?.text).toBe('\ufffd');
  });
});

describe('a tokenizer.json that would be run otherwise than elsewhere is refused by name', () => {
  const good = JSON.parse(readFileSync(`${here}small.json`, 'utf8'));
  const withModel = (change: object) => ({ ...good, model: { ...good.model, ...change } });
  const cases: Record<string, [unknown, string]> = {
    'not JSON': ['{', 'not JSON'],
    'a list': [[], 'not an object'],
    'another model': [withModel({ type: 'Unigram' }), 'type "Unigram"'],
    'another split': [{ ...good, pre_tokenizer: { type: 'Whitespace' } }, 'pre_tokenizer of type "Whitespace"'],
    'no split': [{ ...good, pre_tokenizer: null }, '"pre_tokenizer"'],
    'another decoder': [{ ...good, decoder: { type: 'Fuse' } }, 'decoder of type "Fuse"'],
    'a normalizer': [{ ...good, normalizer: { type: 'Lowercase' } }, 'normalizer of type "Lowercase"'],
    'a prefix': [withModel({ continuing_subword_prefix: '##' }), 'continuing_subword_prefix'],
    'dropout': [withModel({ dropout: 0.5 }), 'dropout'],
    'whole words first': [withModel({ ignore_merges: true }), 'ignore_merges'],
    'no split into words': [{ ...good, pre_tokenizer: { ...good.pre_tokenizer, use_regex: false } }, 'use_regex'],
    'a merge of unknown tokens': [withModel({ merges: [['zzz', 'zz']] }), 'merge 0'],
    'a merge of three': [withModel({ merges: ['a b c'] }), 'merge 0'],
    'a number as merge': [withModel({ merges: [1] }), 'merge 0'],
    'merges of no list': [withModel({ merges: {} }), '"merges"'],
    'a negative id': [withModel({ vocab: { ...good.model.vocab, zzz: -1 } }), '"zzz"'],
    'a huge id': [withModel({ vocab: { ...good.model.vocab, zzz: 2 ** 31 } }), '"zzz"'],
    'one id twice': [withModel({ vocab: { ...good.model.vocab, zzz: 5 } }), 'id 5'],
    'a byte missing': [withModel({ vocab: { a: 0 }, merges: [] }), 'byte'],
    'no vocabulary': [withModel({ vocab: null }), '"vocab"'],
    'an added token without content': [{ ...good, added_tokens: [{ id: 0, content: '' }] }, 'added token 0'],
    'an added token that strips': [{ ...good, added_tokens: [{ id: 0, content: 'x', lstrip: true }] }, 'lstrip'],
    'no list of added tokens': [{ ...good, added_tokens: 1 }, 'added_tokens'],
  };
  test.each(Object.entries(cases))('%s', (_, [json, says]) => {
    const text = typeof json === 'string' ? json : JSON.stringify(json);
    const make = () => createTokenizer(new TextEncoder().encode(text).buffer);
    expect(make).toThrow(expect.objectContaining({ status: 'ETOKENIZER', detail: expect.stringContaining(says) }));
  });
  test('a token called undefined is no end of a word', () => {
    const letters = ['u', 'un', 'und', 'unde', 'undef', 'undefi', 'undefin', 'undefine'];
    const merges = [...letters.map((left, i) => `${left} ${'ndefined'[i]}`), 'a undefined'];
    const vocab = Object.fromEntries([...Object.keys(good.model.vocab).filter((token) => token.length === 1), ...merges.map((merge) => merge.replace(' ', ''))].map((token, id) => [token, id]));
    const tokenizer = createTokenizer(new TextEncoder().encode(JSON.stringify(withModel({ vocab, merges }))).buffer);
    expect(tokenizer.encode('a', { special: false })).toEqual([vocab['a']]);
    expect(tokenizer.encode('aundefined', { special: false })).toEqual([vocab['aundefined']]);
  });
  test('a token called __proto__ is a token', () => {
    const text = JSON.stringify(good).replace('"vocab":{', '"vocab":{"__proto__":900,');
    const tokenizer = createTokenizer(new TextEncoder().encode(text).buffer);
    expect(tokenizer.token(900).text).toBe('__proto__');
  });
});
