/** One destination of one head: the numbers of the pair, and where else it looks. */
import { full, three, topIndices } from '../state/numbers';
import { DETECTORS, label, scoresOfHead } from '../state/reading';
import type { Shown } from '../state/run';
import type { HeadId } from '../state/selection';
import { Bar } from '../ui/Bar';
import { Tok } from '../ui/Tok';
import { usePage } from './page';
import { useReading } from './useReading';

const SOURCES = 7;
/** What each detector measures, in a head's scores on this text. */
export const DETECTS = {
  induction: 'Induction: attention to what followed an earlier occurrence of the same token',
  previous: 'Previous: attention to the token just before',
  duplicate: 'Duplicate: attention to earlier occurrences of the same token',
} as const;

interface Props {
  readonly shown: Shown;
  readonly head: HeadId;
  readonly dest: number;
  readonly src: number;
}

export function AttentionDetails({ shown, head, dest, src }: Props) {
  const { app } = usePage();
  const { tokens } = shown.tokenized;
  const n = tokens.length;
  const row = shown.now.pattern(head)?.subarray(dest * n, dest * n + dest + 1);
  const was = shown.before.pattern(head)?.subarray(dest * n, dest * n + dest + 1);
  if (!row || !was) return null;
  const edited = shown.now !== shown.before;
  const looked = topIndices(row, SOURCES);
  const rest = 1 - looked.reduce((sum, s) => sum + (row[s] ?? 0), 0);
  const scores = scoresOfHead(shown.now, head);
  return (
    <>
      <Pair shown={shown} head={head} dest={dest} src={src} />
      <section>
        <h3>
          Where it looks from here <span title="softmax of hook_attn_scores; the longest bar is 1">hook_pattern</span>
        </h3>
        <table class="bars">
          <tbody>
            {looked.map((s) => {
              const token = tokens[s];
              return (
                <tr key={s} data-lit={s === src}>
                  <th scope="row">
                    <button
                      type="button"
                      class="inline"
                      onMouseEnter={() => app.selection.preview({ dest, src: s })}
                      onMouseLeave={() => app.selection.preview(null)}
                      onClick={() => app.selection.toggleCell(dest, s)}
                    >
                      <code>{token && <Tok text={label(token, s)} />}</code>
                    </button>
                  </th>
                  <td class="bar-cell">
                    <Bar value={row[s] ?? 0} before={edited ? (was[s] ?? 0) : null} full={1} />
                  </td>
                  <td class="num" title={full(row[s] ?? 0)}>
                    {three(row[s] ?? 0)}
                  </td>
                </tr>
              );
            })}
            {dest + 1 > SOURCES && (
              <tr>
                <th scope="row" class="muted">
                  {dest + 1 - looked.length} {dest + 1 - looked.length === 1 ? 'other' : 'others'}
                </th>
                <td class="bar-cell">
                  <Bar value={rest} full={1} quiet />
                </td>
                <td class="num" title={full(rest)}>
                  {three(Math.max(0, rest))}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </section>
      {scores && (
        <section>
          <h3>
            What it does on this text <span title="Mean over the destinations that can show it; the first token is none">0 to 1</span>
          </h3>
          <table class="bars">
            <tbody>
              {DETECTORS.map((kind) => (
                <tr key={kind} title={DETECTS[kind]}>
                  <th scope="row">{kind}</th>
                  <td class="bar-cell">
                    <Bar value={scores[kind]} full={1} />
                  </td>
                  <td class="num" title={full(scores[kind])}>
                    {three(scores[kind])}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

function Pair({ shown, head, dest, src }: Props) {
  const { reading } = useReading({ read: 'pair', ...shown.now.part, layer: head.layer, head: head.head, dest, src });
  const { score = null, pattern = null, v_norm = null, attn_scale = null } = reading?.values ?? {};
  const number = (value: number | null) => <dd title={value === null ? '' : full(value)}>{value === null ? '…' : three(value)}</dd>;
  return (
    <dl class="numbers">
      <div title="hook_attn_scores">
        <dt>score, q·k / {attn_scale === null ? '√d' : three(attn_scale)}</dt>
        {number(score)}
      </div>
      <div title="hook_pattern: softmax of hook_attn_scores over the sources up to the destination">
        <dt>
          softmax over {dest + 1} {dest === 0 ? 'source' : 'sources'}
        </dt>
        {number(pattern)}
      </div>
      <div title="The attention weight a, times the length of the value v at the source: hook_pattern · ||hook_v||_2">
        <dt>value carried, a·‖v‖</dt>
        {number(pattern === null || v_norm === null ? null : pattern * v_norm)}
      </div>
    </dl>
  );
}
