// tools/serve.mjs over real sockets.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { serve } from '../../tools/serve.mjs';

let folder;
let server;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hs-serve-'));
  mkdirSync(join(folder, 'dist', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'outside.txt'), 'secret');
  writeFileSync(join(folder, 'dist', 'index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'dist', 'assets', 'a-1.js'), 'export {};');
  writeFileSync(join(folder, 'dist', 'assets', 'a-1.wasm'), Buffer.from([0, 97, 115, 109]));
  symlinkSync(join(folder, 'outside.txt'), join(folder, 'dist', 'link.txt'));
  server = await serve(join(folder, 'dist'));
});

after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** A request with its path sent as it is: fetch would tidy `..` away. */
const ask = (path, { method = 'GET', headers = {} } = {}) =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: new URL(server.url).port, path, method, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    })
      .on('error', reject)
      .end();
  });

test('the page comes at / with its policy, isolated, and asked for again each time', async () => {
  const { status, headers, body } = await ask('/');
  assert.equal(status, 200);
  assert.equal(body, '<!doctype html>');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(headers['cache-control'], 'no-cache');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['content-security-policy'], /script-src 'self' 'wasm-unsafe-eval';.*frame-ancestors 'none'/);
});

test('a script comes with the policy of a worker, and may be kept for ever', async () => {
  const { headers } = await ask('/assets/a-1.js');
  assert.equal(headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.doesNotMatch(headers['content-security-policy'], /style-src/);
  assert.match(headers['content-security-policy'], /'wasm-unsafe-eval'/);
});

test('WebAssembly has the type that streaming compilation asks for', async () => {
  assert.equal((await ask('/assets/a-1.wasm')).headers['content-type'], 'application/wasm');
});

for (const path of ['/../outside.txt', '/%2e%2e/outside.txt', '/..%2foutside.txt', '/link.txt', '/assets', '/missing.js', '/%', '/a%00b'])
  test(`${path} is refused`, async () => {
    const { status, body } = await ask(path);
    assert.equal(status, 404);
    assert.doesNotMatch(body, /secret/);
  });

test('nothing can be sent here', async () => {
  assert.equal((await ask('/', { method: 'POST' })).status, 405);
});

test('HEAD gives the headers alone', async () => {
  const { status, headers, body } = await ask('/', { method: 'HEAD' });
  assert.equal(status, 200);
  assert.equal(headers['content-length'], '15');
  assert.equal(body, '');
});

test('an unchanged file is not sent twice', async () => {
  const first = await ask('/');
  const second = await ask('/', { headers: { 'If-None-Match': first.headers.etag } });
  assert.equal(second.status, 304);
  assert.equal(second.body, '');
});

test('a taken port gives the next free one', async () => {
  const port = Number(new URL(server.url).port);
  const next = await serve(join(folder, 'dist'), port);
  assert.notEqual(new URL(next.url).port, String(port));
  await next.close();
});

test('a folder that is not there is an error', async () => {
  await assert.rejects(serve(join(folder, 'none')), { code: 'ENOENT' });
});
