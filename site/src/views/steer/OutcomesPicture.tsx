/** What each way buys and what it costs, as one table. */
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { ReadRequest, Reading } from '../../engine/types';
import { full } from '../../state/numbers';
import type { MatrixData } from '../../ui/data';
import { HeatmapTable } from '../../ui/HeatmapTable';
import { usePage } from '../page';
import { Picture } from '../Picture';
import type { Study } from '../useStudy';
import { outcomeOf, outcomeWords, wayIn, type Outcome } from './outcomes';

const COLUMNS: readonly (readonly [keyof Outcome, string])[] = [['effect', 'effect'], ['perplexity', 'perplexity'], ['repetition', 'repetition'], ['kl', 'KL / token']];

export interface OutcomeRow {
  readonly name: string;
  readonly title: string;
  readonly strong?: boolean;
  /** What it needs, where it was not asked for. */
  readonly missing?: string;
  /** Below its title. */
  readonly how?: ComponentChildren;
}

interface OutcomesProps {
  readonly title: string;
  readonly sub: string;
  readonly name: string;
  readonly rows: readonly OutcomeRow[];
  readonly study: Pick<Study, 'reading' | 'request' | 'state' | 'failure'>;
  /** The first seed's text beside the numbers. */
  readonly withText?: boolean;
  readonly controls?: ComponentChildren;
}

function outcomesData(reading: Reading, rows: readonly OutcomeRow[], title: string): MatrixData {
  return {
    kind: 'matrix', title, rows: rows.length, cols: COLUMNS.length,
    values: Float32Array.from(rows.flatMap(({ name }) => COLUMNS.map(([key]) => outcomeOf(reading, name)?.[key] ?? NaN))),
    absent: (row) => outcomeOf(reading, rows[row]?.name ?? '') === null,
    conventions: Object.entries(reading.conventions).map(([name, says]) => `${name}: ${says}`),
    rowLabels: rows.map((row) => ({ text: row.title })), colLabels: COLUMNS.map(([, text]) => ({ text })),
    palette: 'cividis', scale: [0, 1], scaleLabel: '',
  };
}

/** The first text of a way; ids are NaN after its end. */
function textIds(reading: Reading, name: string): readonly number[] {
  const way = wayIn(reading, name);
  const { data, shape } = reading.arrays.get('ids') ?? { data: new Float32Array(0), shape: [0, 0, 0] };
  const [, seeds = 0, tokens = 0] = shape;
  return way < 0 ? [] : Array.from(data.subarray(way * seeds * tokens, (way * seeds + 1) * tokens)).filter((id) => id >= 0);
}

export function OutcomesPicture({ title, sub, name, rows, study, withText = false, controls }: OutcomesProps) {
  const { app } = usePage();
  const asTable = useSignal(false);
  const { reading, request, state } = study;
  const there = reading && state === 'done' ? reading : null;
  const data = there && outcomesData(there, rows, title);
  return (
    <Picture
      title={title}
      sub={sub}
      name={name}
      data={data}
      what={there && request ? ({ kind: 'read', document: request as ReadRequest } as const) : null}
      asTable={asTable}
      stale={state !== 'done'}
      failure={study.failure}
      controls={controls}
    >
      {asTable.value && data ? (
        <HeatmapTable shown={data} label={title} rowLabels={data.rowLabels} colLabels={data.colLabels} locked={{ value: null } as never} />
      ) : (
        <table class="outcomes" aria-label={title}>
          <thead>
            <tr>
              <td />
              {COLUMNS.map(([key, word]) => (
                <th key={key} scope="col">
                  {word}
                </th>
              ))}
              {withText && <th scope="col">the first text</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const numbers = there && outcomeOf(there, row.name);
              return (
                <tr key={row.name} data-way={row.name} class={row.strong ? 'strong' : undefined}>
                  <th scope="row">
                    {row.title}
                    {row.how && <div class="outcome-how">{row.how}</div>}
                  </th>
                  {COLUMNS.map(([key, word]) => (
                    <td key={key} class="num" data-column={word} title={numbers ? full(numbers[key]) : undefined}>
                      {numbers ? outcomeWords(key, numbers[key]) : there ? '–' : '…'}
                    </td>
                  ))}
                  {withText && <td class="outcome-text">{there && !numbers && <span class="muted">{row.missing}</span>}{there && textIds(there, row.name).map((id) => app.glyph(id).replaceAll('␣', ' ')).join('')}</td>}
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </Picture>
  );
}
