/** models/ as the page fetches it: the manifest and the files that it lists, served in development and
 *  copied into dist. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import type { Manifest } from '../src/engine/load';

const root = fileURLToPath(new URL('../../', import.meta.url));
const MANIFEST = 'models/manifest.json';

function shippedFiles(): readonly string[] {
  const { models } = JSON.parse(readFileSync(`${root}${MANIFEST}`, 'utf8')) as Manifest;
  return [MANIFEST, ...models.flatMap(({ path, files }) => Object.keys(files).map((name) => `${path}${name}`))];
}

export function models(): Plugin {
  return {
    name: 'models',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1);
        if (!shippedFiles().includes(path)) return next();
        response.setHeader('Content-Type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream');
        response.end(readFileSync(`${root}${path}`));
      });
    },
    generateBundle() {
      for (const path of shippedFiles()) this.emitFile({ type: 'asset', fileName: path, source: readFileSync(`${root}${path}`) });
    },
  };
}
