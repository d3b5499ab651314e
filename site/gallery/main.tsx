/** Everything of gl/ and the pictures of ui/, with invented data. Not part of the site: vite builds index.html alone.
 *  Options in the address: theme=dark, renderer=canvas2d, tokens=16, width=1056, table. */
import { signal } from '@preact/signals';
import { render } from 'preact';
import { fitCell } from '../src/gl/geometry.ts';
import { colorOf, maskedColor, nanColor, type Theme } from '../src/gl/palette.ts';
import { createRenderer } from '../src/gl/renderer.ts';
import '../src/styles/tokens.css';
import { Arcs } from '../src/ui/Arcs.tsx';
import { HeadGrid, type HeadId } from '../src/ui/HeadGrid.tsx';
import { THUMB_PX } from '../src/ui/HeadGridPlaces.ts';
import { Heatmap, type Lit } from '../src/ui/Heatmap.tsx';
import { noise, pattern, tokens } from './invented.ts';
import './gallery.css';

const options = new URLSearchParams(location.search);
const theme: Theme = options.get('theme') === 'dark' ? 'dark' : 'light';
document.documentElement.dataset.theme = theme;

const renderer = createRenderer({
  use: options.get('renderer') === 'canvas2d' ? 'canvas2d' : 'webgl2',
  onChange: (kind) => {
    document.documentElement.dataset.renderer = kind;
  },
});
document.documentElement.dataset.renderer = renderer.kind;

const phone = innerWidth < 700;
const words = tokens(Number(options.get('tokens') ?? 16));
const size = words.length;
const width = Number(options.get('width') ?? innerWidth - 40);
const layers = [0, 1].map((layer) => {
  const heads = Array.from({ length: 8 }, (_, head) => pattern(words, layer * 8 + head + 1));
  const joined = new Float32Array(8 * size * size);
  heads.forEach((values, head) => joined.set(values, head * size * size));
  return joined;
});

/** Of a long text its beginning: the page gets these pooled from the core. */
const cells = Math.min(size, THUMB_PX);
const thumbnails = Float32Array.from({ length: 16 * cells * cells }, (_, i) => {
  const [head, row, col] = [Math.floor(i / (cells * cells)), Math.floor(i / cells) % cells, i % cells];
  return layers[Math.floor(head / 8)]?.[((head % 8) * size + row) * size + col] ?? Number.NaN;
});

const hovered = signal<Lit | null>(null);
const locked = signal<Lit | null>({ row: Math.min(12, size - 1), col: Math.min(5, size - 1) });
const hoveredHead = signal<HeadId | null>(null);
const lockedHead = signal<HeadId | null>({ layer: 1, head: 3 });

const labels = words.map((text, i) => ({ text, note: `(${i})` }));
const bare = words.map((text) => ({ text }));
const layerOf = (layer: number) => layers[layer] ?? new Float32Array();
const says = (row: number, col: number) =>
  `${words[row]} (${row}) looks at ${words[col]} (${col}): ${value(row, col).toFixed(3)}`;
const value = (row: number, col: number) => {
  const { layer, head } = shownHead();
  return layerOf(layer)[head * size * size + row * size + col] ?? Number.NaN;
};
const shownHead = () => hoveredHead.value ?? lockedHead.value ?? { layer: 0, head: 0 };

const selection = {
  hovered,
  locked,
  onHover: (lit: Lit | null) => { hovered.value = lit; },
  onLock: (lit: Lit | null) => { locked.value = lit; },
};

