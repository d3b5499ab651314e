/** What the .wasm asks of its host and gives to it, held to wasm/exports.txt. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { root, wasmBytes } from './core';

const module = new WebAssembly.Module(wasmBytes);

test('the one import tells that the memory grew: no stdio, no WASI', () => {
  expect(WebAssembly.Module.imports(module)).toEqual([
    { module: 'env', name: 'emscripten_notify_memory_growth', kind: 'function' },
  ]);
});

/** What Emscripten adds to a module without glue. */
const EMSCRIPTENS = ['memory', '_initialize', '__indirect_function_table', '_emscripten_stack_restore', 'emscripten_stack_get_current'];

test('the exports are those of exports.txt', () => {
  const listed = readFileSync(`${root}wasm/exports.txt`, 'utf8').trim().split('\n').map((line) => line.slice(1));
  const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
  expect(exported.filter((name) => !EMSCRIPTENS.includes(name)).sort()).toEqual(listed.sort());
});

test('it is small: the first visit downloads it', () => {
  expect(gzipSync(wasmBytes, { level: 9 }).length).toBeLessThanOrEqual(110_000); // studies took it from 65 kB
});
