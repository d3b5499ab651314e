// What the project's texts must not say, and what its README must get right. Prints each finding; ends with 1 if there is one.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { projectFiles } from './files.mjs';

const BINARY = /\.(safetensors|u16|png|ico|wasm|gguf|xz|woff2|npz)$/;

const FORBIDDEN = [
  [/(?<![\w.~-])\/(?:work|root|home\/\w+|Users\/\w+)(?=[/\s"'`):,]|$)/, 'a path of one machine'],
  [/\bregistry\.npmjs\.org\b|\bregistry\.yarnpkg\.com\b/, 'a registry host'],
  [/\bpypi\.org\b|\bfiles\.pythonhosted\.org\b|\bdeb\.debian\.org\b|\bindex\.crates\.io\b/, 'a registry host'],
  [/"resolved":\s*"https?:/, 'a lock file with an address'],
];

function forbidden(path, text) {
  const found = [];
  for (const [index, line] of text.split('\n').entries())
    for (const [pattern, what] of FORBIDDEN) if (pattern.test(line)) found.push(`${path}:${index + 1}: ${what}`);
  return found;
}

const PATH = /^[\w.-]+(?:\/[\w.-]+)*\/?$/;
const isPath = (word) => PATH.test(word) && (word.includes('/') || /\.(c|h|def|md|mjs|ts|tsx|json|sh|txt)$/.test(word));
const NAME = /^([A-Za-z_]\w*)(?:\(\))?$/;

/** Links and paths in a Markdown file that lead nowhere. */
function deadLinks(path, text, exists) {
  const found = [];
  for (const [index, line] of text.split('\n').entries())
    for (const [, target] of line.matchAll(/\]\(([^)#\s]+)[^)]*\)/g))
      if (!/^[a-z]+:/.test(target) && !exists(normalize(join(dirname(path), target))))
        found.push(`${path}:${index + 1}: ${target} does not exist`);
  return found;
}

/** The reading tour: each stop names files that exist, and functions that stand in one of that stop's files. */
function tour(text, exists, read) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#+ .*(tour|one prompt)/i.test(line));
  if (start < 0) return ['README.md: no section with the reading tour'];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('#'));
  const found = [];
  let stops = 0;
  for (const [index, line] of (end < 0 ? rest : rest.slice(0, end)).entries()) {
    const words = [...line.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
    const paths = words.filter(isPath);
    if (paths.length === 0) continue;
    stops++;
    const where = `README.md:${start + index + 2}`;
    const present = paths.filter((path) => exists(path) || !found.push(`${where}: ${path} does not exist`));
    const texts = present.filter((path) => !path.endsWith('/')).map(read);
    for (const word of words) {
      const name = word.match(NAME)?.[1];
      if (name && !isPath(word) && !texts.some((source) => new RegExp(`\\b${name}\\b`).test(source)))
        found.push(`${where}: ${name} is not in ${paths.join(', ')}`);
    }
  }
  if (stops === 0) found.push('README.md: the reading tour names no file');
  return found;
}

/** Every finding in `files`, a Map from a path in the project to its text; `exists` answers for what is not text. */
export function findings(files, exists = (path) => files.has(path)) {
  const found = [];
  for (const [path, text] of files) {
    found.push(...forbidden(path, text));
    if (path.endsWith('.md')) found.push(...deadLinks(path, text, exists));
  }
  found.push(...tour(files.get('README.md') ?? '', exists, (path) => files.get(path) ?? ''));
  return found;
}

/** The project's text files. */
export function texts(root) {
  const paths = projectFiles(root).filter((path) => !BINARY.test(path));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const found = findings(texts(root), (path) => existsSync(join(root, path)));
  for (const line of found) console.error(line);
  process.exitCode = found.length === 0 ? 0 : 1;
}
