// A small safetensors reader and writer of our own, so that what the core reads and writes is checked by
// code that shares nothing with it. F32 only: fixtures and `hs` outputs are.

/** @returns {Map<string, {shape: number[], data: Float32Array}>} */
export function readTensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const start = 8 + headerBytes;
  if (start > bytes.byteLength) throw new Error('safetensors: the header runs past the end of the file');
  const header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)));
  const tensors = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [from, to] = entry.data_offsets;
    const count = entry.shape.reduce((a, b) => a * b, 1);
    if (entry.dtype !== 'F32') throw new Error(`safetensors: ${name} is ${entry.dtype}, not F32`);
    if (to - from !== 4 * count || start + to > bytes.byteLength)
      throw new Error(`safetensors: ${name} has ${to - from} bytes for shape [${entry.shape}]`);
    // copied: the data part need not be aligned in the file's buffer
    const data = new Float32Array(count);
    new Uint8Array(data.buffer).set(bytes.subarray(start + from, start + to));
    tensors.set(name, { shape: entry.shape, data });
  }
  return tensors;
}

/** @param {Map<string, {shape: number[], data: Float32Array}>} tensors */
export function writeTensors(tensors) {
  const header = {};
  let used = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [used, used + data.byteLength] };
    used += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + used);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  let at = 8 + text.length;
  for (const { data } of tensors.values()) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}
