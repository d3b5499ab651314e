/** An experiment in the fragment of an address (docs/formats.md, "Link"):
 *    #x=1.<base64url of: CRC-32 of the rest, 4 bytes, most significant first | raw deflate of the document's JSON>
 *  A link comes from anyone. Opening one never throws and takes bounded time and memory. */
import { Flaw, checkDocument, type ExperimentDocument } from './document';

/** At most: characters of a link after the page's address, and bytes of its JSON. */
const LONGEST = 16_384;
const MOST_JSON = 65_536;

export const isLink = (fragment: string): boolean => fragment.startsWith('#x=');

export function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0xedb88320);
  }
  return ~crc >>> 0;
}

const through = (bytes: Uint8Array<ArrayBuffer>, pipe: CompressionStream | DecompressionStream) =>
  new Blob([bytes]).stream().pipeThrough(pipe);

const base64url = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')).replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_' })[c] ?? '');

/** "" where a link cannot hold it. */
export async function encodeLink(document: ExperimentDocument): Promise<string> {
  const json = new TextEncoder().encode(JSON.stringify(document));
  const deflated = new Uint8Array(await new Response(through(json, new CompressionStream('deflate-raw'))).arrayBuffer());
  const bytes = new Uint8Array(4 + deflated.length);
  new DataView(bytes.buffer).setUint32(0, crc32(deflated));
  bytes.set(deflated, 4);
  const link = `#x=1.${base64url(bytes)}`;
  return json.length > MOST_JSON || link.length > LONGEST ? '' : link;
}

/** The bytes of strict base64url: no padding, no spaces, no bits left over; null for anything else. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null;
  const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  return base64url(bytes) === text ? bytes : null;
}

/** Inflates at most `most` bytes: a bomb is let go of as soon as it shows; null if there are more. */
async function inflate(bytes: Uint8Array<ArrayBuffer>, most: number): Promise<Uint8Array | null> {
  const reader = through(bytes, new DecompressionStream('deflate-raw')).getReader();
  const out = new Uint8Array(most);
  for (let length = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return out.subarray(0, length);
    if (length + value.length > most) {
      void reader.cancel().catch(() => {});
      return null;
    }
    out.set(value, length);
    length += value.length;
  }
}

const DAMAGED = 'This link is damaged: a part of it was lost or changed on its way. Copy the whole of it again, or ask its sender for the experiment as a file.';
const TOO_LONG = 'This link holds more than a link of Hookscope can. Ask its sender for the experiment as a file.';

/** What a fragment that `isLink` holds, or one line that says what is wrong and what to do. */
export async function decodeLink(fragment: string): Promise<{ readonly document: ExperimentDocument } | { readonly problem: string }> {
  if (fragment.length > LONGEST) return { problem: TOO_LONG };
  const [, version, payload = ''] = /^#x=([1-9]\d{0,5})\.(.*)$/s.exec(fragment) ?? [];
  if (version === undefined) return { problem: DAMAGED };
  if (version !== '1')
    return { problem: `This link was made by a newer Hookscope (version ${version} of links; this page reads version 1). Reload the page to update it, then open the link again.` };
  const bytes = bytesOf(payload);
  if (!bytes || bytes.length < 5 || new DataView(bytes.buffer).getUint32(0) !== crc32(bytes.subarray(4))) return { problem: DAMAGED };
  try {
    const json = await inflate(bytes.subarray(4), MOST_JSON);
    if (!json) return { problem: TOO_LONG };
    return { document: checkDocument(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json))) };
  } catch (thrown) {
    if (!(thrown instanceof Flaw)) return { problem: DAMAGED };
    return { problem: `This link does not hold an experiment that this page can show (${thrown.message}). It was made by something else, or changed by hand.` };
  }
}
