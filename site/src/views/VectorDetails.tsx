/** One vector of the residual stream: its length, what it reads as through the unembedding, who wrote it, its numbers. */
import { useSignal } from '@preact/signals';
import { full, share, three, topIndices } from '../state/numbers';
import { label, stateHook, stateName, states } from '../state/reading';
import type { Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import { TableToggle } from '../ui/TableToggle';
import { Tok } from '../ui/Tok';
import { usePage } from './page';
import { PartBars } from './PartBars';
import { partsIn } from './partRows';
import { arrayOf, useReading } from './useReading';
import { VectorStrip } from './VectorStrip';

const TOP = 5;
const PARTS = 5;
const LARGEST = 5;

const norm = (x: Float32Array) => Math.hypot(...x);

interface Props {
  readonly shown: Shown;
  readonly dest: number;
  readonly depth: number;
}

export function VectorDetails({ shown, dest, depth }: Props) {
  const { app } = usePage();
  const asTable = useSignal(false);
  const { ln, target, tab } = app.view.value;
  const token = shown.tokenized.tokens[dest];
  const { config } = shown.info;
  const state = states(config)[depth];
  const at = { states: [state], positions: [dest] };
  const edited = shown.now !== shown.before;
  const now = useReading({ read: 'states', ...shown.now.part, ...at, vectors: true });
  const before = useReading(edited ? { read: 'states', ...shown.before.part, ...at, vectors: true } : null);
  const lens = useReading({ read: 'lens', ...shown.now.part, ...at, ln, token: target, k: TOP });
  // The stream's own tab has a large picture of it.
  const wrote = useReading(tab === 'stream' ? null : { read: 'decompose', ...shown.now.part, state, positions: [dest], by: 'component' });
  const vector = now.reading && arrayOf(now.reading, 'vectors');
  if (!vector || !token || state === undefined) return null;

  const one = (name: string) => arrayOf(lens.reading, name)[0] ?? Number.NaN;
  const read = Array.from(arrayOf(lens.reading, 'top_ids'), (id, i) => ({ id, p: arrayOf(lens.reading, 'top_probs')[i] ?? 0 }));
  const was = arrayOf(before.reading, 'vectors');
  // Of two vectors of one place, or not said.
  const apart = now.stale || before.stale;
  const moved = apart ? Number.NaN : norm(vector.map((x, i) => x - (was[i] ?? 0)));
  const largest = topIndices(vector.map(Math.abs), LARGEST);
  const { conventions = {} } = lens.reading ?? {};
  return (
    <>
      <header>
        <h2>
          {stateName(state, config)} <small>position {dest}</small>
        </h2>
        <p class="lit">
          <Tok text={label(token, dest)} /> <code class="muted">{stateHook(state, config)}</code>
        </p>
      </header>
      <dl class="numbers" data-stale={now.stale || lens.stale || (edited && before.stale)}>
        <div title="||resid||_2 of the f32 numbers">
          <dt>length, ‖x‖</dt>
          <dd title={full(norm(vector))}>
            <b>{three(norm(vector))}</b>
          </dd>
        </div>
        {edited && (
          <div title="||x now − x without edits||_2">
            <dt>moved by the edits</dt>
            <dd title={full(moved)}>{apart ? '…' : three(moved)}</dd>
          </div>
        )}
        {lens.reading && (
          <>
            <div title={`${conventions.token}. ${conventions.rank}`}>
              <dt>
                rank of <Tok text={app.glyph(one('token_ids'))} />
              </dt>
              <dd title={`logit ${full(one('logit'))}`}>
                {one('rank')}, p {three(one('prob'))}
              </dd>
            </div>
            <div title={conventions.kl}>
              <dt>KL to the final, nats</dt>
              <dd title={full(one('kl'))}>{three(one('kl'))}</dd>
            </div>
          </>
        )}
      </dl>
      <section data-stale={lens.stale}>
        <h3>
          Reads as <span title={conventions.ln}>{ln === 'cached' ? 'LN cached' : 'LN anew'}, unembedded</span>
        </h3>
        <table class="bars" title={conventions.ln}>
          <tbody>
            {read.map(({ id, p }) => (
              <tr key={id}>
                <th scope="row">
                  <code title={`id ${id}`}>
                    <Tok text={app.glyph(id)} />
                  </code>
                </th>
                <td class="bar-cell">
                  <Bar value={p} full={Math.max(read[0]?.p ?? 1, 1e-9)} />
                </td>
                <td class="num" title={full(p)}>
                  {share(p)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {wrote.reading && tab !== 'stream' && (
        <PartBars
          title="What wrote it"
          unit="length"
          parts={partsIn(wrote.reading, 'part', 'along')}
          most={PARTS}
          sum={arrayOf(wrote.reading, 'state_along')[0] ?? null}
          error={arrayOf(wrote.reading, 'error')[0] ?? null}
          means={wrote.reading.conventions.along}
          stale={wrote.stale}
          onHead={(head) => app.selection.moveTo({ head })}
        />
      )}
      <section data-stale={now.stale}>
        <h3>
          Its {vector.length} numbers <TableToggle of="the vector" on={asTable} />
        </h3>
        {asTable.value ? (
          <div class="table-box" tabIndex={0} role="region" aria-label="Table of the vector">
            <table>
              <thead>
                <tr>
                  <th scope="col">dim</th>
                  <th scope="col">value, f32</th>
                </tr>
              </thead>
              <tbody>
                {Array.from(vector, (x, i) => (
                  <tr key={i}>
                    <th scope="row">{i}</th>
                    <td title={full(x)}>{three(x)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        ) : (
          <VectorStrip vector={vector} />
        )}
        <p class="small">
          <span class="muted">largest: </span>
          {largest.map((i, k) => (
            <span key={i} title={full(vector[i] ?? 0)}>
              {k > 0 && ', '}
              <span class="muted">[{i}]</span> {three(vector[i] ?? 0)}
            </span>
          ))}
        </p>
      </section>
    </>
  );
}
