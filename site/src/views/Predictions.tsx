/** What comes next at the locked position, before and now; and what the whole text costs. */
import type { ComponentChild } from 'preact';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { full, share, three, topIndices } from '../state/numbers';
import { label, meanLoss, probabilitiesAt, repeatedPart } from '../state/reading';
import type { Run, Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import type { BarsData } from '../ui/data';
import { Tok } from '../ui/Tok';
import { useRows } from '../ui/useRows';
import { usePage } from './page';
import { Picture } from './Picture';

const ROWS = 9;
const OTHERS = 'all others';

/** The likeliest of both runs, by the larger of the two: what rose to the top now is never far down. */
export function predictionRows(before: Float64Array, now: Float64Array, rows = ROWS): number[] {
  return topIndices(before.map((p, id) => Math.max(p, now[id] ?? 0)), rows);
}

function Row({ words, named, isStop, before, now, edited, quiet = false }: {
  readonly words: ComponentChild;
  readonly named: string;
  readonly isStop: boolean;
  readonly before: number;
  readonly now: number;
  readonly edited: boolean;
  readonly quiet?: boolean;
}) {
  return (
    <tr tabIndex={isStop ? 0 : -1} aria-label={`${named}: ${share(now)}${edited ? `, before ${share(before)}` : ''}`}>
      <th scope="row">{words}</th>
      <td class="bar-cell">
        <Bar value={now} before={before} full={1} quiet={quiet} />
      </td>
      {edited && (
        <td class="num muted" title={`softmax of logits, held against: ${full(before)}`}>
          {share(before)}
        </td>
      )}
      <td class="num now" title={`softmax of logits: ${full(now)}`}>
        {share(now)}
      </td>
    </tr>
  );
}

export function Predictions({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const asTable = useSignal(false);
  const { tokens } = shown.tokenized;
  const dest = app.selection.shown.value.dest ?? tokens.length - 1;
  const token = tokens[dest];
  const { before: held, words } = app.compared.value ?? { before: shown.before, words: ['before', 'now'] };
  const edited = shown.now !== held;
  const [is, was] = [probabilitiesAt(shown.now, dest), probabilitiesAt(held, dest)];
  const last = useRef<{ readonly before: Float64Array; readonly now: Float64Array; readonly dest: number } | null>(null);
  if (is && was) last.current = { before: was, now: is, dest };
  const { stop, onKeyDown } = useRows(ROWS + 1);
  if (!last.current) return null;
  const { before, now } = last.current;
  const rows = predictionRows(before, now);
  const others = (p: Float64Array) => Math.max(0, 1 - rows.reduce((sum, id) => sum + (p[id] ?? 0), 0));
  const data: BarsData = {
    kind: 'bars', title: `Next token after ${token ? label(token, dest) : ''}`, unit: 'probability', conventions: ['softmax of logits'],
    rows: [
      ...rows.map((id) => ({ name: app.glyph(id), value: now[id] ?? 0, before: edited ? (before[id] ?? 0) : null })),
      { name: OTHERS, value: others(now), before: edited ? others(before) : null, total: true },
    ],
  };
  return (
    <Picture
      class="predictions"
      name="the next token"
      title="Next token"
      data={data}
      what={{ kind: 'read', document: { read: 'predictions', ...shown.now.part, positions: [last.current.dest], k: ROWS } }}
      asTable={asTable}
      compact
      stale={!is || !was}
    >
      <p class="sub">
        after{' '}
        <code class="lit" data-position={dest}>
          {token && <Tok text={label(token, dest)} />}
        </code>
      </p>
      <table class="bars" data-table={asTable.value} title="Bars are probabilities: the whole width is 1, at every position">
        <thead>
          <tr>
            <th scope="col">
              <span class="unseen">token</span>
              {edited && <span title="Ordered by the larger of both">larger first</span>}
            </th>
            <th scope="col">
              <span class="unseen">bar</span>
            </th>
            {edited && <th scope="col">{words[0]}</th>}
            <th scope="col">{edited ? words[1] : <span title="softmax of logits">probability</span>}</th>
          </tr>
        </thead>
        <tbody onKeyDown={onKeyDown}>
          {rows.map((id, i) => (
            <Row
              key={id}
              named={app.glyph(id)}
              isStop={i === stop}
              words={
                <code title={`id ${id}`}>
                  <Tok text={app.glyph(id)} />
                </code>
              }
              before={before[id] ?? 0}
              now={now[id] ?? 0}
              edited={edited}
            />
          ))}
          <Row words={<span class="muted">{OTHERS}</span>} named={OTHERS} isStop={stop === rows.length} before={others(before)} now={others(now)} edited={edited} quiet />
        </tbody>
      </table>
      <MeanLoss shown={shown} held={held} />
    </Picture>
  );
}

/** The positions 11, 12 and 13 as "11–13". */
export function ranges(positions: readonly number[]): string {
  const out: [number, number][] = [];
  for (const p of positions) {
    const last = out.at(-1);
    if (last && last[1] === p - 1) last[1] = p;
    else out.push([p, p]);
  }
  return out.map(([a, b]) => (a === b ? `${a}` : `${a}–${b}`)).join(', ');
}

function MeanLoss({ shown, held }: { readonly shown: Shown; readonly held: Run }) {
  const repeated = repeatedPart(shown.tokenized.ids);
  const spans = ranges(repeated);
  const edited = shown.now !== held;
  const parts = [
    {
      name: repeated.length === 0 ? 'repeated part' : `repeated part, ${spans.includes(', ') ? `${repeated.length} tokens` : spans}`,
      why: `Positions whose next token also followed an earlier occurrence of the same token, what copying can predict: ${spans || 'none'}`,
      before: meanLoss(held.loss, repeated),
      now: meanLoss(shown.now.loss, repeated),
    },
    { name: 'all tokens', why: 'Mean over every token but the first', before: meanLoss(held.loss), now: meanLoss(shown.now.loss) },
  ];
  const end = niceEnd(parts.flatMap((p) => [p.before ?? 0, p.now ?? 0]));
  return (
    <div class="mean-loss" aria-label="Mean loss" role="group">
      <h2 class="title">
        Mean loss <small title="−log p of the next token, natural logarithm">nats</small>
      </h2>
      <table class="bars">
        <tbody>
          {parts.map((p) => (
            <tr key={p.why}>
              <th scope="row" title={p.why} class="muted">
                {p.name}
              </th>
              {p.now === null || p.before === null ? (
                <td colSpan={3} class="muted">
                  none
                </td>
              ) : (
                <>
                  <td class="bar-cell">
                    <Bar value={p.now} before={p.before} full={end} />
                  </td>
                  {edited && (
                    <td class="num muted" title={`${full(p.before)} nats`}>
                      {three(p.before)}
                    </td>
                  )}
                  <td class="num now" title={`${full(p.now)} nats`}>
                    {three(p.now)}
                  </td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const niceEnd = (values: readonly number[]) => Math.max(1e-9, ...values);
