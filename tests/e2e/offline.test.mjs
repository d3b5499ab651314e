// The page without a network: what a first visit stores, what works when the server is gone, how a new version comes.
// The host is a stranger's: a subfolder, no headers of ours, answers that the browser may keep for ten minutes.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after as atEnd, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { serve } from '../../tools/serve.mjs';
import { after, axe, DESK, DIST, idsOf, launch, newPage, predictions, settled } from './lib/browser.mjs';
import { startHost } from './lib/host.mjs';
import { hsRun, MANIFEST, sha256 } from './lib/model.mjs';

const FOLDER = '/some/folder/';
const filesOf = (dir) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(dir, '/').length))
    .sort();
const BUILD = /^assets\/(hookscope[a-z-]*)-.{8}\.wasm$/;
/** What a browser stores that runs this build of the core: the other ones are not for it. */
const shippedWith = (build, dir = DIST) => filesOf(dir).filter((path) => path !== 'sw.js' && (!BUILD.test(path) || BUILD.exec(path)[1] === build));
const RUN = 'hookscope-relaxed';
const SHIPPED = shippedWith(RUN);
const WEIGHTS = MANIFEST.models.map(({ path }) => `${path}model.safetensors`);

let browser;
let nextVersion; // of the page, built: a part that is loaded late is another, and so is a file of the last model
let changed; // what of it is not as in DIST
const edited = { source: '/src/code/index.ts', model: MANIFEST.models.at(-1) };
before(async () => {
  browser = await launch();
  nextVersion = mkdtempSync(join(tmpdir(), 'hookscope-next-'));
  const site = fileURLToPath(new URL('../../site', import.meta.url));
  const { build } = await import(pathToFileURL(join(site, 'node_modules/vite/dist/node/index.js')).href);
  const next = {
    name: 'next-version',
    transform: (code, id) => (id.endsWith(edited.source) ? `${code}\nglobalThis.partOfNext = true;` : null),
    transformIndexHtml: (html) => html.replace('<title>', '<meta name="build" content="next" /><title>'),
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const config = bundle[`${edited.model.path}config.json`];
        config.source = `${config.source}\n`;
        const manifest = structuredClone(MANIFEST);
        manifest.models.at(-1).files['config.json'] = { bytes: config.source.length, sha256: sha256(config.source) };
        bundle['models/manifest.json'].source = JSON.stringify(manifest);
      },
    },
  };
  await build({ root: site, configFile: join(site, 'vite.config.ts'), logLevel: 'warn', plugins: [next], build: { outDir: nextVersion, emptyOutDir: true } });
  changed = shippedWith(RUN, nextVersion).filter((path) => !SHIPPED.includes(path) || !readFileSync(join(DIST, path)).equals(readFileSync(join(nextVersion, path))));
  assert.ok(changed.some((path) => /^assets\/code-/.test(path)));
});
atEnd(async () => {
  await browser.close();
  rmSync(nextVersion, { recursive: true });
});

/** A profile of the browser and a host; `run` gets both, and a way to open tabs. Nothing may leave the host. */
async function profile(run, { dir = DIST } = {}) {
  const host = await startHost(dir, FOLDER);
  const context = await browser.newContext({ ...DESK, reducedMotion: 'reduce' });
  const elsewhere = [];
  context.on('request', (request) => /^(data|blob):|^http:\/\/localhost:/.test(request.url()) || elsewhere.push(request.url()));
  const open = async (prepare = async () => {}) => {
    const { page, complaints } = await newPage(context);
    await prepare(page);
    await page.goto(host.url);
    await settled(page);
    return { page, complaints };
  };
  try {
    await run({ host, context, open });
    assert.deepEqual(elsewhere, []);
  } finally {
    await context.close();
    await host.close();
  }
}

const unplug = async ({ host, context }) => {
  await host.close();
  await context.setOffline(true);
};

const openHelp = (page) => page.getByRole('button', { name: 'Help and keys' }).click();
const closeHelp = (page) => page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();

/** Opens the help and waits until its storage section says that all is there. */
async function ready(page) {
  await openHelp(page);
  await page.locator('.storage[data-missing="0"]').waitFor({ timeout: 60_000 });
  assert.match(await page.locator('.storage [role=status]').innerText(), /^Ready/);
  await closeHelp(page);
}

/** What is stored: path -> the SHA-256 of its bytes, of each that is kept. */
const stored = (page) =>
  page.evaluate(async (folder) => {
    const out = {};
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await (await cache.match(request)).arrayBuffer()));
        (out[request.url.split('?')[0].slice(folder.length)] ??= []).push(Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join(''));
      }
    }
    return out;
  }, page.url().replace(/\?.*/, ''));

