// C4: attribution patching beside the true sweep, with their correlation; integrated gradients. Numbers are those of
// `hs attribute`, and the true ones those of `hs sweep`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { settled, start } from './lib/browser.mjs';
import { idOf, modelOf } from './lib/model.mjs';
import { byHead, hsStudy, largest, openPair, openStudy, says, scoreOf, two } from './lib/patch.mjs';
import { choose, compare, numberOf, picture, shows, tableOf, useModel } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const ESTIMATE = 'the estimate by gradients';
const TRUTH = 'the true sweep';
const BOTH = 'estimates against patches';

const pearson = (x, y) => {
  const mean = (of) => of.reduce((a, b) => a + b, 0) / of.length;
  const [mx, my] = [mean(x), mean(y)];
  const dot = (a, ma, b, mb) => a.reduce((sum, v, i) => sum + (v - ma) * (b[i] - mb), 0);
  return dot(x, mx, y, my) / Math.sqrt(dot(x, mx, x, mx) * dot(y, my, y, my));
};

for (const [id, name] of [['stories-2l', 'refrain'], ['stories-gelu-4l', 'he or she']])
  test(`${id}: every estimate, every patch, and how well they agree`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    await openStudy(page, 'Attribution');
    const [correct, wrong] = words.map(idOf);
    const { n_layers: layers, n_heads: heads } = model.shape;
    const positions = clean.length;
    const pair = { clean, corrupted, direction: 'denoise', metric: { kind: 'logit_diff', position: -1, correct, wrong } };
    const assertBoth = async (what, steps) => {
      const by = what === 'pattern' ? 'layer,head,dest' : 'layer,position,head';
      const document = { read: 'attribute', ...pair, what, by, steps, compare: true };
      await shows(page, BOTH, document);
      const hs = hsStudy(document, model);
      const rows = (values) => (what === 'pattern' ? [...values] : byHead(values, { layers, heads, positions }));
      const [said, is] = [rows(hs.values), rows(hsStudy({ read: 'sweep', ...pair, what, by }, model).values)].map((values) => values.map(scoreOf(hs)));
      compare((await tableOf(page, ESTIMATE)).values, said, `${what}, ${steps} steps`);
      compare((await tableOf(page, TRUTH)).values, is, `${what}, patched`);
      const both = await tableOf(page, BOTH);
      compare(both.values, is.flatMap((value, i) => [value, said[i]]), 'a row for each patch');
      assert.equal(await picture(page, BOTH).locator('.scatter circle:not(.lit)').count(), said.length, 'a dot for each patch');
      const told = await picture(page, BOTH).locator('dl dd').first().locator('span').getAttribute('title');
      compare([numberOf(told)], [pearson(said, is)], `${what}: the correlation`);
      // The sentence: the patch that does most by hs's numbers, and the one that gradients name.
      const place = (i) => `${what} of L${Math.floor(i / positions / heads)}H${Math.floor(i / positions) % heads} at position ${i % positions}`;
      const [best, named] = [largest(is), largest(said)];
      await says(
        page, `${place(best)} brings back most: ${two(is[best])}. Gradients say ${two(said[best])}, `,
        named === best ? 'and name it first, too.' : `but name ${place(named)} first (${two(said[named])}; by patching ${two(is[named])}).`,
        `Over all ${is.length} patches both correlate with r = `,
      );
      const r = numberOf(/r = (\S+)\.$/.exec(await page.locator('.story p').innerText())[1]);
      assert.ok(Math.abs(r - pearson(said, is)) <= 1e-3, `r = ${r}, hs says ${pearson(said, is)}`);
      // A dot stands at the patch's own value to the right, and at the estimate's upwards: in the same order.
      const dots = await picture(page, BOTH).locator('.scatter circle:not(.lit)').evaluateAll((all) => all.map((dot) => [Number(dot.getAttribute('cx')), -Number(dot.getAttribute('cy'))]));
      [is, said].forEach((values, axis) => {
        const [lo, hi] = [values.indexOf(Math.min(...values)), values.indexOf(Math.max(...values))];
        const ofAxis = dots.map((dot) => dot[axis]);
        assert.equal(ofAxis[lo], Math.min(...ofAxis));
        assert.equal(ofAxis[hi], Math.max(...ofAxis));
      });
    };
    await assertBoth('z', 1);
    await choose(page, 'What is patched', 'v');
    await assertBoth('v', 1);
    await choose(page, 'Gradients', 'integrated');
    await assertBoth('v', 8);
    await choose(page, 'What is patched', 'pattern');
    await assertBoth('pattern', 8);

    // The one metric that has no gradient says so.
    await page.getByRole('combobox', { name: 'metric' }).selectOption('rank');
    assert.match(await page.locator('.look.patch').innerText(), /rank has no gradient/);

    // KL to the run itself has a slope of 0 there: said, with the way out of it.
    await page.getByRole('combobox', { name: 'metric' }).selectOption('kl');
    await choose(page, 'Gradients', 'one');
    await choose(page, 'Direction', 'noise, B into A');
    assert.match(await page.locator('.look.patch').innerText(), /KL from A has no slope at A itself/);
    await page.getByRole('button', { name: 'Take integrated gradients' }).click();
    await picture(page, BOTH).waitFor();
    assert.deepEqual(complaints, []);
    await close();
  });
