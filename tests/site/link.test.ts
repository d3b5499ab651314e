import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import type { ModelInfo } from '../../site/src/engine/types';
import { fromDocument, toDocument, type ExperimentDocument } from '../../site/src/state/document';
import { EMPTY, ablation } from '../../site/src/state/experiment';
import { crc32, decodeLink, encodeLink } from '../../site/src/state/link';
import { NOTHING } from '../../site/src/state/selection';
import { VIEW } from '../../site/src/state/view';
import { HOSTILE, fragment, linkOf } from '../fixtures/links/hostile.mjs';
import { random, randomExperiment } from './randomExperiment';

const opened = async (link: string): Promise<ExperimentDocument> => {
  const result = await decodeLink(link);
  if ('problem' in result) throw new Error(result.problem);
  return result.document;
};

describe('a link', () => {
  it('gives back any experiment', async () => {
    const next = random(1);
    for (let i = 0; i < 300; i++) {
      const { experiment, lock, a, b } = randomExperiment(next);
      const document = toDocument(experiment, lock, { a, b, numbers: { loss: next(), next_id: 7 } });
      const back = await opened(await encodeLink(document));
      expect(back).toEqual(document);
      expect(fromDocument(back)).toEqual({ experiment, lock });
      expect(toDocument(experiment, lock, { a, b, numbers: document.numbers ?? {} })).toEqual(document);
    }
  });

  it('of two prompts of 40 tokens, three edits, a view, a sampler and numbers stays far below 2 kB', async () => {
    const words = 'The red bear sat on the bed. Then the blue bird flew over the old tree and sang to a small girl who had lost her ball in the long green grass'.split(' ');
    const next = random(5);
    const ids = () => Array.from({ length: 40 }, () => Math.floor(next() * 2048));
    const text = () => Array.from({ length: 36 }, () => words[Math.floor(next() * words.length)]).join(' ');
    const document = toDocument(
      {
        ...EMPTY,
        text: text(),
        textB: text(),
        interventions: [
          { edit: ablation({ layer: 1, head: 3 }), muted: false },
          { edit: { hook: 'blocks.2.hook_resid_post', positions: [7, -1], op: 'add', scale: 4.25, value: { run: 'B', positions: [3] } }, muted: false },
          { edit: { hook: 'blocks.0.mlp.hook_post', dims: [128, 256], op: 'scale', scale: 0.5 }, muted: true },
        ],
        view: { ...VIEW, tab: 'lens', measure: 'kl', target: 417, side: 'effect' },
        sampler: { ...EMPTY.sampler, temperature: 0.7, seed: 2026 },
      },
      { ...NOTHING, head: { layer: 1, head: 3 }, dest: 31, src: 12 },
      {
        info: { id: 'stories-gelu-4l', sha256: createHash('sha256').update('x').digest('hex') } as ModelInfo,
        a: ids(),
        b: ids(),
        numbers: { loss: 3.4312345, loss_b: 3.9876543, next: 0.41234567, next_id: 417, weight: 0.87123456 },
      },
    );
    expect((await encodeLink(document)).length).toBeLessThan(1200);
  });

  it('says what is wrong with every hostile or damaged one, in one line', async () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(48);
    for (const { name, link, says } of HOSTILE) {
      const result = await decodeLink(link);
      expect(result, name).toHaveProperty('problem');
      const { problem } = result as { problem: string };
      expect(problem, name).toMatch(says);
      expect(problem.length, name).toBeLessThan(400);
      expect(problem, name).not.toMatch(/[\p{C}\n]/u);
    }
  });

  it('takes what looks hostile and is only text', async () => {
    for (const text of ['</script><img src=x onerror=alert(1)>', '\u202eabc\u2066', '<|endoftext|>'.repeat(1000), '\0\x1b[31m', '{"__proto__":1}', 'javascript:alert(1)', 'Z' + '\u0301'.repeat(9000)])
      expect((await opened(linkOf(JSON.stringify({ v: 1, a: { text } })))).a.text).toBe(text);
    expect(await opened(linkOf('{"v":1,"a":{"text":"x"},"a":{"text":"y"}}'))).toEqual({ v: 1, a: { text: 'y' } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('with one character changed, lost or doubled is damaged, and known to be', async () => {
    const next = random(20);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (let i = 0; i < 200; i++) {
      const { experiment, lock, a } = randomExperiment(next);
      const link = await encodeLink(toDocument(experiment, lock, { a }));
      const at = 5 + Math.floor(next() * (link.length - 5));
      const other = alphabet[(alphabet.indexOf(link[at] ?? '') + 1 + Math.floor(next() * 62)) % 64] ?? '';
      const put = [other, '', (link[at] ?? '') + other, '%', '\u00e9', '=', ' '][i % 7] ?? '';
      expect(await decodeLink(link.slice(0, at) + put + link.slice(at + 1))).toHaveProperty('problem');
      expect(await decodeLink(link.slice(0, at))).toHaveProperty('problem');
    }
  });

  it('is not made of what a link cannot hold', async () => {
    const next = random(9);
    const noise = Array.from({ length: 20_000 }, () => String.fromCharCode(33 + Math.floor(next() * 90))).join('');
    for (const text of [noise, 'cat '.repeat(16_384)]) expect(await encodeLink({ v: 1, a: { text } })).toBe('');
    const most = { v: 1, a: { text: 'x'.repeat(65_536 - '{"v":1,"a":{"text":""}}'.length) } } as const;
    expect(await opened(await encodeLink(most))).toEqual(most);
  });

  it('ends a bomb while it inflates', async () => {
    const link = fragment(deflateRawSync(Buffer.alloc(8_000_000, 32), { level: 9 }));
    expect(link.length).toBeLessThan(16_384);
    expect(await decodeLink(link)).toEqual({ problem: expect.stringContaining('holds more than a link') });
  });

  it('has the checksum that zlib and gzip use', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  });
});

describe('links of version 1', () => {
  const folder = join(import.meta.dirname, '../fixtures/links/v1');
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));

  it.each(names)('%s is read as it always was', async (name) => {
    const document = await opened(readFileSync(join(folder, name), 'utf8').trim());
    const { document: same, ...state } = JSON.parse(readFileSync(join(folder, name.replace('.txt', '.json')), 'utf8')) as Record<string, object>;
    expect(document).toEqual(same);
    // A view may since have got more fields, but none that was there may have got another default.
    expect(fromDocument(document)).toMatchObject(state);
  });

  it('there are some', () => {
    expect(names.length).toBeGreaterThanOrEqual(6);
  });
});
