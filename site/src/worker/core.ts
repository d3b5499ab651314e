/** The engine's calls as calls of the .wasm: one model at a time, no messages, so it runs in a Node test
 *  as in the worker. */
import { CONFIG_ENUMS, CONFIG_FIELDS, PROCESSES, STUDIES } from '../engine/abi.gen';
import { EngineError } from '../engine/errors';
import type {
  GenerateRequest, GeneratedToken, Generation, GradientRequest, GradientResult, HookInfo, ModelConfig, ModelInfo, ProcessName, ReadArray,
  ReadRequest, Reading, RunRequest, RunResult, StudyProgress, Tensor, Token, Tokenized,
} from '../engine/types';
import type { ModelFiles } from './protocol';
import { checkGenerate, checkProcess, checkRead, checkRun, integers, json } from './requests';
import { createRuns, steps, type Pace } from './runs';
import { createTokenizer, type Tokenizer } from './tokenizer';
import { instantiate, type HeapArray, type Wasm } from './wasm';

export type Core = Awaited<ReturnType<typeof createCore>>;

/** What is heard of a question before its answer. */
export interface Heard {
  onToken(token: GeneratedToken, index: number): void;
  onProgress(progress: StudyProgress): void;
}
type Tell = Heard['onProgress'];

/** Milliseconds: each telling copies what there is so far. */
const BETWEEN_TELLINGS = 100;

interface Loaded {
  readonly at: number;
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer | null;
}

/** The text of a reading (docs/formats.md). */
type Said = Omit<Reading, 'arrays'> & { readonly arrays: readonly Omit<ReadArray, 'data'>[] };

