/** A study as a view has it: what it has so far, how far it is, and the way to stop it. A newer question ends the
 *  one before it; an older one's numbers are never given for it. */
import { useEffect, useState } from 'preact/hooks';
import type { EngineFailure, ReadRequest, Reading } from '../engine/types';
import { asFailure } from '../state/failure';
import type { Readings } from '../state/readings';
import { usePage } from './page';

export interface Study {
  /** Of `request` alone; NaN where it has nothing yet. */
  readonly reading: Reading | null;
  readonly request: ReadRequest | null;
  readonly state: 'none' | 'running' | 'done' | 'stopped' | 'failed';
  /** Share of the work that is done, from 0 to 1. */
  readonly share: number;
  /** Milliseconds, from the pace so far; null: not to be told yet. */
  readonly left: number | null;
  /** What it takes in the core. */
  readonly bytes: number;
  readonly failure: EngineFailure | null;
  /** Milliseconds that it took; null: it is not done, or was kept from before. */
  readonly took: number | null;
  /** Ends it after its unit; what it has stays. */
  stop(): void;
  /** Begins anew after a stop. */
  again(): void;
}

export type Told = Omit<Study, 'request' | 'stop' | 'again'>;

export const NOTHING: Told = { reading: null, state: 'none', share: 0, left: null, bytes: 0, failure: null, took: null };

/** Asks, and tells what there is of it as it goes. */
export function follow(readings: Readings, request: ReadRequest, signal: AbortSignal, tell: (now: Partial<Told>) => void) {
  const began = performance.now();
  let worked = false;
  readings
    .study(request, signal, ({ done, total, bytes, reading }) => {
      const share = total > 0 ? done / total : 0;
      worked = true;
      tell({ reading, share, bytes, left: share > 0.02 ? ((performance.now() - began) * (1 - share)) / share : null });
    })
    .then(
      (reading) => tell({ reading, state: 'done', share: 1, left: null, took: worked ? performance.now() - began : null }),
      (thrown) => {
        const failure = asFailure(thrown);
        tell(failure.status === 'EABORTED' ? { state: 'stopped', left: null } : { state: 'failed', left: null, failure });
      },
    );
}

/** null asks for nothing. */
export function useStudy(request: ReadRequest | null): Study {
  const { readings, shown } = usePage().app;
  const model = shown.value?.info ?? null;
  const key = request && JSON.stringify(request);
  const [told, setTold] = useState<{ readonly key: string | null; readonly model: unknown; readonly now: Told; stop(): void }>({
    key: null, model: null, now: NOTHING, stop() {},
  });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (!request || !model) return;
    const controller = new AbortController();
    let wanted = true;
    const tell = (now: Partial<Told>) => {
      if (wanted) setTold((last) => ({ ...last, now: { ...last.now, ...now } }));
    };
    setTold({
      key, model, now: { ...NOTHING, state: 'running' },
      stop() {
        tell({ state: 'stopped', left: null });
        wanted = false;
        controller.abort();
      },
    });
    follow(readings, request, controller.signal, tell);
    return () => {
      wanted = false;
      controller.abort();
    };
  }, [key, model, readings, attempt]);
  const now = told.key === key && told.model === model ? told.now : NOTHING;
  return { ...now, request, stop: told.stop, again: () => setAttempt(attempt + 1) };
}
