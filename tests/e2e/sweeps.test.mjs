// Every sweep of TransformerLens in Chromium, through the page's own engine: the 18 get_act_patch_*, direct paths and ablations of
// the golden fixtures, in the baseline build by one thread and by two (every bit is that of `hs sweep`, and of a naive loop of
// single runs in the tab) and in the relaxed build; all within the tolerance of what TransformerLens gave.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareAll, compareBits, compareReading } from '../golden/compare.mjs';
import { native } from '../golden/native.mjs';
import { checkSweeps } from '../golden/read_walk.mjs';
import { demand, modelFolder, modelsWith } from '../golden/walk.mjs';
import { DESK, hasWorkers, newPage, served, settled } from './lib/browser.mjs';

/** transformer_lens.patching 2.15.4 as documents: what, by. */
const GET_ACT_PATCH = {
  resid_pre: ['resid_pre', 'layer,position'], resid_mid: ['resid_mid', 'layer,position'],
  attn_out: ['attn_out', 'layer,position'], mlp_out: ['mlp_out', 'layer,position'],
  attn_head_out_by_pos: ['z', 'layer,position,head'], attn_head_q_by_pos: ['q', 'layer,position,head'],
  attn_head_k_by_pos: ['k', 'layer,position,head'], attn_head_v_by_pos: ['v', 'layer,position,head'],
  attn_head_pattern_by_pos: ['pattern', 'layer,head,dest'], attn_head_pattern_dest_src_pos: ['pattern', 'layer,head,dest,src'],
  attn_head_out_all_pos: ['z', 'layer,head'], attn_head_q_all_pos: ['q', 'layer,head'], attn_head_k_all_pos: ['k', 'layer,head'],
  attn_head_v_all_pos: ['v', 'layer,head'], attn_head_pattern_all_pos: ['pattern', 'layer,head'],
  attn_head_all_pos_every: [['z', 'q', 'k', 'v', 'pattern'], 'layer,head'],
  attn_head_by_pos_every: [['z', 'q', 'k', 'v', 'pattern'], 'layer,position,head'],
  block_every: [['resid_pre', 'attn_out', 'mlp_out'], 'layer,position'],
};
const OF_MLPS = ['resid_mid', 'mlp_out', 'block_every'];

const MODELS = modelsWith('sweeps');
const sweepsOf = (model) =>
  JSON.parse(readFileSync(new URL(`../golden/cases/${model}/sweeps.json`, import.meta.url), 'utf8')).flatMap(({ document }) => (document.read === 'sweep' ? [document] : []));

const both = served();

