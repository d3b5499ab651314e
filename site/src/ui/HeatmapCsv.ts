import { hasNumber, valueAt, type Shown } from './HeatmapCells.ts';
import { labelText, type Label } from './HeatmapLabels.tsx';
import { fullValue } from './HeatmapNumbers.ts';

/** What the picture shows, as RFC 4180 text: a header, then one line a row; masked cells are empty, and those without a number. */
export function toCsv(shown: Shown, rowLabels: readonly Label[], colLabels: readonly Label[]): string {
  const lines = [['', ...names(colLabels, shown.cols)]];
  names(rowLabels, shown.rows).forEach((name, row) => {
    lines.push([
      name,
      ...Array.from({ length: shown.cols }, (_, col) =>
        hasNumber(shown, row, col) ? fullValue(valueAt(shown, row, col)) : '',
      ),
    ]);
  });
  return lines.map((fields) => `${fields.map(quoted).join(',')}\r\n`).join('');
}

const names = (labels: readonly Label[], count: number) =>
  Array.from({ length: count }, (_, i) => labelText(labels[i], i));

const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
