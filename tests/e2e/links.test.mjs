// An experiment as a link, in the browser's storage and as a file: what is sent arrives, what is hostile is refused in
// words, and nothing that a person did is lost.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after as atEnd, before, test } from 'node:test';
import { HOSTILE, linkOf } from '../fixtures/links/hostile.mjs';
import { after, axe, DESK, DIST, idsOf, launch, newPage, predictions, selectionOf, settled, start } from './lib/browser.mjs';
import { startHost } from './lib/host.mjs';
import { hsRun, MANIFEST } from './lib/model.mjs';
import { button, linkByPointer } from './lib/person.mjs';

const FIXTURES = new URL('../fixtures/links/v1/', import.meta.url);
const GOOD = readdirSync(FIXTURES).filter((name) => name.endsWith('.txt')).map((name) => readFileSync(new URL(name, FIXTURES), 'utf8').trim());
const [OWN, OTHER] = MANIFEST.models;

let site;
let browser;
before(async () => {
  site = await start();
  browser = await launch();
});
atEnd(async () => {
  await browser.close();
  await site.close();
});

/** A visit whose requests for models, breaches of the policy and dialogs are noted. */
async function visit(link = '') {
  const models = [];
  const breaches = [];
  const { page, complaints, close } = await site.open({}, async (fresh) => {
    fresh.on('request', (request) => {
      const path = /models\/[^/]+\/.*$/.exec(new URL(request.url()).pathname)?.[0];
      if (path) models.push(path);
    });
    fresh.on('dialog', (dialog) => {
      breaches.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await fresh.exposeFunction('onBreach', (what) => breaches.push(what));
    await fresh.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => globalThis.onBreach(`${event.violatedDirective}: ${event.blockedURI}`)));
  });
  if (link !== '') {
    const base = page.url();
    await page.goto('about:blank');
    models.length = 0;
    await page.goto(base + link);
  }
  return { page, complaints, breaches, models, close };
}

const opened = (page) => page.locator('[data-link]');
const dismiss = (page) => page.getByRole('button', { name: 'Go on without it' }).click();
const kept = (page) => page.evaluate(() => Object.keys(localStorage).filter((key) => /^hookscope\.(last|saved)/.test(key)));
const textOf = (page) => page.locator('.tok').evaluateAll((chips) => chips.map((chip) => chip.textContent).join(''));

async function typeText(page, name, text) {
  await button(page, name).click();
  const field = page.locator('.editor textarea');
  await after(page, () => field.fill(text));
  await field.press('Escape');
}

test('hostile and damaged links: clear words, no model, no crash, nothing written', async () => {
  const { page, complaints, breaches, models, close } = await visit();
  await settled(page);
  const asked = models.length;
  const before = await textOf(page);
  // A browser takes line breaks out of an address before the page sees it.
  for (const { name, link, says } of HOSTILE.filter((each) => !each.link.includes('\n'))) {
    await page.evaluate((fragment) => {
      location.hash = fragment;
    }, link);
    await opened(page).waitFor({ timeout: 60_000 }).catch(() => assert.fail(`${name}: nothing was said`));
    const words = await opened(page).innerText();
    assert.match(words, /^This link could not be opened\. /, name);
    assert.match(words.replace('This link could not be opened. ', ''), says, name);
    assert.equal(await opened(page).locator('script, img, style, iframe').count(), 0, name);
    await dismiss(page);
    assert.equal(await opened(page).count(), 0, name);
    assert.ok(!page.url().includes('#'), name);
  }
  assert.equal(await textOf(page), before);
  assert.deepEqual(await kept(page), []);
  assert.deepEqual([models.slice(asked), breaches, complaints], [[], [], []]);
  assert.equal(await page.evaluate(() => ({}).polluted), undefined);
  await close();
});

