// Copy as code from the pictures of both benches: what their menus put into the clipboard is the writer's Python, with the prompts and
// the choice that is on the screen. That it gives the numbers of `hs` is tests/golden/code_numbers.test.mjs's.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { settled, start } from './lib/browser.mjs';
import { openPair, openStudy } from './lib/patch.mjs';
import { choose, documentOf, picture } from './lib/screen.mjs';
import { openSteer } from './lib/steer.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

/** What an entry of the picture's menu puts into the clipboard. */
async function copied(page, name, item) {
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await picture(page, name).getByRole('button', { name: `Export ${name}`, exact: true }).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
  return page.evaluate(async () => {
    for (;;) {
      const text = await navigator.clipboard.readText();
      if (text !== '') return text;
      await new Promise(requestAnimationFrame);
    }
  });
}

test('every study of a pair is copied as TransformerLens code; of nnsight the picture says what there is instead', async () => {
  const { page, complaints, close } = await site.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await settled(page);
  const { clean, corrupted } = await openPair(page, 'refrain');
  for (const [tab, name, says] of [
    ['Path patching', 'path patching', 'receivers = [["final"]]'],
    ['Attribution', 'the estimate by gradients', 'metric(model(base)).backward()'],
    ['Attribution', 'the true sweep', 'sweep = [get(model, base, source_cache, metric)'],
    ['Circuit', 'the circuit', 'circuits = [pruned(rank < n) for n in [1, 2, 3, 5,'],
    ['Ablation', 'the ablations', 'x[cell] = 0'],
  ]) {
    await openStudy(page, tab);
    await picture(page, name).and(page.locator('[data-stale="false"]')).waitFor();
    const code = await copied(page, name, 'Copy as TransformerLens code');
    assert.match(code, /^# \w+ in Hookscope, as Python: pip install transformer-lens==2\.15\.4\n/);
    for (const ids of tab === 'Ablation' ? [clean] : [clean, corrupted]) assert.ok(code.includes(`[[${ids.join(', ')}]]`), `${name}: the prompts`);
    assert.ok(code.includes(says), `${name}: ${says}`);
    assert.doesNotMatch(code, /[$~^]|undefined|NaN/, name);
  }
  await choose(page, 'What takes its place', 'mean');
  assert.match(await copied(page, 'the ablations', 'Copy as TransformerLens code'), /value = torch\.cat/);
  await openStudy(page, 'Path patching');
  await picture(page, 'path patching').getByRole('button', { name: 'Export path patching', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Copy as nnsight code', exact: true }).click();
  await picture(page, 'path patching').getByText('there is no nnsight code for "path": copy it as TransformerLens code instead').waitFor();
  assert.deepEqual(complaints, []);
  await close();
});

test('the curve of a direction and the table of ways are copied as TransformerLens code, with every draw', async () => {
  const { page, complaints, close } = await site.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await settled(page);
  await openSteer(page);
  await page.getByLabel('tokens', { exact: true }).fill('4');
  await page.getByRole('button', { name: 'Measure the curve', exact: true }).click();
  for (const [name, says] of [
    ['dose and response', /steer\(s, v, len\(ids\)\)/],
    ['understanding v. control', /ways = \[\n {4}\("base", \[/],
  ]) {
    if (name !== 'dose and response') await page.getByRole('tab', { name: 'Understanding v. control' }).click();
    await page.waitForFunction((label) => document.querySelector(`figure[aria-label="${label}"]`)?.dataset.document, name, { timeout: 120_000 });
    const { document } = await documentOf(page, name);
    const code = await copied(page, name, 'Copy as TransformerLens code');
    assert.match(code, says);
    assert.ok(code.includes(`len(told) < 4 and`) && code.includes(`[${(document.base ?? document.prompts[0]).join(', ')}]`), `${name}: its length and its prompt`);
    assert.ok(code.includes(`logits.double() / ${document.temperature}`), `${name}: the sampler`);
    assert.doesNotMatch(code, /[$~]|undefined|NaN/, name);
  }
  assert.deepEqual(complaints, []);
  await close();
});
