// C5: edges by gradients, pruned to a circuit by a slider, with faithfulness and completeness at every size. Numbers and
// edges are those of `hs circuit`.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { settled, start } from './lib/browser.mjs';
import { idOf, modelOf } from './lib/model.mjs';
import { hsStudy, openPair, openStudy } from './lib/patch.mjs';
import { choose, compare, documentOf, numberOf, shows, tableOf, useModel } from './lib/screen.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const CIRCUIT = 'the circuit';
const COLUMNS = ['edges', 'faithfulness', 'completeness', 'metric', 'complement'];

for (const [id, name] of [['stories-2l', 'refrain'], ['stories-gelu-4l', 'he or she']])
  test(`${id}: the circuit of every size, its edges on the drawing and its curve`, async () => {
    const { page, complaints, close } = await site.open();
    await settled(page);
    const model = modelOf(id);
    if (id !== 'stories-2l') await useModel(page, id);
    const { clean, corrupted, words } = await openPair(page, name);
    await openStudy(page, 'Circuit');
    const [correct, wrong] = words.map(idOf);
    const { counts } = (await documentOf(page, CIRCUIT)).document;
    const document = { read: 'circuit', clean, corrupted, direction: 'denoise', metric: { kind: 'logit_diff', position: -1, correct, wrong }, steps: 1, counts };
    await shows(page, CIRCUIT, document);
    const hs = hsStudy(document, model);
    const array = (column) => hs.arrays.get(column).data;
    compare((await tableOf(page, CIRCUIT)).values, counts.flatMap((_, i) => COLUMNS.map((column) => array(column)[i])), 'the table');
    const { sender, receiver } = hs.axes;
    const n = hs.values.filter((x) => !Number.isNaN(x)).length;
    assert.equal(counts.at(-1), n, 'the largest is all edges');

    const slider = page.getByRole('slider', { name: /largest edges are kept/ });
    const first = counts[[...array('faithfulness')].findIndex((x) => x >= 0.9)];
    assert.equal(counts[Number(await slider.inputValue())], first, 'it begins with the first that does nine tenths');
    const edges = () => page.locator('.model-drawing .edges path title').allTextContents();
    const plain = (label) => label.replace(/_out$/, '').replace(/^(\d+_mlp)_in$/, '$1_mlp_in').replace('_mlp_mlp', '_mlp');
    await slider.focus();
    await page.keyboard.press('Home');
    for (const i of [0, 1, 2, 5, 7].filter((at) => at < counts.length)) {
      while (Number(await slider.inputValue()) < i) await page.keyboard.press('ArrowRight');
      const kept = sender.flatMap((from, s) => receiver.flatMap((to, r) => (array('kept')[(i * sender.length + s) * receiver.length + r] === 1 ? [`${plain(from)} → ${to}`] : [])));
      assert.deepEqual((await edges()).sort(), kept.sort(), `${counts[i]} edges`);
      const numbers = await page.locator('.study-side .numbers > div').evaluateAll((all) => all.map((div) => div.title.split(': ').at(-1)));
      compare(numbers.map(numberOf), COLUMNS.slice(1).map((column) => array(column)[i]), `${counts[i]} edges`);
    }
    // The curve: as many points as circuits, higher where more is done.
    const d = await page.locator('.faithfulness path:not(.complete)').getAttribute('d');
    const heights = [...d.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => -Number(y));
    const faithful = [...array('faithfulness')];
    assert.equal(heights.length, counts.length);
    assert.equal(heights.indexOf(Math.max(...heights)), faithful.indexOf(Math.max(...faithful)));

    await choose(page, 'Gradients', '8 steps');
    await shows(page, CIRCUIT, { ...document, steps: 8 });
    const integrated = hsStudy({ ...document, steps: 8 }, model);
    compare((await tableOf(page, CIRCUIT)).values.filter((_, i) => i % COLUMNS.length === 1), [...integrated.arrays.get('faithfulness').data], 'integrated gradients');
    assert.deepEqual(complaints, []);
    await close();
  });
