/** Runs of the experiment, latest wins: at most one is under way, and of those asked for meanwhile only
 *  the last is started. The picture of the last true run stays until the next one is true. */
import { batch, signal, type ReadonlySignal } from '@preact/signals';
import type { Edit, Engine, EngineFailure, HeadScores, ModelInfo, RunRequest, RunResult, Tokenized } from '../engine/types';
import { asFailure } from './failure';
import type { HeadId } from './selection';
import { createVectors, steerEdits, type Steer } from './steer';

export interface Ask {
  readonly text: string;
  readonly textB: string | null;
  readonly edits: readonly Edit[];
  /** What steers, after them. */
  readonly steer?: Steer | null;
}

/** The run of a document. */
export type RunPart = Pick<RunRequest, 'ids' | 'edits' | 'runs'>;

export type Prompt = 'A' | 'B';

/** Whether an edit takes its numbers from a prompt's run. */
export const takesFrom = ({ value }: Edit, prompt: Prompt): boolean => JSON.stringify(value)?.includes(`"run":"${prompt}"`) ?? false;

/** The edits that act on a prompt: all but those that take from it, which act on the other one alone. */
export const editsOf = (prompt: Prompt, edits: readonly Edit[]): readonly Edit[] => edits.filter((edit) => !takesFrom(edit, prompt));

/** The run of a prompt with edits; `other`: the prompt that they may take from. */
export function runPart(ids: readonly number[], edits: readonly Edit[], other: { readonly name: Prompt; readonly ids: readonly number[] } | null): RunPart {
  if (edits.length === 0) return { ids };
  return other && edits.some((edit) => takesFrom(edit, other.name)) ? { ids, edits, runs: { [other.name]: other.ids } } : { ids, edits };
}

/** One run, and what can be read of it at once; `pattern` and `logits` are null while they are fetched, and whoever
 *  asked is told by the signal that they read. */
export interface Run {
  readonly part: RunPart;
  /** Detector scores of every head on this text. */
  readonly heads: readonly HeadScores[];
  readonly n_duplicates: number;
  /** -log p of each next token, nats, [T - 1]. */
  readonly loss: Float32Array;
  /** Milliseconds of the forward pass alone. */
  readonly ms: number;
  /** [T, T] of one head. */
  pattern(head: HeadId): Float32Array | null;
  /** [d_vocab_out] at a position. */
  logits(position: number): Float32Array | null;
}

/** One true picture: a text, the edits in force, the run without them and the run with them. */
export interface Shown {
  readonly text: string;
  readonly edits: readonly Edit[];
  readonly info: ModelInfo;
  readonly tokenized: Tokenized;
  readonly before: Run;
  /** The same object as `before` when no edit is in force. */
  readonly now: Run;
}

export interface Pair {
  readonly ask: Ask;
  readonly a: Shown;
  readonly b: Shown | null;
}

/** All patterns, or all logits, of a run are brought along up to so many numbers; of larger runs, what is looked at. */
const MOST_NUMBERS = 4 << 20;

type Computes = Pick<Engine, 'tokenize' | 'run' | 'read'>;

/** What is brought along of a run, or fetched the first time it is asked for. */
function fetched<K>(keyOf: (key: K) => string, ask: (key: K) => Promise<Float32Array>) {
  const kept = new Map<string, ReadonlySignal<Float32Array | null>>();
  return (wanted: K): Float32Array | null => {
    const key = keyOf(wanted);
    let found = kept.get(key);
    if (!found) {
      const arrives = signal<Float32Array | null>(null);
      found = arrives;
      kept.set(key, arrives);
      ask(wanted).then(
        (data) => {
          arrives.value = data;
        },
        () => kept.delete(key), // a worker that died says so where its run failed
      );
    }
    return found.value;
  };
}

function createRun(engine: Computes, info: ModelInfo, part: RunPart, result: RunResult): Run {
  const n = result.loss.length + 1;
  const only = async (read: Promise<{ readonly arrays: ReadonlyMap<string, { readonly data: Float32Array }> }>, name: string) =>
    (await read).arrays.get(name)?.data ?? new Float32Array(0);
  const pattern = fetched<HeadId>(
    ({ layer, head }) => `${layer} ${head}`,
    ({ layer, head }) => only(engine.read({ read: 'attention', ...part, heads: [[layer, head]], mode: 'pattern' }), 'attention'),
  );
  const row = fetched<number>(String, (position) =>
    only(engine.read({ read: 'lens', ...part, states: ['final_post'], ln: 'cached', positions: [position], k: 1, logits: true }), 'logits'));
  return {
    part,
    heads: result.heads,
    n_duplicates: result.n_duplicates,
    loss: result.loss,
    ms: result.ms,
    pattern(id) {
      const brought = result.tensors.get(`blocks.${id.layer}.attn.hook_pattern`)?.data;
      return brought ? brought.subarray(id.head * n * n, (id.head + 1) * n * n) : pattern(id);
    },
    logits(position) {
      const width = info.config.d_vocab_out;
      return result.logits.data.length > 0 ? result.logits.data.subarray(position * width, (position + 1) * width) : row(position);
    },
  };
}

