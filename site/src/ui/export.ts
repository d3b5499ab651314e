/** A picture as a file: SVG drawn anew from its data, or as it is seen where it is a drawing; PNG of that SVG, CSV of its numbers. */
import { paint } from '../gl/canvas2d';
import { colorOf, inkOn, maskedColor, type Rgb, type Theme } from '../gl/palette';
import { layoutCurves, type Look } from './curvesLayout';
import type { BarsData, CurvesData, MatrixData, PictureData } from './data';
import { CHAR_PX, hasNumber, openCols, valueAt } from './HeatmapCells';
import { toCsv } from './HeatmapCsv';
import { labelText, type Label } from './HeatmapLabels';
import { fullValue, threeFigures } from './HeatmapNumbers';

const INK: Readonly<Record<Theme, readonly [ground: string, ink: string, muted: string, rule: string]>> = {
  light: ['#fbfaf7', '#1c1b19', '#68645c', '#b9b4a8'],
  dark: ['#141311', '#eceae4', '#a8a399', '#57534b'],
};
/** Above so many cells they are one image inside the SVG, not a rectangle each. */
const MOST_RECTS = 4096;
const MARGIN = 20;
const LINE = 16;
const MOST_SIDE = 900;
/** Of the PNG, device pixels a CSS pixel. */
const PNG_SCALE = 2;

const escaped = (text: string) => text.replace(/[<>&"]/g, (c) => `&#${c.charCodeAt(0)};`);
const hex = (rgb: Rgb) => `#${rgb.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
const longest = (labels: readonly Label[]) => Math.max(0, ...labels.map((label, i) => [...labelText(label, i)].length)) * CHAR_PX;

interface Drawing {
  readonly body: string;
  readonly width: number;
  readonly height: number;
}

interface Words {
  readonly fill?: string;
  readonly anchor?: 'end' | 'middle';
  readonly mono?: boolean;
  readonly turn?: string;
}

function textOf(theme: Theme) {
  const [, ink] = INK[theme];
  return (x: number, y: number, words: string, { fill = ink, anchor, mono = false, turn }: Words = {}) =>
    `<text x="${x}" y="${y}" fill="${fill}"${anchor ? ` text-anchor="${anchor}"` : ''}${mono ? ' font-family="monospace"' : ''}${turn ? ` transform="${turn}"` : ''} xml:space="preserve">${escaped(words)}</text>`;
}

function drawMatrix(data: MatrixData, theme: Theme): Drawing {
  const { rows, cols, rowLabels, colLabels, palette, scale, causal = false } = data;
  const text = textOf(theme);
  const [, , muted] = INK[theme];
  const cell = (n: number, most: number) => Math.max(1, Math.min(most, Math.floor(MOST_SIDE / n)));
  const height = cell(rows, 22);
  const width = data.cellText ? Math.max(48, cell(cols, 96)) : cols <= 16 && cols < rows ? cell(cols, 72) : Math.min(height, cell(cols, 22));
  const left = longest(rowLabels) + 8;
  const top = longest(colLabels) * 0.87 + 14;
  const out: string[] = [];
  const step = (px: number) => Math.max(1, Math.ceil(13 / px));
  for (let row = 0; row < rows; row += step(height))
    out.push(text(left - 6, top + row * height + height / 2 + 4, labelText(rowLabels[row], row), { anchor: 'end', mono: true }));
  for (let col = 0; col < cols; col += step(width)) {
    const [x, y] = [left + col * width + width / 2 + 3, top - 6];
    out.push(text(0, 0, labelText(colLabels[col], col), { mono: true, turn: `translate(${x} ${y}) rotate(-60)` }));
  }
  if (rows * cols > MOST_RECTS) {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [cols, rows];
    const context = canvas.getContext('2d');
    if (context)
      paint(context, {
        matrices: [{ values: data.values, offset: data.offset ?? 0, x: 0, y: 0 }],
        rows, cols, width: cols, height: rows, cellWidth: 1, cellHeight: 1, gap: 0, causal, scale, palette, theme,
      });
    out.push(`<image x="${left}" y="${top}" width="${cols * width}" height="${rows * height}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${canvas.toDataURL()}"/>`);
  } else {
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < cols; col++) {
        const open = col < openCols(data, row);
        const color = hasNumber(data, row, col) ? colorOf(valueAt(data, row, col), scale, palette, theme) : maskedColor(theme);
        const [x, y] = [left + col * width, top + row * height];
        out.push(`<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${hex(color)}"/>`);
        const said = open ? data.cellText?.(row, col) : null;
        if (said && height >= 15)
          out.push(text(x + 5, y + height / 2 + 4, said.text.slice(0, Math.floor((width - 10) / CHAR_PX)), { fill: inkOn(color) === 'dark' ? '#000' : '#fff', mono: true }));
      }
  }
  const bar = top + rows * height + 24;
  for (let i = 0; i < 64; i++)
    out.push(`<rect x="${left + i * 2}" y="${bar}" width="2.5" height="8" fill="${hex(colorOf(scale[0] + ((scale[1] - scale[0]) * i) / 63, scale, palette, theme))}"/>`);
  out.push(text(left, bar - 5, data.scaleLabel));
  [0, 0.5, 1].forEach((at) => out.push(text(left + 128 * at, bar + 22, threeFigures(scale[0] + (scale[1] - scale[0]) * at), { fill: muted, anchor: 'middle' })));
  return { body: out.join(''), width: left + cols * width + longest(colLabels) * 0.5 + 10, height: bar + 30 };
}

