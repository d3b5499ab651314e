/** dist/engine.js: the engine as an ES module at a fixed name, for scripts. It shares its code, the worker
 *  and the .wasm with the page's bundle. */
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export function engineModule(): Plugin {
  return {
    name: 'engine-module',
    config: () => ({
      build: {
        rolldownOptions: {
          input: { index: here('../index.html'), engine: here('../src/engine/module.ts') },
          preserveEntrySignatures: 'exports-only',
          output: { entryFileNames: ({ name }) => (name === 'engine' ? 'engine.js' : 'assets/[name]-[hash].js') },
        },
      },
    }),
  };
}
