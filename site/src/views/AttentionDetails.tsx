/** One destination and source of one head: the numbers of the pair, who made them, and what comes of it. */
import { useState } from 'preact/hooks';
import { full, three, topIndices } from '../state/numbers';
import { label } from '../state/reading';
import type { Shown } from '../state/run';
import type { HeadId } from '../state/selection';
import { Bar } from '../ui/Bar';
import { Bars } from '../ui/Bars';
import { Tok } from '../ui/Tok';
import { usePage } from './page';
import { PartBars } from './PartBars';
import { partsIn } from './partRows';
import { tokenAt } from './tabs/target';
import { arrayOf, useReading } from './useReading';

const SOURCES = 7;
const KEY_PARTS = 3;
const LOGIT_PARTS = 5;
/** So many tokens that the value pushes up, and that it pushes down. */
const UP = 3;
const DOWN = 1;
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

/** The document that the pair's numbers come from, here and step by step. */
export const pairDocument = ({ shown, head, dest, src }: Props) =>
  ({ read: 'pair', ...shown.now.part, layer: head.layer, head: head.head, dest, src }) as const;

/** Whether an edit in force changes what the head writes, after its values were weighted. */
export const editsAfter = ({ edits }: Shown, { layer }: HeadId): boolean =>
  edits.some(({ hook }) => new RegExp(`^blocks\\.(${layer}|.*\\*.*)\\.attn\\.hook_(z|result)$`).test(hook));

export function AttentionDetails(props: Props) {
  const { shown, head, dest, src } = props;
  const { app } = usePage();
  const { reading, stale } = useReading(pairDocument(props));
  const { score = null, pattern = null, v_norm = null, attn_scale = null, key_error = null } = reading?.values ?? {};
  const number = (value: number | null) => <dd title={value === null ? '' : full(value)}>{value === null ? '…' : three(value)}</dd>;
  // Where an edit acts on what the head writes, what it would write is told of the run without edits.
  const edited = editsAfter(shown, head);
  const plain = useReading(edited ? { ...pairDocument(props), ...shown.before.part, edits: [] } : null);
  const { reading: says, stale: saidStale } = edited ? plain : { reading, stale };
  const said = (name: 'top' | 'bottom', n: number) =>
    Array.from(arrayOf(says, `${name}_ids`).subarray(0, n), (id, i) => ({ name: app.glyph(id), value: arrayOf(says, `${name}_values`)[i] ?? Number.NaN }));
  return (
    <>
      <dl class="numbers" data-stale={stale}>
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
      <PartBars
        title="Score, by who wrote the key"
        unit="score"
        parts={partsIn(reading, 'key_part', 'key_parts')}
        most={KEY_PARTS}
        sum={score}
        error={key_error}
        means={reading?.conventions.key_parts}
        stale={stale}
        // Who wrote a key wrote it at the source.
        onHead={(head) => app.selection.moveTo({ head, dest: src, src: null, depth: null })}
      />
      <section data-stale={saidStale}>
        <h3>
          What the value says <span title={reading?.conventions.top}>{edited ? 'without the edits' : 'added to logits'}</span>
        </h3>
        <Bars
          data={{ kind: 'bars', title: 'What the value says', conventions: [], unit: 'logit', tokens: true, rows: [...said('top', UP), ...said('bottom', DOWN).reverse()] }}
          lit={null}
          asTable={false}
        />
      </section>
      <LogitByPart shown={shown} dest={dest} />
      <WhereItLooks {...props} />
    </>
  );
}

function LogitByPart({ shown, dest }: { readonly shown: Shown; readonly dest: number }) {
  const { app } = usePage();
  const token = tokenAt(app.view.value.target, shown, dest);
  const { reading, stale } = useReading(
    token === null ? null : { read: 'attribution', ...shown.now.part, positions: [dest], token, by: 'head' },
  );
  const { n_heads } = shown.info.config;
  const heads = Array.from(arrayOf(reading, 'heads'), (value, i) => [`L${Math.floor(i / n_heads)}H${i % n_heads}`, value] as const);
  return (
    <PartBars
      title={
        <>
          Logit of <Tok text={token === null ? '…' : app.glyph(token)} />, by part
        </>
      }
      unit="logit"
      parts={[...partsIn(reading, 'part', 'values'), ...heads]}
      most={LOGIT_PARTS}
      sum={arrayOf(reading, 'logit')[0] ?? null}
      error={arrayOf(reading, 'error')[0] ?? null}
      means={reading?.conventions.values}
      stale={stale}
      onHead={(head) => app.selection.moveTo({ head, src: null, depth: null })}
    />
  );
}

function WhereItLooks({ shown, head, dest, src }: Props) {
  const { app } = usePage();
  const [open, setOpen] = useState(false);
  const { tokens } = shown.tokenized;
  const n = tokens.length;
  const row = shown.now.pattern(head)?.subarray(dest * n, dest * n + dest + 1);
  const was = shown.before.pattern(head)?.subarray(dest * n, dest * n + dest + 1);
  const edited = shown.now !== shown.before;
  const looked = row ? topIndices(row, SOURCES) : [];
  const rest = 1 - looked.reduce((sum, s) => sum + (row?.[s] ?? 0), 0);
  return (
    <details class="fold" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary title="softmax of hook_attn_scores; the longest bar is 1">Where it looks from here</summary>
      {open && row && (
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
                    <Bar value={row[s] ?? 0} before={edited ? (was?.[s] ?? 0) : null} full={1} />
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
      )}
    </details>
  );
}
