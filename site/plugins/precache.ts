/** dist/sw.js: the service worker (src/sw.ts) with the list of every file of dist and its SHA-256. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'vite';
import { headersFor } from '../../tools/headers.mjs';

const WORKER = 'sw.js';
const source = fileURLToPath(new URL('../src/sw.ts', import.meta.url));

/** The page after its parts, so that it is stored when they all are; then the models. */
const rank = (path: string) => (path.startsWith('models/') ? 2 : path === 'index.html' ? 1 : 0);

function filesIn(dist: string): Readonly<Record<string, string>> {
  const paths = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => path !== WORKER && !path.endsWith('.map'))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(paths.map((path) => [path, createHash('sha256').update(readFileSync(join(dist, path))).digest('base64')]));
}

export function precache(): Plugin {
  return {
    name: 'precache',
    apply: 'build',
    // Only when all is written is it known what there is.
    async writeBundle({ dir }) {
      if (!dir) throw new Error('precache: the page is built into a folder');
      await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        define: {
          FILES: JSON.stringify(filesIn(dir)),
          WORKER_POLICY: JSON.stringify(headersFor(WORKER)['Content-Security-Policy']),
        },
        build: {
          outDir: dir,
          emptyOutDir: false,
          target: ['chrome111', 'firefox119', 'safari17'],
          modulePreload: false,
          rolldownOptions: { input: source, output: { format: 'iife', entryFileNames: WORKER } },
        },
      });
    },
  };
}