test('hostile links that a visit begins with: the page is there, with its own model alone', async () => {
  for (const { name, link, says } of HOSTILE.filter((_, i) => i % 9 === 0)) {
    const { page, complaints, breaches, models, close } = await visit(link);
    await settled(page);
    assert.match(await opened(page).innerText(), new RegExp(says.source.replace('^', '')), name);
    assert.deepEqual([models.filter((path) => !path.startsWith(OWN.path)), breaches, complaints], [[], [], []], name);
    assert.deepEqual(await kept(page), []);
    await axe(page, `a bad link: ${name}`);
    await close();
  }
});

test('good links with one character changed are known to be damaged', async () => {
  const { page, complaints, breaches, models, close } = await visit();
  await settled(page);
  const asked = models.length;
  let state = 20260; // a linear congruential generator: the same edits each time
  const below = (n) => (state = (state * 48271) % 2147483647) % n;
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let i = 0; i < 20; i++) {
    const link = GOOD[below(GOOD.length)];
    const at = 5 + below(link.length - 5);
    const other = alphabet[(alphabet.indexOf(link[at]) + 1 + below(63)) % 64];
    await page.evaluate((fragment) => {
      location.hash = fragment;
    }, link.slice(0, at) + other + link.slice(at + 1));
    await opened(page).waitFor();
    assert.match(await opened(page).innerText(), /This link is damaged/, `${link}, ${at}: ${other}`);
    await dismiss(page);
  }
  assert.deepEqual([models.slice(asked), breaches, complaints], [[], [], []]);
  await close();
});

test('fifty links in a second: the last one is shown', async () => {
  const { page, complaints, close } = await visit();
  await settled(page);
  const links = Array.from({ length: 50 }, (_, i) => linkOf(JSON.stringify({ v: 1, a: { text: `number ${i}` } })));
  await after(page, () => page.evaluate((all) => all.forEach((link) => { location.hash = link; }), links));
  await page.waitForFunction(() => [...document.querySelectorAll('.tok')].map((t) => t.textContent).join('').endsWith('49'));
  assert.deepEqual(complaints, []);
  await close();
});

test('a link to another model waits for a person; its text and edits are there meanwhile', async () => {
  const edits = [{ hook: 'blocks.3.attn.hook_z', heads: [1], op: 'zero' }];
  const { sha256 } = OTHER.files['model.safetensors'];
  const link = linkOf(JSON.stringify({ v: 1, model: { id: OTHER.id, sha256 }, a: { text: 'The cat sat on the' }, edits }));
  const { page, complaints, models, close } = await visit(link);
  await opened(page).waitFor();
  assert.equal(await page.getByLabel('Text that the model reads').inputValue(), 'The cat sat on the');
  assert.match(await page.getByLabel('Interventions in force').innerText(), /ablate L3H1/);
  await page.waitForLoadState('networkidle');
  assert.deepEqual(models, []);
  const load = page.getByRole('button', { name: new RegExp(`^Load ${OTHER.id} \\(\\d+\\.\\d MB\\) and run it$`) });
  await axe(page, 'a link that waits');
  await load.click();
  await settled(page);
  assert.deepEqual([...new Set(models.map((path) => path.split('/')[1]))], [OTHER.id]);
  const ids = await idsOf(page);
  const { dest } = await selectionOf(page);
  const { top } = hsRun(ids.slice(0, dest + 1), { edits, model: OTHER });
  const best = (await predictions(page)).sort((a, b) => b.now - a.now)[0];
  assert.equal(best.id, top[dest].ids[0]);
  assert.deepEqual(complaints, []);
  await close();
});

