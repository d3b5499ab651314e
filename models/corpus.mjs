/* Story text to token ids, with the tokenizer that the page uses.
 *
 * A corpus is documents, each begun by a line `<|endoftext|>`. As ids a document is 0 followed by its
 * text without the white space at either end: the newline after the marker and the blank line before
 * the next one belong to the markers. So a text typed into the page, behind its beginning-of-text
 * token, looks to the model as the start of a document does. */

import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../site/package.json', import.meta.url));

export const MARKER = '<|endoftext|>';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

export function readTokenizer(path) {
  const { Tokenizer } = require('@huggingface/tokenizers');
  return new Tokenizer(JSON.parse(readFileSync(path, 'utf8')), {});
}

/** The bytes of a file; what `xz` unpacks to, if its name ends in .xz. */
export function readPacked(path) {
  if (!path.endsWith('.xz')) return readFileSync(path);
  try {
    return execFileSync('xz', ['-dc', path], { maxBuffer: 2 ** 30 });
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error(`${path}: needs the program xz (Debian: xz-utils) to unpack it`);
    throw error;
  }
}

/** The texts between marker lines. */
export function documents(text) {
  return text
    .split(/^<\|endoftext\|>$/m)
    .map((document) => document.trim())
    .filter((document) => document !== '');
}

/** Text -> ids, the same as tokenizer.encode(text).ids for a byte-level BPE with GPT-2's pattern.
 *
 * Each chunk (white space, then a word) is encoded once and remembered. No piece of the pattern goes
 * on from a visible character to a white one, so the cuts before white space are cuts of the pattern
 * too, and its one look-ahead, after white space, stays inside its chunk. */
export function memoised(tokenizer) {
  const known = new Map();
  return (text) => {
    const ids = [];
    for (const [chunk] of text.matchAll(/\s*\S+|\s+$/g)) {
      let found = known.get(chunk);
      if (found === undefined) {
        found = tokenizer.encode(chunk).ids;
        known.set(chunk, found);
      }
      for (const id of found) ids.push(id);
    }
    return ids;
  };
}

/** A whole corpus as ids: 0 and the text, document after document. */
export function encodeCorpus(text, tokenizer) {
  const encode = memoised(tokenizer);
  const all = documents(text).map((document) => [0, ...encode(document)]);
  const ids = new Uint16Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}

/** Little-endian bytes of 16-bit ids, whatever the machine. */
export function toBytes(ids) {
  const bytes = Buffer.alloc(2 * ids.length);
  ids.forEach((id, i) => bytes.writeUInt16LE(id, 2 * i));
  return bytes;
}

export function readIds(path) {
  const bytes = readFileSync(path);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i));
}
