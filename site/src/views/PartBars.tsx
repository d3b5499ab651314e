/** A section of the inspector: the largest parts of a number, their sum and what rounding left. */
import type { ComponentChildren } from 'preact';
import type { HeadId } from '../state/selection';
import { Bars } from '../ui/Bars';
import { partRows, useHeadRows, type Part } from './partRows';

interface PartBarsProps {
  readonly title: ComponentChildren;
  readonly unit: string;
  readonly parts: readonly Part[];
  readonly most: number;
  readonly sum: number | null;
  readonly error: number | null;
  /** The convention. */
  readonly means: string | undefined;
  readonly stale: boolean;
  readonly onHead: (head: HeadId) => void;
}

export function PartBars({ title, unit, parts, most, sum, error, means, stale, onHead }: PartBarsProps) {
  const { rows, labels } = partRows(parts, most);
  const { headAt, lit } = useHeadRows(labels);
  if (sum !== null && error !== null) rows.push({ name: `sum = ${unit}`, value: sum, total: true }, { name: 'error of the sum', value: error, total: true });
  return (
    <section data-stale={stale} title={means}>
      <h3>
        <div>{title}</div>
      </h3>
      <Bars
        data={{ kind: 'bars', title: unit, conventions: [], unit, rows }}
        lit={lit}
        asTable={false}
        onPick={(row) => {
          const head = headAt(row);
          if (head) onHead(head);
        }}
      />
    </section>
  );
}
