/** What the page and its service worker agree on: where the shipped files are kept, and what they say to each other. */

/** From the page: `keep` stores what is missing, `take over` ends the wait of a new version. */
export type ToWorker = 'keep' | 'take over';

/** To every tab: how many files are still to be stored, and why the first one could not be. Ready is { missing: 0 }. */
export interface Kept {
  readonly missing: number;
  readonly failure?: string;
}

/** The cache is named by the folder that the page is in, since a host's caches are shared by all its pages. A file's
 *  key is its address with its SHA-256 as the query: versions share what did not change, and never mix. */
export const openStore = (folder: string) => caches.open(folder);

/** `models/x/config.json` of a key. */
export const pathOf = (key: Request, folder: string) => key.url.slice(folder.length).replace(/\?.*/, '');

/** `models/x/` of one of a model's files. */
export const modelFolder = (path: string) => /^models\/.+\//.exec(path)?.[0];
