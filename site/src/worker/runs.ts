/** Forward passes: what the edits name is run first, and the last runs are kept, so that readings of one prompt
 *  have one pass to wait for. */
import { READ_MAX_HOOKS } from '../engine/abi.gen';
import { EngineError, aborted } from '../engine/errors';
import type { Reading, RunRequest } from '../engine/types';
import { integers, json } from './requests';
import type { Scope, Wasm } from './wasm';

/** Between the steps of what takes long: let messages in, and say whether to go on. */
export interface Pace {
  pause(): Promise<void>;
  readonly signal: AbortSignal;
}

/** A run by its tokens and its interventions. */
export type Prompt = { readonly [F in 'ids' | 'edits' | 'runs' | 'vectors']?: RunRequest[F] | undefined };

/** A finished run, which captured at least what readings need. */
export interface Run {
  readonly at: number;
  readonly ids: readonly number[];
  /** What it was asked to capture besides. */
  readonly globs: readonly string[];
  readonly bytes: number;
  /** Of its forward pass. */
  readonly ms: number;
  /** What its heads do, once somebody asked. */
  detected?: Reading;
}

interface Kept extends Run {
  readonly key: string;
  free(): void;
}

/** The last two runs (a reading may be of two) are kept whatever their size, others within these. */
const MOST_RUNS = 8;
const MOST_BYTES = 256 * 2 ** 20;

export async function steps(step: () => number, { pause, signal }: Pace): Promise<number> {
  let ms = 0;
  for (let more = true; more; ) {
    if (signal.aborted) throw aborted();
    const start = performance.now();
    more = step() !== 0;
    ms += performance.now() - start;
    await pause();
  }
  return ms;
}

const latin1 = new TextDecoder('latin1');
const bitsOf = (data: Float32Array) => latin1.decode(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

/** `model`: the address of the model that is loaded. */
export function createRuns({ core, check, open, word, doubles, text }: Wasm, model: () => number) {
  const kept: Kept[] = [];

  const shaped = (vectors: Prompt['vectors'] = {}) =>
    Object.entries(vectors).map(([name, vector]) => {
      const { shape, data } = vector instanceof Float32Array ? { shape: [vector.length], data: vector } : vector;
      if (shape.length > 4 || shape.reduce((a, b) => a * b, 1) !== data.length)
        throw new EngineError('EEDIT', `vectors.${name} has ${data.length} numbers, which do not fill the shape [${shape}]`);
      return { name, shape, data };
    });

  /** A run, planned; freed with the scope. */
  function plan(scope: Scope, ids: readonly number[], edits: number, capture: number) {
    const { at: out } = scope.block(16);
    check(core.hsw_run_new(model(), scope.ints(ids), ids.length, edits, capture, out));
    return { at: scope.own(word(out, 2), core.hs_run_free), bytes: doubles(out, 1)[0] ?? 0 };
  }

  /** What the edits of a prompt name, as four parameters of the core: runs, done and captured as far as edits
   *  read them, and vectors. */
  async function sources(scope: Scope, { edits = [], runs = {}, vectors }: Prompt, pace: Pace) {
    const list = scope.string(json(edits));
    const made: { name: string; at: number }[] = [];
    for (const [name, ids] of Object.entries(runs)) {
      const { at: out } = scope.block(4);
      check(core.hsw_edits_needs(list.at, list.bytes, scope.string(name).at, out));
      const globs = word(out);
      if (globs === 0) continue;
      const { at } = plan(scope, integers(ids, `runs.${name}`), 0, scope.own(globs, core.free));
      await steps(() => core.hs_run_step(at), pace);
      made.push({ name, at });
    }
    const arrays = shaped(vectors).map(({ name, shape, data }) => ({ name, shape, at: scope.floats(data) }));
    return [scope.list(made.map(({ name }) => name)), scope.ints(made.map(({ at }) => at)), scope.arrays(arrays), arrays.length] as const;
  }

  /** The edits compiled for a prompt of nTokens; 0 for none. */
  async function compile(scope: Scope, prompt: Prompt, nTokens: number, pace: Pace): Promise<number> {
    if (!prompt.edits?.length) return 0;
    const list = scope.string(json(prompt.edits));
    const named = await sources(scope, prompt, pace);
    return scope.make((out) => core.hsw_edits_new(model(), list.at, list.bytes, nTokens, ...named, out), core.hs_edits_free);
  }

  /** The globs of all that readings need. */
  function readHooks(): string[] {
    const scope = open();
    const { at: out } = scope.block(4 * READ_MAX_HOOKS);
    const globs = Array.from({ length: core.hs_read_hooks(model(), out) }, (_, i) => text(word(out, i)));
    scope.close();
    return globs;
  }

  /** The prompt's run, captured at `globs` too: a kept one, or a new one that is kept. It lives until the second
   *  next call. */
  async function finished(prompt: Prompt, globs: readonly string[], pace: Pace): Promise<Run> {
    const ids = integers(prompt.ids ?? [], 'ids');
    const { edits = [], runs, vectors } = prompt;
    const key = json(edits.length > 0 ? [ids, edits, runs, shaped(vectors).map(({ data, ...rest }) => [rest, bitsOf(data)])] : ids);
    const before = kept.findIndex((run) => run.key === key);
    const [same] = before < 0 ? [] : kept.splice(before, 1);
    if (same && globs.every((glob) => same.globs.includes(glob))) {
      kept.push(same);
      return same;
    }
    same?.free();
    const scope = open();
    try {
      const compiled = await compile(scope, prompt, ids.length, pace);
      const { at, bytes } = plan(scope, ids, compiled, scope.list([...globs, ...readHooks()]));
      const ms = await steps(() => core.hs_run_step(at), pace);
      const run = { key, at, ids, globs, bytes, ms, free: scope.close };
      kept.push(run);
      while (kept.length > MOST_RUNS || (kept.length > 2 && kept.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_BYTES)) kept.shift()?.free();
      return run;
    } catch (thrown) {
      scope.close();
      throw thrown;
    }
  }

  /** Free the kept runs; whether there were any. */
  function forget(): boolean {
    for (const run of kept) run.free();
    return kept.splice(0).length > 0;
  }

  return { finished, sources, forget };
}