function drawBars({ rows, unit, from: zero = 0, reversed = false }: BarsData, theme: Theme): Drawing {
  const text = textOf(theme);
  const [, , muted, rule] = INK[theme];
  const left = Math.max(...rows.map(({ name }) => [...name].length)) * CHAR_PX + 8;
  const sizes = rows.filter(({ total }) => !total).flatMap(({ value, before }) => [value, before ?? zero]);
  const [low, high] = [Math.min(zero, ...sizes), Math.max(zero, ...sizes, zero + 1e-30)];
  const place = (value: number) => left + (320 * (value - low)) / (high - low || 1);
  const out = [text(left + 400, 0, unit, { fill: muted, anchor: 'end' })];
  rows.forEach(({ name, value, before, total }, i) => {
    const y = i * 20 + 10;
    out.push(text(left - 6, y + 12, name, { anchor: 'end' }), text(left + 400, y + 12, threeFigures(value), { anchor: 'end' }));
    const bar = (of: number, fill: string, inset: number) =>
      `<rect x="${Math.min(place(zero), place(of))}" y="${y + inset}" width="${Math.abs(place(of) - place(zero))}" height="${16 - 2 * inset}" fill="${fill}"/>`;
    if (!total && before != null) out.push(bar(before, rule, 1));
    if (!total) out.push(bar(value, value < zero !== reversed ? '#b4862a' : '#4f83b8', 4));
  });
  out.push(`<path d="M${place(zero)} 8V${rows.length * 20 + 8}" stroke="${rule}"/>`);
  return { body: out.join(''), width: left + 410, height: rows.length * 20 + 16 };
}

