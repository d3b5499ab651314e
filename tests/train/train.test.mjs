/* `hs train` from outside: it learns, the same seed gives the same bits, a run that is killed and
 * resumed gives the same bits too, a second run goes on from the first one's model, and bad input is
 * refused by name with nothing written. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeCorpus, readTokenizer, sha256, toBytes } from '../../models/corpus.mjs';
import { entropy } from '../../models/counts.mjs';
import { stories } from '../../models/generator.mjs';
import { HS } from '../../models/hs.mjs';
import { randomFrom } from '../../models/random.mjs';

const local = (path) => fileURLToPath(new URL(path, import.meta.url));
const tiny = JSON.parse(readFileSync(local('tiny-recipe.json'), 'utf8'));
const tokenizer = readTokenizer(local('../../models/stories-2l/tokenizer.json'));
const trainIds = encodeCorpus(stories(1, 200), tokenizer);
const heldoutIds = encodeCorpus(stories(2, 20), tokenizer);
const recipe = { ...tiny, data: { train: { tokens: trainIds.length }, heldout: { tokens: heldoutIds.length } } };

let folder;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'hs-train-'));
  writeFileSync(join(folder, 'tiny.train.u16'), toBytes(trainIds));
  writeFileSync(join(folder, 'tiny.heldout.u16'), toBytes(heldoutIds));
});

after(() => rmSync(folder, { recursive: true }));

/** Arguments for a training run into folder/name; `changed` is the recipe if it is not the tiny one. */
function argumentsFor(name, { changed = recipe, resume = false, until, threads = 1 } = {}) {
  const path = join(folder, `${name}.recipe.json`);
  writeFileSync(path, typeof changed === 'string' ? changed : JSON.stringify(changed));
  const out = join(folder, name);
  mkdirSync(out, { recursive: true });
  const more = resume ? ['--resume', join(out, 'checkpoint.safetensors')] : [];
  if (until !== undefined) more.push('--until', String(until));
  return ['train', path, '--data', folder, '--out', out, '--threads', String(threads), ...more];
}

function train(name, options) {
  return spawnSync(HS, argumentsFor(name, options), { encoding: 'utf8' });
}

const weights = (name) => readFileSync(join(folder, name, 'model.safetensors'));
const heldoutOf = (name) =>
  readFileSync(join(folder, name, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).heldout)
    .filter((x) => x !== undefined);

test('the loss falls below what counting tokens can reach', () => {
  const { status, stderr } = train('whole');
  assert.equal(status, 0, stderr);
  const heldout = heldoutOf('whole').at(-1);
  const limit = entropy(trainIds, recipe.config.d_vocab);
  assert.ok(heldout < limit, `held-out ${heldout}, unigram entropy ${limit}`);
});

test('the same seed gives the same weights, bit for bit, on any number of threads', () => {
  for (const threads of [1, 2, 3]) {
    const name = `threads-${threads}`;
    const { status, stderr } = train(name, { threads });
    assert.equal(status, 0, stderr);
    assert.ok(weights(name).equals(weights('whole')), `${threads} threads`);
  }
});

test('another seed gives other weights', () => {
  assert.equal(train('other-seed', { changed: { ...recipe, seed: recipe.seed + 1 } }).status, 0);
  assert.ok(!weights('other-seed').equals(weights('whole')));
});

/** A run that is killed at random and resumed until it ends. */
async function trainKilled(name, changed) {
  const checkpoint = join(folder, name, 'checkpoint.safetensors');
  const random = randomFrom(Number(process.env.SEED ?? 1));
  let kills = 0;
  for (let attempt = 0; ; attempt++) {
    const resume = existsSync(checkpoint);
    const child = spawn(HS, argumentsFor(name, { changed, resume, threads: 1 + (attempt % 3) }), { stdio: 'ignore' });
    const ended = once(child, 'exit');
    if (kills < 4) {
      while (!existsSync(checkpoint) && child.exitCode === null) await sleep(1);
      await sleep(random.below(60));
      child.kill('SIGKILL');
    }
    const [status, signal] = await ended;
    if (signal === 'SIGKILL') {
      kills++;
      continue;
    }
    assert.equal(status, 0);
    break;
  }
  assert.ok(kills > 0, 'every run ended before it could be killed');
}

