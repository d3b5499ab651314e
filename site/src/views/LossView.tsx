/** Loss of each next token, on the rows of the destinations that predict it. */
import { useSignal } from '@preact/signals';
import { full, niceCeiling, three } from '../state/numbers';
import { label } from '../state/reading';
import type { Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import { TableToggle } from '../ui/TableToggle';
import { PREDICTIONS_FROM_PX, PREDICTIONS_GAP_PX, TITLE_PX, type Layout } from './layout';
import { usePage } from './page';

function LossTable({ shown }: { readonly shown: Shown }) {
  const { tokens } = shown.tokenized;
  const edited = shown.now !== shown.before;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Table of losses">
      <table>
        <thead>
          <tr>
            <th scope="col">after</th>
            {edited && <th scope="col">before</th>}
            <th scope="col">now, nats</th>
          </tr>
        </thead>
        <tbody>
          {[...shown.now.loss].map((x, i) => {
            const token = tokens[i];
            const before = shown.before.loss[i] ?? Number.NaN;
            return (
              <tr key={i}>
                <th scope="row">{token && label(token, i)}</th>
                {edited && <td title={full(before)}>{three(before)}</td>}
                <td title={full(x)}>{three(x)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
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

export function LossView({ shown, layout }: { readonly shown: Shown; readonly layout: Layout }) {
  const { app } = usePage();
  const { selection } = app;
  const asTable = useSignal(false);
  const { now, before } = shown;
  const { tokens } = shown.tokenized;
  const end = niceCeiling(Math.max(1, ...now.loss, ...before.loss));
  const dest = selection.shown.value.dest;
  const lockedAt = selection.lock.value.dest;
  return (
    <figure class="picture loss" aria-label="Loss of the next token" data-table={asTable.value} style={{ '--row': `${layout.cell}px`, width: asTable.value ? 'auto' : `${layout.lossWidth}px` }}>
      <h2 class="title">
        Loss
        <TableToggle of="the losses" on={asTable} />
      </h2>
      <p class="sub" title="−log p of the token that comes next, natural logarithm; shorter is better">
        of the next token, nats
      </p>
      {dest !== null && layout.bracket && !asTable.value && <Bracket layout={layout} row={dest} />}
      {asTable.value ? (
        <LossTable shown={shown} />
      ) : (
        <>
          <div class="axis" style={{ height: `${layout.head}px` }} aria-hidden="true">
            <span>0</span>
            <span>{three(end / 2).replace(/\.?0+$/, '')}</span>
            <span>{three(end).replace(/\.?0+$/, '')}</span>
          </div>
          <ol class="loss-rows">
            {tokens.map((token, i) => {
              const x = now.loss[i];
              return (
                <li
                  key={i}
                  data-lit={i === dest || i === lockedAt}
                  onMouseEnter={() => selection.preview({ dest: i, src: null, depth: null })}
                  onMouseLeave={() => selection.preview(null)}
                  onClick={() => selection.toggleToken(i)}
                  title={x === undefined ? 'The text ends here: no next token to be right or wrong about' : `after ${label(token, i)}: ${full(x)} nats`}
                >
                  {x === undefined ? (
                    <span class="unknown muted">{layout.cell >= 12 ? 'unknown' : ''}</span>
                  ) : (
                    <>
                      <Bar value={x} before={before.loss[i] ?? null} full={end} />
                      <span class="unseen">{three(x)}</span>
                    </>
                  )}
                </li>
              );
            })}
          </ol>
        </>
      )}
    </figure>
  );
}