const probabilities = noise(size * 3, 0.5, 7).map((v) => v + 0.5);
const streamWord = (row: number, col: number) => ({ text: words[(row + col) % size] ?? '', dot: col === 2 });
const signed = noise(14 * 14, 7, 3);
signed.set([0, Number.NaN, 6, -6, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);

function Gallery() {
  const { layer, head } = shownHead();
  const cell = fitCell({
    widthPx: phone ? width - 80 : 410, heightPx: 410, rows: size, cols: size, pixelRatio: devicePixelRatio,
  });
  const centres = words.map((_, i) => 30 + i * (phone ? 22 : 42));
  return (
    <>
      <h1>Pictures</h1>
      <section aria-label="Arcs">
        <Arcs
          centres={centres}
          width={width}
          baseline={48}
          dest={locked.value?.row ?? size - 1}
          weights={layerOf(layer)}
          offset={head * size * size + (locked.value?.row ?? size - 1) * size}
          source={locked.value?.col ?? null}
        />
      </section>
      <section aria-label="Heads" class="gallery-scroll">
        <HeadGrid
          renderer={renderer}
          theme={theme}
          rows={[0, 1].map((l) => Array.from({ length: 8 }, (_, h) => ({ layer: l, head: h })))}
          values={thumbnails}
          nHeads={8}
          cells={cells}
          causal
          palette="cividis"
          scale={[0, 1]}
          layout={phone ? 'strip' : 'grid'}
          width={width}
          note={(id) => ({
            tag: id.head % 3 === 0 ? 'induction' : null,
            score: id.head % 3 === 0 ? 0.87 : null,
            off: id.layer === 1 && id.head === 3,
          })}
          hovered={hoveredHead}
          locked={lockedHead}
          onHover={(id) => { hoveredHead.value = id; }}
          onLock={(id) => { lockedHead.value = id; }}
        />
      </section>
      <div class="gallery-row">
        <section id="pattern" aria-label="Pattern">
          <Heatmap
            renderer={renderer}
            theme={theme}
            values={layerOf(layer)}
            offset={head * size * size}
            rows={size}
            cols={size}
            causal
            rowLabels={labels}
            colLabels={labels}
            colNotes={!phone}
            palette="cividis"
            scale={[0, 1]}
            scaleLabel="attention weight"
            cell={cell}
            gutter={phone ? 78 : 80}
            head={phone ? 54 : 78}
            {...(phone ? {} : { axes: ['source', 'destination'] as const })}
            rowRunsOn={phone ? 0 : 60}
            {...selection}
            valueText={says}
            label={`Attention pattern of L${layer}H${head}`}
            caption="An invented head looks at the word that followed last time."
            asTable={options.has('table')}
          />
        </section>
        {!phone && (
          <section id="stream" aria-label="Stream">
            <Heatmap
              renderer={renderer}
              theme={theme}
              values={probabilities}
              rows={size}
              cols={3}
              rowLabels={labels}
              colLabels={[{ text: 'embed' }, { text: 'after L0' }, { text: 'after L1' }]}
              colLabelStyle="flat"
              palette="cividis"
              scale={[0, 1]}
              cell={cell}
              cellWidth={64}
              gap={1}
              gutter={0}
              head={78}
              rowRunsOn={60}
              {...selection}
              valueText={(row, col) => `after layer ${col}, ${words[row]}`}
              label="Residual stream"
              caption="Invented words, coloured by invented probabilities."
              cellText={streamWord}
            />
          </section>
        )}
        <section id="signed" aria-label="Signed">
          <Heatmap
            renderer={renderer}
            theme={theme}
            values={signed}
            rows={14}
            cols={14}
            rowLabels={bare.slice(0, 14)}
            colLabels={bare.slice(0, 14)}
            palette="diverging"
            scale={[-6, 6]}
            scaleLabel="score"
            cell={phone ? 18 : 16}
            {...selection}
            valueText={(row, col) => `row ${row}, column ${col}`}
            label="Signed scores"
            caption="Invented scores, with values that are not numbers."
          />
        </section>
      </div>
    </>
  );
}

render(<Gallery />, document.querySelector('main') ?? document.body);

/** What tests reach for. */
Object.assign(globalThis, { gallery: { renderer, createRenderer, colorOf, maskedColor, nanColor, pattern, tokens, noise } });
