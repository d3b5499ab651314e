/** The engine's calls as calls of the .wasm: one model at a time, no messages, so it runs in a Node test
 *  as in the worker. */
import { CONFIG_ENUMS, CONFIG_FIELDS } from '../engine/abi.gen';
import { EngineError, aborted } from '../engine/errors';
import type {
  GradientRequest, GradientResult, HeadScores, HookInfo, ModelConfig, ModelInfo, RunRequest, RunResult, Tensor,
  Token, Tokenized,
} from '../engine/types';
import type { ModelFiles } from './protocol';
import { createTokenizer, type Tokenizer } from './tokenizer';
import { checkRun } from './requests';
import { instantiate, type HeapArray, type Scope, type Wasm } from './wasm';

export type Core = Awaited<ReturnType<typeof createCore>>;

/** Between the steps of a run: let messages in, and say whether to go on. */
export interface Pace {
  pause(): Promise<void>;
  readonly signal: AbortSignal;
}

interface Loaded {
  readonly at: number;
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer | null;
}

const PATTERNS = 'blocks.*.attn.hook_pattern';
const patternOf = (layer: number) => `blocks.${layer}.attn.hook_pattern`;

export async function createCore(bytes: BufferSource) {
  const wasm = await instantiate(bytes);
  const { core, check, open } = wasm;
  let loaded: Loaded | null = null;

  const current = (): Loaded => {
    if (!loaded) throw new EngineError('ESTATE', 'no model is loaded; call load first');
    return loaded;
  };
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
      const info = describe(wasm, at, files);
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

  /** A run, planned; freed with the scope. */
  function plan(scope: Scope, ids: readonly number[], edits: number, capture: number) {
    const { at: out } = scope.block(16);
    check(core.hsw_run_new(current().at, scope.ints(ids), ids.length, edits, capture, out));
    return { at: scope.own(wasm.word(out, 2), core.hs_run_free), bytes: wasm.doubles(out, 1)[0] ?? 0 };
  }

  async function forward(run: number, { pause, signal }: Pace): Promise<number> {
    let ms = 0;
    for (let more = true; more; ) {
      if (signal.aborted) throw aborted();
      const start = performance.now();
      more = core.hs_run_step(run) !== 0;
      ms += performance.now() - start;
      await pause();
    }
    return ms;
  }

  /** The edits compiled for a prompt of nTokens, after the runs that they read; 0 for none. */
  async function compile(scope: Scope, request: RunRequest, nTokens: number, pace: Pace): Promise<number> {
    const { edits = [], runs = {}, vectors = {} } = request;
    if (edits.length === 0) return 0;
    const json = scope.string(JSON.stringify(edits));
    const made: { name: string; at: number }[] = [];
    for (const [name, ids] of Object.entries(runs)) {
      const { at: out } = scope.block(4);
      check(core.hsw_edits_needs(json.at, json.bytes, scope.string(name).at, out));
      const globs = wasm.word(out);
      if (globs === 0) continue;
      const run = plan(scope, integers(ids, `runs.${name}`), 0, scope.own(globs, core.free));
      await forward(run.at, pace);
      made.push({ name, at: run.at });
    }
    const arrays = Object.entries(vectors).map(([name, vector]) => {
      const { shape, data } = vector instanceof Float32Array ? { shape: [vector.length], data: vector } : vector;
      if (shape.length > 4 || shape.reduce((a, b) => a * b, 1) !== data.length)
        throw new EngineError('EEDIT', `vectors.${name} has ${data.length} numbers, which do not fill the shape [${shape}]`);
      return { name, shape, at: scope.floats(data) };
    });
    return scope.make(
      (out) =>
        core.hsw_edits_new(
          current().at, json.at, json.bytes, nTokens,
          scope.list(made.map(({ name }) => name)), scope.ints(made.map(({ at }) => at)),
          scope.arrays(arrays), arrays.length, out),
      core.hs_edits_free);
  }

  async function run(request: RunRequest, pace: Pace): Promise<RunResult> {
    checkRun(request);
    const { n_layers, n_heads, d_vocab_out } = current().info.config;
    const ids = integers(request.ids, 'ids');
    const globs = request.capture ?? [];
    const scope = open();
    try {
      const edits = await compile(scope, request, ids.length, pace);
      const planned = plan(scope, ids, edits, scope.list(n_layers > 0 ? [...globs, PATTERNS] : globs));
      const ms = await forward(planned.at, pace);

      const captured = new Map<string, HeapArray>();
      for (let i = 0; i < core.hs_run_n_captured(planned.at); i++) {
        const array = wasm.array((out) => core.hsw_run_captured(planned.at, i, out));
        captured.set(array.name, array);
      }
      const patterns = globs.map((glob) => scope.string(glob).at);
      const asked = (name: string) => patterns.some((glob) => core.hs_glob_match(glob, scope.string(name).at) !== 0);
      const tensors = new Map([...captured].filter(([name]) => asked(name)).map(([name, array]) => [name, tensor(array)]));
      const logits = tensors.get('logits') ?? tensor({
        name: 'logits', at: core.hs_run_logits(planned.at), shape: [ids.length, d_vocab_out], count: ids.length * d_vocab_out,
      });
      const { at: losses } = scope.block(ids.length * 4);
      core.hs_run_loss(planned.at, losses);
      return {
        tensors, logits, ms, bytes: planned.bytes,
        loss: wasm.floats(losses, ids.length - 1),
        ...detect(scope, captured, ids, n_layers, n_heads),
      };
    } finally {
      scope.close();
    }
  }

  function detect(scope: Scope, captured: ReadonlyMap<string, HeapArray>, ids: readonly number[], nLayers: number, nHeads: number) {
    const at = scope.ints(ids);
    const { at: scores } = scope.block(nHeads * 12);
    const { at: counted } = scope.block(4);
    core.hs_detect_heads(0, at, 0, ids.length, scores, counted);
    const heads: HeadScores[] = [];
    for (let layer = 0; layer < nLayers; layer++) {
      core.hs_detect_heads(captured.get(patternOf(layer))?.at ?? 0, at, nHeads, ids.length, scores, counted);
      const values = wasm.floats(scores, nHeads * 3);
      for (let head = 0; head < nHeads; head++) {
        const [previous = 0, duplicate = 0, induction = 0] = values.subarray(head * 3);
        heads.push({ layer, head, previous, duplicate, induction });
      }
    }
    return { heads, n_duplicates: wasm.word(counted) };
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
      const json = scope.string(JSON.stringify(request));
      const made = scope.make((out) => core.hsw_gradient_new(current().at, json.at, json.bytes, out), core.hsw_gradient_free);
      const tensors = Array.from({ length: core.hsw_gradient_count(made) }, (_, i) =>
        tensor(wasm.array((out) => core.hsw_gradient_tensor(made, i, out))));
      return { metric: core.hsw_gradient_metric(made), tensors: new Map(tensors.map((made) => [made.name, made])) };
    } finally {
      scope.close();
    }
  }

  return { load, unload, tokenize, tokens, hooks, run, unembed, gradient };
}

function describe({ core, open, doubles }: Wasm, at: number, files: ModelFiles): ModelInfo {
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
    const config = Object.fromEntries(fields) as ModelConfig;
    const bytes = files.weights.reduce((sum, { data }) => sum + data.byteLength, 0);
    return { id: files.id, sha256: files.sha256, bytes, parameters, n_params, n_not_finite, config, processing: [] };
  } finally {
    scope.close();
  }
}

/** ids as the core takes them; it checks their range. */
function integers(ids: ArrayLike<number>, field: string): number[] {
  return Array.from(ids, (id, i) => {
    if (!Number.isInteger(id) || id !== (id | 0)) throw new EngineError('ETOKENS', `${field}[${i}] is ${id}, not a token id`);
    return id;
  });
}
