// Builds the gallery into a temporary folder, serves it to Chromium from there, and cleans up.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const site = fileURLToPath(new URL('../../site/', import.meta.url));
const require = createRequire(join(site, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);

const { chromium } = (await load('playwright-core')).default;
export const axeSource = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const ARGS = [
  '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-quic',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
/** Never asked for on the network: the pages' requests are answered from the folder. */
const ORIGIN = 'http://gallery.test';

export async function openGallery() {
  const { build } = await import(pathToFileURL(join(site, 'node_modules/vite/dist/node/index.js')).href);
  const folder = await mkdtemp(join(tmpdir(), 'hookscope-gallery-'));
  await build({
    configFile: false,
    root: join(site, 'gallery'),
    base: './',
    logLevel: 'error',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: { outDir: folder, emptyOutDir: true, minify: true },
  });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGS,
  });
  return {
    folder,
    /** A page of the gallery, and what it complained about. */
    async page({ search = '', width = 1180, height = 800, pixelRatio = 1, ...context } = {}) {
      const own = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: pixelRatio, ...context });
      const page = await own.newPage();
      const complaints = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.route(`${ORIGIN}/**`, async (route) => {
        const path = new URL(route.request().url()).pathname.slice(1) || 'index.html';
        await route.fulfill({ body: await readFile(join(folder, path)), contentType: TYPES[extname(path)] });
      });
      await page.goto(`${ORIGIN}/${search}`);
      await page.waitForFunction(() => document.querySelector('#pattern'));
      return { page, complaints, close: () => own.close() };
    },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true });
    },
  };
}
