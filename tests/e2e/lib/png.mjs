// A PNG's pixels, read without a browser: 8 bits a channel, colour with or without alpha, not interlaced.

import assert from 'node:assert/strict';
import { inflateSync } from 'node:zlib';

const SIGNATURE = '89504e470d0a1a0a';

/** -> { width, height, at(x, y): [r, g, b] } */
export function pixelsOf(png) {
  assert.equal(png.subarray(0, 8).toString('hex'), SIGNATURE, 'a PNG');
  const parts = [];
  let header;
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const kind = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (kind === 'IHDR') header = body;
    if (kind === 'IDAT') parts.push(body);
    at += length + 12;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = { 2: 3, 6: 4 }[header[9]];
  assert.ok(header[8] === 8 && channels && header[12] === 0, 'a PNG that can be read here');
  const lines = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const out = Buffer.alloc(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const i = y * stride + x;
      const left = x < channels ? 0 : out[i - channels];
      const up = y === 0 ? 0 : out[i - stride];
      const corner = x < channels || y === 0 ? 0 : out[i - stride - channels];
      out[i] = lines[y * (stride + 1) + 1 + x] + [0, left, up, (left + up) >> 1, filter === 4 ? paeth(left, up, corner) : 0][filter];
    }
  }
  return { width, height, at: (x, y) => [...out.subarray(y * stride + x * channels, y * stride + x * channels + 3)] };
}

function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