test('killed and resumed, again and again, equals uninterrupted', async () => {
  await trainKilled('killed', recipe);
  assert.ok(weights('killed').equals(weights('whole')));
});

test('stopped after a step and resumed, it equals uninterrupted too, its log as well', () => {
  const log = (name) => readFileSync(join(folder, name, 'log.jsonl'), 'utf8');
  assert.equal(train('stopped', { until: 45 }).status, 0);
  assert.ok(log('whole').startsWith(log('stopped')));
  assert.equal(JSON.parse(log('stopped').trim().split('\n').at(-1)).step, 45);
  assert.equal(train('stopped', { resume: true }).status, 0);
  assert.equal(log('stopped'), log('whole'));
  assert.ok(weights('stopped').equals(weights('whole')));
});

/** A recipe that begins with the model of the run `whole`, which then stands where its data is. */
function fromWhole(change = {}) {
  const bytes = weights('whole');
  writeFileSync(join(folder, 'whole.safetensors'), bytes);
  return { ...recipe, seed: 8, init: { from: 'whole.safetensors', sha256: sha256(bytes) }, ...change };
}

test('a run from a model begins with its weights', () => {
  const changed = fromWhole({ steps: 1, optimizer: { ...recipe.optimizer, lr: 0 } });
  const { status, stderr } = train('unmoved', { changed });
  assert.equal(status, 0, stderr);
  assert.ok(weights('unmoved').equals(weights('whole')));
});

test('it learns more, to the same bits each time, killed and resumed or not', async () => {
  for (const [name, threads] of [['second', 1], ['second-again', 2]]) {
    const { status, stderr } = train(name, { changed: fromWhole(), threads });
    assert.equal(status, 0, stderr);
  }
  const [before, after] = [heldoutOf('whole').at(-1), heldoutOf('second').at(-1)];
  assert.ok(after < before, `held-out ${after} after ${before}`);
  assert.ok(weights('second-again').equals(weights('second')));
  await trainKilled('second-killed', fromWhole());
  assert.ok(weights('second-killed').equals(weights('second')));
});

test('a model that is not the recipe\'s is refused, and nothing is written', () => {
  const { config } = recipe;
  const cases = [
    ['ERECIPE: init.sha256', 'of another hash', fromWhole({ init: { from: 'whole.safetensors', sha256: '0'.repeat(64) } })],
    ['EIO: .*absent.safetensors', 'that is not there', fromWhole({ init: { from: 'absent.safetensors', sha256: '0'.repeat(64) } })],
    ['EMISMATCH: .*embed.W_E', 'of another width', fromWhole({ config: { ...config, d_model: 48 } })],
    ['EMISSING: .*blocks.2.', 'of fewer layers', fromWhole({ config: { ...config, n_layers: 3 } })],
    ['EUNEXPECTED: .*blocks.1.', 'of more layers', fromWhole({ config: { ...config, n_layers: 1 } })],
  ];
  for (const [expected, what, changed] of cases) {
    const name = `model ${what}`.replaceAll(' ', '-');
    const { status, stderr } = train(name, { changed });
    assert.match(stderr, new RegExp(`^${expected}.*\n$`), what);
    assert.notEqual(status, 0, what);
    assert.deepEqual(readdirSync(join(folder, name)), [], what);
  }
});

test('the hash that it finds is SHA-256, at every length of the last block', () => {
  const random = randomFrom(3);
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1000]) {
    const bytes = Buffer.from(Array.from({ length: size }, () => random.below(256)));
    writeFileSync(join(folder, 'any.safetensors'), bytes);
    const { stderr } = train('any', { changed: { ...recipe, init: { from: 'any.safetensors', sha256: '0'.repeat(64) } } });
    assert.equal(stderr, `ERECIPE: init.sha256: that of any.safetensors is ${sha256(bytes)}\n`);
  }
});

/** The bytes of a checkpoint whose one number `mark[0]`, the step, is another. */
function withStep(checkpoint, step) {
  const bytes = Buffer.from(checkpoint);
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const { mark } = JSON.parse(bytes.toString('utf8', 8, dataStart));
  bytes.writeFloatLE(step, dataStart + mark.data_offsets[0]);
  return bytes;
}

