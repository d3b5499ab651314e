/** What the engine speaks: the same documents as `hs` and the C core (docs/formats.md). Types only. */
import type { ProcessName, ReadName } from './abi.gen';

export type { ProcessName, ReadName };

/** A named array of a run; `shape` as TransformerLens has it, without a batch axis. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type Op = 'zero' | 'scale' | 'set' | 'add' | 'mean' | 'patch' | 'freeze' | 'project_out' | 'clamp';

/** A number, a (nested) list, a named vector, or another run's activation at the same hook. */
export type Operand =
  | number
  | readonly Operand[]
  | { readonly vector: string }
  | { readonly run: string; readonly positions?: readonly number[] };

/** One intervention. Absent selections mean all. docs/formats.md, "Edits". */
export interface Edit {
  readonly hook: string;
  readonly heads?: readonly number[];
  readonly positions?: readonly number[];
  readonly sources?: readonly number[];
  readonly dims?: readonly [number, number];
  readonly from?: number;
  readonly op: Op;
  readonly scale?: number;
  readonly value?: Operand;
  readonly min?: number;
  readonly max?: number;
}

/** A token of a text: `text` is what its bytes say, with U+FFFD where they are part of a character. */
export interface Token {
  readonly id: number;
  readonly text: string;
  /** The token's bytes; a token may be a part of a character. */
  readonly bytes: Uint8Array;
  readonly special: boolean;
}

export interface Tokenized {
  readonly ids: Int32Array;
  readonly tokens: readonly Token[];
  /** Set when the text was longer than the context: what was left out of its end. */
  readonly cut: { readonly tokens: number; readonly text: string } | null;
}

/** hs_config's fields by HookedTransformerConfig's names. */
export interface ModelConfig {
  readonly n_layers: number;
  readonly d_model: number;
  readonly n_ctx: number;
  readonly n_heads: number;
  readonly n_key_value_heads: number;
  readonly d_head: number;
  readonly d_mlp: number;
  readonly d_vocab: number;
  readonly d_vocab_out: number;
  readonly act_fn: string | null;
  readonly attn_only: boolean;
  readonly normalization_type: string | null;
  readonly positional_embedding_type: string;
  readonly default_prepend_bos: boolean;
  readonly attn_scale: number;
  readonly eps: number;
}

export interface ModelInfo {
  readonly id: string;
  /** SHA-256 of model.safetensors, hex; of its shards, that of their SHA-256s in hex, one a line. */
  readonly sha256: string;
  readonly bytes: number;
  /** All parameters. */
  readonly parameters: number;
  /** As HookedTransformerConfig counts them: the matrices of attention and MLP. */
  readonly n_params: number;
  readonly n_not_finite: number;
  readonly config: ModelConfig;
  /** What was done to the weights since they were loaded. */
  readonly processing: readonly ProcessName[];
}

