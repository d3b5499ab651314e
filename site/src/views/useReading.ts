/** A reading as a view has it: the last true one stays, marked stale, until the one asked for is there. */
import { useEffect, useState } from 'preact/hooks';
import type { EngineFailure, ModelInfo, ReadRequest, Reading } from '../engine/types';
import { asFailure } from '../state/failure';
import { usePage } from './page';

export interface Read {
  readonly reading: Reading | null;
  /** What `reading` answers. */
  readonly request: ReadRequest | null;
  /** Of which model: another one answers the same document with other numbers. */
  readonly model: ModelInfo | null;
  readonly stale: boolean;
  readonly failure: EngineFailure | null;
}

const NOTHING: Read = { reading: null, request: null, model: null, stale: true, failure: null };

/** null asks for nothing, and keeps what is there, as stale. */
export function useReading(request: ReadRequest | null): Read {
  const { readings, shown } = usePage().app;
  const model = shown.value?.info ?? null;
  /** What failed: an older question's failure is none of this one. */
  const [got, setGot] = useState<Read & { readonly failed?: Pick<Read, 'request' | 'model'> }>(NOTHING);
  const key = request && JSON.stringify(request);
  useEffect(() => {
    if (!request) return;
    let wanted = true;
    readings.ask(request).then(
      (reading) => wanted && setGot({ reading, request, model, stale: false, failure: null }),
      (thrown) => wanted && setGot((last) => ({ ...last, stale: false, failure: asFailure(thrown), failed: { request, model } })),
    );
    return () => {
      wanted = false;
    };
  }, [key, model, readings]);
  const of = got.failed ?? got;
  const other = key === null || (of.request !== null && (key !== JSON.stringify(of.request) || model !== of.model));
  return { ...got, failure: other ? null : got.failure, stale: got.stale || other };
}

/** An array of a reading; empty where it has none of that name. */
export const arrayOf = (reading: Reading | null, name: string): Float32Array => reading?.arrays.get(name)?.data ?? EMPTY;
const EMPTY = new Float32Array(0);
