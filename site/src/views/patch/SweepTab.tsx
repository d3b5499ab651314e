/** Sweeps: one activation at a time of one prompt put into the run of the other, at every place. */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks';
import { headName } from '../../state/reading';
import { headSweep, patched, sourceSweep, streamSites, streamSweep, type Place } from '../../state/patch';
import type { HeadId } from '../../state/selection';
import { OPTIONS, type View } from '../../state/view';
import { Bars } from '../../ui/Bars';
import type { BarsData } from '../../ui/data';
import { usePixelRatio } from '../../ui/pixelRatio';
import { Segments } from '../../ui/Segments';
import { usePage } from '../page';
import { Picture } from '../Picture';
import { positionLabels } from '../tabs/parts';
import { followBest, lockAt, lockedPlace, measured, NOT_TOLD, pointAt, pointed, told } from './at';
import { barsFrom, cellsOf, conventions, gained, short, type Base } from './cells';
import { rowHeights, share, type Geometry } from './geometry';
import { whereabouts } from './kept';
import { useRoom } from './Room';
import { ScaleBar } from './ScaleBar';
import { cellValues, SweepMap } from './SweepMap';
import { StudyLine, StudyProgress } from '../StudyProgress';
import type { Bench } from './useBench';
import { kindsByHead, KINDS_BY, useKinds } from './useKinds';
import { useSweep, type Swept } from './useSweep';

const OF: Readonly<Record<View['of'], string>> = {
  z: 'What the head found, before it is written to the stream',
  q: 'Its queries', k: 'Its keys', v: 'Its values', pattern: 'Where it looks',
};

type Gain = (metric: number) => number;

/** Where a patch gains most; null until all of it is there. */
function farthest({ sweep, study, metrics }: Swept, gain: Gain): Place | null {
  if (study.state !== 'done') return null;
  const place = (i: number) => sweep.place(Math.floor(i / sweep.cols), i % sweep.cols);
  const places = Array.from(metrics, (metric, i) => ({ at: place(i), far: gain(metric) })).filter(({ at, far }) => at !== null && !Number.isNaN(far));
  return places.reduce((best, one) => (best && best.far >= one.far ? best : one), places[0])?.at ?? null;
}

const valueAt = ({ sweep, metrics }: Swept, place: Place) => {
  const lit = sweep.lit(place);
  return lit && lit.col !== null ? (metrics[lit.row * sweep.cols + lit.col] ?? Number.NaN) : Number.NaN;
};

