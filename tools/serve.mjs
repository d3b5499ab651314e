// A static server for the built page, for one's own machine:  node tools/serve.mjs DIR [PORT]

import { createReadStream, realpathSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { headersFor } from './headers.mjs';

export const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};
const TRIES = 20;

/** The file that a request names, as { file, path, size, tag }; undefined when there is none inside `root`. */
function find(root, url) {
  try {
    let path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    if (path.endsWith('/')) path += 'index.html';
    const file = realpathSync(join(root, path)); // a link that leads outside is outside
    if (!file.startsWith(root + sep)) return undefined;
    const found = statSync(file);
    if (!found.isFile()) return undefined;
    return { file, path, size: found.size, tag: `"${found.size.toString(16)}-${Math.trunc(found.mtimeMs).toString(16)}"` };
  } catch {
    return undefined; // no such file, or a path that does not decode
  }
}

function answer(root, request, response) {
  const refuse = (status, text) => {
    response.writeHead(status, { ...headersFor(''), 'Content-Type': TYPES['.txt'] });
    response.end(request.method === 'HEAD' ? undefined : `${text}\n`);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'Only GET and HEAD are answered here.');
  const found = find(root, request.url);
  if (!found) return refuse(404, 'No such file.');
  const headers = { ...headersFor(found.path), ETag: found.tag };
  if (request.headers['if-none-match'] === found.tag) {
    response.writeHead(304, headers);
    return response.end();
  }
  headers['Content-Type'] = TYPES[extname(found.path)] ?? 'application/octet-stream';
  headers['Content-Length'] = found.size;
  response.writeHead(200, headers);
  if (request.method === 'HEAD') return response.end();
  pipeline(createReadStream(found.file), response, () => {}); // a reader who goes away is no error
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Serves `dir` on this machine only, at `port` or the next free one (0: any). -> { url, close } */
export async function serve(dir, port = 0) {
  const root = realpathSync(dir);
  const server = createServer((request, response) => answer(root, request, response));
  for (let tried = 0; ; tried++) {
    try {
      await listen(server, port === 0 ? 0 : port + tried);
      break;
    } catch (error) {
      if (error.code !== 'EADDRINUSE' || tried === TRIES) throw error;
    }
  }
  return {
    url: `http://localhost:${server.address().port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await serve(process.argv[2], Number(process.argv[3] ?? 8080));
  console.log(`Hookscope is at ${url} (Ctrl-C ends it)`);
}
