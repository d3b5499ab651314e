/** What the page and its service worker agree on: where the shipped files are kept, and what they say to each other. */

/** From the page: `keep` stores what is missing, with the build of the core that this browser runs; `take over` ends the
 *  wait of a new version. */
export type ToWorker = { readonly keep: string } | 'take over';

/** To every tab: how many parts are still to be stored, and why the first one could not be. Ready is { missing: 0 }. */
export interface Kept {
  readonly missing: number;
  readonly failure?: string;
}

/** A cache named by the folder that the page is in, since a host's caches are shared by all its pages. */
export const openStore = (folder: string) => caches.open(folder);

/** `models/x/config.json` of a key in that cache. */
export const pathOf = (key: Request, folder: string) => key.url.slice(folder.length).replace(/[?#].*/, '');

/** What is stored as a whole or not at all: `models/x/`, `hookscope-relaxed` or another build of the core, or '' for the
 *  page itself. */
export const partOf = (path: string) => /^models\/.+\//.exec(path)?.[0] ?? buildOf(path) ?? '';

/** The build of the core that a file is; its name ends in eight characters of a hash. */
const buildOf = (path: string) => /^assets\/(.+)-.{8}\.wasm$/.exec(path)?.[1];

/** Builds of the core: a browser runs one, and only that is stored. */
export const isBuild = (part: string) => part !== '' && !part.startsWith('models/');