test('other weights under the same name, and models that nobody has, are said and not run', async () => {
  const text = 'The cat sat on the';
  const other = await visit(linkOf(JSON.stringify({ v: 1, model: { id: OWN.id, sha256: 'ab'.repeat(32) }, a: { text } })));
  await opened(other.page).waitFor();
  assert.match(await opened(other.page).innerText(), /made with other weights under the name .* \(sha256 abababab…; here [0-9a-f]{8}…\)/);
  assert.deepEqual(other.models, []);
  await button(other.page, 'Run it').click();
  await settled(other.page);
  await other.close();

  const none = await visit(linkOf(JSON.stringify({ v: 1, model: { id: 'https://evil.example/\u202em' }, a: { text } })));
  await opened(none.page).waitFor();
  assert.match(await opened(none.page).innerText(), /needs the model “https:\/\/evil\.example\/\\u\{202e\}m”, which this page does not have/);
  assert.deepEqual(none.models, []);
  await none.page.getByRole('combobox', { name: 'Model' }).selectOption(OWN.id);
  await settled(none.page);
  assert.match(await textOf(none.page), /cat/);
  assert.equal(await opened(none.page).count(), 0);
  assert.deepEqual([...none.complaints, ...none.breaches], []);
  await none.close();
});

for (const folder of ['/', '/some/folder/'])
  test(`two prompts, three edits and a lens view arrive in a profile without a network, under ${folder}`, async () => {
    const host = await startHost(DIST, folder);
    const sender = await browser.newContext({ ...DESK, reducedMotion: 'reduce' });
    const receiver = await browser.newContext({ ...DESK, reducedMotion: 'reduce' });
    try {
      const visited = await newPage(receiver);
      await visited.page.goto(host.url);
      await settled(visited.page);
      await button(visited.page, 'Help and keys').click();
      await visited.page.locator('.storage[data-missing="0"]').waitFor({ timeout: 60_000 });
      await visited.page.close();

      const { page } = await newPage(sender);
      await page.goto(host.url);
      await settled(page);
      await button(page, 'Add a second prompt').click();
      await after(page, () => page.locator('.editor textarea').fill('The blue bear sat on the bed. Then the blue bear sat on the'));
      await page.locator('.editor textarea').press('Escape');
      const heads = [];
      for (let i = 0; i < 3; i++) {
        await after(page, () => page.keyboard.press('a'));
        await page.keyboard.press(']');
      }
      await page.getByRole('tab', { name: /lens/i }).click();
      const read = async (of) => {
        await settled(of);
        await of.getByRole('tabpanel').getByRole('button', { name: 'Table' }).click();
        const table = of.locator('[role="tabpanel"] figure[data-stale="false"] table').first();
        await table.waitFor();
        return {
          lens: await table.innerText(),
          chips: await of.locator('.chip-says').allInnerTexts(),
          tokens: await textOf(of),
        };
      };
      const sent = await read(page);
      assert.equal(sent.chips.length, 3);
      for (const words of sent.chips) heads.push(/L(\d+)H(\d+)/.exec(words).slice(1).map(Number));
      const link = await linkByPointer(page);
      assert.ok(link.length - host.url.length <= 2000, `${link.length} characters`);

      await host.close();
      await receiver.setOffline(true);
      const { page: there, complaints } = await newPage(receiver);
      await there.goto(link);
      await opened(there).waitFor({ timeout: 60_000 });
      assert.match(await opened(there).innerText(), /^Same numbers as the sender’s \([5-9] compared\)\./);
      assert.equal(await opened(there).getAttribute('data-agrees'), 'true');
      const arrived = await read(there);
      assert.deepEqual(arrived, sent);
      await axe(there, 'a link that was opened');

      // And they are what native `hs` says of the same edits.
      await there.getByRole('tab', { name: 'Attention' }).click();
      await there.locator('.predictions > table').waitFor();
      const a = await there.locator('.tok:not(.of-b)').evaluateAll((chips) => chips.map((c) => ({ id: Number(/id (\d+)$/.exec(c.ariaLabel)[1]), lit: c.dataset.lit })));
      const ids = a.map(({ id }) => id);
      const dest = a.findIndex(({ lit }) => lit === 'dest');
      const edits = heads.map(([layer, head]) => ({ hook: `blocks.${layer}.attn.hook_z`, heads: [head], op: 'zero' }));
      const run = hsRun(ids, { edits, capture: ['logits'] });
      const { shape, data } = run.tensors.get('logits');
      const row = data.subarray(dest * shape[1], (dest + 1) * shape[1]);
      const sum = row.reduce((total, x) => total + Math.exp(x), 0);
      const shown = await predictions(there);
      assert.ok(shown.length > 3);
      for (const { id, now } of shown) assert.ok(Math.abs(now - Math.exp(row[id]) / sum) < 1e-4, `token ${id}: ${now}, ${Math.exp(row[id]) / sum} by hs`);
      assert.deepEqual(complaints, []);
    } finally {
      await sender.close();
      await receiver.close();
      await host.close().catch(() => {});
    }
  });

