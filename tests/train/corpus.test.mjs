/* Text to ids: the JavaScript tokenizer gives the Rust library's ids, the fast way gives the slow way's,
 * and a corpus is cut as models/corpus.mjs says. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { documents, encodeCorpus, memoised, readTokenizer, toBytes } from '../../models/corpus.mjs';
import { bigramLoss, entropy, unigramLoss } from '../../models/counts.mjs';
import { stories } from '../../models/generator.mjs';

const local = (path) => fileURLToPath(new URL(path, import.meta.url));
const tokenizer = readTokenizer(local('../../models/stories-2l/tokenizer.json'));
const cases = JSON.parse(readFileSync(local('tokenizer-cases.json'), 'utf8'));

test('the tokenizer gives the ids of the Rust library', () => {
  for (const { text, ids } of cases) assert.deepEqual(tokenizer.encode(text).ids, ids, JSON.stringify(text));
});

test('remembered chunks give the ids of the whole text', () => {
  const encode = memoised(tokenizer);
  for (const { text, ids } of cases) assert.deepEqual(encode(text), ids, JSON.stringify(text));
  for (const document of documents(stories(3, 50))) assert.deepEqual(encode(document), tokenizer.encode(document).ids);
});

test('ids decode to the text they came from', () => {
  for (const document of documents(stories(4, 20))) assert.equal(tokenizer.decode(tokenizer.encode(document).ids), document);
});

test('a corpus is 0 and the text, document after document, without white space at their ends', () => {
  const text = '<|endoftext|>\nOne\n\nA tale.\n\n<|endoftext|>\n\n<|endoftext|>\nTwo\n';
  assert.deepEqual(documents(text), ['One\n\nA tale.', 'Two']);
  const expected = [0, ...tokenizer.encode('One\n\nA tale.').ids, 0, ...tokenizer.encode('Two').ids];
  assert.deepEqual([...encodeCorpus(text, tokenizer)], expected);
  assert.deepEqual([...toBytes(Uint16Array.of(1, 0x1234))], [1, 0, 0x34, 0x12]);
});

test('generated stories depend on their seed alone', () => {
  assert.equal(stories(5, 10), stories(5, 10));
  assert.notEqual(stories(5, 10), stories(6, 10));
});

test('count models give the losses worked out by hand', () => {
  const train = Uint16Array.of(0, 1, 0, 1, 0, 2);
  const heldout = Uint16Array.of(0, 1, 2);
  const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-12, `${found}, expected ${expected}`);
  near(unigramLoss(train, heldout, 3), -(Math.log(2.05 / 6.15) + Math.log(1.05 / 6.15)) / 2);
  near(bigramLoss(train, heldout, 3), -(Math.log(2.05 / 3.15) + Math.log(0.05 / 2.15)) / 2);
  near(entropy(train, 3), -(0.5 * Math.log(1 / 2) + (1 / 3) * Math.log(1 / 3) + (1 / 6) * Math.log(1 / 6)));
});
