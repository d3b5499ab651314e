// HS_THREADS: runs, readings and gradients of a shipped model are the same bytes by 1, 2 and 4 threads.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const hs = join(root, 'build/release/hs');
const model = join(root, 'models/stories-gelu-4l');
const ids = Array.from({ length: 150 }, (_, i) => (i * 311 + 1) % 2048);
const env = (threads) => ({ ...process.env, HS_THREADS: String(threads) });

const COMMANDS = {
  run: { words: ['--ids', ids.join(','), '--capture', '*'] },
  grad: { document: { ids, metric: { kind: 'log_prob', correct: 7 }, hooks: ['*hook_resid_pre'], weights: true } },
  sweep: {
    document: { read: 'sweep', clean: ids.slice(0, 12), corrupted: [...ids.slice(0, 12)].reverse(), what: 'resid_pre', by: 'layer,position', metric: { kind: 'kl' } },
  },
};
for (const [command, { words, document }] of Object.entries(COMMANDS))
  test(`${command}: 1, 2 and 4 threads`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'hs-threads-'));
    try {
      const [spec, out] = [join(folder, 'spec.json'), join(folder, 'out')];
      writeFileSync(spec, JSON.stringify(document ?? null));
      const written = [1, 2, 4].map((threads) => {
        execFileSync(hs, [command, model, ...(words ?? [spec]), '--out', out], { env: env(threads), stdio: ['ignore', 'pipe', 'inherit'] });
        return readFileSync(out);
      });
      assert.ok(written[0].length > 500);
      for (const bytes of written) assert.ok(bytes.equals(written[0]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

test('what is no number of threads is refused by its name', () => {
  for (const wrong of ['0', 'two', '', '1e9'])
    assert.match(spawnSync(hs, ['info', model], { env: env(wrong), encoding: 'utf8' }).stderr, /^EUSAGE: HS_THREADS/);
});
