/** dist/sw.js: the service worker (src/sw.ts) with the list of all that is in dist. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'vite';
import { headersFor } from '../../tools/headers.mjs';
import { partOf } from '../src/sw/files.ts';

const WORKER = 'sw.js';
const source = fileURLToPath(new URL('../src/sw.ts', import.meta.url));
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

/** part -> [SHA-256 of its files' SHA-256s, paths]: the page first, its index.html after all that it needs. */
function partsOf(dist: string) {
  const paths = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => path !== WORKER && !path.endsWith('.map'))
    .sort((a, b) => Number(a === 'index.html') - Number(b === 'index.html') || (a < b ? -1 : 1));
  return Object.fromEntries(
    [...new Set(paths.map(partOf))].sort().map((part) => {
      const its = paths.filter((path) => partOf(path) === part);
      return [part, [sha256(Buffer.concat(its.map((path) => sha256(readFileSync(join(dist, path)))))).toString('base64'), ...its]];
    }),
  );
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
          PARTS: JSON.stringify(partsOf(dir)),
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