export interface HookInfo {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** One model of models/manifest.json, as the page ships it. */
export interface ShippedModel {
  readonly id: string;
  readonly title: string;
  /** Folder below the page, ending in "/": config.json, model.safetensors, tokenizer.json. */
  readonly path: string;
  /** Of model.safetensors, as `sha256`. */
  readonly bytes: number;
  readonly sha256: string;
}

export interface RunRequest {
  readonly ids: ArrayLike<number>;
  readonly edits?: readonly Edit[];
  /** Hook names or globs to bring back. */
  readonly capture?: readonly string[];
  /** false: `logits` of the result is left empty, for runs whose logits are larger than what is looked at. */
  readonly logits?: boolean;
  /** Other prompts that the edits name, run without edits: {"B": ids}. */
  readonly runs?: Readonly<Record<string, ArrayLike<number>>>;
  /** Vectors that the edits name; with a shape where they have more than one axis. */
  readonly vectors?: Readonly<Record<string, Float32Array | Pick<Tensor, 'shape' | 'data'>>>;
}

export interface HeadScores {
  readonly layer: number;
  readonly head: number;
  readonly previous: number;
  readonly duplicate: number;
  readonly induction: number;
}

export interface RunResult {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** -log p of each next token, nats, [T - 1]. */
  readonly loss: Float32Array;
  /** [T, d_vocab_out] */
  readonly logits: Tensor;
  /** Detector scores of every head on this text: the reading "detect". */
  readonly heads: readonly HeadScores[];
  /** How many positions hold a token that stood earlier; 0 means induction cannot show (no head can, without layers). */
  readonly n_duplicates: number;
  /** Milliseconds of the forward pass alone, in the worker. */
  readonly ms: number;
  /** Bytes the run took in the core. */
  readonly bytes: number;
}

/** The run that a reading takes away. */
export interface MinusRun {
  readonly ids: ArrayLike<number>;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
}

/** What is read out of a run, or of two: docs/formats.md, "Reading". A reading's own fields stand beside these,
 *  and the core judges them; without `ids` only the weights are read. */
export interface ReadRequest {
  readonly read: ReadName;
  readonly ids?: ArrayLike<number>;
  readonly edits?: readonly Edit[];
  readonly runs?: NonNullable<RunRequest['runs']>;
  /** Those that the edits of both runs name; or the reading's own field: true asks for its vectors. Where both are
   *  wanted, an edit's `value` holds its vector itself. */
  readonly vectors?: NonNullable<RunRequest['vectors']> | boolean;
  readonly minus?: MinusRun;
  readonly [field: string]: unknown;
}

/** `axes` names each axis: "state", "position", "layer", "head", "part", ... */
export interface ReadArray extends Tensor {
  readonly axes: readonly string[];
}

export interface Reading {
  readonly read: ReadName;
  /** Of the run; 0 where weights alone were read. */
  readonly tokens: number;
  /** In words, what each number means. */
  readonly conventions: Readonly<Record<string, string>>;
  /** The labels of those axes that have some: {"state": ["0_pre", ...]}. */
  readonly axes: Readonly<Record<string, readonly string[]>>;
  /** Single numbers; null where there is none to tell. */
  readonly values: Readonly<Record<string, number | null>>;
  readonly arrays: ReadonlyMap<string, ReadArray>;
}

/** How far a study is (docs/formats.md, "Study"): told when it begins and then about ten times a second. */
export interface StudyProgress {
  /** Work done and work in all, in a unit of the study's own. */
  readonly done: number;
  readonly total: number;
  /** What the study takes in the core. */
  readonly bytes: number;
  /** What it has so far; NaN stands where there is nothing yet. */
  readonly reading: Reading;
}

/** A text to continue: docs/formats.md, "Generation". What is absent has the value that it says. */
export interface GenerateRequest extends Pick<RunRequest, 'ids' | 'edits' | 'runs' | 'vectors'> {
  readonly max_new?: number;
  readonly temperature?: number;
  readonly top_k?: number;
  readonly top_p?: number;
  readonly frequency_penalty?: number;
  readonly repetition_penalty?: number;
  readonly seed?: number;
  readonly stop?: readonly number[];
  readonly twin?: boolean;
  readonly freeze_attention?: boolean;
  readonly forced?: readonly number[];
  readonly k?: number;
  readonly cache?: boolean;
}

/** A token that was drawn, with numbers of the model's softmax there (edits in force, in nats). */
export interface GeneratedToken {
  readonly id: number;
  readonly prob: number;
  readonly log_prob: number;
  readonly entropy: number;
  /** Its probability after temperature, penalties and cuts. */
  readonly drawn: number;
  /** KL(this run || the twin without the edits); null without `twin`. */
  readonly kl: number | null;
  readonly twin_log_prob: number | null;
  readonly top_ids: readonly number[];
  readonly top_probs: readonly number[];
}

export interface Generation {
  /** Why it ended: "max_new", "stop" or "context". */
  readonly end: string;
  readonly tokens: readonly GeneratedToken[];
}

/** What is differentiated: docs/formats.md, "Gradient". Negative positions count from the end. */
export interface Metric {
  readonly kind: 'logit_diff' | 'log_prob' | 'kl' | 'loss';
  readonly position?: number;
  readonly correct?: number;
  readonly wrong?: number;
}

export interface GradientRequest {
  readonly ids: readonly number[];
  readonly metric: Metric;
  /** For "kl": the prompt whose prediction is compared with. */
  readonly clean?: readonly number[];
  /** Names or globs of the hooks whose gradient is wanted. */
  readonly hooks?: readonly string[];
  /** Also the gradient of every parameter, under its name in the state_dict. */
  readonly weights?: boolean;
  readonly edits?: readonly Edit[];
  /** Other prompts that the edits name. */
  readonly runs?: Readonly<Record<string, readonly number[]>>;
}

export interface GradientResult {
  readonly metric: number;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Everything the page (and a researcher in its console) can ask. Every call can be cancelled. */
/** A build of the core, by the name of its .wasm. */
export type WasmName = `hookscope${'' | '-relaxed'}${'' | '-shared'}`;

export interface Build {
  readonly wasm: WasmName;
  /** More than one only of a shared build. */
  readonly threads: number;
}

export interface Engine {
  /** The models this page ships. */
  models(): Promise<readonly ShippedModel[]>;
  /** Load a shipped model by id, or files dropped by a person (config.json, model.safetensors, tokenizer.json). */
  load(
    source: string | { readonly files: ReadonlyMap<string, Blob>; readonly id: string },
    options?: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<ModelInfo>;
  /** Text -> ids with the loaded model's tokenizer; a beginning-of-text token stands first when the
   *  model's default_prepend_bos says so. `<|endoftext|>` typed by a person stays text unless `special`. */
  tokenize(text: string, options?: { special?: boolean; bos?: boolean }): Promise<Tokenized>;
  /** Tokens of ids, for labels of predictions. */
  tokens(ids: ArrayLike<number>): Promise<readonly Token[]>;
  hooks(nTokens: number): Promise<readonly HookInfo[]>;
  run(request: RunRequest, options?: { signal?: AbortSignal }): Promise<RunResult>;
  /** Logits of vectors of the residual stream [n, d_model] -> [n, d_vocab_out]; lnFinal re-normalises each. */
  unembed(vectors: Float32Array, options?: { lnFinal?: boolean }): Promise<Tensor>;
  /** d(metric)/d(value) at hooks and of weights. */
  gradient(request: GradientRequest, options?: { signal?: AbortSignal }): Promise<GradientResult>;
  /** A reading of a run: the logit lens, attribution, neurons, heads, ... Runs are kept, so that the next reading
   *  of the same one has no forward pass to wait for. A study does runs of its own and may take minutes: other
   *  questions are answered meanwhile, between its units. */
  read(request: ReadRequest, options?: { signal?: AbortSignal; onProgress?: (progress: StudyProgress) => void }): Promise<Reading>;
  /** The text continued; `onToken` hears of each token as it is drawn, with its index. */
  generate(
    request: GenerateRequest,
    options?: { signal?: AbortSignal; onToken?: (token: GeneratedToken, index: number) => void },
  ): Promise<Generation>;
  /** Transform the loaded model's weights so that it predicts the same (docs/formats.md, "Process"), all named or
   *  none. Load the model again to undo it. */
  process(names: readonly ProcessName[]): Promise<ModelInfo>;
  /** Free the worker and everything in it. */
  close(): void;
}

/** Every failure of the engine: the core's status name ("EHOOK") or one of the page's own
 *  ("ENOSIMD", "EFETCH", "EHASH", "EWORKER", "ETOKENIZER", "EABORTED"), and a line a person can act on. */
export interface EngineFailure {
  readonly status: string;
  readonly detail: string;
}
