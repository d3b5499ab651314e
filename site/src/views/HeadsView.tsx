/** All heads at once, by layer or by what a detector says of them; hover looks at one, a click keeps it. */
import { useComputed, useSignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { isDifference, sideName } from '../state/documents';
import { share } from '../state/numbers';
import { bestHead, DETECTORS, headName, role, scoresOfHead, SHOWS } from '../state/reading';
import type { Shown } from '../state/run';
import type { HeadId } from '../state/selection';
import { OPTIONS, type View } from '../state/view';
import { scaleOf, type MatrixData } from '../ui/data';
import { HeadGrid } from '../ui/HeadGrid';
import { placesFor, THUMB_PX } from '../ui/HeadGridPlaces';
import { HeatmapBar } from '../ui/HeatmapBar';
import { HeatmapTable } from '../ui/HeatmapTable';
import { Segments } from '../ui/Segments';
import { DETECTS } from './AttentionDetails';
import { usePage } from './page';
import { Picture } from './Picture';
import { arrayOf, useReading } from './useReading';

interface Props {
  readonly shown: Shown;
  readonly widthPx: number;
  readonly narrow: boolean;
}

/** What a mode of attention is called, and what its numbers are. */
export const MODES: Readonly<Record<View['mode'], readonly [word: string, unit: string, means: string]>> = {
  pattern: ['pattern', 'attention weight', 'hook_pattern: softmax of the scores over the sources'],
  scores: ['scores', 'attention score', 'hook_attn_scores: q·k over the scale, before the softmax'],
  value_weighted: ['value-weighted', 'weight · ‖v‖', 'hook_pattern times the length of hook_v at the source'],
  result_weighted: ['result-weighted', 'weight · ‖v W_O‖', 'hook_pattern times the length of v W_O: what is added to the stream'],
};

export function HeadsView({ shown, widthPx, narrow }: Props) {
  const { app, renderer, theme } = usePage();
  const { selection, experiment, view } = app;
  const asTable = useSignal(false);
  const { n_layers, n_heads } = shown.info.config;
  const { order, mode } = view.value;
  const hovered = useComputed(() => selection.hover.value?.head ?? null);
  const locked = useComputed(() => selection.resting.value.head);
  const nTokens = shown.tokenized.ids.length;
  const all = useMemo(
    () => Array.from({ length: n_layers }, (_, layer) => Array.from({ length: n_heads }, (_, head) => ({ layer, head }))),
    [n_layers, n_heads],
  );
  const rows = useMemo(() => {
    if (order === 'layer') return all;
    const by = (id: HeadId) => scoresOfHead(shown.now, id)?.[order] ?? 0;
    return [all.flat().sort((a, b) => by(b) - by(a))];
  }, [all, order, shown]);
  const document = {
    read: 'attention' as const, ...app.subject.value, heads: all.flat().map(({ layer, head }) => [layer, head]), mode,
    ...(nTokens > THUMB_PX && { pool: THUMB_PX }),
  };
  const { reading, request, stale } = useReading(document);
  // A picture of another model's heads is none of this one's.
  const arrived = reading?.arrays.get('attention');
  const drawn = arrived?.shape[0] === n_layers * n_heads ? arrived : undefined;
  const cells = drawn?.shape[1] ?? 1;
  // What is drawn is what was last read; of patterns the large head beside has the same colours and their bar.
  const of = request ?? document;
  const plain = of.mode === 'pattern' && !isDifference(of);
  const signed = isDifference(of) || of.mode === 'scores';
  const palette = signed ? 'diverging' : 'cividis';
  const scale = useMemo(() => (plain ? ([0, 1] as const) : scaleOf(arrayOf(reading, 'attention'), signed)), [reading]);
  // In one line that scrolls, the head that is drawn large must be seen.
  const box = useRef<HTMLDivElement>(null);
  const at = locked.value;
  useLayoutEffect(() => {
    const cell = at && box.current?.querySelector<HTMLElement>(`[data-head="${at.layer} ${at.head}"]`);
    if (narrow && cell && box.current) box.current.scrollLeft = cell.offsetLeft - (box.current.clientWidth - cell.offsetWidth) / 2;
  }, [narrow, at?.layer, at?.head, drawn !== undefined]);
  // The twin of the thumbnails: what the detectors say of each head.
  const data = useMemo<MatrixData>(() => {
    const heads = rows.flat();
    return {
      kind: 'matrix',
      title: 'All heads: detector scores',
      conventions: [...DETECTORS.map((kind) => DETECTS[kind]), `${MODES[mode][1]}: ${MODES[mode][2]}`],
      values: Float32Array.from(heads.flatMap((id) => DETECTORS.map((kind) => scoresOfHead(shown.now, id)?.[kind] ?? Number.NaN))),
      rows: heads.length, cols: DETECTORS.length,
      rowLabels: heads.map((id) => ({ text: headName(id), ...(experiment.isOff(id) && { note: 'off' }) })),
      colLabels: DETECTORS.map((text) => ({ text })),
      palette: 'cividis', scale: [0, 1], scaleLabel: 'detector score',
    };
  }, [rows, shown, mode]);
  const row = useComputed(() => {
    const at = locked.value;
    return at && { row: rows.flat().findIndex(({ layer, head }) => layer === at.layer && head === at.head), col: null };
  });
  return (
    <Picture
      class="pic-heads"
      name="all heads"
      title={narrow ? 'Heads' : 'All heads'}
      sub={
        isDifference(document)
          ? drawn?.data.every((x) => x === 0 || !Number.isFinite(x))
            ? `${sideName[view.value.side]}: no attention differs`
            : `thumbnails: ${sideName[view.value.side]}; names and scores: A`
          : narrow ? 'touch one to see it large' : 'point to see one large, click to keep it'
      }
      hint={`A detector measures one habit of a head, from 0 to 1, as a mean over this text; a head is named where one says ${SHOWS} or more. ${DETECTORS.map((kind) => DETECTS[kind]).join('. ')}.`}
      data={data}
      what={{ kind: 'read', document }}
      asTable={asTable}
      compact
      stale={stale}
      controls={
        <>
          <Segments
            label="What of attention"
            value={mode}
            options={OPTIONS.mode.map((m) => [m, MODES[m][0], MODES[m][2]])}
            onPick={(picked) => experiment.look({ mode: picked })}
          />
          <label class="pick">
            order{' '}
            <select value={order} onChange={(event) => experiment.look({ order: event.currentTarget.value as View['order'] })}>
              {OPTIONS.order.map((o) => (
                <option key={o}>{o}</option>
              ))}
            </select>
          </label>
          {!plain && (
            <span class="small">
              <HeatmapBar {...{ renderer, palette, scale }} theme={theme.value} label={MODES[mode][1]} ticks={[scale[0], (scale[0] + scale[1]) / 2, scale[1]]} width={108} />
            </span>
          )}
        </>
      }
    >
      {asTable.value ? (
        <HeatmapTable shown={data} label={data.title} rowLabels={data.rowLabels} colLabels={data.colLabels} locked={row} />
      ) : (
        // The room is there before the thumbnails are: nothing moves when they come.
        <div class="heads-box" ref={box} tabIndex={-1} style={{ minHeight: `${placesFor(narrow ? 'strip' : 'grid', rows.length, Math.max(...rows.map((row) => row.length)), widthPx).height}px` }}>
          {drawn && (
            <HeadGrid
              renderer={renderer}
              theme={theme.value}
              rows={rows}
              values={drawn.data}
              nHeads={n_heads}
              cells={cells}
              causal
              palette={palette}
              scale={scale}
              note={(id) => {
                const scores = scoresOfHead(shown.now, id);
                const what = scores ? role(scores) : null;
                const off = experiment.isOff(id);
                // Below a thumbnail there is room for one of the two.
                return { tag: what?.kind ?? null, score: off && narrow ? null : (what?.score ?? null), off };
              }}
              layout={narrow ? 'strip' : 'grid'}
              width={widthPx}
              hovered={hovered}
              locked={locked}
              onHover={(head) => selection.preview(head ? { head } : null)}
              onLock={(head) => selection.toggleHead(head)}
            />
          )}
        </div>
      )}
      <p class="unseen">
        {`Strongest: ${DETECTORS.map((kind) => {
          const best = bestHead(shown.now, kind);
          return best ? `${kind} ${headName(best)} ${share(best[kind])}` : '';
        }).join(', ')}.`}
      </p>
    </Picture>
  );
}
