/** The page without a network: what is stored of it, whether that is all, and whether a new version waits. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { WasmName } from '../engine/types';
import { isBuild, openStore, partOf, pathOf, type Kept, type ToWorker } from '../sw/files';

/** Bytes by part: '' is the page, `models/x/` a model. `origin` is the browser's own count, of everything on this
 *  host; null where it does not say. */
export interface Stored {
  readonly parts: ReadonlyMap<string, number>;
  readonly origin: number | null;
}

export interface Offline {
  /** null until the worker has said it; 'cleared' after clear(), until the next visit. */
  readonly kept: ReadonlySignal<Kept | 'cleared' | null>;
  readonly stored: ReadonlySignal<Stored>;
  /** A new version is there, here or already in another tab. */
  readonly updated: ReadonlySignal<boolean>;
  /** Loads the page anew, in its new version. */
  update(): void;
  /** Looks again at what is stored; nobody needs to know while it is not shown. */
  measure(): Promise<void>;
  /** Removes the models, or all of the page's files and its service worker. What is open goes on. */
  clear(what: 'models' | 'all'): Promise<void>;
}

const HOUR = 3_600_000; // ms

/** Begins when `opened` has settled: the first picture does not wait for this. `wasm`: the build of the core in use. */
export function registerOffline(opened: Promise<unknown>, wasm: WasmName): Offline {
  const kept = signal<Kept | 'cleared' | null>(null);
  const stored = signal<Stored>({ parts: new Map(), origin: null });
  const updated = signal(false);
  const container = navigator.serviceWorker;
  const possible = Boolean(container && globalThis.caches && globalThis.crypto.subtle);
  const folder = new URL('./', document.baseURI).href;
  let registration: ServiceWorkerRegistration | undefined;

  async function measure() {
    if (!possible) return;
    const parts = new Map<string, number>();
    if (await caches.has(folder)) {
      const store = await openStore(folder);
      for (const key of await store.keys()) {
        const named = partOf(pathOf(key, folder));
        const part = isBuild(named) ? '' : named;
        parts.set(part, (parts.get(part) ?? 0) + Number((await store.match(key))?.headers.get('content-length')));
      }
    }
    stored.value = { parts, origin: (await navigator.storage.estimate()).usage ?? null };
  }

  async function register() {
    const found = (registration = await container.register('./sw.js', { updateViaCache: 'none' }));
    const look = () => {
      updated.value ||= Boolean(found.waiting && found.active);
    };
    look();
    found.addEventListener('updatefound', () => found.installing?.addEventListener('statechange', look));
    container.addEventListener('message', ({ data }: MessageEvent<Kept>) => {
      if (kept.value !== 'cleared') kept.value = data;
    });
    const { active } = await container.ready;
    active?.postMessage({ keep: wasm } satisfies ToWorker);
    let asked = Date.now();
    document.addEventListener('visibilitychange', () => {
      if (document.hidden || Date.now() - asked < HOUR) return;
      asked = Date.now();
      found.update().catch(() => {}); // no network: there will be another hour
    });
  }

  if (import.meta.env.PROD) {
    const fail = (reason: unknown) => {
      kept.value = { missing: 1, failure: String(reason) };
    };
    if (possible) opened.then(register).catch(fail);
    else fail('the browser offers it only to pages whose address begins with https');
  }

  return {
    kept,
    stored,
    updated,
    update() {
      const waiting = registration?.waiting;
      if (!waiting) return location.reload();
      container.addEventListener('controllerchange', () => location.reload(), { once: true });
      waiting.postMessage('take over' satisfies ToWorker);
    },
    measure,
    async clear(what) {
      if (what === 'all') {
        await caches.delete(folder);
        await registration?.unregister();
      } else {
        const store = await openStore(folder);
        for (const key of await store.keys()) if (partOf(pathOf(key, folder)).startsWith('models/')) await store.delete(key);
      }
      kept.value = 'cleared';
      await measure();
    },
  };
}
