/** One head drawn large: its pattern, its scores, or its pattern weighted by what is carried; or a difference of two runs. */
import { useComputed, useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import type { ReadRequest } from '../engine/types';
import { isDifference, sideName } from '../state/documents';
import { share, three } from '../state/numbers';
import { glyphs, headName, label, strongestSource } from '../state/reading';
import type { Shown } from '../state/run';
import { sameHead, type HeadId } from '../state/selection';
import { scaleOf, type MatrixData } from '../ui/data';
import { Heatmap } from '../ui/Heatmap';
import { MODES } from './HeadsView';
import type { Layout } from './layout';
import { usePage } from './page';
import { Picture } from './Picture';
import { arrayOf, useReading } from './useReading';

/** A table of many columns scrolls, but shows a few. */
const TABLE_LEAST_PX = 300;

interface Props {
  readonly shown: Shown;
  readonly head: HeadId;
  readonly layout: Layout;
  readonly narrow: boolean;
}

export function AttentionView({ shown, head, layout, narrow }: Props) {
  const { app, renderer, theme } = usePage();
  const { selection, view } = app;
  const asTable = useSignal(false);
  const { tokens } = shown.tokenized;
  const n = tokens.length;
  const name = headName(head);
  const asked = view.value;
  const labels = useMemo(() => tokens.map((t, i) => ({ text: glyphs(t, i), note: `(${i})` })), [tokens]);
  // A narrow picture has no room for the index twice: only the rows carry it.
  const colLabels = useMemo(() => (narrow ? labels.map(({ text }) => ({ text })) : labels), [labels, narrow]);
  const hovered = useComputed(() => {
    const h = selection.hover.value;
    if (!h || (h.dest === undefined && h.column === undefined)) return null;
    const col = h.src ?? h.column ?? null;
    // A token of the text: its row and its column, not the cell where they meet.
    return { row: h.dest ?? null, col, whole: h.dest !== undefined && h.column !== undefined };
  });
  const locked = useComputed(() => {
    const { dest, src, head: kept } = selection.lock.value;
    // Another head under the pointer: its own strongest source, not the kept head's.
    return dest === null ? null : { row: dest, col: selection.hover.value?.head && !sameHead(selection.shown.value.head, kept) ? app.source.value : src };
  });
  const document: ReadRequest = { read: 'attention', ...app.subject.value, heads: [[head.layer, head.head]], mode: asked.mode };
  // The plain pattern is at hand as soon as the run is: pointing at heads draws each at once.
  const atHand = asked.mode === 'pattern' && !isDifference(document);
  const read = useReading(atHand ? null : document);
  const arrived = atHand ? shown.now.pattern(head) : arrayOf(read.reading, 'attention');
  // Until the numbers of this head are there, the last picture stays, dimmed, as what it is, and in what leaves it under its own name.
  const here = { of: name, mode: asked.mode, side: asked.side, difference: isDifference(document) };
  const last = useRef<(typeof here & { readonly values: Float32Array }) | null>(null);
  const waits = atHand ? !arrived : read.stale;
  if (arrived?.length === n * n && !waits) last.current = { ...here, values: arrived };
  const { values, of, mode, side, difference } = last.current?.values.length === n * n ? last.current : { ...here, values: null };
  const plain = mode === 'pattern' && !difference;
  const signed = difference || mode === 'scores';
  const [word, unit, means] = MODES[mode];
  const data = useMemo<MatrixData | null>(
    () =>
      values && {
        kind: 'matrix',
        title: `${of} ${word}${difference ? `, ${sideName[side]}` : ''}`,
        conventions: [means, 'rows are destinations (queries), columns are sources (keys); grey is masked', ...(difference ? [`difference: ${sideName[side]}`] : [])],
        values, rows: n, cols: n, causal: true, rowLabels: labels, colLabels,
        palette: signed ? 'diverging' : 'cividis',
        scale: plain ? [0, 1] : scaleOf(values, signed),
        scaleLabel: difference ? `${unit}, ${sideName[side]}` : unit,
      },
    [values, of, mode, side, labels, colLabels],
  );
  if (!data || !values) return null;

  const say = plain ? share : three;
  const words = (row: number, col: number) => {
    const [to, from] = [tokens[row], tokens[col]];
    if (!to || !from) return '';
    return `${label(to, row)} looks at ${label(from, col)}: ${say(values[row * n + col] ?? Number.NaN)}`;
  };
  const { dest, src } = selection.lock.value;
  const at = dest ?? n - 1;
  return (
    <Picture
      class="attention"
      name={`the attention of ${name}`}
      title={name}
      sub={
        <>
          {mode === 'pattern' ? 'attention pattern' : word}
          {difference && `, ${sideName[side]}`}
          {app.experiment.isOff(head) && <strong class="off-mark"> off</strong>}
        </>
      }
      data={data}
      what={{ kind: 'read', document }}
      asTable={asTable}
      compact
      stale={waits}
      failure={atHand ? null : read.failure}
      width={asTable.value ? Math.max(TABLE_LEAST_PX, layout.gutter + layout.cell * n) : null}
    >
      <Heatmap
        {...data}
        renderer={renderer}
        theme={theme.value}
        ticks={plain ? [0, 0.5, 1] : [data.scale[0], (data.scale[0] + data.scale[1]) / 2, data.scale[1]]}
        cell={layout.cell}
        gutter={layout.gutter}
        head={layout.head}
        colLabelStyle="turned"
        {...(narrow ? {} : { axes: ['source', 'destination'] as const, rowRunsOn: layout.overhang })}
        hovered={hovered}
        locked={locked}
        onHover={(lit) => {
          if (!lit) selection.preview(null);
          else if (lit.row === null) selection.preview(lit.col === null ? null : { column: lit.col });
          else selection.preview({ dest: lit.row, src: lit.col, depth: null });
        }}
        onLock={(lit) => {
          if (!lit) selection.unlock();
          else selection.moveTo({ head, dest: lit.row ?? at, src: lit.col, depth: null });
        }}
        valueText={words}
        label={`${mode === 'pattern' ? 'Attention pattern' : `Attention, ${word},`} of ${name}: rows are destinations, columns are sources`}
        caption={words(at, src ?? strongestSource(shown.now, head, at))}
        asTable={asTable.value}
      />
    </Picture>
  );
}