export function SweepTab({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const view = app.view.value;
  const { of, detail, direction } = view;
  const { a, part, means } = bench;
  const { config } = a.info;
  const { tokens } = a.tokenized;
  const asked = { part, config, n: tokens.length };
  const bySource = detail === 'source';
  const { head: selected } = app.selection.resting.value;
  const head: HeadId = selected ?? { layer: 0, head: 0 };
  const hasHeads = config.n_layers > 0;
  const stream = useSweep(hasHeads ? streamSweep(asked) : null);
  const whole = useSweep(hasHeads ? headSweep(asked, of, true) : null);
  const heads = useSweep(!hasHeads ? null : bySource ? sourceSweep(asked, head) : headSweep(asked, of, false));
  const all = [stream, heads, whole].filter((swept) => swept !== null);
  const base = all.find((swept) => swept.base)?.base ?? null;
  const cells = base && cellsOf(base, view);

  const { room, ...size } = useRoom();
  const ratio = usePixelRatio();
  const geometry = useMemo(() => share(size.width || 1056, ratio, tokens), [size.width, ratio, tokens]);
  useStrip(geometry);
  const sites = streamSites(config);
  const [streamPx, headPx] = rowHeights(size.height - (geometry.aligned ? 20 : geometry.head), sites.length * config.n_layers, bySource ? 0 : config.n_layers * config.n_heads);

  const streamRows = useMemo(
    () => Array.from({ length: config.n_layers * sites.length }, (_, row) => ({ text: sites[row % sites.length] ?? '', note: `L${Math.floor(row / sites.length)}` })),
    [config],
  );
  const kinds = useKinds(a, !geometry.narrow);
  const kindOf = kindsByHead(kinds, config.n_heads);
  const headRows = useMemo(() => {
    if (bySource) return positionLabels(tokens);
    return Array.from({ length: config.n_layers * config.n_heads }, (_, row) => {
      const id = { layer: Math.floor(row / config.n_heads), head: row % config.n_heads };
      const note = kindOf.get(row);
      return { text: headName(id), ...(note && { note }) };
    });
  }, [config, bySource, tokens, kinds.reading, kinds.stale]);

  // What the inspector and the story hear.
  const gain = base && ((metric: number) => gained(metric, base, direction));
  const inStream = (site: Place['site'], layer: number, position: number): Place => ({ site, layer, head: null, position, source: null });
  const end = tokens.length - 1;
  const where = stream && gain && stream.study.state === 'done'
    ? whereabouts((layer, position) => gain(valueAt(stream, inStream('resid_pre', layer, position))), (layer) => gain(valueAt(stream, inStream('attn_out', layer, end))), config.n_layers, tokens.length)
    : null;
  const strongest = where?.kept.positions[0];
  const best = !where || !stream || !gain ? null : strongest === undefined ? farthest(stream, gain) : inStream('resid_pre', where.kept.layer, strongest);
  const carries = where && where.carries !== null ? inStream('attn_out', where.carries, end) : null;
  const bestHead = whole && gain ? farthest(whole, gain) : null;
  // Before it is painted: what is said of a sweep goes with it.
  useLayoutEffect(() => {
    measured.value = (place) => {
      for (const { sweep, metrics } of all) {
        const lit = sweep.lit(place);
        if (lit && lit.col !== null) return metrics[lit.row * sweep.cols + lit.col] ?? Number.NaN;
      }
      return Number.NaN;
    };
    told.value = { base, best, bestHead, where };
  }, [stream?.metrics, heads?.metrics, whole?.metrics, base?.clean, base?.corrupted]);
  useEffect(() => () => {
    measured.value = () => Number.NaN;
    told.value = NOT_TOLD;
  }, []);
  const bestKey = JSON.stringify([best, bestHead]);
  useEffect(() => {
    if (best && bestHead) followBest(app, best, bestHead);
  }, [bestKey, a.before]);

  const [into, source] = patched(direction) === 'B' ? ['B', 'A'] : ['A', 'B'];
  if (!stream || !heads || !whole) return <p class="muted">This model has no layers: there is nothing between the words and the prediction to patch.</p>;
  const shared = { base, cells, tokens, geometry };
  return (
    <div class="sweeps">
      {room}
      <SweepMap
        {...shared}
        swept={stream}
        name="the sweep of the stream"
        called={`Residual stream, ${source} into ${into}`}
        title="Residual stream"
        sub={`one vector of ${source} put into the run of ${into}, at one position${means}`}
        rowLabels={streamRows}
        rowPx={streamPx}
        {...(sites.length > 2 && { ruleEvery: sites.length })}
        arrow={best && carries && base && base.clean !== base.corrupted ? { from: best, to: carries, words: `attention in L${carries.layer} carries it to the end` } : null}
      />
      <div class="heads-of" style={{ '--row': `${headPx}px`, '--rest': `${geometry.rest}px` }}>
        <SweepMap
          {...shared}
          swept={heads}
          name="the sweep of the heads"
          called={bySource ? `Pattern of ${headName(head)}, ${source} into ${into}` : `${of} of each head, ${source} into ${into}`}
          title={bySource ? `Pattern of ${headName(head)}` : 'Each head'}
          sub={`${bySource ? 'one weight: destination ↓, source →' : `hook_${of} of ${source}, at one position`}${means}`}
          controls={
            <>
              <Segments label="What of a head" value={of} options={OPTIONS.of.map((o) => [o, o, OF[o]])} onPick={(picked) => app.experiment.look({ of: picked, detail: 'position' })} />
              <Segments
                label="Heads by"
                value={detail}
                options={[['position', 'position', 'Every head at every position'], ['source', 'dest × source', 'The selected head: every weight of its pattern by itself']]}
                onPick={(picked) => app.experiment.look({ detail: picked, ...(picked === 'source' && { of: 'pattern' }) })}
              />
            </>
          }
          rowLabels={headRows}
          rowPx={headPx}
          causal={bySource}
          second
          {...(!bySource && { ruleEvery: config.n_heads })}
        />
        <WholeHeads swept={whole} cells={cells} base={base} of={of} top={20} apart={bySource || geometry.narrow} />
      </div>
      {base && cells && (
        <ScaleBar base={base} cells={cells} gutter={geometry.gutter}>
          {kindOf.size > 0 && !bySource && <p class="sub" data-document={JSON.stringify({ kind: 'read', document: kinds.document })}>Heads named {[...new Set(kindOf.values())].join(', ')}: {KINDS_BY}.</p>}
        </ScaleBar>
      )}
    </div>
  );
}

/** The strip's tokens over their columns, while there is room. */
export function useStrip({ aligned, gutter, colPx }: Geometry) {
  useLayoutEffect(() => {
    const { style } = document.documentElement;
    if (!aligned) return;
    style.setProperty('--strip-gutter', `${gutter}px`);
    style.setProperty('--strip-col', `${colPx}px`);
    document.documentElement.dataset.strip = 'columns';
    return () => void delete document.documentElement.dataset.strip;
  }, [aligned, gutter, colPx]);
}

interface WholeProps {
  readonly swept: Swept;
  readonly base: Base | null;
  readonly cells: ReturnType<typeof cellsOf> | null;
  readonly of: View['of'];
  /** Room above the first row, to stand on the map's rows. */
  readonly top: number;
  /** Not beside a map of the same rows. */
  readonly apart: boolean;
}

/** Each head at all positions: bars on the rows of the map beside it. */
function WholeHeads({ swept, base, cells, of, top, apart }: WholeProps) {
  const { app } = usePage();
  const { study, sweep, metrics } = swept;
  const asTable = useSignal(false);
  const place = pointed.value ?? lockedPlace(app);
  const lit = place && sweep.lit({ ...place, position: null, source: null });
  const data = useMemo<BarsData>(() => ({
    kind: 'bars', title: `${of} of each head, all positions`, unit: cells?.words ?? 'score', conventions: conventions(base, study), ...barsFrom(cells),
    rows: Array.from(cellValues(metrics, cells), (value, row) => {
      const { layer, head } = sweep.place(row, 0) ?? { layer: 0, head: 0 };
      const written = cells !== null && Math.abs(value - cells.neutral) >= cells.least;
      return { name: `L${layer}H${head}`, value, says: written ? short(value) : '' };
    }),
  }), [metrics, cells?.words, cells?.neutral, base?.clean, base?.corrupted]);
  const at = (row: number) => sweep.place(row, 0);
  return (
    <Picture
      class={apart ? 'whole apart' : 'whole'}
      title={<small>all positions</small>}
      name="the sweep of whole heads"
      data={data}
      what={{ kind: 'read', document: sweep.document }}
      asTable={asTable}
      stale={study.state !== 'done'}
      failure={study.failure}
      compact
    >
      <StudyLine study={study} name="the sweep of whole heads" />
      {study.state === 'stopped' && <StudyProgress study={study} name="the sweep of whole heads" />}
      <div style={apart ? {} : { paddingTop: `${top}px` }}>
        <Bars
          data={data}
          lit={lit?.row ?? null}
          asTable={asTable.value}
          onHover={(row) => pointAt(app, row === null ? null : at(row))}
          onPick={(row) => lockAt(app, at(row))}
        />
      </div>
    </Picture>
  );
}