/** The page's engine as the golden walker wants it, of the build that the query asks for. */
async function engineOf(query, threads) {
  const context = await both.browser.newContext({ ...DESK, serviceWorkers: 'block' });
  const { page, complaints } = await newPage(context);
  await page.goto(both.server.url + query);
  await settled(page);
  await hasWorkers(page, threads);
  let loaded = null;
  const use = async (folder) => {
    if (folder === loaded) return;
    const files = readdirSync(folder).filter((name) => /^(config\.json|.*\.safetensors)$/.test(name)).map((name) => [name, readFileSync(join(folder, name), 'base64')]);
    await page.evaluate(async (all) => {
      const blob = (text) => new Blob([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
      await globalThis.hookscope.load({ id: 'fixture', files: new Map(all.map(([name, text]) => [name, blob(text)])) });
    }, files);
    loaded = folder;
  };
  return {
    async read(folder, document) {
      await use(folder);
      const { arrays, ...said } = await page.evaluate(async (asked) => {
        const { arrays, axes, values, conventions } = await globalThis.hookscope.read(asked);
        const bytes = ({ buffer, byteOffset, byteLength }) => btoa(String.fromCharCode(...new Uint8Array(buffer, byteOffset, byteLength)));
        return { arrays: [...arrays.values()].map(({ name, shape, data }) => ({ name, shape, bytes: bytes(data) })), axes, values, conventions };
      }, document);
      const floats = (text) => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
      return { ...said, arrays: new Map(arrays.map(({ name, shape, bytes }) => [name, { shape, data: floats(bytes) }])) };
    },
    /** The difference of two logits at a position, of a run for each of `edits`, which may patch from run B. */
    async differences(folder, { ids, B, edits, position, correct, wrong }) {
      await use(folder);
      return page.evaluate(async (asked) => {
        const out = [];
        for (const edit of asked.edits) {
          const { shape: [, width], data } = (await globalThis.hookscope.run({ ids: asked.ids, edits: [edit], runs: { B: asked.B } })).logits;
          const row = (asked.position < 0 ? asked.ids.length + asked.position : asked.position) * width;
          out.push(Math.fround(data[row + asked.correct] - data[row + asked.wrong]));
        }
        return out;
      }, { ids, B, edits, position, correct, wrong });
    },
    async close() {
      assert.deepEqual(complaints, []);
      await context.close();
    },
  };
}

/** Answers as `engine` does, once they are bit for bit those of `hs`: `hs` says each only once. */
const said = new Map();
const besideHs = (engine) => ({
  async read(folder, document) {
    const key = folder + JSON.stringify(document);
    if (!said.has(key)) said.set(key, native.read(folder, document));
    const [ours, { arrays, ...theirs }] = [await engine.read(folder, document), said.get(key)];
    demand(compareAll(arrays, ours.arrays, compareBits));
    const { arrays: _, ...words } = ours;
    assert.deepEqual(words, theirs);
    return ours;
  },
});

/** The `patch` of each cell of a sweep of one hook, in the order of its array. */
function patches(what, by, axes) {
  const names = by.split(',');
  const place = ['z', 'q', 'k', 'v', 'pattern'].includes(what) ? 'attn.' : '';
  const field = { position: 'positions', dest: 'positions', head: 'heads', src: 'sources' };
  const cells = names.reduce((lists, axis) => lists.flatMap((list) => axes[axis].map((_, i) => [...list, i])), [[]]);
  return cells.map(([layer, ...rest]) => ({
    hook: `blocks.${layer}.${place}hook_${what}`, op: 'patch', value: { run: 'B' }, ...Object.fromEntries(rest.map((i, axis) => [field[names[axis + 1]], [i]])),
  }));
}

test('the fixtures have every function of TransformerLens, four shapes at least, and the direct paths', () => {
  const whole = MODELS.filter((model) => {
    const there = new Set(sweepsOf(model).map(({ what, by }) => JSON.stringify([what, by])));
    const lacks = Object.keys(GET_ACT_PATCH).filter((name) => !there.has(JSON.stringify(GET_ACT_PATCH[name])));
    assert.ok(lacks.length === 0 || lacks.join() === OF_MLPS.join(), `${model} lacks ${lacks}`);
    assert.deepEqual(sweepsOf(model).filter(({ what }) => what === 'direct_path').map(({ receiver }) => receiver), ['q', 'k', 'v'], model);
    return lacks.length === 0;
  });
  assert.equal(Object.keys(GET_ACT_PATCH).length, 18);
  assert.ok(whole.length >= 4 && MODELS.length >= 7, `${whole} of ${MODELS}`);
});

for (const [query, threads, bits] of [['?wasm=baseline&threads=1', 1, true], ['?wasm=baseline&threads=2', 2, true], ['?threads=1', 1, false], ['?threads=2', 2, false]])
  test(`${query}: as TransformerLens${bits ? ', and the bits of hs sweep' : ''}`, async () => {
    const engine = await engineOf(query, threads);
    for (const model of MODELS) {
      const findings = await checkSweeps(bits ? besideHs(engine) : engine, model);
      assert.ok(findings.length > 30, `${model}: ${findings.length} arrays and numbers`);
      demand(findings);
    }
    // So large that two threads share its products.
    const folder = modelFolder('stories-gelu-4l');
    const ids = Array.from({ length: 24 }, (_, i) => (i * 311 + 1) % 2048);
    const pair = { clean: ids, corrupted: ids.map((id, i) => (i % 5 === 2 ? (id + 700) % 2048 : id)), metric: { kind: 'logit_diff', correct: 7, wrong: 9 } };
    for (const document of [{ what: ['resid_pre', 'mlp_out'], by: 'layer,position' }, { what: ['z', 'pattern'], by: 'layer,head' }].map((fields) => ({ read: 'sweep', ...pair, ...fields }))) {
      if (bits) await besideHs(engine).read(folder, document);
      else demand(compareAll(native.read(folder, document).arrays, (await engine.read(folder, document)).arrays, compareReading));
    }
    await engine.close();
  });

test('baseline: every cell of every function has the bits of a single run in the tab with that one patch', async () => {
  const engine = await engineOf('?wasm=baseline&threads=1', 1);
  for (const model of MODELS) {
    const folder = modelFolder(model);
    const [clean, corrupted] = [[1, 5, 9, 2, 7, 3], [1, 8, 9, 4, 7, 6]];
    const there = new Set(sweepsOf(model).flatMap(({ what }) => what));
    let cells = 0;
    for (const [i, [what, by]] of Object.values(GET_ACT_PATCH).filter(([name]) => [name].flat().every((one) => there.has(one))).entries()) {
      const metric = { kind: 'logit_diff', position: -1 - (i % 2), correct: 3, wrong: i % 3 };
      const { arrays, axes } = await engine.read(folder, { read: 'sweep', clean, corrupted, metric, what, by, direction: i % 2 ? 'noise' : 'denoise' });
      const { data, shape } = arrays.get('values');
      const [ids, B] = i % 2 ? [clean, corrupted] : [corrupted, clean];
      const edits = [what].flat().flatMap((name) => patches(name, by, axes));
      const one = await engine.differences(folder, { ids, B, edits, ...metric });
      demand([{ ...compareBits('values', { shape, data: Float32Array.from(one) }, { shape, data }), where: `${model} ${what} ${by}` }]);
      cells += data.length;
    }
    assert.ok(cells > 500, `${model}: ${cells} cells`);
  }
  await engine.close();
});
