/** The service worker: keeps the files of its version, each checked against its SHA-256, and answers from them; what it
 *  does not have comes from the network. A first visit is served by the network alone: the page asks to `keep` when
 *  it has loaded, and the browser's own cache then has most of it. A new version takes all of its files, or is none:
 *  it then waits until the old one's tabs are closed, or a person lets it `take over`. */
import { openStore, pathOf, type Kept, type ToWorker } from './sw/files';
import { scope } from './sw/scope';

// Both are written in by plugins/precache.ts.
declare const FILES: Readonly<Record<string, string>>; // path -> SHA-256 in base64; index.html after all that it needs
declare const WORKER_POLICY: string;

const files = FILES;
const { registration, clients } = scope;
const folder = registration.scope;
const keyOf = (path: string) => `${folder}${path}?${files[path]}`;
const tabs = async () => (await clients.matchAll({ includeUncontrolled: true })).filter(({ url }) => url.startsWith(folder));

/** The file of this version, whole and unchanged. The browser's cache is asked first: what it has must not come twice. */
async function fetchChecked(path: string): Promise<Response> {
  for (const cache of ['default', 'reload'] as const) {
    const response = await fetch(folder + path, { cache });
    const bytes = await response.arrayBuffer();
    const hash = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))));
    if (hash !== files[path]) continue;
    const headers = new Headers(response.headers);
    headers.delete('content-encoding'); // the bytes are decoded
    headers.delete('vary'); // there is one answer, to all
    headers.set('content-length', `${bytes.byteLength}`);
    // A worker is held by the policy of its own script, and not every host sends one.
    if (path.endsWith('.js')) headers.append('content-security-policy', WORKER_POLICY);
    return new Response(bytes, { headers });
  }
  throw new Error('what the server sends is damaged, or of another version');
}

/** Stores what is missing, file by file, past those that fail; `tell` hears of each. */
async function store(tell: (kept: Kept) => Promise<void>): Promise<Kept> {
  const cache = await openStore(folder);
  const there = new Set((await cache.keys()).map(({ url }) => url));
  const missing = Object.keys(files).filter((path) => !there.has(keyOf(path)));
  let kept: Kept = { missing: missing.length };
  for (const path of missing) {
    try {
      await cache.put(keyOf(path), await fetchChecked(path));
      kept = { ...kept, missing: kept.missing - 1 };
    } catch (thrown) {
      kept = { failure: `${path}: ${(thrown as Error).message}`, ...kept };
    }
    await tell(kept);
  }
  return kept;
}

async function tellTabs(kept: Kept) {
  for (const tab of await tabs()) tab.postMessage(kept);
}

/** Other versions' files go when nothing can ask for them any more: no other tab, no version on its way. */
async function clean() {
  if (registration.installing || registration.waiting || (await tabs()).length > 1) return;
  const cache = await openStore(folder);
  for (const key of await cache.keys()) if (key.url !== keyOf(pathOf(key, folder))) await cache.delete(key);
}

async function keep() {
  const kept = await store(tellTabs);
  if (!kept.failure) await clean();
  await tellTabs(kept);
}
let keeping: Promise<void> | null = null;

async function answer(request: Request): Promise<Response> {
  const path = request.url.slice(folder.length).replace(/[?#].*/, '') || 'index.html';
  // A part that a tab of the version before asks for late is still there, under its own name.
  const there = await caches.match(keyOf(path), { cacheName: folder, ignoreSearch: !files[path] });
  return there ?? fetch(request);
}

scope.addEventListener('install', (event) => {
  if (registration.active)
    event.waitUntil(
      store(async ({ failure }) => {
        if (failure) throw new Error(failure);
      }),
    );
});
scope.addEventListener('activate', (event) => event.waitUntil(clients.claim()));
scope.addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && url.startsWith(folder)) event.respondWith(answer(event.request));
});
scope.addEventListener('message', (event) => {
  const asked = event.data as ToWorker;
  if (asked === 'take over') void scope.skipWaiting();
  else event.waitUntil((keeping ??= keep().finally(() => (keeping = null))));
});