test('what was worked on is there again after the tab was killed, closed, or cut short in its write', async () => {
  const context = await browser.newContext({ ...DESK, reducedMotion: 'reduce' });
  const host = await startHost(DIST);
  const open = async (link = '') => {
    const { page } = await newPage(context);
    await page.goto(host.url + link);
    await settled(page);
    return page;
  };
  const lastSlot = (page) => page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('hookscope.last')).map((key) => [key, localStorage[key]]));
  const writtenOf = (page, text) => page.waitForFunction((words) => Object.keys(localStorage).some((key) => key.startsWith('hookscope.last') && localStorage[key].includes(words)), text);
  const crash = async (page) => {
    const gone = page.waitForEvent('crash');
    void page.goto('chrome://crash').catch(() => {});
    await gone;
    await page.close();
  };

  const first = await open();
  assert.deepEqual(await lastSlot(first), [], 'a visit that only looks writes nothing');
  await after(first, () => first.keyboard.press('a'));
  await typeText(first, 'Edit', 'one cat and one');
  await writtenOf(first, 'one cat and one');
  await first.getByRole('tab', { name: /lens/i }).click();
  await writtenOf(first, '"lens"');
  await crash(first);

  const second = await open();
  assert.match(await textOf(second), /one␣?.*cat/);
  assert.equal(await second.locator('.chip').count(), 1);
  assert.equal(await second.getByRole('tab', { name: /lens/i }).getAttribute('aria-selected'), 'true');
  await typeText(second, 'Edit', 'two cats and two');
  await second.close(); // at once: the write is due, and done as the page goes

  const third = await open();
  assert.match(await textOf(third), /two.*cats/);
  await typeText(third, 'Edit', 'three cats and three');
  await writtenOf(third, 'three cats');
  // A write that stops half-way.
  await third.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.startsWith('hookscope.last') && localStorage[name].includes('three cats'));
    localStorage[key] = localStorage[key].slice(0, localStorage[key].length / 2);
  });
  await crash(third);

  const fourth = await open();
  assert.match(await textOf(fourth), /two.*cats/);

  // A link takes its place on the screen, not in the storage.
  const fifth = await open(linkOf(JSON.stringify({ v: 1, a: { text: 'someone else wrote this' } })));
  assert.match(await textOf(fifth), /else/);
  await button(fifth, 'Saved').click();
  await fifth.getByRole('textbox', { name: 'Name of Before the link' }).waitFor();
  await button(fifth, 'Close').click();
  await button(fifth, 'Undo').click();
  await fifth.waitForFunction(() => [...document.querySelectorAll('.tok')].map((t) => t.textContent).join('').includes('cats'));
  await context.close();
  await host.close();
});

