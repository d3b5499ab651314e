/** Text <-> ids for byte-level BPE, as the Rust tokenizers give them. What it has not been held to (the fixtures of
 *  tests/wasm/tokenizer) is refused by name, not guessed. docs/adr/0010 says why it is our own. */
import { EngineError } from '../engine/errors';
import type { Token } from '../engine/types';

/** GPT-2's split with Unicode's White_Space for `\s`: JavaScript's takes U+FEFF and leaves out U+0085, the Rust
 *  tokenizers do the reverse. */
const SPACE = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const SPLIT = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|[${SPACE}]+(?![^${SPACE}])|[${SPACE}]+`, 'gu');

/** Contents that mean "beginning of text", where tokenizer.json itself does not say which token does. */
const BEGINNINGS = ['<|endoftext|>', '<|begin_of_text|>', '<bos>', '<s>'];

const MAX_VOCAB = 1_000_000;

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** It is looked for after normalization, normalized itself. */
  readonly normalized: boolean;
}

export type Tokenizer = ReturnType<typeof createTokenizer>;

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 31;

function refuse(detail: string): never {
  throw new EngineError('ETOKENIZER', `tokenizer.json: ${detail}`);
}
function object(parent: Json, key: string): Json {
  const value = parent[key];
  return isObject(value) ? value : refuse(`"${key}" is missing or not an object`);
}
const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? 'absent';

/** GPT-2's alphabet: the character that stands for each byte in a vocabulary. */
const ALPHABET = (() => {
  const plain = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(plain(byte) ? byte : next++));
})();
const BYTE_OF = new Map(ALPHABET.map((character, byte) => [character, byte]));

function bytesOf(content: string): Uint8Array | null {
  const bytes = Array.from(content, (character) => BYTE_OF.get(character) ?? -1);
  return bytes.includes(-1) ? null : Uint8Array.from(bytes);
}

/** Refuse whatever would be run otherwise than the Rust tokenizers run it. */
function checkPipeline(json: Json, model: Json) {
  if (model.type !== 'BPE') refuse(`a model of type ${shown(model.type)} is not supported; only byte-level BPE is`);
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout', 'byte_fallback', 'ignore_merges'])
    if (model[key]) refuse(`"${key}" ${shown(model[key])} is not supported`);
  for (const [key, only] of [['pre_tokenizer', 'ByteLevel'], ['decoder', 'ByteLevel'], ['normalizer', 'NFC']] as const) {
    const type = key === 'normalizer' && json[key] === null ? only : object(json, key).type;
    if (type !== only) refuse(`a ${key} of type ${shown(type)} is not supported; only ${only} is`);
  }
  if (object(json, 'pre_tokenizer').use_regex === false) refuse('a pre_tokenizer without "use_regex" is not supported');
}

function readVocab(model: Json): Map<string, number> {
  const vocab = new Map<string, number>();
  const seen = new Set<number>();
  for (const [content, id] of Object.entries(object(model, 'vocab'))) {
    if (!isId(id)) refuse(`the id of ${shown(content)} is ${shown(id)}, not an integer from 0`);
    if (seen.has(id)) refuse(`the id ${id} stands for two tokens`);
    seen.add(id);
    vocab.set(content, id);
  }
  if (vocab.size > MAX_VOCAB) refuse(`it has ${vocab.size} tokens; at most ${MAX_VOCAB} are read`);
  for (const character of ALPHABET)
    if (!vocab.has(character)) refuse(`the byte ${BYTE_OF.get(character)} has no token, so some texts have no ids`);
  return vocab;
}

/** The rank of each pair that merges, by its two tokens with a space between (no token of bytes has one). */
function readMerges(model: Json, vocab: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const merges: readonly unknown[] = Array.isArray(model.merges) ? model.merges : refuse('"merges" is not a list');
  return new Map(merges.map((merge, i) => {
    const parts: readonly unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string' || !left || !right)
      return refuse(`merge ${i} is ${shown(merge)}, not a pair of tokens`);
    for (const token of [left, right, left + right])
      if (!vocab.has(token)) refuse(`merge ${i} uses ${shown(token)}, which is not in the vocabulary`);
    return [`${left} ${right}`, i];
  }));
}

/** Numbers, of which the least comes first. */
function heap() {
  const rows: number[] = []; // each row is not less than row (i - 1) / 2
  const at = (i: number) => rows[i] ?? Infinity;
  return {
    push(value: number) {
      let i = rows.length;
      for (let up = (i - 1) >> 1; i > 0 && at(up) > value; i = up, up = (i - 1) >> 1) rows[i] = at(up);
      rows[i] = value;
    },
    pop(): number | undefined {
      const least = rows[0];
      const last = rows.pop() ?? 0;
      let i = 0;
      for (let down = 1; down < rows.length; down = 2 * i + 1) {
        if (at(down + 1) < at(down)) down++;
        if (at(down) >= last) break;
        rows[i] = at(down);
        i = down;
      }
      if (rows.length > 0) rows[i] = last;
      return least;
    },
  };
}

/** A word's characters merged into tokens: always the pair of lowest rank, the leftmost among equals. */
function merge(word: string, ranks: ReadonlyMap<string, number>): readonly string[] {
  const parts = [...word];
  const next = parts.map((_, i) => i + 1);
  const previous = parts.map((_, i) => i - 1);
  const pairs = heap();
  const rank = (i: number) => {
    const right = parts[next[i] ?? 0];
    return right === undefined ? undefined : ranks.get(`${parts[i]} ${right}`);
  };
  const offer = (i: number) => {
    const found = rank(i);
    if (found !== undefined) pairs.push(found * 2 ** 32 + i);
  };
  parts.forEach((_, i) => offer(i));
  for (let least = pairs.pop(); least !== undefined; least = pairs.pop()) {
    const i = least % 2 ** 32;
    if (rank(i) !== Math.floor(least / 2 ** 32)) continue; // one of the two has merged since
    const gone = next[i] ?? 0;
    parts[i] += parts[gone] ?? '';
    parts[gone] = '';
    next[i] = next[gone] ?? parts.length;
    previous[next[i] ?? 0] = i;
    offer(i);
    if (i > 0) offer(previous[i] ?? 0);
  }
  return parts.filter((part) => part !== '');
}

function readAdded(json: Json): readonly AddedToken[] {
  const list: readonly unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : refuse('"added_tokens" is not a list');
  return list.map((added, i) => {
    if (!isObject(added) || typeof added.content !== 'string' || added.content === '' || !isId(added.id))
      return refuse(`added token ${i} has no content or no id`);
    for (const key of ['single_word', 'lstrip', 'rstrip'])
      if (added[key] === true) refuse(`added token ${shown(added.content)} has "${key}", which is not supported`);
    return { id: added.id, content: added.content, special: added.special === true, normalized: added.normalized === true };
  });
}

type Pieces = readonly (string | AddedToken)[];

/** Finds added tokens in a text, the leftmost and longest first; special ones only if they are wanted. */
function finder(tokens: readonly AddedToken[], contentOf: (token: AddedToken) => string) {
  const known = new Map(tokens.map((token) => [contentOf(token), token]));
  const longest = [...known.keys()].sort((a, b) => b.length - a.length).map((content) => content.replace(/[\^$.*+?()[\]{}|/]/g, '\\$&'));
  const pattern = new RegExp(`(${longest.join('|') || '(?!)'})`, 'u');
  return (text: string, special: boolean): Pieces => {
    const pieces: (string | AddedToken)[] = [];
    let open = '';
    text.split(pattern).forEach((piece, i) => {
      const token = i % 2 ? known.get(piece) : undefined;
      if (!token || (token.special && !special)) {
        open += piece;
        return;
      }
      pieces.push(open, token);
      open = '';
    });
    return [...pieces, open].filter((piece) => piece !== '');
  };
}

/** Both halves of a tokenizer.json: `special` true matches special tokens in the text, false leaves
 *  them as the text that they are. */
export function createTokenizer(file: ArrayBuffer) {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file));
  } catch (thrown) {
    refuse(`it is not JSON (${thrown instanceof Error ? thrown.message : thrown})`);
  }
  if (!isObject(json)) refuse('it is not an object');
  const model = object(json, 'model');
  checkPipeline(json, model);
  const vocab = readVocab(model);
  const ranks = readMerges(model, vocab);
  const added = readAdded(json);
  const prefixed = object(json, 'pre_tokenizer').add_prefix_space === true;
  const normal = (text: string) => (json.normalizer === null ? text : text.normalize('NFC'));
  const findPlain = finder(added.filter((token) => !token.normalized), (token) => token.content);
  const findNormal = finder(added.filter((token) => token.normalized), (token) => normal(token.content));

  const encoder = new TextEncoder();
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  const table = new Map<number, Token>();
  for (const [content, id] of vocab) {
    const bytes = bytesOf(content) ?? encoder.encode(content);
    table.set(id, { id, text: utf8.decode(bytes), bytes, special: false });
  }
  for (const { id, content, special } of added) table.set(id, { id, text: content, bytes: encoder.encode(content), special });

  const specials = added.filter((token) => token.special);
  const beginning = BEGINNINGS.map((content) => specials.find((token) => token.content === content)).find(Boolean);

  return {
    /** The token that stands before a text, if the tokenizer has one. */
    beginning: (beginning ?? (specials.length === 1 ? specials[0] : undefined))?.id ?? null,
    maxId: [...table.keys()].reduce((most, id) => Math.max(most, id), -1),
    token: (id: number): Token => table.get(id) ?? { id, text: '', bytes: new Uint8Array(), special: false },
    encode(text: string, { special }: { special: boolean }): number[] {
      // A lone surrogate has no UTF-8; it becomes U+FFFD, as in everything the browser sends.
      const wellFormed = utf8.decode(encoder.encode(text));
      const pieces = findPlain(wellFormed, special).flatMap((piece) => (typeof piece === 'string' ? findNormal(normal(piece), special) : piece));
      return pieces.flatMap((piece) => {
        if (typeof piece !== 'string') return piece.id;
        const words = (prefixed && !piece.startsWith(' ') ? ` ${piece}` : piece).match(SPLIT) ?? [];
        return words.flatMap((word) => merge(Array.from(encoder.encode(word), (byte) => ALPHABET[byte]).join(''), ranks).map((token) => vocab.get(token) ?? 0));
      });
    },
    text(ids: readonly number[]): string {
      const parts = ids.map((id) => table.get(id)?.bytes ?? new Uint8Array());
      const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
      return utf8.decode(all);
    },
  };
}
