// D4: one end by ablation, patching, steering and prompting: effect, side effects and the text of each are those of `hs outcomes` on
// the document that the test builds; the head that is found is the one that `hs ablate` finds.

import assert from 'node:assert/strict';
import { after as atEnd, before, test } from 'node:test';
import { idsOf, settled, start } from './lib/browser.mjs';
import { glyphOf, hsRead, idOf, MANIFEST, MODEL } from './lib/model.mjs';
import { documentOf, intervene, picture, useModel, write } from './lib/screen.mjs';
import { fillPairs, hsVector, idsOfText, openSteer, outcomesOf, PAIRS, sameVector, set } from './lib/steer.mjs';
import { paceUnits, unitsOf, watchUnits } from './lib/units.mjs';

let site;
before(async () => {
  site = await start();
});
atEnd(() => site.close());

const NAME = 'understanding v. control';
const PROMPT = 'Once upon a time there was a little dog. One day';
const HOOK = 'blocks.1.hook_resid_pre';
const SAMPLER = { temperature: 0.8, top_k: 0, top_p: 1, frequency_penalty: 0, repetition_penalty: 1 };
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const close = (screen, wanted, where) => assert.ok(Math.abs(screen - wanted) <= 2e-3 * Math.max(1, Math.abs(wanted)), `${where}: ${screen}, hs says ${wanted}`);

/** The sentence names the way with the greatest effect and the next, if it helps, with the numbers of the rows. */
async function sentence(page, { nothing, ...ways }) {
  const order = Object.entries(ways).sort(([, a], [, b]) => b.effect - a.effect);
  const effect = (x) => `${x > 0 ? '+' : ''}${x.toFixed(2)}`.replace('-', '\u2212');
  const [[best, most], [second, next]] = order;
  assert.ok(most.effect > nothing.effect);
  const said = await page.locator('.story p').innerText();
  assert.ok(said.startsWith(`${best[0].toUpperCase()}${best.slice(1)} takes the effect furthest: from ${effect(nothing.effect)} to ${effect(most.effect)}, and perplexity from `), said);
  const next1 = `Next is ${second}: ${effect(next.effect)}, perplexity `;
  assert.ok(next.effect > nothing.effect + 0.005 ? said.includes(next1) : said.endsWith('No other way raises it.'), said);
  const numbers = [...said.matchAll(/perplexity (?:from )?([\d.]*\d)(?: to ([\d.]*\d))?/g)].flatMap(([, a, b]) => [a, b]).filter(Boolean).map(Number);
  const wanted = [nothing, most, ...(next.effect > nothing.effect + 0.005 ? [next] : [])].map(({ perplexity }) => Number(perplexity.toPrecision(3)));
  assert.deepEqual(numbers, wanted, said);
}

