/** Runs of the experiment, latest wins: at most one is under way, and of those asked for meanwhile only
 *  the last is started. The picture of the last true run stays until the next one is true. */
import { batch, signal } from '@preact/signals';
import type { Edit, Engine, EngineFailure, ModelConfig, ModelInfo, RunResult, Tokenized } from '../engine/types';
import { asFailure } from './failure';

export interface Ask {
  readonly text: string;
  readonly edits: readonly Edit[];
}

/** One true picture: a text, the edits in force, the run without them and the run with them. */
export interface Shown extends Ask {
  readonly info: ModelInfo;
  readonly tokenized: Tokenized;
  readonly before: RunResult;
  /** The same object as `before` when no edit is in force. */
  readonly now: RunResult;
}

const CAPTURE = ['blocks.*.attn.hook_pattern', 'blocks.*.attn.hook_attn_scores', 'blocks.*.attn.hook_v'];

/** Hooks of the points of the residual stream, outermost first: into layer 0, then out of each. */
export const streamHooks = (config: ModelConfig): readonly string[] =>
  config.n_layers === 0
    ? ['hook_embed', 'hook_pos_embed']
    : ['blocks.0.hook_resid_pre', ...Array.from({ length: config.n_layers }, (_, l) => `blocks.${l}.hook_resid_post`)];

/** Computes pictures with one engine and model; the run without edits is kept while the text stays. */
export function createCompute(engine: Pick<Engine, 'tokenize' | 'run'>, info: ModelInfo) {
  const positions = info.config.positional_embedding_type === 'standard';
  const capture =
    info.config.n_layers === 0
      ? streamHooks(info.config).slice(0, positions ? 2 : 1)
      : [...CAPTURE, ...streamHooks(info.config)];
  let kept: { text: string; tokenized: Tokenized; before: RunResult } | null = null;
  return async ({ text, edits }: Ask, signal: AbortSignal): Promise<Shown> => {
    if (kept?.text !== text) {
      const tokenized = await engine.tokenize(text);
      if (tokenized.ids.length === 0) throw { status: 'ETOKENS', detail: 'The text is empty: type at least one character.' };
      kept = { text, tokenized, before: await engine.run({ ids: tokenized.ids, capture }, { signal }) };
    }
    const { tokenized, before } = kept;
    const now = edits.length === 0 ? before : await engine.run({ ids: tokenized.ids, edits, capture }, { signal });
    return { text, edits, info, tokenized, before, now };
  };
}

export function createRunner() {
  const shown = signal<Shown | null>(null);
  /** True while what is shown is not (yet) what was asked for. */
  const stale = signal(false);
  const failure = signal<EngineFailure | null>(null);
  let compute: ((ask: Ask, signal: AbortSignal) => Promise<Shown>) | null = null;
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
