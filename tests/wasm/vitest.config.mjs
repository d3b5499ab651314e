/** Tests of the .wasm that ships, in Node: `cd site && npx vitest run --config ../tests/wasm/vitest.config.mjs`. */
export default {
  root: import.meta.dirname,
  cacheDir: `${import.meta.dirname}/../../site/node_modules/.vite-wasm`,
  test: { include: ['*.test.ts'], testTimeout: 300_000 },
};
