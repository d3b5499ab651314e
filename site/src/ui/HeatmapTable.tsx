/** The picture's numbers as a real table. */
import type { ReadonlySignal } from '@preact/signals';
import { hasNumber, openCols, topOfRow, valueAt, type Lit, type Shown } from './HeatmapCells.ts';
import { labelText, type Label } from './HeatmapLabels.tsx';
import { fullValue, threeFigures } from './HeatmapNumbers.ts';
import type { CellText } from './HeatmapText.tsx';

interface TableProps {
  readonly shown: Shown;
  readonly label: string;
  readonly rowLabels: readonly Label[];
  readonly colLabels: readonly Label[];
  readonly locked: ReadonlySignal<Lit | null>;
  /** Words, before the numbers. */
  readonly cellText?: ((row: number, col: number) => CellText | null) | undefined;
}

/** More columns than this cannot be read as a table: then the largest of each row, and one row in full. */
const MOST_COLS = 32;
const TOP = 5;

export function HeatmapTable({ shown, label, rowLabels, colLabels, locked, cellText }: TableProps) {
  const current = locked.value?.row ?? null;
  const rows = Array.from({ length: shown.rows }, (_, row) => row);
  const cols = Array.from({ length: shown.cols }, (_, col) => col);
  const name = (row: number) => labelText(rowLabels[row], row);
  if (shown.cols <= MOST_COLS) {
    return (
      <Scrolled label={label}>
        <thead>
          <tr>
            <td />
            {cols.map((col) => <th key={col} scope="col">{labelText(colLabels[col], col)}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row} aria-current={row === current ? 'true' : undefined}>
              <th scope="row">{name(row)}</th>
              {cols.map((col) => <Value key={col} shown={shown} row={row} col={col} said={cellText?.(row, col)} />)}
            </tr>
          ))}
        </tbody>
      </Scrolled>
    );
  }
  const full = current ?? shown.rows - 1;
  return (
    <>
      <Scrolled label={`${label}: the ${TOP} largest of each row, by size`}>
        <thead>
          <tr>
            <td />
            {Array.from({ length: TOP }, (_, i) => <th key={i} scope="col" colSpan={2}>{i + 1}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row} aria-current={row === current ? 'true' : undefined}>
              <th scope="row">{name(row)}</th>
              {topOfRow(shown, row, TOP).map((col) => [
                <td key={`name ${col}`} class="heatmap-name">{labelText(colLabels[col], col)}</td>,
                <Value key={col} shown={shown} row={row} col={col} />,
              ])}
            </tr>
          ))}
        </tbody>
      </Scrolled>
      <Scrolled label={`${label}: all of row ${name(full)}`}>
        <tbody>
          {cols.slice(0, openCols(shown, full)).map((col) => (
            <tr key={col}>
              <th scope="row">{labelText(colLabels[col], col)}</th>
              <Value shown={shown} row={full} col={col} />
            </tr>
          ))}
        </tbody>
      </Scrolled>
    </>
  );
}

interface ValueProps {
  readonly shown: Shown;
  readonly row: number;
  readonly col: number;
  readonly said?: CellText | null | undefined;
}

function Value({ shown, row, col, said }: ValueProps) {
  if (col >= openCols(shown, row)) return <td class="heatmap-masked" />;
  const value = valueAt(shown, row, col);
  const words = said && !said.whole && <span class="heatmap-name">{said.text} </span>;
  if (!hasNumber(shown, row, col)) return <td class="heatmap-masked">{words}{shown.absent && '–'}</td>;
  return <td title={fullValue(value)}>{words}{shown.integers ? fullValue(value) : threeFigures(value)}</td>;
}

function Scrolled({ label, children }: { readonly label: string; readonly children: preact.ComponentChildren }) {
  return (
    // A scrolling region that the keyboard can reach.
    <div class="heatmap-table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <caption>{label}</caption>
        {children}
      </table>
    </div>
  );
}
