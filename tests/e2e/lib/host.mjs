// A host as one finds them: the page in a subfolder, none of our headers, answers that the browser may keep for ten minutes.

import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { TYPES } from '../../../tools/serve.mjs';

/** Serves `dir` under `folder`. `host.dir` can be set to another build; `host.spoil` is a Map from a file's path to what
 *  is done to its bytes; `host.log` says what was sent: [{ path, status }]. */
export async function startHost(dir, folder = '/') {
  const host = { dir, spoil: new Map(), log: [] };
  const answer = (request, response) => {
    const url = new URL(request.url, 'http://localhost').pathname;
    const path = url.slice(folder.length) || 'index.html';
    const send = (status, headers) => {
      host.log.push({ path, status });
      response.writeHead(status, headers);
      return response;
    };
    const file = join(host.dir, path);
    const found = url.startsWith(folder) ? statSync(file, { throwIfNoEntry: false }) : undefined;
    if (!found?.isFile()) return send(404, {}).end();
    const spoil = host.spoil.get(path);
    const ETag = `"${found.size}-${found.mtimeMs}-${spoil ? 'spoilt' : ''}"`;
    const headers = { ETag, 'Cache-Control': 'max-age=600', 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' };
    if (request.headers['if-none-match'] === ETag) return send(304, headers).end();
    send(200, headers);
    if (spoil) response.end(spoil(readFileSync(file)));
    else createReadStream(file).pipe(response);
  };
  const server = createServer(answer);
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return Object.assign(host, {
    url: `http://localhost:${server.address().port}${folder}`,
    close: () =>
      new Promise((closed) => {
        server.close(closed);
        server.closeAllConnections();
      }),
  });
}
