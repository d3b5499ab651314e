/** The page's end of the channel: a request in, a promise out. */
import type { Answer, Ask, FromWorker, Kind, Port, ToWorker } from '../worker/protocol';
import { EngineError, aborted } from './errors';
import type { GeneratedToken, StudyProgress } from './types';

interface Pending extends Pick<AskOptions, 'onToken' | 'onProgress'> {
  resolve(answer: Answer<Kind>): void;
  reject(failure: EngineError): void;
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onToken?: ((token: GeneratedToken, index: number) => void) | undefined;
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined;
  readonly transfer?: ArrayBuffer[];
}

export type Client = ReturnType<typeof connect>;

export function connect(port: Port<FromWorker, ToWorker>) {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let dead: EngineError | null = null;

  port.onmessage = ({ data }) => {
    const asked = pending.get(data.id);
    if ('token' in data) return asked?.onToken?.(data.token, data.index);
    if ('progress' in data) return asked?.onProgress?.(data.progress);
    pending.delete(data.id);
    if (data.ok) asked?.resolve(data.answer);
    else asked?.reject(new EngineError(data.status, data.detail));
  };

  /** The answer of the worker; EABORTED as soon as the signal says so. */
  function ask<K extends Kind>(kind: K, what: Ask<K>, { signal, onToken, onProgress, transfer = [] }: AskOptions = {}): Promise<Answer<K>> {
    if (dead) return Promise.reject(dead);
    if (signal?.aborted) return Promise.reject(aborted());
    const id = ++lastId;
    const cancel = () => {
      pending.get(id)?.reject(aborted());
      pending.delete(id);
      port.postMessage({ id, kind: 'cancel' }, []);
    };
    const answer = new Promise<Answer<Kind>>((resolve, reject) => pending.set(id, { onToken, onProgress, resolve, reject }));
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      // A row of Calls ties `kind` to `what` and to the answer; a union over kinds cannot carry that.
      port.postMessage({ id, kind, ask: what } as ToWorker, transfer);
    } catch (thrown) { // a function in it, say
      pending.get(id)?.reject(new EngineError('ESPEC', `the request cannot be sent to the worker: ${thrown instanceof Error ? thrown.message : thrown}`));
      pending.delete(id);
    }
    return (answer as Promise<Answer<K>>).finally(() => signal?.removeEventListener('abort', cancel));
  }

  /** The worker is gone: nothing will be answered any more. */
  function fail(failure: EngineError) {
    dead = failure;
    for (const { reject } of pending.values()) reject(failure);
    pending.clear();
  }

  return { ask, fail };
}
