/** The service worker's global scope, as far as it is used here: the compiler's own types of it exclude those of the page. */

export interface Waitable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
export interface Fetching extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
export interface Told extends Waitable {
  readonly data: unknown;
}
interface Tab {
  readonly url: string;
  postMessage(message: unknown): void;
}
interface Scope {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    matchAll(which: { readonly includeUncontrolled: boolean }): Promise<readonly Tab[]>;
    claim(): Promise<void>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Waitable) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
  addEventListener(type: 'message', listener: (event: Told) => void): void;
}

export const scope = self as unknown as Scope;
