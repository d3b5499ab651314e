/** What every failing call of the engine throws, on both sides of the worker. */
import type { EngineFailure } from './types';

export class EngineError extends Error implements EngineFailure {
  readonly status: string;
  readonly detail: string;
  constructor(status: string, detail: string) {
    super(`${status}: ${detail}`);
    this.name = 'EngineError';
    this.status = status;
    this.detail = detail;
  }
}

export const aborted = () => new EngineError('EABORTED', 'the caller stopped it');

/** Anything thrown, as an EngineError; `status` is for what was not one. */
export function engineError(thrown: unknown, status: string): EngineError {
  if (thrown instanceof EngineError) return thrown;
  if (thrown instanceof DOMException && thrown.name === 'AbortError') return aborted();
  return new EngineError(status, thrown instanceof Error ? thrown.message : String(thrown));
}
