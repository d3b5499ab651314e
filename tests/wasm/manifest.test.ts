/** The committed list of models is that of the files beside it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { manifest } from '../../tools/manifest.mjs';
import { root } from './core';

test('models/manifest.json fits the models', () => {
  expect(readFileSync(`${root}models/manifest.json`, 'utf8'), 'run: node tools/manifest.mjs').toBe(manifest());
});
