/** Anything thrown, as a status and a line a person can act on. */
import type { EngineFailure } from '../engine/types';

export function asFailure(thrown: unknown): EngineFailure {
  if (typeof thrown === 'object' && thrown !== null && 'status' in thrown && 'detail' in thrown)
    return { status: String(thrown.status), detail: String(thrown.detail) };
  if (thrown instanceof DOMException && thrown.name === 'AbortError') return { status: 'EABORTED', detail: 'Stopped.' };
  return { status: 'EPAGE', detail: thrown instanceof Error ? thrown.message : String(thrown) };
}
