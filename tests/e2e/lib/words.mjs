// The words of a shipped model's tokens, out of its tokenizer.json alone, spelled as the page spells them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIST } from './browser.mjs';

/** Byte-level BPE writes each byte as one character: the printable ones of Latin-1 as themselves, the others from U+0100 on. */
function byteOf() {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const printable = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const others = bytes.filter((byte) => !printable(byte));
  return new Map(bytes.map((byte) => [String.fromCodePoint(printable(byte) ? byte : 256 + others.indexOf(byte)), byte]));
}

/** -> id => its words, "␣cat" with the blank made visible; bytes that are no character by themselves as \xe2. */
export function wordsOf({ path }) {
  const { model, added_tokens } = JSON.parse(readFileSync(join(DIST, path, 'tokenizer.json'), 'utf8'));
  const special = new Map(added_tokens.map(({ id, content }) => [id, content]));
  const written = new Map(Object.entries(model.vocab).map(([word, id]) => [id, word]));
  const bytes = byteOf();
  return (id) => {
    if (special.has(id)) return special.get(id);
    const raw = Buffer.from([...written.get(id)].map((character) => bytes.get(character)));
    const text = raw.toString('utf8');
    if (text.includes('\ufffd')) return [...raw].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
    return text.replaceAll(' ', '\u2423').replaceAll('\n', '\u21b5').replaceAll('\t', '\u21e5').replaceAll('\r', '\u240d');
  };
}
