/** Text <-> ids with @huggingface/tokenizers, for byte-level BPE. What it has not been held to (the
 *  fixtures of tests/wasm/tokenizer) is refused by name, not guessed. */
import { ByteLevelPreTokenizer, Tokenizer as Library } from '@huggingface/tokenizers';
import { EngineError } from '../engine/errors';
import type { Token } from '../engine/types';

/** GPT-2's split with Unicode's White_Space where the library has `\s`: JavaScript's `\s` takes U+FEFF
 *  and leaves out U+0085, the Rust tokenizers do the reverse. */
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
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix', 'dropout', 'byte_fallback'])
    if (model[key]) refuse(`"${key}" ${shown(model[key])} is not supported`);
  if (object(json, 'pre_tokenizer').type !== 'ByteLevel')
    refuse(`a pre_tokenizer of type ${shown(object(json, 'pre_tokenizer').type)} is not supported; only ByteLevel is`);
  if (object(json, 'decoder').type !== 'ByteLevel')
    refuse(`a decoder of type ${shown(object(json, 'decoder').type)} is not supported; only ByteLevel is`);
  if (json.normalizer !== null && object(json, 'normalizer').type !== 'NFC')
    refuse(`a normalizer of type ${shown(object(json, 'normalizer').type)} is not supported; only NFC is`);
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

function checkMerges(model: Json, vocab: ReadonlyMap<string, number>) {
  const merges: readonly unknown[] = Array.isArray(model.merges) ? model.merges : refuse('"merges" is not a list');
  merges.forEach((merge, i) => {
    const parts: readonly unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== 'string' || typeof right !== 'string' || !left || !right)
      refuse(`merge ${i} is ${shown(merge)}, not a pair of tokens`);
    for (const token of [left, right, left + right])
      if (!vocab.has(token)) refuse(`merge ${i} uses ${shown(token)}, which is not in the vocabulary`);
  });
}

function readAdded(json: Json): readonly AddedToken[] {
  const list: readonly unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : refuse('"added_tokens" is not a list');
  return list.map((added, i) => {
    if (!isObject(added) || typeof added.content !== 'string' || added.content === '' || !isId(added.id))
      return refuse(`added token ${i} has no content or no id`);
    for (const key of ['single_word', 'lstrip', 'rstrip'])
      if (added[key] === true) refuse(`added token ${shown(added.content)} has "${key}", which is not supported`);
    return { id: added.id, content: added.content, special: added.special === true };
  });
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
  checkMerges(model, vocab);
  const added = readAdded(json);

  const build = (tokens: readonly unknown[]) => {
    const library = new Library({ ...json, added_tokens: tokens, post_processor: null }, {});
    if (library.pre_tokenizer instanceof ByteLevelPreTokenizer) library.pre_tokenizer.pattern = SPLIT;
    return library;
  };
  const rows: readonly unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const whole = build(rows);
  const plain = added.some((token) => token.special) ? build(rows.filter((_, i) => !added[i]?.special)) : whole;

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
      return wellFormed === '' ? [] : (special ? whole : plain).encode(wellFormed, { add_special_tokens: false }).ids;
    },
    text(ids: readonly number[]): string {
      const parts = ids.map((id) => table.get(id)?.bytes ?? new Uint8Array());
      const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
      return utf8.decode(all);
    },
  };
}
