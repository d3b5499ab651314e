/** What the page and its service worker agree on: where the shipped files are kept, and what they say to each other. */

/** From the page: `keep` stores what is missing, `take over` ends the wait of a new version. */
export type ToWorker = 'keep' | 'take over';

/** To every tab: how many parts are still to be stored, and why the first one could not be. Ready is { missing: 0 }. */
export interface Kept {
  readonly missing: number;
  readonly failure?: string;
}

/** A cache named by the folder that the page is in, since a host's caches are shared by all its pages. */
export const openStore = (folder: string) => caches.open(folder);

/** `models/x/config.json` of a key in that cache. */
export const pathOf = (key: Request, folder: string) => key.url.slice(folder.length).replace(/[?#].*/, '');

/** What is stored as a whole or not at all: `models/x/`, or '' for the page itself. */
export const partOf = (path: string) => /^models\/.+\//.exec(path)?.[0] ?? '';
