/** Every message between the page and its worker. Types only.
 *
 * Exactly one answer for each request; a cancelled request is answered with EABORTED unless its answer
 * was on its way. Before the answer of `generate` each token comes as it is drawn, before that of a study how far it
 * is. Buffers in `load` and in the tensors of an answer are transferred: the receiver owns
 * them. */
import type {
  EngineFailure, GenerateRequest, GeneratedToken, Generation, GradientRequest, GradientResult, HookInfo, ModelInfo, ProcessName, ReadRequest, Reading,
  RunRequest, RunResult, StudyProgress, Tensor, Token, Tokenized,
} from '../engine/types';

/** A model's files as bytes. Without a tokenizer it runs on ids only. */
export interface ModelFiles {
  readonly id: string;
  /** Of the weights, hex; "" where the page could not compute it. */
  readonly sha256: string;
  readonly config: ArrayBuffer;
  /** model.safetensors, or its shards, by name. */
  readonly weights: readonly { readonly name: string; readonly data: ArrayBuffer }[];
  readonly tokenizer: ArrayBuffer | null;
}

/** kind -> [what the page asks, what the worker answers] */
export interface Calls {
  load: [ModelFiles, ModelInfo];
  tokenize: [{ text: string; special: boolean; bos: boolean | null }, Tokenized];
  tokens: [{ ids: readonly number[] }, readonly Token[]];
  hooks: [{ nTokens: number }, readonly HookInfo[]];
  run: [RunRequest, RunResult];
  unembed: [{ vectors: Float32Array; lnFinal: boolean }, Tensor];
  gradient: [GradientRequest, GradientResult];
  read: [ReadRequest, Reading];
  generate: [GenerateRequest, Generation];
  process: [{ names: readonly ProcessName[] }, ModelInfo];
}

export type Kind = keyof Calls;
export type Ask<K extends Kind> = Calls[K][0];
export type Answer<K extends Kind> = Calls[K][1];

export type Request = { [K in Kind]: { readonly id: number; readonly kind: K; readonly ask: Ask<K> } }[Kind];
export type ToWorker = Request | { readonly id: number; readonly kind: 'cancel' };
export type FromWorker =
  | { readonly id: number; readonly ok: true; readonly answer: Answer<Kind> }
  | { readonly id: number; readonly token: GeneratedToken; readonly index: number }
  | { readonly id: number; readonly progress: StudyProgress }
  | ({ readonly id: number; readonly ok: false } & EngineFailure);

/** One end of a channel: a Worker, its global scope, or a MessagePort. */
export interface Port<In, Out> {
  onmessage: ((event: MessageEvent<In>) => void) | null;
  postMessage(message: Out, transfer: ArrayBuffer[]): void;
}