const hashesOf = (paths, dir) => Object.fromEntries(paths.map((path) => [path, [sha256(readFileSync(join(dir, path)))]]));
const modelOf = (path) => MANIFEST.models.find((model) => path.startsWith(model.path));

/** Nothing that is stored is other than it was built, here or in the next version. */
async function nothingSpoilt(page) {
  for (const [path, hashes] of Object.entries(await stored(page)))
    for (const hash of hashes)
      assert.ok([DIST, nextVersion].some((dir) => existsSync(join(dir, path)) && sha256(readFileSync(join(dir, path))) === hash), `${path} is spoilt`);
}

const buildOf = (page) => page.evaluate(() => document.querySelector('meta[name=build]')?.content ?? 'first');
const notice = (page) => page.locator('[data-update]');

/** Asks for a new version, as the browser does at a visit; until it is there or refused. It may be so before the asking is over. */
const askForUpdate = (page) =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    const came = new Promise((done) =>
      registration.addEventListener('updatefound', () => {
        const worker = registration.installing;
        worker.addEventListener('statechange', () => done(worker.state), { once: true });
      }, { once: true }));
    void registration.update().catch(() => {});
    return Promise.race([came, new Promise((done) => setTimeout(() => done('nothing came'), 60_000))]);
  });

/** The numbers on the screen are those of native `hs`, for each shipped model in turn: what comes after the text. */
async function computes(page) {
  const last = page.locator('.tok').last();
  for (const model of MANIFEST.models) {
    await page.getByRole('combobox', { name: 'Model' }).selectOption(model.id);
    await page.locator('.meta').getByText(`${model.shape.n_layers} layers`).waitFor();
    await settled(page);
    // Each model begins where its own story is.
    if ((await last.getAttribute('data-lit')) !== 'dest') await last.click();
    await page.locator('.tok[data-lit="dest"]').last().and(last).waitFor();
    await page.waitForSelector('.predictions[data-stale="false"]');
    const { ids: likeliest, probs } = hsRun(await idsOf(page), { model }).top.at(-1);
    const shown = new Map((await predictions(page)).map(({ id, now }) => [id, now]));
    for (const [i, id] of likeliest.slice(0, 5).entries()) {
      const now = shown.get(id) ?? assert.fail(`${model.id}: token ${id} is not among the predictions`);
      assert.ok(Math.abs(now - probs[i]) < 1e-5, `${model.id}, token ${id}: ${now} on the screen, ${probs[i]} by hs`);
    }
  }
}

test('after one visit: server gone, network off, both models compute what hs computes', () =>
  profile(async ({ host, context, open }) => {
    const first = await open();
    await ready(first.page);
    assert.deepEqual(await stored(first.page), hashesOf(SHIPPED, DIST));
    const sent = host.log.filter(({ status }) => status === 200).map(({ path }) => path);
    for (const path of WEIGHTS) assert.equal(sent.filter((other) => other === path).length, 1, `${path} was sent more than once`);
    assert.ok(sent.indexOf('sw.js') > sent.indexOf(WEIGHTS[0]), 'the first picture waited for the service worker');
    await unplug({ host, context });
    await first.page.reload();
    await settled(first.page);
    await computes(first.page);
    const second = await open();
    await computes(second.page);
    assert.deepEqual([...first.complaints, ...second.complaints], []);
    const policy = await second.page.evaluate(async () => (await fetch(document.querySelector('script[src]').src)).headers.get('content-security-policy'));
    assert.match(policy, /default-src 'none'/, 'the policy that this host does not send');
    await openHelp(second.page);
    await second.page.locator('.storage[data-missing="0"]').waitFor();
    await axe(second.page, 'storage');
  }));

test('asked for the baseline build it is the one that runs and is stored; its bits are those of hs', () =>
  profile(async ({ host, context }) => {
    const { page, complaints } = await newPage(context);
    await page.goto(`${host.url}?wasm=baseline`);
    await settled(page);
    await ready(page);
    assert.deepEqual(await stored(page), hashesOf(shippedWith('hookscope'), DIST));
    const wasm = () => host.log.map(({ path }) => BUILD.exec(path)?.[1]).filter(Boolean);
    assert.deepEqual([...new Set(wasm())], ['hookscope']);
    await page.reload();
    await settled(page);
    const ids = await idsOf(page);
    const logits = await page.evaluate(async (of) => Array.from((await globalThis.hookscope.run({ ids: of })).logits.data), ids);
    const { data } = hsRun(ids, { capture: ['logits'] }).tensors.get('logits');
    assert.deepEqual(Float32Array.from(logits), data);
    await unplug({ host, context });
    await page.reload();
    await settled(page);
    assert.deepEqual(complaints, []);
  }));