test('experiments are saved, renamed, deleted and brought back, taken out and in as files, stepped through', async () => {
  const { page, complaints, close } = await visit();
  await settled(page);
  await after(page, () => page.keyboard.press('a'));
  await button(page, 'Saved').click();
  const dialog = page.getByRole('dialog', { name: 'Saved experiments' });
  const names = () => dialog.getByRole('textbox', { name: /^Name of/ }).evaluateAll((fields) => fields.map((field) => field.value));
  const save = async (name) => {
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
    await page.keyboard.press('Enter');
  };
  await save('first');
  await save('first');
  await save('<img src=x onerror=alert(1)>\u202e');
  assert.deepEqual(await names(), ['<img src=x onerror=alert(1)>\u202e', 'first (2)', 'first']);
  await axe(page, 'saved experiments');
  await dialog.getByRole('textbox', { name: 'Name of first (2)' }).fill('second');
  await page.keyboard.press('Enter');
  await button(dialog, 'Delete first').click();
  assert.deepEqual(await names(), ['<img src=x onerror=alert(1)>\u202e', 'second']);
  await button(dialog, 'Bring it back').click();
  assert.deepEqual((await names()).slice(1), ['second', 'first']);

  const download = async (name) => {
    const [file] = await Promise.all([page.waitForEvent('download'), button(dialog, name).click()]);
    return { name: file.suggestedFilename(), path: await file.path() };
  };
  const one = await download('Export second');
  const all = await download('Export all');
  assert.equal(one.name, 'hookscope-second.json');
  assert.equal(JSON.parse(readFileSync(all.path, 'utf8')).experiments.length, 3);

  const steps = dialog.locator('ol button');
  assert.equal(await steps.first().getAttribute('aria-current'), 'true');
  await steps.last().click();
  assert.equal(await page.locator('.chip').count(), 0);
  await steps.first().click();
  assert.equal(await page.locator('.chip').count(), 1);

  await page.reload();
  await settled(page);
  await button(page, 'Saved').click();
  await dialog.waitFor();
  assert.equal((await names()).length, 3);

  const other = await visit();
  await settled(other.page);
  await button(other.page, 'Saved').click();
  const there = other.page.getByRole('dialog', { name: 'Saved experiments' });
  await there.getByLabel('Import a file').setInputFiles(all.path);
  await there.getByText('3 experiments imported').waitFor();
  await there.getByLabel('Import a file').setInputFiles({ name: '\u202egnp.json', mimeType: 'application/json', buffer: Buffer.from('{"v":1,"experiments":[{"name":"x"}]}') });
  await there.getByText('date: is missing').or(there.getByText('is missing')).first().waitFor();
  await button(there, 'Open second').click();
  await other.page.waitForFunction(() => document.querySelectorAll('.chip').length === 1);
  assert.deepEqual([...complaints, ...other.complaints, ...other.breaches], []);
  await other.close();
  await close();
});

test('the link is copied; an experiment that is too large for one is offered as a file', async () => {
  const { page, complaints, close } = await site.open({ permissions: ['clipboard-read', 'clipboard-write'] });
  await settled(page);
  await button(page, 'Share').click();
  await button(page, 'Copy').click();
  await page.getByText('Copied.').waitFor();
  await axe(page, 'Share');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.getByRole('textbox', { name: 'Link' }).inputValue());
  await button(page, 'Close').click();
  await typeText(page, 'Edit', 'cat '.repeat(20_000));
  await button(page, 'Share').click();
  await page.getByRole('alert').getByText('too large for a link').waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as a file').click()]);
  const [{ document }] = JSON.parse(readFileSync(await file.path(), 'utf8')).experiments;
  assert.equal(document.a.text, 'cat '.repeat(20_000));
  assert.deepEqual(complaints, []);
  await close();
});

test('where storage is forbidden the page works, and Saved says so', async () => {
  const { page, complaints, close } = await site.open({}, (fresh) =>
    fresh.addInitScript(() =>
      Object.defineProperty(globalThis, 'localStorage', {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      }),
    ),
  );
  await settled(page);
  await after(page, () => page.keyboard.press('a'));
  await button(page, 'Saved').click();
  await page.getByRole('alert').getByText('lets the page keep nothing').waitFor();
  await button(page, 'Save this experiment').click();
  assert.equal(await page.getByRole('textbox', { name: /^Name of/ }).count(), 1);
  assert.deepEqual(complaints, []);
  await close();
});
