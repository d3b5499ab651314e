// The project's own files: everything below its folder except what a build, a set-up or an editor put there.

import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

const MADE = new Set(['.git', '.toolchain', 'build', 'dist', 'node_modules', '__pycache__', '.venv', 'hookscope.wasm', 'hookscope-relaxed.wasm', 'hookscope-shared.wasm', 'hookscope-relaxed-shared.wasm']);

/** Paths of the project's files, from its root. */
export function projectFiles(root, folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (MADE.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? projectFiles(root, path) : [relative(root, path)];
  });
}
