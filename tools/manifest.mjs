// Writes models/manifest.json from the folders of models/ that hold a model: what the page ships, file by
// file, with size and SHA-256. `--check` writes nothing and fails when the committed file says otherwise.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json'];
const models = fileURLToPath(new URL('../models/', import.meta.url));

function facts(path) {
  const data = readFileSync(path);
  return { bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') };
}

/** What a model is, to be said before it is loaded. */
function shape(id) {
  const { n_layers, n_heads, d_model, attn_only } = JSON.parse(readFileSync(`${models}${id}/config.json`, 'utf8'));
  return { n_layers, n_heads, d_model, attn_only };
}

/** The heading of the model's card. */
function title(id) {
  const heading = /^# (.+)$/m.exec(readFileSync(`${models}${id}/README.md`, 'utf8'));
  if (!heading) throw new Error(`models/${id}/README.md has no "# " heading to take the title from`);
  return heading[1];
}

export function manifest() {
  const ids = readdirSync(models).filter((id) => FILES.every((name) => existsSync(`${models}${id}/${name}`)));
  const rows = ids.sort().map((id) => ({
    id,
    title: title(id),
    path: `models/${id}/`,
    shape: shape(id),
    files: Object.fromEntries(FILES.map((name) => [name, facts(`${models}${id}/${name}`)])),
  }));
  return `${JSON.stringify({ v: 1, models: rows }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = `${models}manifest.json`;
  if (!process.argv.includes('--check')) {
    writeFileSync(path, manifest());
  } else if (!existsSync(path) || readFileSync(path, 'utf8') !== manifest()) {
    console.error('models/manifest.json does not fit the models; run: node tools/manifest.mjs');
    process.exitCode = 1;
  }
}
