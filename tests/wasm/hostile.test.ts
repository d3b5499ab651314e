/** Cut, flipped and hostile files: the .wasm says of each what the native program says, by the same status. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCore, type Core } from '../../site/src/worker/core';
import { program } from '../golden/native.mjs';
import { root, steady, wasmBytes } from './core';

const folder = `${root}tests/golden/models/ones`;
const config = readFileSync(`${folder}/config.json`);
const weights = readFileSync(`${folder}/model.safetensors`);
const headerBytes = Number(weights.readBigUInt64LE(0));
const header = weights.subarray(8, 8 + headerBytes).toString();
const body = weights.subarray(8 + headerBytes);

let core: Core;
let work: string;
beforeAll(async () => {
  core = await createCore(wasmBytes);
  work = mkdtempSync(join(tmpdir(), 'hostile-'));
});
afterAll(() => rmSync(work, { recursive: true }));

function nativeStatus(configFile: Buffer, weightsFile: Buffer): string {
  writeFileSync(join(work, 'config.json'), configFile);
  writeFileSync(join(work, 'model.safetensors'), weightsFile);
  const { status, stderr } = spawnSync(program, ['run', work, '--ids', '0'], { encoding: 'utf8' });
  return status === 0 ? 'OK' : (/^[A-Z0-9]+/.exec(stderr)?.[0] ?? `died: ${stderr}`);
}

async function wasmStatus(configFile: Buffer, weightsFile: Buffer): Promise<string> {
  const copy = (bytes: Buffer) => new Uint8Array(bytes).buffer;
  try {
    await core.load({
      id: 'hostile', sha256: '', tokenizer: null, config: copy(configFile),
      weights: [{ name: 'model.safetensors', data: copy(weightsFile) }],
    });
    await core.run({ ids: [0] }, steady);
    return 'OK';
  } catch (thrown) {
    return (thrown as { status: string }).status;
  }
}

const file = (text: string | Buffer, data: Buffer = body, claimed?: bigint) => {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(claimed ?? BigInt(bytes.length));
  return Buffer.concat([size, bytes, data]);
};
const changed = (change: (json: Record<string, any>) => void) => {
  const json = JSON.parse(header);
  change(json);
  return file(JSON.stringify(json));
};
const flip = (bytes: Buffer, at: number, mask: number) => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
};
const first = Object.keys(JSON.parse(header)).find((name) => name !== '__metadata__') ?? '';
const entry = (field: string, value: unknown) => changed((json) => { json[first][field] = value; });

const files: Record<string, Buffer> = {
  whole: weights,
  empty: Buffer.alloc(0),
  'seven bytes': weights.subarray(0, 7),
  'a length only': weights.subarray(0, 8),
  'half a header': weights.subarray(0, 8 + headerBytes / 2),
  'a header only': weights.subarray(0, 8 + headerBytes),
  'one byte short': weights.subarray(0, -1),
  'one byte more': Buffer.concat([weights, Buffer.of(0)]),
  'a header of no bytes': file('', body),
  'a header beyond the file': file(header, body, BigInt(weights.length)),
  'a header of 2^32 and its length': file(header, body, (1n << 32n) + BigInt(headerBytes)),
  'a header of 2^63': file(header, body, 1n << 63n),
  'a big-endian length': Buffer.concat([Buffer.from(weights.subarray(0, 8)).reverse(), weights.subarray(8)]),
  'a header of one brace': file('{'),
  'a list': file('[]'),
  'null': file('null'),
  'no tensors': file('{}', Buffer.alloc(0)),
  'a byte order mark': file(`\ufeff${header}`),
  'text after the header': file(`${header}x`),
  'not UTF-8': file(Buffer.concat([Buffer.from(header.slice(0, -1)), Buffer.of(0xff), Buffer.from('}')])),
  'nested too deeply': file('['.repeat(100_000)),
  'a name twice': file(`${header.slice(0, -1)},${JSON.stringify(first)}:${JSON.stringify(JSON.parse(header)[first])}}`),
  'a shape twice': file(header.replace('"shape":', '"shape":[1],"shape":')),
  'an unknown key': entry('x', 1),
  'an unknown dtype': entry('dtype', 'F128'),
  'a dtype in small letters': entry('dtype', 'f32'),
  'a dtype that is no text': entry('dtype', 5),
  'no dtype': entry('dtype', undefined),
  'no shape': entry('shape', undefined),
  'no offsets': entry('data_offsets', undefined),
  'a shape of text': entry('shape', '2'),
  'a shape with a fraction': entry('shape', [1.5]),
  'a negative shape': entry('shape', [-1]),
  'a shape beyond 64 bits': file(header.replace(/"shape":\[/, '"shape":[18446744073709551614,18446744073709551614,')),
  'a product beyond 64 bits': entry('shape', [2 ** 32, 2 ** 32, 2]),
  'a product that is 0 in 32 bits': entry('shape', [65536, 65536]),
  'too many axes': entry('shape', [1, 1, 1, 1, 1, 1, 1, 1, 1]),
  'offsets in reverse': entry('data_offsets', [4, 0]),
  'one offset': entry('data_offsets', [0]),
  'offsets of text': entry('data_offsets', ['0', '4']),
  'offsets beyond the file': entry('data_offsets', [0, 1e9]),
  'an offset beyond 64 bits': file(header.replace(/"data_offsets":\[\d+/, '"data_offsets":[99999999999999999999')),
  'tensors over each other': changed((json) => {
    const names = Object.keys(json).filter((name) => name !== '__metadata__');
    const same = names.filter((name) => JSON.stringify(json[name].shape) === JSON.stringify(json[first].shape));
    json[same[1] ?? first].data_offsets = json[first].data_offsets;
  }),
  'metadata that is a number': changed((json) => { json.__metadata__ = 1; }),
  'metadata of numbers': changed((json) => { json.__metadata__ = { a: 1 }; }),
  'a tensor missing': changed((json) => { delete json[first]; }),
  'a tensor too many': changed((json) => { json.__proto__x = { dtype: 'F32', shape: [0], data_offsets: [0, 0] }; }),
  'an empty name': changed((json) => { json[''] = { dtype: 'F32', shape: [0], data_offsets: [0, 0] }; }),
  'a name with NUL': changed((json) => { json['a\0b'] = { dtype: 'F32', shape: [0], data_offsets: [0, 0] }; }),
  'a pickle': Buffer.from('\x80\x02}q\x00.', 'latin1'),
  'a zip': Buffer.from('PK\x03\x04 and so on'),
  'an HTML page': Buffer.from('<!doctype html><title>404</title>'),
  'a pointer of Git LFS': Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
};

describe('safetensors', () => {
  test.each(Object.entries(files))('%s', async (name, bytes) => {
    const status = nativeStatus(config, bytes);
    expect(await wasmStatus(config, bytes)).toBe(status);
    if (name === 'whole') expect(status).toBe('OK');
    expect(status).not.toMatch(/^died/);
  });
  test('bits flipped all over the header', async () => {
    const verdicts = new Set<string>();
    for (let at = 0; at < 8 + headerBytes; at += 13) {
      const bytes = flip(weights, at, 1 << (at % 8));
      const status = nativeStatus(config, bytes);
      expect(await wasmStatus(config, bytes), `byte ${at}`).toBe(status);
      verdicts.add(status);
    }
    expect(verdicts.size).toBeGreaterThan(5);
  });
});

describe('config.json', () => {
  const fields = JSON.parse(config.toString());
  const configs: Record<string, string> = {
    empty: '', 'not JSON': '{', 'a list': '[]', 'cut short': config.toString().slice(0, -5), 'text after it': `${config} x`,
    'a field twice': `{"n_layers":1,${config.toString().trim().slice(1)}`,
    'an unknown field': JSON.stringify({ ...fields, n_layer: 1 }),
    'no d_model': JSON.stringify({ ...fields, d_model: undefined }),
    'a fraction of a layer': JSON.stringify({ ...fields, n_layers: 1.5 }),
    'a negative d_model': JSON.stringify({ ...fields, d_model: -4 }),
    'a huge d_model': JSON.stringify({ ...fields, d_model: 2 ** 31 - 1 }),
    'a d_vocab beyond 32 bits': JSON.stringify({ ...fields, d_vocab: 2 ** 40 }),
    'an unknown activation': JSON.stringify({ ...fields, act_fn: 'mish' }),
    'another model_type': JSON.stringify({ ...fields, model_type: 'bert' }),
    'gated MLPs': JSON.stringify({ ...fields, gated_mlp: true }),
    'rotary positions': JSON.stringify({ ...fields, positional_embedding_type: 'rotary' }),
    'another width': JSON.stringify({ ...fields, d_vocab: fields.d_vocab + 1 }),
  };
  test.each(Object.entries(configs))('%s', async (_, text) => {
    const status = nativeStatus(Buffer.from(text), weights);
    expect(status).not.toMatch(/^(OK|died)/);
    expect(await wasmStatus(Buffer.from(text), weights)).toBe(status);
  });
});