test('a checkpoint that is damaged or of another recipe is refused, and nothing is written', () => {
  const whole = readFileSync(join(folder, 'whole', 'checkpoint.safetensors'));
  const cases = [
    ['ECHECKPOINT', 'of another seed', whole, { ...recipe, seed: recipe.seed + 1 }],
    ['ECHECKPOINT', 'of another learning rate', whole, { ...recipe, optimizer: { ...recipe.optimizer, lr: 2e-2 } }],
    ['ECHECKPOINT', 'that is no checkpoint', weights('whole'), recipe],
    ['ECHECKPOINT', 'beyond the last step', withStep(whole, recipe.steps + 1), recipe],
    ['ECHECKPOINT', 'before the first step', withStep(whole, -1), recipe],
    ['ECHECKPOINT', 'at no step', withStep(whole, NaN), recipe],
    ['ETRUNC', 'cut short', whole.subarray(0, whole.length - 100), recipe],
    ['ETRUNC', 'empty', Buffer.alloc(0), recipe],
    ['EHEADER', 'of another kind', Buffer.from('not a checkpoint at all'), recipe],
  ];
  for (const [expected, what, bytes, changed] of cases) {
    const name = `checkpoint ${what}`.replaceAll(' ', '-');
    const args = argumentsFor(name, { changed, resume: true });
    const path = join(folder, `${name}.safetensors`);
    writeFileSync(path, bytes);
    args[args.indexOf('--resume') + 1] = path;
    const { status, stderr } = spawnSync(HS, args, { encoding: 'utf8' });
    assert.match(stderr, new RegExp(`^${expected}: .+\n$`), what);
    assert.notEqual(status, 0, what);
    assert.deepEqual(readdirSync(join(folder, name)), [], what);
  }
});

const without = (key) => Object.fromEntries(Object.entries(recipe).filter(([name]) => name !== key));
const hostile = {
  seed: { ...recipe, seed: 'one' },
  batch: { ...recipe, batch: 0 },
  steps: { ...recipe, steps: -1 },
  'optimizer.lr': { ...recipe, optimizer: { ...recipe.optimizer, lr: 'fast' } },
  'optimizer.beta2': { ...recipe, optimizer: { ...recipe.optimizer, beta2: 1.5 } },
  'optimizer.schedule': { ...recipe, optimizer: { ...recipe.optimizer, schedule: 'magic' } },
  'optimizer.momentum': { ...recipe, optimizer: { ...recipe.optimizer, momentum: 0.9 } },
  'init.from': { ...recipe, init: { from: '../tiny.safetensors', sha256: '0'.repeat(64) } },
  'init.sha256': { ...recipe, init: { from: 'tiny.safetensors', sha256: '0'.repeat(63) } },
  'init.proj': { ...recipe, init: { from: 'tiny.safetensors', sha256: '0'.repeat(64), proj: 'uniform' } },
  'init.embed_std': { ...recipe, init: { ...recipe.init, embed_std: -1 } },
  'repeats.sequences': { ...recipe, repeats: { ...recipe.repeats, sequences: 9 } },
  'repeats.max_segment': { ...recipe, repeats: { ...recipe.repeats, max_segment: 2 } },
  'repeats.odd': { ...recipe, repeats: { ...recipe.repeats, odd: 'everything' } },
  bos: { ...recipe, bos: 2048 },
  config: without('config'),
  train_biases: { ...recipe, train_biases: 1 },
  'data.train.tokens': { ...recipe, data: { ...recipe.data, train: { tokens: trainIds.length + 1 } } },
  v: { ...recipe, v: 2 },
  surprise: { ...recipe, surprise: true },
};

for (const [field, changed] of Object.entries(hostile)) {
  test(`a recipe with a bad ${field} is refused by that name`, () => {
    const name = `hostile-${field}`;
    const { status, stderr } = train(name, { changed });
    assert.equal(status, 60, stderr);
    assert.match(stderr, /^ERECIPE: .+\n$/);
    assert.ok(stderr.includes(field.split('.').at(-1)), stderr);
    assert.deepEqual(readdirSync(join(folder, name)), []);
  });
}
