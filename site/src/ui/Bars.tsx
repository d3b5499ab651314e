/** Signed bars from a common zero, as a table of name, bar and value. */
import type { BarsData } from './data';
import { fullValue, threeFigures } from './HeatmapNumbers';
import { Tok } from './Tok';
import { useRows } from './useRows';
import './Bars.css';

interface BarsProps {
  readonly data: BarsData;
  readonly lit: number | null;
  /** Without the bars. */
  readonly asTable: boolean;
  readonly onHover?: (row: number | null) => void;
  readonly onPick?: (row: number) => void;
}

export function Bars({ data, lit, asTable, onHover, onPick }: BarsProps) {
  const { rows, title, unit, from: zero = 0, reversed = false, tokens = false } = data;
  const { stop, setCursor, onKeyDown } = useRows(rows.length, onHover, onPick);
  const parts = rows.filter((row) => !row.total);
  const sizes = parts.flatMap(({ value, before }) => [value, before ?? zero]).filter(Number.isFinite);
  const [low, high] = [Math.min(zero, ...sizes), Math.max(zero, ...sizes, zero + 1e-30)];
  const place = (value: number) => (100 * (Math.max(low, Math.min(high, value)) - low)) / (high - low || 1);
  const span = (value: number) => {
    const [from, to] = [Math.min(place(zero), place(value)), Math.max(place(zero), place(value))];
    return { left: `${from}%`, width: `${to - from}%` };
  };
  const signed = low < 0;
  const withBefore = rows.some(({ before }) => before != null);
  return (
    <table class="signed" data-table={asTable} aria-label={title}>
      <thead class={withBefore ? undefined : 'unseen'}>
        <tr>
          <th scope="col">part</th>
          {!asTable && (
            <th scope="col">
              <span class="unseen">bar</span>
            </th>
          )}
          {withBefore && <th scope="col">before</th>}
          <th scope="col">{unit}</th>
        </tr>
      </thead>
      <tbody onKeyDown={onKeyDown} onPointerLeave={() => onHover?.(null)} onFocusOut={() => onHover?.(null)}>
        {rows.map(({ name, label, value, before, says, total }, i) => (
          <tr
            key={`${i} ${name}`}
            class={total ? 'total' : undefined}
            data-lit={i === lit}
            data-pick={onPick !== undefined && !total}
            tabIndex={i === stop ? 0 : -1}
            aria-label={`${name}: ${threeFigures(value)} ${unit}${before != null ? `, before ${threeFigures(before)}` : ''}`}
            onPointerMove={(event) => event.pointerType !== 'touch' && onHover?.(i)}
            onClick={() => {
              setCursor(i);
              onPick?.(i);
            }}
          >
            <th scope="row" title={label}>
              {tokens && !total ? <Tok text={name} /> : name}
            </th>
            {!asTable && (
              <td class="signed-cell" aria-hidden="true">
                {!total && Number.isFinite(value) && (
                  <span class="signed-bar" style={{ '--zero': `${place(zero)}%` }}>
                    {before != null && before !== value && <span class="ghost" style={span(before)} />}
                    {value !== zero && <span class={value < zero !== reversed ? 'fill neg' : 'fill'} style={span(value)} />}
                  </span>
                )}
              </td>
            )}
            {withBefore && <td class="num muted" title={before == null ? '' : fullValue(before)}>{before != null && threeFigures(before)}</td>}
            <td class="num" title={fullValue(value)}>
              {says ?? `${signed && value > 0 && !total ? '+' : ''}${threeFigures(value)}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
