/** What vectors of the residual stream would say if the model stopped there: through the unembedding. */
import { effect, signal } from '@preact/signals';
import type { Engine } from '../engine/types';
import { softmax, topIndices } from './numbers';
import { depths, streamAt } from './reading';
import type { Shown } from './run';

/** The likeliest token of every vector, [T, depths]. */
export interface Lens {
  readonly of: Shown;
  readonly ids: Int32Array;
  readonly probabilities: Float32Array;
}

export interface Guess {
  readonly id: number;
  readonly p: number;
}

/** Vectors a call: keeps each call short in the worker, so that a new run need not wait long. */
const CHUNK = 32;
/** Above so many vectors nobody can read the cells' words. */
const MOST = 4096;

const readsFinalNorm = (shown: Shown) => shown.info.config.normalization_type !== null;

export const lensConvention = (shown: Shown): string =>
  readsFinalNorm(shown) ? 'final LayerNorm applied to this vector, then W_U + b_U, softmax' : 'W_U + b_U, softmax; no final LayerNorm';

export async function guesses(engine: Engine, shown: Shown, vector: Float32Array, k: number): Promise<readonly Guess[]> {
  const logits = await engine.unembed(vector.slice(), { lnFinal: readsFinalNorm(shown) });
  const p = softmax(logits.data);
  return topIndices(p, k).map((id) => ({ id, p: p[id] ?? 0 }));
}

/** Follows the shown run; null while not computed. A newer run makes an older answer void. */
export function createLens(engine: () => Engine | null, shown: { readonly value: Shown | null }) {
  const lens = signal<Lens | null>(null);
  effect(() => {
    const of = shown.value;
    const ready = engine();
    if (of && ready) void compute(ready, of);
  });

  async function compute(ready: Engine, of: Shown) {
    const nDepths = depths(of).length;
    const nTokens = of.tokenized.ids.length;
    if (nDepths * nTokens > MOST) return;
    const d = of.info.config.d_model;
    const ids = new Int32Array(nTokens * nDepths);
    const probabilities = new Float32Array(nTokens * nDepths);
    for (let depth = 0; depth < nDepths; depth++) {
      const stream = streamAt(of, of.now, depth);
      for (let from = 0; stream && from < nTokens; from += CHUNK) {
        const to = Math.min(nTokens, from + CHUNK);
        let logits;
        try {
          logits = await ready.unembed(stream.slice(from * d, to * d), { lnFinal: readsFinalNorm(of) });
        } catch {
          return; // a worker that died says so where its run failed
        }
        if (shown.value !== of) return;
        const width = logits.shape[1] ?? 0;
        for (let i = from; i < to; i++) {
          const p = softmax(logits.data.subarray((i - from) * width, (i - from + 1) * width));
          const best = topIndices(p, 1)[0] ?? 0;
          ids[i * nDepths + depth] = best;
          probabilities[i * nDepths + depth] = p[best] ?? 0;
        }
      }
    }
    lens.value = { of, ids, probabilities };
  }
  return lens;
}
