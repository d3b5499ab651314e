/** The service worker: keeps the files of its version, part by part, each part checked against its SHA-256, and answers
 *  from them; what it does not have comes from the network. A first visit is served by the network alone: the page asks
 *  to `keep` when it has loaded, and the browser's own cache then has most of it. A new version takes all of its parts,
 *  or is none: it then waits until the old one's tabs are closed, or a person lets it `take over`. */
import { isBuild, openStore, partOf, pathOf, type Kept, type ToWorker } from './sw/files';
import { scope } from './sw/scope';

// Both are written in by plugins/precache.ts: for each part, the SHA-256 (base64) of the SHA-256s of its files, and their
// paths, index.html after all that it needs.
declare const PARTS: Readonly<Record<string, readonly [sha256: string, ...paths: string[]]>>;
declare const WORKER_POLICY: string;

const parts = PARTS;
const { registration, clients } = scope;
const folder = registration.scope;
const tabs = async () => (await clients.matchAll({ includeUncontrolled: true })).filter(({ url }) => url.startsWith(folder));
const sha256 = async (bytes: BufferSource) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

/** What a file is stored under: names below assets/ hold a hash and stay, others belong to a version of their part. */
const keyOf = (path: string) => folder + path + (path.startsWith('assets/') ? '' : `?${parts[partOf(path)]?.[0]}`);

/** Stores a part, whole and unchanged. What is stored does not come again; what the browser's own cache has, only when
 *  the whole does not fit with it. */
async function storePart(store: Cache, [wanted, ...paths]: readonly string[]): Promise<void> {
  for (const cache of ['default', 'no-cache'] as const) {
    const hashes: number[] = [];
    const put: (() => Promise<void>)[] = [];
    for (const path of paths) {
      const response = (await store.match(keyOf(path))) ?? (await fetch(folder + path, { cache }));
      if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
      const bytes = await response.arrayBuffer();
      hashes.push(...(await sha256(bytes)));
      const headers = new Headers(response.headers);
      headers.delete('content-encoding'); // the bytes are decoded
      headers.delete('vary'); // there is one answer, to all
      headers.set('content-length', `${bytes.byteLength}`);
      // A worker is held by the policy of its own script, and not every host sends one.
      if (path.endsWith('.js')) headers.set('content-security-policy', WORKER_POLICY);
      put.push(() => store.put(keyOf(path), new Response(bytes, { headers })));
    }
    if (btoa(String.fromCharCode(...(await sha256(Uint8Array.from(hashes))))) !== wanted) continue;
    for (const one of put) await one();
    return;
  }
  throw new Error('what the server sends is damaged, or of another version');
}

/** Stores the parts that are missing, past those that fail; `tell` hears of each. Of the core, the build that is asked
 *  for and those that a version has stored. */
async function storeAll(build: string | null, tell: (kept: Kept) => Promise<void>): Promise<Kept> {
  const store = await openStore(folder);
  const keys = await store.keys();
  const there = new Set(keys.map(({ url }) => url));
  const builds = new Set([build, ...keys.map((key) => partOf(pathOf(key, folder)))]);
  const missing = Object.entries(parts).filter(
    ([name, [, ...paths]]) => (!isBuild(name) || builds.has(name)) && !paths.every((path) => there.has(keyOf(path))));
  let kept: Kept = { missing: missing.length };
  for (const [name, part] of missing) {
    try {
      await storePart(store, part);
      kept = { ...kept, missing: kept.missing - 1 };
    } catch (thrown) {
      kept = { failure: `${name || 'the page'}: ${(thrown as Error).message}`, ...kept };
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
  const store = await openStore(folder);
  for (const key of await store.keys()) {
    const path = pathOf(key, folder);
    if (key.url !== keyOf(path) || !parts[partOf(path)]?.includes(path)) await store.delete(key);
  }
}

async function keep(build: string) {
  const kept = await storeAll(build, tellTabs);
  if (!kept.failure) await clean();
  await tellTabs(kept);
}
let keeping: Promise<void> | null = null;

async function answer(request: Request): Promise<Response> {
  const path = pathOf(request, folder) || 'index.html';
  return (await caches.match(keyOf(path), { cacheName: folder })) ?? fetch(request);
}

scope.addEventListener('install', (event) => {
  if (registration.active)
    event.waitUntil(
      storeAll(null, async ({ failure }) => {
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
  else event.waitUntil((keeping ??= keep(asked.keep).finally(() => (keeping = null))));
});
