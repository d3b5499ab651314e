// The built .wasm and onnxruntime-web in one Node process, taking turns:  node tests/bench/wasm.mjs BUILT MODEL T...
// BUILT holds worker.mjs (the page's own wasm.ts and tune.ts) and node_modules. Prints a line of JSON for each T:
// what is timed -> the seconds of each turn.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parameters } from './model.mjs';
import { gpt2 } from './onnx.mjs';

const [built, folder, ...lengths] = process.argv.slice(2);
const { chooseTile, instantiate } = await import(pathToFileURL(join(built, 'worker.mjs')).href);
const ort = await import(pathToFileURL(join(built, 'node_modules/onnxruntime-web/dist/ort.node.min.mjs')).href);

const shape = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
const weights = readFileSync(join(folder, 'model.safetensors'));
/** What run_with_cache of TransformerLens keeps; every hook at 256 tokens is more than a 32-bit memory of 2 GB holds beside this model. */
const CACHE = ['*embed', '*hook_resid_*', '*ln*', '*hook_?', '*attn_scores', '*pattern', '*_out', '*hook_p*'];
const idsOf = (T) => Array.from({ length: T }, (_, i) => (i * 7919) % shape.d_vocab);

/** One of our builds with the model loaded; a run is stepped through as the worker does, without its pauses. */
async function ours(name) {
  const { core, check, open, word } = await instantiate(readFileSync(fileURLToPath(new URL(`../../site/src/worker/${name}.wasm`, import.meta.url))));
  const tile = chooseTile({ core, open });
  const loading = open();
  const [config, bytes, out] = [loading.bytes(readFileSync(join(folder, 'config.json'))), loading.bytes(weights), loading.block(4).at];
  check(core.hsw_model_load(config.at, config.bytes, loading.list(['model.safetensors']), loading.ints([bytes.at]), loading.ints([bytes.bytes]), out));
  const model = word(out);
  loading.close();
  return {
    tile,
    plan(T, capture) {
      const scope = open();
      const { at } = scope.block(16);
      check(core.hsw_run_new(model, scope.ints(idsOf(T)), T, 0, scope.list(capture), at));
      const run = scope.own(word(at, 2), core.hs_run_free);
      const forward = () => {
        while (core.hs_run_step(run) !== 0);
      };
      return { forward, logits: () => new Float32Array(core.memory.buffer, core.hs_run_logits(run), T * shape.d_vocab).slice(), free: scope.close };
    },
  };
}

/** Of the file, by name: its header's length, its header, its data. */
const length = Number(weights.readBigUInt64LE(0));
const header = JSON.parse(weights.subarray(8, 8 + length).toString('utf8'));
const get = (name) => new Float32Array(weights.buffer, weights.byteOffset + 8 + length + header[name].data_offsets[0], parameters(shape).find(([other]) => other === name)[1].reduce((a, b) => a * b));

const builds = { baseline: await ours('hookscope'), relaxed: await ours('hookscope-relaxed') };
ort.env.wasm.numThreads = 1;
console.log(JSON.stringify({ tiles: Object.fromEntries(Object.entries(builds).map(([name, { tile }]) => [name, tile])), node: process.version, ort: ort.env.versions.web }));
for (const T of lengths.map(Number)) {
  const session = await ort.InferenceSession.create(gpt2(shape, T, get), { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
  const feeds = { ids: new ort.Tensor('int64', BigInt64Array.from(idsOf(T), BigInt), [T]) };
  const plans = Object.entries(builds).flatMap(([name, { plan }]) => [[name, plan(T, [])], [`${name}, all captures`, plan(T, CACHE)]]);
  const timed = { ort: () => session.run(feeds), ...Object.fromEntries(plans.map(([name, { forward }]) => [name, forward])) };
  const seconds = Object.fromEntries(Object.keys(timed).map((name) => [name, []]));
  const [warm, turns] = T > 100 ? [3, 5] : T > 20 ? [8, 11] : [25, 25]; // onnxruntime's code takes more than 6 runs to be optimised
  for (let turn = -warm; turn < turns; turn++)
    for (const [name, run] of Object.entries(timed)) {
      const start = performance.now();
      await run();
      if (turn >= 0) seconds[name].push((performance.now() - start) / 1000);
    }
  const { logits } = await session.run(feeds);
  const apart = Object.fromEntries(plans.map(([name, plan]) => [name, plan.logits().reduce((most, x, i) => Math.max(most, Math.abs(x - logits.data[i])), 0)]));
  console.log(JSON.stringify({ T, seconds, apart }));
  for (const [, { free }] of plans) free();
  await session.release();
}
