/** Tests of the .wasm that ships, in Node: `cd site && npx vitest run --config ../tests/wasm/vitest.config.mjs`. */
const before22 = Number(process.versions.node.split('.')[0]) < 22; // relaxed SIMD is behind a flag there

export default {
  root: import.meta.dirname,
  cacheDir: `${import.meta.dirname}/../../site/node_modules/.vite-wasm`,
  test: { include: ['*.test.ts'], testTimeout: 300_000, execArgv: before22 ? ['--experimental-wasm-relaxed-simd'] : [] },
};
