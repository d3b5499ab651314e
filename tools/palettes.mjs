// Writes site/src/gl/palettes.gen.ts: cividis from d3-scale-chromatic, the diverging ramps from their stops, mixed in
// OKLab, and the colours of masked cells and NaN from tokens.css.
// `node tools/palettes.mjs --check` fails if the committed file is not what this writes.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const site = new URL('../site/', import.meta.url);
const require = createRequire(new URL('package.json', site));
const { interpolateCividis } = await import(pathToFileURL(require.resolve('d3-scale-chromatic')).href);

/** From the most negative over zero to the most positive. Zero follows the theme's ground, so each has its own. */
const BLUE_OCHRE = {
  light: ['#6e4a00', '#b4862a', '#e3cc94', '#f0eee7', '#a9c3de', '#4f83b8', '#143f73'],
  dark: ['#f0cf86', '#a97f2e', '#5c4718', '#262420', '#24405e', '#4d83b8', '#a8cdf2'],
};

const css = readFileSync(new URL('src/styles/tokens.css', site), 'utf8');
const [light, dark] = [/:root\s*{([^}]*)}/, /\[data-theme=['"]dark['"]\]\s*{([^}]*)}/].map((block) => {
  const body = block.exec(css)?.[1] ?? '';
  return new Map([...body.matchAll(/(--[\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, hex]) => [name, hex]));
});

/** A token of the theme; the dark theme says only what differs from the light one. */
function token(name, theme) {
  const hex = theme.get(name) ?? light.get(name);
  if (!hex) throw new Error(`tokens.css: ${name} is missing or not #rrggbb`);
  return rgb(hex);
}

function rgb(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

const toLinear = (byte) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
const toByte = (c) => Math.round(255 * Math.min(1, Math.max(0, c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055)));
const times = (matrix, vector) => matrix.map((row) => row.reduce((sum, entry, i) => sum + entry * vector[i], 0));

// Ottosson's OKLab: linear sRGB -> cone responses -> cube root -> L, a, b, and the way back.
const TO_CONES = [
  [0.4122214708, 0.5363325363, 0.0514459929],
  [0.2119034982, 0.6806995451, 0.1073969566],
  [0.0883024619, 0.2817188376, 0.6299787005],
];
const TO_LAB = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
];
const FROM_LAB = [
  [1, 0.3963377774, 0.2158037573],
  [1, -0.1055613458, -0.0638541728],
  [1, -0.0894841775, -1.291485548],
];
const FROM_CONES = [
  [4.0767416621, -3.3077115913, 0.2309699292],
  [-1.2684380046, 2.6097574011, -0.3413193965],
  [-0.0041960863, -0.7034186147, 1.707614701],
];
const toLab = (color) => times(TO_LAB, times(TO_CONES, color.map(toLinear)).map(Math.cbrt));
const fromLab = (lab) => times(FROM_CONES, times(FROM_LAB, lab).map((c) => c ** 3)).map(toByte);

/** 255 entries: an odd number, so that entry 127 is the neutral stop itself. */
function diverging(hexes) {
  const stops = hexes.map((hex) => toLab(rgb(hex)));
  return Array.from({ length: 255 }, (_, entry) => {
    const place = (entry / 254) * (stops.length - 1);
    const left = Math.min(stops.length - 2, Math.floor(place));
    return fromLab(stops[left].map((c, i) => c + (stops[left + 1][i] - c) * (place - left)));
  });
}

const cividis = Array.from({ length: 256 }, (_, entry) =>
  interpolateCividis(entry / 255)
    .match(/\d+/g)
    .map(Number),
);
const packed = (name, entries) =>
  `export const ${name} =\n  '${Buffer.from(entries.flat()).toString('base64')}';\n`;
const list = (color) => `[${color.join(', ')}]`;

const text = `/** Written by tools/palettes.mjs from d3-scale-chromatic (cividis) and styles/tokens.css. Do not edit. */
type Rgb = readonly [number, number, number];

/** RGB bytes in base64: 256 entries, and 255 for the diverging ones, whose entry 127 is the neutral colour. */
${packed('CIVIDIS', cividis)}${packed('BLUE_OCHRE_LIGHT', diverging(BLUE_OCHRE.light))}${packed('BLUE_OCHRE_DARK', diverging(BLUE_OCHRE.dark))}
export const MASKED: { readonly light: Rgb; readonly dark: Rgb } = {
  light: ${list(token('--masked', light))},
  dark: ${list(token('--masked', dark))},
};
export const NOT_A_NUMBER: Rgb = ${list(token('--nan', light))};
`;

const out = new URL('src/gl/palettes.gen.ts', site);
if (process.argv.includes('--check')) {
  if (readFileSync(out, 'utf8') !== text) {
    console.error('palettes.gen.ts is not what tokens.css says: run node tools/palettes.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(out, text);
}