for (const model of MANIFEST.models)
  test(`${model.id}: four means to one end, by their numbers and texts`, async () => {
    const { page, complaints, close: leave } = await site.open();
    await settled(page);
    if (model !== MODEL) await useModel(page, model.id);
    await write(page, PROMPT);
    await openSteer(page);
    await set(page, 'direction', 'pairs of texts');
    await fillPairs(page, PAIRS);
    await set(page, 'at', 'resid_pre L1');
    await page.getByLabel('tokens', { exact: true }).fill('16');
    const scale = Number(await page.getByRole('slider', { name: 'Strength' }).getAttribute('aria-valuenow'));
    const ids = await idsOf(page);

    await page.getByRole('tab', { name: 'Understanding v. control' }).click();
    const effect = { for: ['␣happy', '␣laughed'].map(idOf), against: ['␣sad', '␣cried'].map(idOf) };
    for (const [label, words] of [['effect: log-odds of', 'happy laughed'], ['over', 'sad cried']]) {
      await page.getByLabel(label, { exact: true }).fill(words);
      await page.keyboard.press('Enter');
    }
    await page.getByLabel('Text that is patched from').fill('The girl laughed and was happy');
    await set(page, 'at', 'resid_pre L1');
    await page.getByLabel('What is said before the text').fill('Everyone was happy.');

    await picture(page, NAME).locator('[data-way="ablation"]').getByText('No head is switched off yet').waitFor();
    // The head is found by ablating all of them.
    const { values } = Object.fromEntries(hsRead({
      read: 'ablate', prompts: [ids], what: 'z', by: 'layer,head', op: 'zero', metric: { kind: 'logit_diff', position: -1, correct: effect.for[0], wrong: effect.against[0] },
    }, model).arrays);
    const edits = (heads) => heads.map(([layer, h]) => ({ hook: `blocks.${layer}.attn.hook_z`, heads: [h], op: 'zero' }));
    const tried = [...values.data.keys()].sort((i, j) => values.data[j] - values.data[i]).slice(0, 8).map((i) => [Math.floor(i / model.shape.n_heads), i % model.shape.n_heads]);
    const outcome = hsRead({
      read: 'outcomes', base: ids, stop: [ids[0]], ...SAMPLER, max_new: 16, seeds: [1, 2, 3], effect, ways: tried.map((head, i) => ({ name: `${i}`, ids, edits: edits([head]) })),
    }, model).arrays.get('effect').data;
    const effects = Array.from({ length: 9 }, (_, w) => outcome[3 * w] + outcome[3 * w + 1] + outcome[3 * w + 2]);
    const most = effects.indexOf(Math.max(...effects));
    assert.ok(most > 0, 'a head whose absence helps');
    const head = tried[most - 1];
    await page.getByRole('button', { name: 'Find the best' }).click();
    await page.waitForFunction((name) => document.querySelector('[aria-label="Heads that are switched off"]').value === name, `L${head[0]}H${head[1]}`, { timeout: 120_000 });
    // What the model's own texts differ by among themselves is said where the head does less.
    const mean3 = (w) => effects[w] / 3;
    const spread = Math.sqrt([0, 1, 2].reduce((sum, seed) => sum + (outcome[seed] - mean3(0)) ** 2, 0) / 2);
    const little = picture(page, NAME).getByRole('alert').filter({ hasText: `No head moves it much: L${head[0]}H${head[1]} moves the effect most, by +${(mean3(most) - mean3(0)).toFixed(2)},` });
    assert.equal(await little.count(), mean3(most) - mean3(0) < spread ? 1 : 0);
    await page.getByLabel('Heads that are switched off').fill(`L${head[0]}H${head[1]}, L0H0`);
    await page.keyboard.press('Enter');

    const from = idsOfText(model, 'The girl laughed and was happy');
    const wanted = {
      read: 'outcomes', base: ids, stop: [ids[0]], ...SAMPLER, max_new: 16, seeds: [1, 2, 3], effect,
      ways: [
        { name: 'ablation', ids, edits: edits([head, [0, 0]]) },
        { name: 'patching', ids, edits: [{ hook: HOOK, op: 'patch', positions: [-1], value: { run: 'from', positions: [-1] } }], runs: { from } },
        { name: 'steering', ids, edits: [{ hook: HOOK, op: 'add', scale }] },
        { name: 'prompting', ids: idsOfText(model, `Everyone was happy. ${PROMPT}`) },
      ],
    };
    const shown = async (ways) => {
      await page.waitForFunction(
        ([name, n, first]) => {
          const said = JSON.parse(document.querySelector(`figure[aria-label="${name}"]`)?.dataset.document ?? 'null')?.document;
          return said?.ways.length === n && JSON.stringify(said.ways[0].edits) === first;
        },
        [NAME, ways.length, JSON.stringify(ways[0].edits)], { timeout: 60_000 },
      );
      const { document } = await documentOf(page, NAME);
      const steering = document.ways.find(({ name }) => name === 'steering');
      const plain = document.ways.map((way) => (way === steering ? { ...way, edits: way.edits.map(({ value, ...edit }) => edit) } : way));
      assert.deepEqual({ ...document, ways: plain }, { ...wanted, ways });
      sameVector(steering.edits, hsVector(model, { contrast: PAIRS, hook: HOOK, method: 'mean', position: 'last' }, HOOK, ids).arrays.get('vector').data);
      return document;
    };
    const assertRows = async (document) => {
      const { arrays, axes } = hsRead(document, model);
      const rows = await outcomesOf(page, NAME);
      const texts = await picture(page, NAME).locator('td.outcome-text').allTextContents();
      Object.entries(rows).forEach(([way, numbers], i) => {
        const w = axes.way.indexOf(way === 'nothing' ? 'base' : way);
        assert.ok(w >= 0, way);
        const of = (array) => Array.from(arrays.get(array).data.slice(w * 3, w * 3 + 3));
        close(numbers.effect, mean(of('effect')), `effect, ${way}`);
        close(numbers.perplexity, Math.exp(mean(of('perplexity').map(Math.log))), `perplexity, ${way}`);
        close(numbers.repetition, mean(of('repetition3')), `repetition, ${way}`);
        close(numbers['KL / token'], mean(of('kl')), `KL, ${way}`);
        const drawn = Array.from(arrays.get('ids').data.slice(w * 3 * 16, (w * 3 + 1) * 16)).filter((id) => id >= 0);
        assert.equal(texts[i], drawn.map((id) => glyphOf(id).replaceAll('␣', ' ')).join(''), `the text of ${way}`);
      });
      return rows;
    };
    const rows = await assertRows(await shown(wanted.ways));
    assert.deepEqual(Object.keys(rows), ['nothing', 'ablation', 'patching', 'steering', 'prompting']);
    assert.equal(rows.nothing['KL / token'], 0);
    assert.ok(rows.steering.effect > rows.nothing.effect, 'steering does what it is for');
    await sentence(page, rows);

    // What else is in force is one more way.
    await intervene(page, { hook: 'blocks.0.hook_resid_post', op: 'scale', scale: 1.1 });
    const more = [...wanted.ways, { name: 'in force', ids, edits: [{ hook: 'blocks.0.hook_resid_post', op: 'scale', scale: 1.1 }] }];
    assert.deepEqual(Object.keys(await assertRows(await shown(more))).at(-1), 'in force');
    assert.deepEqual(complaints, []);
    await leave();
  });