/** Computes pictures with one engine and model; runs without edits are kept while their text stays. */
export function createCompute(engine: Computes, info: ModelInfo) {
  const { n_layers, n_heads, d_vocab_out } = info.config;

  async function run(part: RunPart, signal: AbortSignal): Promise<Run> {
    const n = part.ids.length;
    const capture = n_layers * n_heads * n * n <= MOST_NUMBERS ? ['blocks.*.attn.hook_pattern'] : [];
    return createRun(engine, info, part, await engine.run({ ...part, capture, logits: n * d_vocab_out <= MOST_NUMBERS }, { signal }));
  }

  type Kept = { readonly text: string; readonly tokenized: Tokenized; readonly before: Run };
  let kept: { a: Kept | null; b: Kept | null } = { a: null, b: null };
  async function plain(text: string, signal: AbortSignal, which: 'a' | 'b'): Promise<Kept> {
    const last = kept[which];
    if (last?.text === text) return last;
    const tokenized = await engine.tokenize(text);
    if (tokenized.ids.length === 0) throw { status: 'ETOKENS', detail: `Prompt ${which.toUpperCase()} is empty: type at least one character.` };
    const made = { text, tokenized, before: await run({ ids: [...tokenized.ids] }, signal) };
    kept = { ...kept, [which]: made };
    return made;
  }

  const vectorOf = createVectors(engine);

  return async (ask: Ask, signal: AbortSignal): Promise<Pair> => {
    const { text, textB, edits, steer } = ask;
    const a = await plain(text, signal, 'a');
    const b = textB === null ? null : await plain(textB, signal, 'b');
    const vector = steer ? await vectorOf(steer, a.tokenized.ids) : null;
    const shown = async (made: Kept, name: Prompt, other: Kept | null): Promise<Shown> => {
      const ids = [...made.tokenized.ids];
      const inForce = [...editsOf(name, edits), ...(steer && vector ? steerEdits(steer, vector, ids.length) : [])];
      const part = runPart(ids, inForce, other && { name: name === 'A' ? 'B' : 'A', ids: [...other.tokenized.ids] });
      return { ...made, info, edits: inForce, now: inForce.length === 0 ? made.before : await run(part, signal) };
    };
    return { ask, a: await shown(a, 'A', b), b: b && (await shown(b, 'B', a)) };
  };
}

export function createRunner() {
  const shown = signal<Pair | null>(null);
  /** True while what is shown is not (yet) what was asked for. */
  const stale = signal(false);
  const failure = signal<EngineFailure | null>(null);
  let compute: ((ask: Ask, signal: AbortSignal) => Promise<Pair>) | null = null;
  let wanted: Ask | null = null;
  let underway: AbortController | null = null;

  const pump = async () => {
    while (wanted && compute && !underway) {
      const ask = wanted;
      const controller = new AbortController();
      wanted = null;
      underway = controller;
      try {
        const picture = await compute(ask, controller.signal);
        if (wanted === null && underway === controller)
          batch(() => {
            shown.value = picture;
            failure.value = null;
            stale.value = false;
          });
      } catch (thrown) {
        // An outdated question's failure is as outdated as its answer.
        if (wanted === null && underway === controller) failure.value = asFailure(thrown);
      }
      if (underway === controller) underway = null;
    }
  };

  return {
    shown,
    stale,
    failure,
    ask(next: Ask) {
      wanted = next;
      stale.value = true;
      // An older question's failure is none of this one's; where it is all that there is, it stays until there is more.
      if (shown.peek()) failure.value = null;
      underway?.abort();
      void pump();
    },
    /** Another model, or the same one in a new worker: what was under way is void. */
    use(next: typeof compute) {
      underway?.abort();
      underway = null;
      compute = next;
      void pump();
    },
  };
}

export type Runner = ReturnType<typeof createRunner>;
