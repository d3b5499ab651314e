// Imports point one way: the table below is the rule. Prints each line that breaks it; ends with 1 if there is one.
//   core <- wasm <- site/worker ...messages... site/engine <- site/state <- site/views <- main; gl and ui know no state.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// What a TypeScript file under site/src may import: layers by folder, and single files of others.
const SITE = {
  worker: { layers: ['worker'], files: ['engine/abi.gen', 'engine/errors', 'engine/types'] },
  engine: { layers: ['engine'], files: ['worker/protocol'] },
  sw: { layers: ['sw'], files: [] },
  state: { layers: ['state', 'engine'], files: ['sw/files'] },
  code: { layers: ['code'], files: ['engine/types'] },
  gl: { layers: ['gl'], files: [] },
  ui: { layers: ['ui', 'gl'], files: [] },
  views: { layers: ['views', 'ui', 'gl', 'state', 'code'], files: ['engine/types'] },
};

// The core computes: these headers read no file, print nothing and start no thread.
const CORE_SYSTEM = [
  ...['math', 'stdarg', 'stdbool', 'stddef', 'stdint', 'stdlib', 'string'].map((name) => `${name}.h`),
  'jsmn.h',
  'simde/wasm/simd128.h',
  'wasm_simd128.h',
];

/** Imports of a TypeScript file as paths below site/src without their ending; packages are nobody's layer. */
function* siteImports(path, text) {
  for (const [index, line] of text.split('\n').entries())
    for (const [, target] of line.matchAll(/(?:\bfrom|\bimport|\bimport\(|new URL\()\s*'(\.[^']*)'/g))
      yield { line: index + 1, target: normalize(join(dirname(path), target)).replace(/\?.*$/, '').replace(/\.tsx?$/, '') };
}

function* siteFindings(path, text) {
  const layer = SITE[path.split('/')[0]];
  if (!path.includes('/')) return; // main.tsx, sw.ts: they put the layers together
  if (!layer) return yield { line: 1, message: `${path.split('/')[0]}/ is no layer that this check knows` };
  for (const { line, target } of siteImports(path, text)) {
    const started = path.startsWith('engine/') && target === 'worker/main'; // new Worker(...): started, not imported
    const styled = path.startsWith('views/') && target.startsWith('styles/'); // a tab that is loaded when it is opened brings its style
    if (styled) continue;
    if (!layer.layers.includes(target.split('/')[0]) && !layer.files.includes(target) && !started)
      yield { line, message: `${path.split('/')[0]} may not import ${target}` };
  }
}

/** hs.h, hs_read.h, ... and the lists that everything else is generated from. */
const isPublic = (name) => /^hs(_\w+)?\.h$/.test(name) || name.endsWith('.def');

/** Which headers a C file may name in quotes: a test on the name. */
function mayQuote(path, files) {
  const beside = (folder) => (name) => files.has(`${folder}/${name}`);
  if (path.startsWith('core/cli/'))
    // Beside the public headers: its one way to say an error, to read JSON and a document's prompt; the bench times kernels.
    return (name) =>
      isPublic(name) || ['error.h', 'json.h', 'prompt.h'].includes(name) || beside('core/cli')(name) || (path.endsWith('/bench.c') && name === 'kernels.h');
  if (path.startsWith('core/')) return beside('core');
  return (name) => isPublic(name) || beside('wasm')(name);
}

function* coreFindings(path, text, files) {
  const allowed = mayQuote(path, files);
  for (const [index, line] of text.split('\n').entries()) {
    const [, open, name] = line.match(/^\s*#\s*include\s*(["<])([^">]+)/) ?? [];
    if (open === '"' && !allowed(name)) yield { line: index + 1, message: `may not include "${name}"` };
    if (open === '<' && path.startsWith('core/') && !path.startsWith('core/cli/') && !CORE_SYSTEM.includes(name))
      yield { line: index + 1, message: `the core may not include <${name}>` };
  }
}

/** Every break of the rule in `files`, a Map from a path in the project to its text: lines "path:line: what". */
export function findings(files) {
  const found = [];
  for (const [path, text] of files) {
    const breaks = path.startsWith('site/src/') ? siteFindings(path.slice('site/src/'.length), text) : coreFindings(path, text, files);
    for (const { line, message } of breaks) found.push(`${path}:${line}: ${message}`);
  }
  return found;
}

/** The files that the rule is about, read from the project at `root`. */
export function sources(root) {
  const files = new Map();
  for (const folder of ['core', 'wasm', 'site/src'])
    for (const name of readdirSync(join(root, folder), { recursive: true }))
      if (/\.(c|h|def|ts|tsx)$/.test(name)) files.set(join(folder, name), readFileSync(join(root, folder, name), 'utf8'));
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = findings(sources(fileURLToPath(new URL('..', import.meta.url))));
  for (const line of found) console.error(line);
  process.exitCode = found.length === 0 ? 0 : 1;
}
