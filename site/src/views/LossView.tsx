/** Loss of each next token, on the rows of the destinations that predict it. */
import { useComputed, type Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { Token } from '../engine/types';
import { full, three } from '../state/numbers';
import { label } from '../state/reading';
import type { Run, Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import { niceCeiling, type BarsData } from '../ui/data';
import { useRows } from '../ui/useRows';
import { PREDICTIONS_FROM_PX, PREDICTIONS_GAP_PX, TITLE_PX, type Layout } from './layout';
import { usePage } from './page';
import { Picture } from './Picture';

function LossTable({ shown, before, words }: { readonly shown: Shown; readonly before: Run; readonly words: readonly string[] }) {
  const { tokens } = shown.tokenized;
  const edited = shown.now !== before;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Table of losses">
      <table>
        <thead>
          <tr>
            <th scope="col">after</th>
            {edited && <th scope="col">{words[0]}</th>}
            <th scope="col">{words[1]}, nats</th>
          </tr>
        </thead>
        <tbody>
          {[...shown.now.loss].map((x, i) => {
            const token = tokens[i];
            const was = before.loss[i] ?? Number.NaN;
            return (
              <tr key={i}>
                <th scope="row">{token && label(token, i)}</th>
                {edited && <td title={full(was)}>{three(was)}</td>}
                <td title={full(x)}>{three(x)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly index: number;
  readonly token: Token;
  readonly now: number | null;
  readonly before: number | null;
  readonly end: number;
  readonly roomy: boolean;
  readonly isStop: boolean;
}

/** Redraws only when it is lit or no longer lit. */
function LossRow({ index, token, now, before, end, roomy, isStop }: RowProps) {
  const { selection } = usePage().app;
  const lit = useComputed(() => selection.shown.value.dest === index || selection.lock.value.dest === index).value;
  const words = now === null ? 'The text ends here: no next token to be right or wrong about' : `after ${label(token, index)}: ${full(now)} nats`;
  return (
    <li
      data-lit={lit}
      tabIndex={isStop ? 0 : -1}
      aria-label={words}
      onMouseEnter={() => selection.preview({ dest: index, src: null, depth: null })}
      onMouseLeave={() => selection.preview(null)}
      onClick={() => selection.toggleToken(index)}
      title={words}
    >
      {now === null ? (
        <span class="unknown muted">{roomy && 'unknown'}</span>
      ) : (
        <Bar value={now} before={before} full={end} />
      )}
    </li>
  );
}

/** Leads from the lit row to the predictions made there. */
function Bracket({ layout, row }: { readonly layout: Layout; readonly row: number }) {
  const y = TITLE_PX + layout.head + (row + 0.5) * layout.cell;
  return (
    <svg class="bracket" width={PREDICTIONS_GAP_PX} height={y + 1} aria-hidden="true">
      <path d={`M0 ${y}H14.5V${PREDICTIONS_FROM_PX}H22`} />
    </svg>
  );
}

export function LossView({ shown, layout, asTable }: { readonly shown: Shown; readonly layout: Layout; readonly asTable: Signal<boolean> }) {
  const { app } = usePage();
  const { selection } = app;
  const { now } = shown;
  const { before, words } = app.compared.value ?? { before: shown.before, words: ['before', 'now'] };
  const { tokens } = shown.tokenized;
  const end = useMemo(() => niceCeiling(Math.max(1, ...now.loss, ...before.loss)), [now, before]);
  const dest = useComputed(() => selection.shown.value.dest).value;
  const { stop, onKeyDown } = useRows(tokens.length, (row) => selection.preview({ dest: row, src: null, depth: null }), (row) => selection.toggleToken(row));
  const data = useMemo<BarsData>(
    () => ({
      kind: 'bars', title: 'Loss of the next token', unit: 'nats', conventions: ['−log p of the token that comes next, natural logarithm'],
      rows: [...now.loss].map((value, i) => {
        const token = tokens[i];
        return { name: token ? label(token, i) : String(i), value, before: now === before ? null : (before.loss[i] ?? null) };
      }),
    }),
    [now, before],
  );
  return (
    <Picture
      class={asTable.value ? 'loss as-table' : 'loss'}
      name="the losses"
      title="Loss"
      data={data}
      what={{ kind: 'read', document: { read: 'predictions', ...shown.now.part } }}
      asTable={asTable}
      compact
      width={layout.lossWidth}
    >
      <p class="sub" title="−log p of the token that comes next, natural logarithm; shorter is better">
        of the next token, nats
      </p>
      {dest !== null && layout.bracket && !asTable.value && <Bracket layout={layout} row={dest} />}
      {asTable.value ? (
        <LossTable shown={shown} before={before} words={words} />
      ) : (
        <>
          <div class="axis" style={{ height: `${layout.head}px` }} aria-hidden="true">
            <span>0</span>
            <span>{end / 2}</span>
            <span>{end}</span>
          </div>
          <ol class="loss-rows" style={{ '--row': `${layout.cell}px` }} onKeyDown={onKeyDown} onFocusOut={() => selection.preview(null)}>
            {tokens.map((token, i) => (
              <LossRow key={i} index={i} token={token} now={now.loss[i] ?? null} before={before.loss[i] ?? null} end={end} roomy={layout.cell >= 12} isStop={i === stop} />
            ))}
          </ol>
        </>
      )}
    </Picture>
  );
}
