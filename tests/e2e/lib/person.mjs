// What a person does in either bench: find the way by the pointer or by keys, share, open the link elsewhere.

import assert from 'node:assert/strict';
import { DESK, DIST, launch, newPage, settled } from './browser.mjs';
import { startHost } from './host.mjs';

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const toBench = (page, name) => page.getByRole('navigation', { name: 'Benches' }).getByRole('button', { name, exact: true }).click();

/** Tab until what has the focus is called so: "button Patch | ", after the bar the picture that it stands in. */
export async function tabTo(page, what) {
  const seen = [];
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press('Tab');
    const here = await page.evaluate(() => {
      const { activeElement: at } = document;
      const said = at.labels?.[0]?.cloneNode(true);
      said?.querySelectorAll('select, input, textarea').forEach((field) => field.remove());
      const name = at.getAttribute('aria-label') ?? said?.textContent ?? at.textContent;
      return `${at.getAttribute('role') ?? at.tagName.toLowerCase()} ${name.trim()} | ${at.closest('figure.picture')?.getAttribute('aria-label') ?? ''}`;
    });
    if (what.test(here)) return;
    seen.push(here.slice(0, 60));
  }
  assert.fail(`nothing called ${what} in 150 tab stops: ${[...new Set(seen)].join('; ')}`);
}

/** The link in the open Share dialog, once it is there. */
export async function linkThere(page) {
  const there = await page.waitForFunction(() => {
    const link = document.querySelector('dialog input[aria-label="Link"]')?.value;
    return link?.includes('#x=') && link;
  });
  return there.jsonValue();
}

export async function linkByPointer(page) {
  await button(page, 'Share').click();
  const said = await linkThere(page);
  await button(page, 'Close').click();
  return said;
}

/** By the palette. */
export async function linkByKeys(page) {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: /^Find/ }).waitFor();
  await page.keyboard.type('share');
  await page.keyboard.press('Enter');
  const said = await linkThere(page);
  await page.keyboard.press('Escape');
  return said;
}

/** Another browser profile that has visited the page once, then has no server and no network, opens the link. */
export async function openedOffline(shared, check) {
  const host = await startHost(DIST, '/some/folder/');
  const browser = await launch();
  const context = await browser.newContext({ ...DESK, reducedMotion: 'reduce' });
  try {
    const first = await newPage(context);
    await first.page.goto(host.url);
    await settled(first.page);
    await button(first.page, 'Help and keys').click();
    await first.page.locator('.storage[data-missing="0"]').waitFor({ timeout: 60_000 });
    await first.page.close();
    await host.close();
    await context.setOffline(true);
    const { page, complaints } = await newPage(context);
    await page.goto(host.url + shared.slice(shared.indexOf('#')));
    await settled(page);
    await check(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
    await browser.close();
    await host.close();
  }
}
