/** One vector of the residual stream: its length, its numbers, and what it reads as through the unembedding. */
import { useSignal } from '@preact/signals';
import { full, share, three, topIndices } from '../state/numbers';
import { label, stateHook, stateName, states } from '../state/reading';
import type { Shown } from '../state/run';
import { Bar } from '../ui/Bar';
import { TableToggle } from '../ui/TableToggle';
import { Tok } from '../ui/Tok';
import { usePage } from './page';
import { LENS_MEANS } from './ResidualView';
import { arrayOf, useReading } from './useReading';

const TOP = 8;
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
  const token = shown.tokenized.tokens[dest];
  const { config } = shown.info;
  const state = states(config)[depth];
  const point = state !== undefined && { name: stateName(state, config), hook: stateHook(state, config) };
  const at = { states: [state], positions: [dest] };
  const now = useReading({ read: 'states', ...shown.now.part, ...at, vectors: true });
  const before = useReading(shown.now === shown.before ? null : { read: 'states', ...shown.before.part, ...at, vectors: true });
  const lens = useReading({ read: 'lens', ...shown.now.part, ...at, k: TOP }).reading;
  const read = Array.from(arrayOf(lens, 'top_ids'), (id, i) => ({ id, p: arrayOf(lens, 'top_probs')[i] ?? 0 }));
  const vector = now.reading && arrayOf(now.reading, 'vectors');

  if (!vector || !token || !point) return null;
  const was = shown.now !== shown.before && before.reading ? arrayOf(before.reading, 'vectors') : null;
  const moved = was && norm(vector.map((x, i) => x - (was[i] ?? 0)));
  const largest = topIndices(vector.map(Math.abs), LARGEST);
  return (
    <>
      <header>
        <h2>
          {point.name}{' '}
          <small>
            position {dest} <code>{point.hook}</code>
          </small>
        </h2>
        <p class="lit">
          <Tok text={label(token, dest)} />
        </p>
      </header>
      <dl class="numbers">
        <div title="||resid||_2 of the f32 numbers">
          <dt>length, ‖x‖</dt>
          <dd title={full(norm(vector))}>
            <b>{three(norm(vector))}</b>
          </dd>
        </div>
        {moved !== null && (
          <div title="||x now − x without edits||_2">
            <dt>moved by the edits</dt>
            <dd title={full(moved)}>{three(moved)}</dd>
          </div>
        )}
      </dl>
      <section>
        <h3>
          Reads as <span title={LENS_MEANS}>through the unembedding</span>
        </h3>
        <table class="bars" title={LENS_MEANS}>
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
        <p class="muted small">{LENS_MEANS}</p>
      </section>
      <section>
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

const STRIP = { width: 240, height: 64 };

/** A line for every number, up or down from zero. */
function VectorStrip({ vector }: { readonly vector: Float32Array }) {
  const top = Math.max(...vector.map(Math.abs), 1e-9);
  const x = (i: number) => ((i + 0.5) * STRIP.width) / vector.length;
  const y = (v: number) => (STRIP.height / 2) * (1 - v / top);
  const path = (wanted: (v: number) => boolean) =>
    Array.from(vector, (v, i) => (wanted(v) ? `M${x(i).toFixed(2)} ${STRIP.height / 2}V${y(v).toFixed(2)}` : '')).join('');
  return (
    <div class="vector-strip">
      <svg viewBox={`0 0 ${STRIP.width} ${STRIP.height}`} preserveAspectRatio="none" role="img" aria-label={`${vector.length} numbers between −${three(top)} and ${three(top)}`}>
        <path class="pos" d={path((v) => v > 0)} stroke-width={Math.max(0.6, (STRIP.width / vector.length) * 0.8)} />
        <path class="neg" d={path((v) => v < 0)} stroke-width={Math.max(0.6, (STRIP.width / vector.length) * 0.8)} />
        <path class="zero" d={`M0 ${STRIP.height / 2}H${STRIP.width}`} />
      </svg>
      <span class="end muted">+{three(top)}</span>
      <span class="end low muted">−{three(top)}</span>
    </div>
  );
}
