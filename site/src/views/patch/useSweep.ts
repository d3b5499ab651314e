/** A sweep as it fills in: its cells in the order of its picture. */
import { useMemo } from 'preact/hooks';
import type { Sweep } from '../../state/patch';
import { arrayOf } from '../useReading';
import { useStudy, type Study } from '../useStudy';
import { baseOf, type Base } from './cells';

export interface Swept {
  readonly sweep: Sweep;
  readonly study: Study;
  readonly base: Base | null;
  /** The metric, [rows, cols]; NaN where there is none yet. */
  readonly metrics: Float32Array;
}

/** `array`: of the reading, where it is not its values. */
export function useSwept(sweep: Sweep | null, study: Study, array = 'values'): Swept | null {
  const raw = arrayOf(study.reading, array);
  const key = sweep && JSON.stringify(sweep.document);
  const metrics = useMemo(() => {
    const { rows, cols, index } = sweep ?? { rows: 0, cols: 0, index: () => 0 };
    return Float32Array.from({ length: rows * cols }, (_, i) => raw[index(Math.floor(i / cols), i % cols)] ?? Number.NaN);
  }, [raw, key]);
  return sweep && { sweep, study, base: baseOf(study), metrics };
}

export const useSweep = (sweep: Sweep | null): Swept | null => useSwept(sweep, useStudy(sweep && sweep.document));
