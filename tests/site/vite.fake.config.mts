/** The page on the fake engine, for laying it out without a model:
 *  `npx vite build --config ../tests/site/vite.fake.config.mts --outDir DIR`, then tools/serve.mjs. */
import { fileURLToPath } from 'node:url';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default {
  root: here('../../site'),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: { alias: [{ find: /^.*\/engine\/index(\.ts)?$/, replacement: here('createFake.ts') }] },
};