/** `prepare` sees the .wasm before anything else does. A shared build is given its memory. */
export async function createCore(bytes: BufferSource, prepare: (wasm: Wasm) => void = () => {}, memory?: WebAssembly.Memory) {
  const wasm = await instantiate(bytes, memory);
  prepare(wasm);
  const { core, check, open } = wasm;
  let loaded: Loaded | null = null;

  const current = (): Loaded => {
    if (!loaded) throw new EngineError('ESTATE', 'no model is loaded; call load first');
    return loaded;
  };
  const runs = createRuns(wasm, () => current().at);
  const tokenizerOf = ({ tokenizer, info }: Loaded): Tokenizer => {
    if (!tokenizer) throw new EngineError('ETOKENIZER', `${info.id} came without a tokenizer.json; run it on ids`);
    return tokenizer;
  };
  const tensor = (array: HeapArray): Tensor => ({
    name: array.name, shape: array.shape, data: wasm.floats(array.at, array.count),
  });

  async function load(files: ModelFiles): Promise<ModelInfo> {
    const tokenizer = files.tokenizer && createTokenizer(files.tokenizer);
    const scope = open();
    try {
      const config = scope.bytes(new Uint8Array(files.config));
      const weights = files.weights.map(({ data }) => scope.bytes(new Uint8Array(data)));
      const { at: out } = scope.block(4);
      check(core.hsw_model_load(
        config.at, config.bytes, scope.list(files.weights.map(({ name }) => name)),
        scope.ints(weights.map(({ at }) => at)), scope.ints(weights.map(({ bytes }) => bytes)), out));
      const at = wasm.word(out);
      const size = files.weights.reduce((sum, { data }) => sum + data.byteLength, 0);
      const info = { id: files.id, sha256: files.sha256, bytes: size, ...describe(wasm, at), processing: [] };
      if (tokenizer && tokenizer.maxId >= info.config.d_vocab) {
        core.hs_model_free(at);
        throw new EngineError('ETOKENIZER',
          `tokenizer.json has a token ${tokenizer.maxId}, and the model's vocabulary ends at ${info.config.d_vocab - 1}; they belong to two models`);
      }
      unload();
      loaded = { at, info, tokenizer };
      return info;
    } finally {
      scope.close();
    }
  }

  function unload() {
    runs.forget();
    if (loaded) core.hs_model_free(loaded.at);
    loaded = null;
  }

  /** `bos` null: as the model's default_prepend_bos says. */
  function tokenize({ text, special, bos }: { text: string; special: boolean; bos: boolean | null }): Tokenized {
    if (typeof text !== 'string') throw new EngineError('ESPEC', 'tokenize takes a text');
    const model = current();
    const tokenizer = tokenizerOf(model);
    const { n_ctx, default_prepend_bos } = model.info.config;
    const ids = tokenizer.encode(text, { special });
    if (bos ?? default_prepend_bos) {
      if (tokenizer.beginning === null)
        throw new EngineError('ETOKENIZER', 'the model wants a beginning-of-text token and tokenizer.json has none; pass bos: false');
      ids.unshift(tokenizer.beginning);
    }
    const kept = ids.slice(0, n_ctx);
    const left = ids.slice(n_ctx);
    return {
      ids: Int32Array.from(kept),
      tokens: kept.map(tokenizer.token),
      cut: left.length > 0 ? { tokens: left.length, text: tokenizer.text(left) } : null,
    };
  }

  function tokens({ ids }: { ids: readonly number[] }): readonly Token[] {
    const { d_vocab, d_vocab_out } = current().info.config;
    integers(ids, 'ids').forEach((id, i) => {
      if (id < 0 || id >= Math.max(d_vocab, d_vocab_out)) throw new EngineError('ETOKENS', `ids[${i}]: ${id} is not a token of this model`);
    });
    return ids.map(tokenizerOf(current()).token);
  }

  function hooks({ nTokens }: { nTokens: number }): readonly HookInfo[] {
    const { at, info } = current();
    if (!Number.isInteger(nTokens) || nTokens < 1 || nTokens > info.config.n_ctx)
      throw new EngineError('ETOKENS', `${nTokens} tokens cannot be run; this model takes 1 to ${info.config.n_ctx}`);
    return Array.from({ length: core.hs_hook_count(at) }, (_, i) => {
      const { name, shape, count } = wasm.array((out) => core.hsw_hook_describe(at, i, nTokens, out));
      return { name, shape, bytes: count * 4 };
    });
  }

  async function run(request: RunRequest, pace: Pace): Promise<RunResult> {
    checkRun(request);
    const { n_layers, n_heads, d_vocab_out } = current().info.config;
    const globs = request.capture ?? [];
    const finished = await runs.finished(request, globs, pace);
    const { at, ids, ms, bytes } = finished;
    const { arrays, values } = (finished.detected ??= await reading(at, 0, { read: 'detect' }, pace));
    const score = (kind: string, i: number) => arrays.get(kind)?.data[i] ?? 0;
    const scope = open();
    try {
      const patterns = globs.map((glob) => scope.string(glob).at);
      const asked = (name: string) => patterns.some((glob) => core.hs_glob_match(glob, scope.string(name).at) !== 0);
      const captured = Array.from({ length: core.hs_run_n_captured(at) }, (_, i) => wasm.array((out) => core.hsw_run_captured(at, i, out)));
      const tensors = new Map(captured.filter(({ name }) => asked(name)).map((array) => [array.name, tensor(array)]));
      const rows = request.logits === false ? 0 : ids.length;
      const logits = tensors.get('logits') ?? tensor({
        name: 'logits', at: core.hs_run_logits(at), shape: [rows, d_vocab_out], count: rows * d_vocab_out,
      });
      const { at: losses } = scope.block(ids.length * 4);
      core.hs_run_loss(at, losses);
      return {
        tensors, logits, ms, bytes,
        loss: wasm.floats(losses, ids.length - 1),
        heads: Array.from({ length: n_layers * n_heads }, (_, i) => ({
          layer: Math.floor(i / n_heads), head: i % n_heads,
          previous: score('previous', i), duplicate: score('duplicate', i), induction: score('induction', i),
        })),
        n_duplicates: values['duplicates'] ?? 0,
      };
    } finally {
      scope.close();
    }
  }

  /** What a reading has now. */
  function readingNow(at: number): Reading {
    const said = core.hs_read_text(at);
    if (said === 0) throw new EngineError('EMEMORY', 'no memory for the text of the reading');
    const { read, tokens, conventions, axes, values, arrays } = JSON.parse(wasm.text(said)) as Said;
    return {
      read, tokens, conventions, axes, values,
      arrays: new Map(arrays.map((array, i) =>
        [array.name, { ...array, data: wasm.floats(core.hsw_read_data(at, i), array.shape.reduce((a, b) => a * b, 1)) }])),
    };
  }

  /** A reading of runs at these addresses, 0 for none; `tell` hears of it when it begins and then now and again. */
  async function reading(run: number, minus: number, fields: object, pace: Pace, tell?: Tell): Promise<Reading> {
    const scope = open();
    try {
      const { at: document, bytes } = scope.string(json(fields));
      const at = scope.make((out) => core.hsw_read_new(current().at, run, minus, document, bytes, out), core.hs_read_free);
      check(core.hsw_read_begin(at));
      const { at: work } = scope.block(16);
      const size = core.hsw_read_bytes(at);
      let told = -Infinity;
      await steps(() => {
        if (tell && performance.now() - told > BETWEEN_TELLINGS) {
          core.hsw_read_progress(at, work);
          const [done = 0, total = 0] = wasm.doubles(work, 2);
          tell({ done, total, bytes: size, reading: readingNow(at) });
          told = performance.now();
        }
        return core.hs_read_step(at);
      }, pace);
      return readingNow(at);
    } finally {
      scope.close();
    }
  }

  async function read(request: ReadRequest, pace: Pace, { onProgress }: Heard): Promise<Reading> {
    checkRead(request);
    const { ids, edits, runs: others, vectors: both, minus, ...own } = request;
    const [vectors, ours] = typeof both === 'object' ? [both, own] : [undefined, { ...own, vectors: both }];
    const fields = ids ? ours : { ...ours, edits, runs: others }; // a study's runs are its own
    const run = ids ? (await runs.finished({ ids, edits, runs: others, vectors }, [], pace)).at : 0;
    const other = minus ? (await runs.finished({ ...minus, vectors }, [], pace)).at : 0;
    return reading(run, other, fields, pace, STUDIES.includes(request.read) ? onProgress : undefined);
  }

  async function generate(request: GenerateRequest, pace: Pace, { onToken }: Heard): Promise<Generation> {
    checkGenerate(request);
    const { d_vocab_out } = current().info.config;
    const { vectors: _, ...fields } = request;
    const scope = open();
    try {
      const named = await runs.sources(scope, request, pace);
      const { at: document, bytes } = scope.string(json(fields));
      const at = scope.make((out) => core.hsw_generate_new(current().at, document, bytes, ...named, out), core.hs_generate_free);
      const k = core.hs_generate_k(at);
      const { at: token } = scope.block(56);
      const [topIds, topLogits, topProbs] = [scope.block(k * 4).at, scope.block(k * 4).at, scope.block(k * 4).at];
      const told = (number = NaN) => (Number.isNaN(number) ? null : number);
      const tokens: GeneratedToken[] = [];
      await steps(() => {
        const more = core.hs_generate_step(at);
        for (let i = tokens.length; i < core.hs_generate_count(at); i++) {
          core.hsw_generate_token(at, i, token);
          core.hs_top_k(core.hs_generate_logits(at, i), d_vocab_out, k, topIds, topLogits, topProbs);
          const [prob = NaN, log_prob = NaN, entropy = NaN, drawn = NaN, kl, twin] = wasm.doubles(token + 8, 6);
          const made = {
            id: wasm.word(token), prob, log_prob, entropy, drawn, kl: told(kl), twin_log_prob: told(twin),
            top_ids: Array.from({ length: k }, (_, j) => wasm.word(topIds, j)), top_probs: [...wasm.floats(topProbs, k)],
          };
          tokens.push(made);
          onToken(made, i);
        }
        return more;
      }, pace);
      return { end: wasm.text(core.hs_generate_end(at)), tokens };
    } finally {
      scope.close();
    }
  }

  function process({ names }: { names: readonly ProcessName[] }): ModelInfo {
    checkProcess(names);
    const { at, info, tokenizer } = current();
    runs.forget();
    check(core.hsw_model_process(at, names.reduce((bits, name) => bits | (1 << PROCESSES.indexOf(name)), 0)));
    const processing = [...info.processing, ...PROCESSES.filter((name) => names.includes(name) && !info.processing.includes(name))];
    loaded = { at, tokenizer, info: { ...info, ...describe(wasm, at), processing } };
    return loaded.info;
  }

  function unembed({ vectors, lnFinal }: { vectors: Float32Array; lnFinal: boolean }): Tensor {
    const { at, info } = current();
    const { d_model, d_vocab_out } = info.config;
    const n = vectors.length / d_model;
    if (!Number.isInteger(n) || n < 1)
      throw new EngineError('ESPEC', `unembed takes vectors of ${d_model} numbers each, not ${vectors.length} numbers`);
    const scope = open();
    try {
      const { at: out } = scope.block(n * d_vocab_out * 4);
      check(core.hsw_unembed(at, scope.floats(vectors), n, Number(lnFinal), out));
      return { name: 'unembed', shape: [n, d_vocab_out], data: wasm.floats(out, n * d_vocab_out) };
    } finally {
      scope.close();
    }
  }

  function gradient(request: GradientRequest): GradientResult {
    const scope = open();
    try {
      const { at: document, bytes } = scope.string(json(request));
      const made = scope.make((out) => core.hsw_gradient_new(current().at, document, bytes, out), core.hsw_gradient_free);
      const tensors = Array.from({ length: core.hsw_gradient_count(made) }, (_, i) =>
        tensor(wasm.array((out) => core.hsw_gradient_tensor(made, i, out))));
      return { metric: core.hsw_gradient_metric(made), tensors: new Map(tensors.map((made) => [made.name, made])) };
    } finally {
      scope.close();
    }
  }

  return { load, unload, forget: runs.forget, tokenize, tokens, hooks, run, unembed, gradient, read, generate, process };
}

/** What the model itself says of itself. */
function describe({ core, open, doubles }: Wasm, at: number): Pick<ModelInfo, 'parameters' | 'n_params' | 'n_not_finite' | 'config'> {
  const scope = open();
  try {
    const { at: out } = scope.block(CONFIG_FIELDS.length * 8);
    core.hsw_model_config(at, out);
    const values = doubles(out, CONFIG_FIELDS.length);
    const fields = CONFIG_FIELDS.map(([name, kind], i) => {
      const value = values[i] ?? 0;
      return [name, kind === 'NUMBER' ? value : kind === 'BOOL' ? value !== 0 : CONFIG_ENUMS[kind][value]];
    });
    core.hsw_model_counts(at, out);
    const [parameters = 0, n_params = 0, n_not_finite = 0] = doubles(out, 3);
    // page_config.def and ModelConfig hold the same fields; a test compares them with config.json's.
    return { parameters, n_params, n_not_finite, config: Object.fromEntries(fields) as ModelConfig };
  } finally {
    scope.close();
  }
}