test('the first visit itself goes on without a network once all is stored', () =>
  profile(async ({ host, context, open }) => {
    const { page, complaints } = await open();
    await ready(page);
    await unplug({ host, context });
    await computes(page);
    assert.deepEqual(complaints, []);
  }));

test('under headers of our own it stays isolated without a network', async () => {
  const server = await serve(DIST, 0);
  const context = await browser.newContext({ ...DESK, reducedMotion: 'reduce' });
  const { page, complaints } = await newPage(context);
  await page.goto(server.url);
  await settled(page);
  await ready(page);
  await server.close();
  await context.setOffline(true);
  await page.reload();
  await settled(page);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  await computes(page);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a new version with a file cut short: the old one goes on, and nothing of it is spoilt', () =>
  profile(async ({ host, context, open }) => {
    const { page } = await open();
    await ready(page);
    host.dir = nextVersion;
    host.spoil.set(changed.find((path) => path.startsWith('assets/')), (bytes) => bytes.subarray(0, bytes.length - 1));
    assert.equal(await askForUpdate(page), 'redundant');
    await nothingSpoilt(page);
    assert.equal(await notice(page).count(), 0);
    await context.setOffline(true);
    await page.reload();
    await settled(page);
    assert.equal(await buildOf(page), 'first');
    await computes(page);
    host.spoil.clear();
    await context.setOffline(false);
    assert.equal(await askForUpdate(page), 'installed');
    await notice(page).waitFor();
  }));

test('a new version: each tab is told and none reloads by itself; it brings only what changed', () =>
  profile(async ({ host, context, open }) => {
    const [one, two] = [await open(), await open()];
    await ready(one.page);
    await ready(two.page);
    host.dir = nextVersion;
    host.log.length = 0;
    await one.page.reload(); // the browser looks for a new version by itself
    await settled(one.page);
    for (const { page } of [one, two]) await page.evaluate(() => (globalThis.unchanged = true));
    for (const { page } of [one, two]) {
      await notice(page).waitFor({ timeout: 60_000 });
      assert.match(await notice(page).innerText(), /new version.*your work is kept/s);
      assert.equal(await buildOf(page), 'first');
      assert.ok(await page.evaluate(() => globalThis.unchanged));
    }
    await one.page.getByRole('button', { name: 'Edit', exact: true }).click();
    await after(one.page, () => one.page.getByRole('textbox').fill('My own words, my own words'));
    await one.page.keyboard.press('Escape'); // what is below moves when the editor closes
    const sent = host.log.filter(({ status }) => status === 200).map(({ path }) => path);
    // A name below assets/ stays what it was; the rest of the page is one part, and so is a model.
    const wanted = filesOf(nextVersion).filter((path) => changed.includes(path) || !/^(assets|models)\//.test(path) || modelOf(path) === edited.model);
    assert.deepEqual([...new Set(sent)].sort(), wanted);

    await notice(one.page).getByRole('button', { name: 'Reload' }).click();
    await one.page.waitForFunction(() => document.querySelector('meta[name=build]'));
    await settled(one.page);
    assert.equal(await notice(one.page).count(), 0);
    const words = (await one.page.locator('.tok').allInnerTexts()).slice(1).join('').replaceAll('\u2423', ' ');
    assert.equal(words, 'My own words, my own words');

    // The other tab is still the old page, complete: the parts that it asks for late are those it was built with.
    await unplug({ host, context });
    assert.ok(await two.page.evaluate(() => globalThis.unchanged));
    for (const path of SHIPPED.filter((file) => file.startsWith('assets/')))
      assert.equal(await two.page.evaluate(async (from) => (await fetch(from, { cache: 'reload' })).status, path), 200);
    await two.page.getByRole('button', { name: 'Reload' }).press('Enter');
    await two.page.waitForFunction(() => document.querySelector('meta[name=build]'));
    await settled(two.page);
    await computes(two.page);

    // The old version's files go when one tab alone is left.
    await two.page.close();
    await one.page.reload();
    await settled(one.page);
    await ready(one.page);
    assert.deepEqual(await stored(one.page), hashesOf(shippedWith(RUN, nextVersion), nextVersion));
    assert.deepEqual([...one.complaints, ...two.complaints], []);
  }));

test('storage: what it says is what is there; clearing the models, then everything', () =>
  profile(async ({ host, open }) => {
    const { page, complaints } = await open();
    await ready(page);
    const section = page.locator('.storage');
    /** Once there is a row for each of these: it is measured anew whenever something is stored or cleared. */
    const rows = async (names) =>
      (await page.waitForFunction((wanted) => {
        const all = [...document.querySelectorAll('.storage dl > div')].map((row) => [row.children[0].textContent, row.children[1].textContent]);
        return JSON.stringify(all.map(([name]) => name)) === wanted && Object.fromEntries(all);
      }, JSON.stringify(names))).jsonValue();
    await openHelp(page);
    const size = (of) => `${(SHIPPED.filter(of).reduce((sum, path) => sum + readFileSync(join(DIST, path)).length, 0) / 1e6).toFixed(1)} MB`;
    const { 'in all': inAll, ...parts } = await rows(['the page', ...MANIFEST.models.map(({ id }) => id), 'in all']);
    assert.deepEqual(parts, {
      'the page': size((path) => !modelOf(path)),
      ...Object.fromEntries(MANIFEST.models.map((model) => [model.id, size((path) => path.startsWith(model.path))])),
    });
    assert.match(inAll, /^[\d.]+ MB/);

    await section.getByRole('button', { name: 'Clear the models' }).focus();
    await page.keyboard.press('Enter');
    await section.getByText(/^Cleared/).waitFor();
    assert.deepEqual(await stored(page), hashesOf(SHIPPED.filter((path) => !modelOf(path)), DIST));
    await rows(['the page', 'in all']);
    await closeHelp(page);
    await computes(page); // from the network

    await page.reload();
    await settled(page);
    await ready(page); // stored again
    await openHelp(page);
    await section.getByRole('button', { name: 'Clear all of this' }).click();
    await section.getByText(/^Cleared/).waitFor();
    assert.deepEqual(await page.evaluate(async () => [await caches.keys(), (await navigator.serviceWorker.getRegistrations()).length]), [[], 0]);
    await closeHelp(page);
    await computes(page);
    assert.deepEqual(complaints, []);
    await host.close();
    await assert.rejects(page.reload(), /ERR_CONNECTION_REFUSED/);
  }));

test('no room: the page works, says what is not stored and why, and half a file is never there', () =>
  profile(async ({ host, context, open }) => {
    const { page, complaints } = await open(async (p) => {
      const session = await context.newCDPSession(p);
      await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(host.url).origin, quotaSize: 2e6 });
    });
    await openHelp(page);
    await page.locator('.storage').getByText(/not all is stored.*models\/.*quota/is).waitFor({ timeout: 60_000 });
    await nothingSpoilt(page);
    await closeHelp(page);
    await computes(page);
    assert.deepEqual(complaints, []);
  }));

