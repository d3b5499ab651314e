/** Readings of the shown runs, kept while they may be looked at again. */
import type { Engine, ModelInfo, ReadRequest, Reading, StudyProgress } from '../engine/types';

/** So many numbers are kept, the ones asked for last. */
const MOST_NUMBERS = 16 << 20;

interface Kept {
  readonly reading: Promise<Reading>;
  numbers: number;
}

export function createReadings(engine: () => Pick<Engine, 'read'> | null) {
  const kept = new Map<string, Kept>();
  const studies = new Set<AbortController>();
  let model: ModelInfo | null = null;

  function drop() {
    let sum = 0;
    for (const [key, { numbers }] of [...kept].reverse()) {
      sum += numbers;
      if (sum > MOST_NUMBERS) kept.delete(key);
    }
  }

  function keep(key: string, found: Kept) {
    kept.delete(key);
    kept.set(key, found); // the newest stands last
    found.reading.then(
      ({ arrays }) => {
        found.numbers = [...arrays.values()].reduce((sum, { data }) => sum + data.length, 0);
        drop();
      },
      () => kept.get(key) === found && kept.delete(key),
    );
    return found.reading;
  }
  const begin = (request: ReadRequest, options?: Parameters<Engine['read']>[1]): Promise<Reading> => {
    const ready = engine();
    return ready && model ? ready.read(request, options) : Promise.reject({ status: 'ESTATE', detail: 'no model is loaded' });
  };

  return {
    /** Another model: what was read is of no more use. */
    use(info: ModelInfo) {
      model = info;
      kept.clear();
    },
    /** Readings are quick, so one that nobody waits for any more goes on and is kept. */
    ask(request: ReadRequest): Promise<Reading> {
      const key = JSON.stringify(request);
      return keep(key, kept.get(key) ?? { reading: begin(request), numbers: 0 });
    },
    /** Another model is on its way, which no study may keep waiting. */
    leave() {
      for (const study of studies) study.abort();
    },
    /** A study may take minutes: it ends with its signal, or with its model, and is kept once it is done. */
    async study(request: ReadRequest, signal: AbortSignal, onProgress: (progress: StudyProgress) => void): Promise<Reading> {
      const key = JSON.stringify(request);
      const of = model;
      const found = kept.get(key);
      if (found) return keep(key, found);
      const own = new AbortController();
      const end = () => own.abort();
      if (signal.aborted) end();
      signal.addEventListener('abort', end);
      studies.add(own);
      const reading = await begin(request, { signal: own.signal, onProgress }).finally(() => {
        studies.delete(own);
        signal.removeEventListener('abort', end);
      });
      return of === model ? keep(key, { reading: Promise.resolve(reading), numbers: 0 }) : reading;
    },
  };
}

export type Readings = ReturnType<typeof createReadings>;
