/** One head drawn large. */
import { useComputed, useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { share } from '../state/numbers';
import { glyphs, headName, label, patternOf, strongestSource, weightAt } from '../state/reading';
import type { Shown } from '../state/run';
import { sameHead, type HeadId } from '../state/selection';
import { Heatmap } from '../ui/Heatmap';
import { TableToggle } from '../ui/TableToggle';
import type { Layout } from './layout';
import { usePage } from './page';

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
  const { selection } = app;
  const asTable = useSignal(false);
  const { tokens } = shown.tokenized;
  const name = headName(head);
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
  const pattern = patternOf(shown.now, head);
  if (!pattern) return null;

  const words = (row: number, col: number) => {
    const [to, from] = [tokens[row], tokens[col]];
    if (!to || !from) return '';
    return `${label(to, row)} looks at ${label(from, col)}: ${share(weightAt(shown.now, head, row, col))}`;
  };
  const { dest, src } = selection.lock.value;
  const at = dest ?? tokens.length - 1;
  return (
    <figure
      class="picture attention"
      aria-label={`Attention of ${name}`}
      {...(asTable.value && { style: { width: `${Math.max(TABLE_LEAST_PX, layout.gutter + layout.cell * tokens.length)}px` } })}
    >
      <h2 class="title">
        {name} <small title="hook_pattern: softmax of hook_attn_scores over the sources">attention pattern</small>
        {app.experiment.isOff(head) && <strong class="off-mark">off</strong>}
        <TableToggle of={`the attention of ${name}`} on={asTable} />
      </h2>
      <Heatmap
        renderer={renderer}
        theme={theme.value}
        values={pattern}
        rows={tokens.length}
        cols={tokens.length}
        rowLabels={labels}
        colLabels={colLabels}
        causal
        palette="cividis"
        scale={[0, 1]}
        scaleLabel="attention weight"
        ticks={[0, 0.5, 1]}
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
        label={`Attention pattern of ${name}: rows are destinations, columns are sources`}
        caption={words(at, src ?? strongestSource(shown.now, head, at))}
        asTable={asTable.value}
      />
    </figure>
  );
}
