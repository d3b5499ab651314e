// The worker as a test may watch it: every unit of a study counted in the worker itself, in front of its own script, and
// time put in where a race would need it. Nothing of the page knows of it.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DIST } from './browser.mjs';

/** What stands before the worker's script: a log of studies' units and of messages, told on a channel. A unit of `slow`, or a token
 *  where that is "generate", takes at least `unitMs` (a busy core), which the channel may change, an answer is `answerMs` later (a
 *  busy page), in its order. */
const prelude = ({ slow, unitMs, answerMs }) => `{
  const at = () => performance.timeOrigin + performance.now();
  const log = [];
  const studies = new Map();
  const channel = new BroadcastChannel('hookscope-units');
  let least = ${unitMs};
  channel.onmessage = ({ data }) => (data === 'log' ? channel.postMessage(log) : (least = data.unitMs ?? least));
  addEventListener('message', ({ data }) => log.push({ what: data.kind === 'cancel' ? 'cancel' : 'ask', id: data.id, kind: data.kind, read: data.ask?.read, at: at() }));
  const asleep = new Int32Array(new SharedArrayBuffer(4)); // the page is isolated: tools/serve.mjs
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...given) => {
    const made = await instantiate.apply(WebAssembly, given);
    const own = (made.instance ?? made).exports;
    const memory = own.memory ?? given[1].env.memory; // of a shared build
    const exports = { ...own };
    exports.hsw_read_new = (model, run, minus, text, bytes, out) => {
      const document = JSON.parse(new TextDecoder().decode(new Uint8Array(memory.buffer, text, bytes).slice()));
      const status = own.hsw_read_new(model, run, minus, text, bytes, out);
      if (status === 0) studies.set(new Int32Array(memory.buffer)[out / 4], document.read);
      return status;
    };
    const paced = (what, step) => {
      const began = at();
      const more = step();
      const left = least - (at() - began);
      if (${JSON.stringify(slow)}.includes(what) && left > 0) Atomics.wait(asleep, 0, 0, left);
      return more;
    };
    exports.hs_read_step = (reading) => {
      const read = studies.get(reading);
      log.push({ what: 'unit', reading, read, at: at() });
      return paced(read, () => own.hs_read_step(reading));
    };
    exports.hs_generate_step = (text) => paced('generate', () => own.hs_generate_step(text));
    exports.hs_read_free = (reading) => {
      log.push({ what: 'free', reading, read: studies.get(reading), heap: memory.buffer.byteLength, at: at() });
      studies.delete(reading);
      own.hs_read_free(reading);
    };
    return made.instance ? { module: made.module, instance: { exports } } : { exports };
  };
  const post = postMessage.bind(globalThis);
  if (${answerMs} > 0) globalThis.postMessage = (...message) => setTimeout(() => post(...message), ${answerMs});
}
`;

/** The built scripts that are workers: they name the core's calls, and are no page's. */
const WORKERS = readdirSync(join(DIST, 'assets')).filter((name) => name.endsWith('.js') && /\bhs_read_step\b/.test(readFileSync(join(DIST, 'assets', name), 'utf8')));

/** Puts the log in front of the worker of a page that is not loaded yet. */
export async function watchUnits(page, { slow = [], unitMs = 0, answerMs = 0 } = {}) {
  assert.equal(WORKERS.length, 1, `one script calls the core: ${WORKERS}`);
  await page.route(`**/assets/${WORKERS[0]}`, async (route) => {
    const response = await route.fetch(); // its headers keep the page isolated
    await route.fulfill({ response, body: prelude({ slow, unitMs, answerMs }) + (await response.text()) });
  });
}

/** How long a unit takes from now on, at least. */
export const paceUnits = (page, unitMs) =>
  page.evaluate((ms) => {
    const channel = new BroadcastChannel('hookscope-units');
    channel.postMessage({ unitMs: ms });
    channel.close();
  }, unitMs);

/** What happened in the worker so far: [{ what: 'ask' | 'cancel' | 'unit' | 'free', at (ms), ... }]; 'free' with the bytes of the heap. */
export const unitsOf = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        const channel = new BroadcastChannel('hookscope-units');
        channel.onmessage = ({ data }) => {
          channel.close();
          done(data);
        };
        channel.postMessage('log');
      }),
  );
