// The order of imports holds, and a break of it would be found.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findings, sources } from '../../tools/check_layers.mjs';

const files = sources(fileURLToPath(new URL('../..', import.meta.url)));

test('imports of the project point one way', () => {
  for (const folder of ['core/', 'wasm/', 'site/src/']) assert.ok([...files.keys()].some((path) => path.startsWith(folder)));
  assert.deepEqual(findings(files), []);
});

const planted = {
  'the core prints': ['core/status.c', '#include <stdio.h>'],
  'the core reaches into the page\'s side': ['core/status.c', '#include "abi.h"'],
  'the native program reaches past the public header': ['core/cli/run.c', '#include "run.h"'],
  'wasm reaches past the public header': ['wasm/abi.c', '#include "kernels.h"'],
  'the worker imports the client of the engine': ['site/src/worker/serve.ts', "import { load } from '../engine/client';"],
  'the engine imports the worker': ['site/src/engine/index.ts', "import { serve } from '../worker/serve';"],
  'the engine imports state': ['site/src/engine/index.ts', "import { run } from '../state/run';"],
  'state imports a view': ['site/src/state/run.ts', "import { App } from '../views/App.tsx';"],
  'a part of the surface imports state': ['site/src/ui/Bar.tsx', "import type { Run } from '../state/run';"],
  'pictures import the surface': ['site/src/gl/renderer.ts', "const parts = await import('../ui/Heatmap');"],
  'a view starts the worker': ['site/src/views/App.tsx', "new Worker(new URL('../worker/main.ts', import.meta.url));"],
  'a folder that is no layer': ['site/src/helpers/all.ts', "import '../state/run';"],
};
for (const [what, [path, line]] of Object.entries(planted))
  test(`found: ${what}`, () => {
    const broken = new Map(files).set(path, `${files.get(path) ?? ''}\n${line}\n`);
    const before = findings(files);
    const found = findings(broken).filter((finding) => !before.includes(finding));
    assert.equal(found.length, 1);
    assert.ok(found[0].startsWith(`${path}:`), found[0]);
  });