test('a damaged model on the server: named, not stored, all else is; mended, the next visit stores it', () =>
  profile(async ({ host, open }) => {
    const bad = WEIGHTS.at(-1);
    host.spoil.set(bad, (bytes) => bytes.fill(1, bytes.length - 1));
    const { page } = await open();
    await openHelp(page);
    const section = page.locator('.storage');
    await section.getByText(/not all is stored.*damaged/is).waitFor({ timeout: 60_000 });
    assert.ok((await section.innerText()).includes(modelOf(bad).path));
    await page.locator('.storage[data-missing="1"]').waitFor();
    assert.deepEqual(await stored(page), hashesOf(SHIPPED.filter((path) => modelOf(path) !== modelOf(bad)), DIST));
    host.spoil.clear();
    await page.reload();
    await settled(page);
    await ready(page);
    assert.deepEqual(await stored(page), hashesOf(SHIPPED, DIST));
  }));

test('no service worker in this browser: the page works and says so', () =>
  profile(async ({ open }) => {
    const { page, complaints } = await open((p) => p.addInitScript(() => Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined })));
    await openHelp(page);
    await page.locator('.storage [role=status]').filter({ hasText: /https/ }).waitFor();
    assert.deepEqual(complaints, []);
  }));

test('it can be installed, in the page\'s own colours', () =>
  profile(async ({ host, context, open }) => {
    const { page } = await open();
    const session = await context.newCDPSession(page);
    const { errors, data } = await session.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
    assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito'), []);
    const manifest = JSON.parse(data);
    const [light, dark] = [...readFileSync(new URL('../../site/src/styles/tokens.css', import.meta.url), 'utf8').matchAll(/--ground: (#\w+)/g)].map((match) => match[1]);
    assert.deepEqual([manifest.background_color, manifest.theme_color], [light, light]);
    assert.deepEqual(await page.locator('meta[name=theme-color]').evaluateAll((all) => all.map(({ content }) => content)), [light, dark]);
    for (const { src, sizes } of manifest.icons)
      if (sizes !== 'any')
        assert.equal(await page.evaluate(async (from) => { const image = new Image(); image.src = from; await image.decode(); return `${image.naturalWidth}x${image.naturalHeight}`; }, src), sizes);
    assert.equal(new URL(manifest.start_url, host.url).href, host.url);
  }));
