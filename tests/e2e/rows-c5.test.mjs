// C5: edges by gradients, pruned to a circuit by a slider, with faithfulness and completeness at every size. Numbers and
// edges are those of `hs circuit`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after as atEnd, before, test } from 'node:test';
import { settled, start } from './lib/browser.mjs';
import { idOf, modelOf } from './lib/model.mjs';
import { hsStudy, openPair, openStudy, says, two } from './lib/patch.mjs';
import { pixelsOf } from './lib/png.mjs';
import { choose, compare, documentOf, numberOf, picture, shows, tableOf, useModel } from './lib/screen.mjs';

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
      const [some, does] = ['edges', 'faithfulness'].map((column) => array(column)[i]);
      await says(page, `${some} edge${some === 1 ? '' : 's'}, of ${n}, make${some === 1 ? 's' : ''} ${two(does)} of the difference`, `without ${some === 1 ? 'it' : 'them'} make ${two(array('completeness')[i])} of it.`);
      const said = await page.locator('.story p').innerText();
      assert.equal(/more than all edges do/.test(said), does > 1.005, said);
      assert.equal(/no smaller circuit of those tried makes 0\.9/.test(said), counts[i] === first, said);
    }
    await page.keyboard.press('End');
    await says(page, `${n} edges, of ${n}, make 1.00 of the difference`, 'These are all.');
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

test('a drawing is saved as it is seen: an SVG in the colours of the page, a PNG of that; the CSV is its numbers', async () => {
  const { page, complaints, close } = await site.open({ acceptDownloads: true, colorScheme: 'dark' });
  await settled(page);
  await openPair(page, 'which of two');
  for (const [study, name, columns] of [['Path patching', 'path patching', ',score'], ['Attribution', 'estimates against patches', ',by patching,by gradients'], ['Circuit', CIRCUIT, `,${COLUMNS}`]]) {
    await openStudy(page, study);
    await page.waitForFunction((label) => document.querySelector(`figure.picture[aria-label="${label}"]`)?.dataset.stale === 'false', name);
    /** What is drawn: how many of each shape, all words, and of each line and dot its colour. */
    const drawn = (svg) => ({
      shapes: ['path', 'circle', 'rect', 'text'].map((kind) => svg.querySelectorAll(`:scope ${kind}`).length),
      words: [...svg.querySelectorAll('text')].map((text) => text.textContent),
    });
    const seen = await picture(page, name).locator('svg[data-drawing]').evaluate(drawn);
    const colours = await picture(page, name).locator('svg[data-drawing]').evaluate((svg) =>
      [...svg.querySelectorAll('path, circle, rect')].map((shape) => [getComputedStyle(shape).fill, getComputedStyle(shape).stroke]));
    const saved = async (kind) => {
      const arrives = page.waitForEvent('download');
      await page.getByRole('button', { name: `Export ${name}`, exact: true }).press('Enter');
      await page.getByRole('menuitem', { name: `Save as ${kind}`, exact: true }).press('Enter');
      return readFileSync(await (await arrives).path());
    };
    const source = (await saved('SVG')).toString('utf8');
    const file = await page.evaluate((text) => {
      const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
      const [ground, ...shapes] = svg.querySelectorAll('path, circle, rect');
      return {
        damaged: svg.querySelector('parsererror')?.textContent ?? null,
        ground: ground.getAttribute('fill'),
        shapes: ['path', 'circle', 'rect'].map((kind) => shapes.filter((shape) => shape.localName === kind).length),
        words: [...svg.querySelectorAll('text')].map((words) => words.textContent),
        colours: shapes.map((shape) => [shape.getAttribute('fill'), shape.getAttribute('stroke')]),
        size: [svg.width.baseVal.value, svg.height.baseVal.value],
      };
    }, source);
    assert.equal(file.damaged, null, name);
    assert.equal(file.ground, '#141311', 'the dark page is saved dark');
    assert.deepEqual(file.shapes, seen.shapes.slice(0, 3), `${name}: every line, dot and node`);
    for (const words of seen.words) assert.ok(file.words.includes(words), `${name}: "${words}"`);
    assert.deepEqual(file.colours, colours, `${name}: in their colours`);
    const png = pixelsOf(await saved('PNG'));
    assert.deepEqual([png.width, png.height], file.size.map((px) => 2 * px));
    let inked = 0;
    for (let y = 0; y < png.height; y += 3) for (let x = 0; x < png.width; x += 3) if (Math.max(...png.at(x, y)) > 60) inked++;
    assert.ok(inked > 500, `${name}: ${inked} points of the PNG are not ground`);
    assert.equal((await saved('CSV')).toString('utf8').split('\r\n')[0], columns);
  }
  assert.deepEqual(complaints, []);
  await close();
});