test('a head that is being found for another end is not switched off for this one', async () => {
  const { page, complaints, close: leave } = await site.open({}, (fresh) => watchUnits(fresh, { slow: ['outcomes'] }));
  await settled(page);
  await openSteer(page);
  await page.getByLabel('tokens', { exact: true }).fill('8');
  await page.getByRole('tab', { name: 'Understanding v. control' }).click();
  const off = page.getByLabel('Heads that are switched off');
  await picture(page, NAME).and(page.locator('[data-stale="false"]')).waitFor();
  await paceUnits(page, 50);
  const before = (await unitsOf(page)).length;
  await page.getByRole('button', { name: 'Find the best' }).click();
  while (!(await unitsOf(page)).slice(before).some(({ what, read }) => what === 'unit' && read === 'outcomes'));
  await page.getByLabel('over', { exact: true }).fill('dog');
  await page.keyboard.press('Enter');
  await paceUnits(page, 0);
  // What was asked before is over before this is.
  await page.waitForFunction(([name, dog]) => {
    const said = JSON.parse(document.querySelector(`figure[aria-label="${name}"][data-stale="false"]`)?.dataset.document ?? 'null')?.document;
    return said?.effect.against.join() === dog;
  }, [NAME, String(idOf('␣dog'))]);
  assert.equal(await off.inputValue(), '');
  assert.deepEqual(complaints, []);
  await leave();
});
