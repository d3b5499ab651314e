// The shipped model as files, `hs` on it, and other models made of it: what the page is held against.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DIST } from './browser.mjs';

const HS = process.env.HS ?? fileURLToPath(new URL('../../../build/release/hs', import.meta.url));

export const MANIFEST = JSON.parse(readFileSync(join(DIST, 'models/manifest.json'), 'utf8'));
export const MODEL = MANIFEST.models[0];
const FOLDER = join(DIST, MODEL.path);
export const WEIGHTS = readFileSync(join(FOLDER, 'model.safetensors'));
export const CONFIG = JSON.parse(readFileSync(join(FOLDER, 'config.json'), 'utf8'));

/** A safetensors file's tensors: name -> { dtype, shape, begin, end }, offsets into the file. */
export function tensorsIn(file) {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString('utf8'));
  const out = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header))
    if (name !== '__metadata__') out.set(name, { dtype, shape, begin: 8 + length + data_offsets[0], end: 8 + length + data_offsets[1] });
  return out;
}

function floats(file, { begin, end }) {
  return new Float32Array(file.buffer.slice(file.byteOffset + begin, file.byteOffset + end));
}

/** A shipped model by its id. */
export const modelOf = (id) => MANIFEST.models.find((model) => model.id === id);

/** Runs `hs` with a JSON document in a file -> { text, tensors }: what it prints, and what it writes to --out by name.
 *  A document that it refuses throws, with its words in `stderr`. */
