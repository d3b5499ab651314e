// No text of the project names a machine or a registry, and its README leads to what exists.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findings, texts } from '../../tools/check_text.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('the texts of the project', () => {
  assert.deepEqual(findings(texts(root), (path) => existsSync(join(root, path))), []);
});

const README = '## Follow one prompt, the reading tour\n\n| 1 | `core/a.c` | `hs_run()` |\n';
const good = new Map([['README.md', README], ['core/a.c', 'void hs_run(void);']]);

test('a small project that is right has no finding', () => assert.deepEqual(findings(good), []));

const planted = {
  'a path of a machine': ['core/a.c', `/* see ${'/'}root/notes */ hs_run`],
  'a home folder': ['core/a.c', `"${'/'}home/somebody/x" hs_run`],
  'a registry host': ['x.json', ['registry', 'npmjs', 'org'].join('.')],
  'an address in a lock file': ['package-lock.json', `"resolved": ${'"'}https://example.org/a.tgz"`],
  'a dead link': ['docs/a.md', '[x](b.md)'],
  'a tour that names no such file': ['README.md', README.replace('a.c', 'b.c')],
  'a tour that names no such function': ['README.md', README.replace('hs_run', 'hs_walk')],
  'a README without a tour': ['README.md', '# Hookscope'],
};
for (const [what, [path, text]] of Object.entries(planted))
  test(`found: ${what}`, () => assert.notDeepEqual(findings(new Map(good).set(path, text)), []));