function drawCurves(data: CurvesData, theme: Theme): Drawing {
  const text = textOf(theme);
  const [, ink, muted, rule] = INK[theme];
  const [width, height] = [720, 480];
  const blue = theme === 'light' ? '#2f5f93' : '#86b4e2';
  const stroke = (color: string, rest = '') => `fill="none" stroke="${color}" stroke-width="1.5" ${rest}`;
  const looks: Readonly<Record<Look, string>> = {
    main: stroke(blue), dashed: stroke(blue, 'stroke-dasharray="5 4"'), quiet: stroke(muted), grid: stroke(rule, 'stroke-opacity="0.5"'),
    limit: stroke(rule), edge: stroke(ink, 'stroke-dasharray="3 3"'), band: `fill="${rule}" fill-opacity="0.4"`, hatch: `fill="${rule}" fill-opacity="0.25"`,
  };
  const body = layoutCurves(data, width, height).shapes.map((shape) => {
    if (shape.kind === 'path') return `<path d="${shape.d}" ${looks[shape.look]}/>`;
    if (shape.kind === 'dot') return `<circle cx="${shape.x}" cy="${shape.y}" r="${shape.single ? 1.5 : 2.5}" fill="${shape.single ? muted : blue}"/>`;
    const said = text(shape.x, shape.y, shape.words, { fill: shape.strong ? ink : muted });
    return said.replace('<text ', `<text text-anchor="${shape.anchor}" `);
  });
  return { body: body.join(''), width, height };
}

/** What an element's look is, as attributes of SVG. */
const LOOKS = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'font-family', 'font-size', 'font-weight', 'text-anchor'];

/** A drawing of the page as it is seen, its styles written into it. */
function drawSeen(seen: SVGSVGElement): Drawing {
  const copy = seen.cloneNode(true) as SVGSVGElement;
  const copies = copy.querySelectorAll('*');
  seen.querySelectorAll('*').forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const look of LOOKS) copies[i]?.setAttribute(look, style.getPropertyValue(look));
  });
  const { width, height } = seen.getBoundingClientRect();
  return { body: copy.innerHTML, width, height };
}

/** `seen`: the drawing in the place of which the numbers are not to be drawn anew. */
export function toSvg(data: PictureData, theme: Theme, seen: SVGSVGElement | null = null): string {
  const [ground, , muted] = INK[theme];
  const text = textOf(theme);
  const { body, width, height } = seen ? drawSeen(seen) : data.kind === 'matrix' ? drawMatrix(data, theme) : data.kind === 'bars' ? drawBars(data, theme) : drawCurves(data, theme);
  const lines = data.conventions;
  const [w, h] = [Math.ceil(Math.max(width, 360) + 2 * MARGIN), Math.ceil(height + 2 * MARGIN + 28 + lines.length * LINE)];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="sans-serif" font-size="12">` +
    `<rect width="${w}" height="${h}" fill="${ground}"/><g transform="translate(${MARGIN} ${MARGIN})">` +
    `<g font-size="15" font-weight="600">${text(0, 14, data.title)}</g><g transform="translate(0 28)">${body}</g>` +
    lines.map((line, i) => text(0, 28 + height + (i + 1) * LINE, line, { fill: muted })).join('') +
    '</g></svg>'
  );
}

function csvOf(data: PictureData): string {
  if (data.kind !== 'bars') {
    const shown = data.kind === 'matrix' ? data : data.table;
    return toCsv(shown, shown.rowLabels, shown.colLabels);
  }
  const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  const before = data.rows.some((row) => row.before != null);
  const line = (fields: readonly string[]) => `${fields.map(quoted).join(',')}\r\n`;
  return [
    line(['', data.unit, ...(before ? ['before'] : [])]),
    ...data.rows.map((row) => line([row.name, fullValue(row.value), ...(before ? [row.before == null ? '' : fullValue(row.before)] : [])])),
  ].join('');
}

async function pngOf(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width * PNG_SCALE, image.height * PNG_SCALE);
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob();
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** A file into the person's downloads. */
export function download(blob: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function saveAs(data: PictureData, kind: 'png' | 'svg' | 'csv', theme: Theme, name: string, seen: SVGSVGElement | null = null): Promise<void> {
  const svg = kind === 'csv' ? '' : toSvg(data, theme, seen);
  const blob = kind === 'png' ? await pngOf(svg) : new Blob([kind === 'csv' ? csvOf(data) : svg], { type: kind === 'csv' ? 'text/csv' : 'image/svg+xml' });
  download(blob, `${name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '')}.${kind}`);
}