function hs(command, model, document, args = (path) => [path]) {
  const folder = mkdtempSync(join(tmpdir(), 'hookscope-'));
  try {
    const [path, out] = [join(folder, 'document.json'), join(folder, 'out.safetensors')];
    writeFileSync(path, JSON.stringify(document));
    const words = [command, join(DIST, model.path), ...args(path), '--out', out];
    const text = execFileSync(HS, words, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });
    const file = readFileSync(out);
    return { text: JSON.parse(text), tensors: new Map([...tensorsIn(file)].map(([name, t]) => [name, { shape: t.shape, data: floats(file, t) }])) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `hs run` on a shipped model -> { top, tensors }: predictions, and the captured tensors by name. */
export function hsRun(ids, { edits = [], runs = {}, capture = [], model = MODEL } = {}) {
  const { text, tensors } = hs('run', model, edits, (path) => [
    '--ids', ids.join(','), '--edits', path, ...Object.entries(runs).flatMap(([name, of]) => ['--run', `${name}=${of.join(',')}`]),
    ...capture.flatMap((glob) => ['--capture', glob]),
  ]);
  return { top: text.top, tensors };
}

/** `hs READ` on a shipped model, READ as the document names it -> what it prints, with `arrays`: name -> { axes, shape, data }. */
export function hsRead(document, model = MODEL) {
  const { text: printed, tensors } = hs(document.read, model, document);
  const text = printed.reading ?? printed; // "sweep" and "ablate" print their numbers first
  return { ...text, arrays: new Map(text.arrays.map(({ name, axes, shape }) => [name, { axes, shape, data: tensors.get(name).data }])) };
}

/** `hs generate` on a shipped model -> { end, tokens, logits }. */
export function hsGenerate(document, model = MODEL) {
  const { text, tensors } = hs('generate', model, document);
  return { ...text, logits: tensors.get('logits') };
}

/** `hs hooks` on a shipped model: [{ name, shape }]. */
export const hsHooks = (tokens, model = MODEL) =>
  JSON.parse(execFileSync(HS, ['hooks', join(DIST, model.path), '--tokens', String(tokens)], { encoding: 'utf8' })).hooks;

const VOCABULARY = new Map(Object.entries(JSON.parse(readFileSync(join(FOLDER, 'tokenizer.json'), 'utf8')).model.vocab).map(([words, id]) => [id, words]));

/** Byte-level BPE writes each byte as one character: the printable ones of Latin-1 as themselves, the others from U+0100 on. */
const PRINTABLE = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
const BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const OTHERS = BYTES.filter((byte) => !PRINTABLE(byte));
const BYTE_OF = new Map(BYTES.map((byte) => [String.fromCodePoint(PRINTABLE(byte) ? byte : 256 + OTHERS.indexOf(byte)), byte]));

/** A token's words as the page writes them, by the tokenizer's file; bytes that are no character by themselves as \xe2. */
export function glyphOf(id) {
  const bytes = Buffer.from([...VOCABULARY.get(id)].map((character) => BYTE_OF.get(character)));
  const text = bytes.toString('utf8');
  if (text.includes('\ufffd')) return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return text.replaceAll(' ', '\u2423').replaceAll('\n', '\u21b5').replaceAll('\t', '\u21e5').replaceAll('\r', '\u240d');
}

/** What comes next at a position of a run that captured its logits: softmax, in doubles. */
export function probabilitiesAt(run, position) {
  const { shape, data } = run.tensors.get('logits');
  const row = data.subarray(position * shape[1], (position + 1) * shape[1]);
  const top = Math.max(...row);
  const p = Array.from(row, (x) => Math.exp(x - top));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((x) => x / sum);
}

/** The token that is written so. */
export const idOf = (glyphs) => [...VOCABULARY.keys()].find((id) => glyphOf(id) === glyphs);

/** One head's pattern [T, T]. */
export function patternOf(run, { layer, head }) {
  const { shape, data } = run.tensors.get(`blocks.${layer}.attn.hook_pattern`);
  const n = shape[1];
  return data.subarray(head * n * n, (head + 1) * n * n);
}

/** The induction score of every head that can copy, those above layer 0, by its definition: mean attention from a
 *  repeated token to what followed it before. */
export function inductionScores(run, ids) {
  const out = [];
  for (let layer = 1; layer < CONFIG.n_layers; layer++)
    for (let head = 0; head < CONFIG.n_heads; head++) {
      const pattern = patternOf(run, { layer, head });
      const sums = [];
      for (let t = 1; t < ids.length; t++) {
        const followers = ids.flatMap((id, s) => (s > 0 && s < t && id === ids[t] ? [s + 1] : []));
        if (followers.length > 0) sums.push(followers.reduce((sum, s) => sum + pattern[t * ids.length + s], 0));
      }
      out.push({ layer, head, score: sums.reduce((a, b) => a + b, 0) / Math.max(1, sums.length) });
    }
  return out.sort((a, b) => b.score - a.score);
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const PROJECTIONS = ['W_Q', 'W_K', 'W_V', 'W_O', 'b_Q', 'b_K', 'b_V'];

/** The shipped weights with two heads of a layer in each other's place: the same function, other names. */
export function swapHeads(layer, a, b) {
  const file = Buffer.from(WEIGHTS);
  for (const name of PROJECTIONS) {
    const tensor = tensorsIn(file).get(`blocks.${layer}.attn.${name}`);
    if (!tensor) continue;
    const each = (tensor.end - tensor.begin) / tensor.shape[0];
    const at = (head) => file.subarray(tensor.begin + head * each, tensor.begin + (head + 1) * each);
    const kept = Buffer.from(at(a));
    at(a).set(at(b));
    at(b).set(kept);
  }
  return file;
}

/** The shipped weights with every query and key of some layers at zero: those heads look at all tokens alike. */
export function blindHeads(layers) {
  const file = Buffer.from(WEIGHTS);
  for (const layer of layers)
    for (const name of ['W_Q', 'W_K', 'b_Q', 'b_K']) {
      const tensor = tensorsIn(file).get(`blocks.${layer}.attn.${name}`);
      if (tensor) file.fill(0, tensor.begin, tensor.end);
    }
  return file;
}

/** Serves other weights in the model's place, with a manifest that vouches for them. */
export async function withWeights(page, weights) {
  const facts = { bytes: weights.length, sha256: sha256(weights) };
  const files = { ...MODEL.files, 'model.safetensors': facts };
  await page.route('**/models/manifest.json', (route) => route.fulfill({ json: { ...MANIFEST, models: [{ ...MODEL, files }] } }));
  await page.route('**/model.safetensors', (route) => route.fulfill({ body: weights, contentType: 'application/octet-stream' }));
}

/** Serves another model, with its own shape, in the first one's place; the tokenizer stays. */
export async function withModel(page, { config, weights }) {
  const facts = (bytes) => ({ bytes: bytes.length, sha256: sha256(bytes) });
  const files = { ...MODEL.files, 'config.json': facts(config), 'model.safetensors': facts(weights) };
  await page.route('**/models/manifest.json', (route) => route.fulfill({ json: { ...MANIFEST, models: [{ ...MODEL, files }] } }));
  await page.route('**/model.safetensors', (route) => route.fulfill({ body: weights, contentType: 'application/octet-stream' }));
  await page.route('**/config.json', (route) => route.fulfill({ body: config, contentType: 'application/json' }));
}
