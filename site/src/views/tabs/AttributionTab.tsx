/** Direct logit attribution: what each part of the model adds to the logit of one token, or to the difference of two.
 *  The parts add up to it; what rounding leaves is told. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest, Reading } from '../../engine/types';
import { isDifference, sideName, type Subject } from '../../state/documents';
import { three, topIndices } from '../../state/numbers';
import { headName, label } from '../../state/reading';
import type { Shown } from '../../state/run';
import { sameHead, type HeadId } from '../../state/selection';
import { OPTIONS, type View } from '../../state/view';
import type { BarRow, BarsData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import { Tok } from '../../ui/Tok';
import { BarsPicture } from '../BarsPicture';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { HeadsPicture } from './HeadsPicture';
import { partName } from './partName';
import { conventionsOf } from './parts';
import { PartsPicture } from './PartsPicture';
import { guessesAt, tokenAt } from './target';
import { TargetPicker } from './TargetPicker';
import { TokenInput } from './TokenInput';
import './says.css';

/** More bars than this are no picture: the largest, and the rest in one. */
const MOST_BARS = 20;

const BY: Readonly<Record<View['by'], readonly [word: string, plural: string, means: string]>> = {
  component: ['component', 'parts', 'Embedding, the attention and MLP of each layer, and what biases add'],
  head: ['head', 'heads', 'Each attention head by itself'],
  neuron: ['neuron', 'neurons', 'Each neuron of the MLPs by itself'],
  source: ['source', 'tokens', 'One head, by the token that it took it from'],
};

interface Part {
  /** The core's. */
  readonly label: string;
  readonly name: string;
  readonly value: number;
  /** What a click selects. */
  readonly at?: { readonly head?: HeadId; readonly neuron?: { readonly layer: number; readonly neuron: number }; readonly src?: number };
}

const sum = (parts: readonly Part[]) => parts.reduce((total, { value }) => total + value, 0);

/** The parts asked for, and those that make up the rest of the logit. */
function partsOf(reading: Reading, by: View['by'], shown: Shown): readonly [own: readonly Part[], rest: readonly Part[]] {
  const { n_heads, d_mlp } = shown.info.config;
  const components = Array.from(arrayOf(reading, 'values'), (value, i): Part => {
    const called = reading.axes.part?.[i] ?? '';
    return { label: called, name: partName(called), value };
  });
  if (by === 'component') return [components, []];
  const heads = Array.from(arrayOf(reading, 'heads'), (value, i): Part => {
    const head = { layer: Math.floor(i / n_heads), head: i % n_heads };
    return { label: headName(head), name: headName(head), value, at: { head } };
  });
  if (by === 'head') return [heads, components];
  if (by === 'neuron')
    return [
      Array.from(arrayOf(reading, 'neurons'), (value, i): Part => {
        const neuron = { layer: Math.floor(i / d_mlp), neuron: i % d_mlp };
        return { label: `${i}`, name: `L${neuron.layer} N${neuron.neuron}`, value, at: { neuron } };
      }),
      [...components, ...heads],
    ];
  const edit = Array.from(arrayOf(reading, 'source_edit'), (value): Part => ({ label: '', name: '', value }));
  return [
    shown.tokenized.tokens.flatMap((token, src): Part[] => {
      const value = arrayOf(reading, 'source')[src] ?? 0;
      return src > Number(reading.axes.position?.[0]) ? [] : [{ label: `${src}`, name: label(token, src), value, at: { src } }];
    }),
    edit,
  ];
}

/** The largest parts as bars; under them the whole, what of it is no bar, and the error of the sum. */
function barsOf(reading: Reading, before: Reading | null, by: View['by'], shown: Shown, head: HeadId | null, whole: string) {
  const [own, rest] = partsOf(reading, by, shown);
  const [ownBefore, restBefore] = before ? partsOf(before, by, shown) : [null, null];
  const earlier = new Map(ownBefore?.map((part) => [part.label, part.value]));
  const was = (part: Part) => earlier.get(part.label) ?? 0;
  const listed =
    by === 'component' || own.length <= MOST_BARS
      ? own
      : topIndices(own.map((part) => Math.max(Math.abs(part.value), Math.abs(was(part)))), MOST_BARS).flatMap((i) => own[i] ?? []);
  const row = (name: string, value: number, then: number | null, total = true): BarRow => ({ name, value, total, ...(before && { before: then }) });
  const wholeOf = (from: Reading): number => {
    if (by !== 'source' || !head) return arrayOf(from, 'logit')[0] ?? Number.NaN;
    return arrayOf(from, 'heads')[head.layer * shown.info.config.n_heads + head.head] ?? Number.NaN;
  };
  const inAll = wholeOf(reading);
  const others = own.length - listed.length;
  const rows = [
    ...listed.map((part) => ({ ...row(part.name, part.value, was(part), false), label: part.label })),
    row(`sum = ${by === 'source' && head ? headName(head) : whole}`, inAll, before && wholeOf(before)),
    ...(others > 0
      ? [row(`of which ${others} other ${BY[by][1]}`, sum(own) - sum(listed), ownBefore && sum(ownBefore) - listed.reduce((total, part) => total + was(part), 0))]
      : []),
    ...(rest.length > 0 ? [row(by === 'source' ? `of which the edit of ${head && headName(head)}` : `of which all but ${BY[by][1]}`, sum(rest), restBefore && sum(restBefore))] : []),
    row('error of the sum', by === 'source' ? inAll - sum(own) - sum(rest) : (arrayOf(reading, 'error')[0] ?? Number.NaN), null),
  ];
  return { rows, listed, inAll };
}

/** The head that a reading by source is of. */
const headOf = ({ layer, head }: ReadRequest): HeadId | null => (typeof layer === 'number' && typeof head === 'number' ? { layer, head } : null);

export function AttributionTab({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection, experiment } = app;
  const { by: chosen, target, wrong, side } = app.view.value;
  const { tokens } = shown.tokenized;
  const { config } = shown.info;
  const ways = OPTIONS.by.filter((by) => (by === 'neuron' ? !config.attn_only : by !== 'source' || config.n_layers > 0));
  const by = ways.includes(chosen) ? chosen : 'component';
  const dest = useComputed(() => selection.shown.value.dest).value ?? tokens.length - 1;
  const head = useComputed(() => selection.shown.value.head).value;
  const token = tokenAt(target, shown, dest);

  const about = (of: Subject, way: View['by']): ReadRequest => ({
    read: 'attribution', ...of, positions: [dest], token, ...(wrong !== null && { wrong }), by: way,
    ...(way === 'source' && head && { layer: head.layer, head: head.head }),
  });
  const subject = app.subject.value ?? shown.now.part;
  const ready = token !== null && (by !== 'source' || head !== null);
  const document = ready ? about(subject, by) : null;
  const difference = document !== null && isDifference(document);
  const { reading, request, stale, failure } = useReading(document);
  const edited = ready && !difference && shown.now !== shown.before;
  const before = useReading(edited ? about(shown.before.part, by) : null);
  const byHead = token === null ? null : about(subject, 'head');
  const heads = useReading(byHead);
  // Of the token asked about where the selection rests: another one under the pointer would be another picture.
  const rests = useComputed(() => selection.resting.value.dest).value ?? tokens.length - 1;
  const kept = tokenAt(target, shown, rests);
  const everywhere = kept === null ? null : { ...about(subject, 'component'), token: kept, positions: tokens.map((_, i) => i) };
  const all = useReading(everywhere);

  const [to, word, less] = [tokens[dest], token === null ? '' : app.glyph(token), wrong === null ? null : app.glyph(wrong)];
  const whole = wrong === null ? 'logit' : 'logit difference';
  const place = to ? label(to, dest) : '';
  const asked = (one: string) => (less === null ? `logit of ${one}` : `logit of ${one} less ${less}`);
  const keptWord = kept === null ? '' : app.glyph(kept);
  const told = `${asked(word)} after ${place}${difference ? `, ${sideName[side]}` : ''}`;
  const was = edited && !before.stale ? before.reading : null;
  const bars = useMemo(
    // A reading of another kind, of before the choice, has no such parts.
    () => (reading && request?.by === by ? barsOf(reading, was, by, shown, headOf(request), whole) : null),
    [reading, was, by],
  );
  const data = useMemo<BarsData | null>(
    () => reading && bars && {
      kind: 'bars', title: `Attribution of the ${told}, by ${BY[by][0]}`, unit: whole, rows: bars.rows, tokens: by === 'source', conventions: conventionsOf(reading),
    },
    [bars],
  );
  const chosenNow = selection.shown.value;
  const isLit = ({ at }: Part) =>
    (at?.head && sameHead(at.head, head)) ||
    (at?.neuron && at.neuron.layer === chosenNow.neuron?.layer && at.neuron.neuron === chosenNow.neuron.neuron) ||
    (at?.src !== undefined && at.src === chosenNow.src);
  return (
    <>
      <div class="picture-head">
        <Segments
          label="Attribution by"
          value={by}
          options={ways.map((way) => [way, BY[way][0], BY[way][2]])}
          onPick={(picked) => experiment.look({ by: picked })}
        />
        <TargetPicker shown={shown} />
        <label class="pick">
          <input
            type="checkbox"
            checked={wrong !== null}
            onChange={(event) => experiment.look({ wrong: event.currentTarget.checked ? (guessesAt(shown.now, dest, 2).find((guess) => guess !== token) ?? 0) : null })}
          />{' '}
          less another’s
        </label>
        {wrong !== null && <TokenInput label="The other token" value={wrong} onPick={(picked) => experiment.look({ wrong: picked })} />}
      </div>
      <p class="says">
        Each bar is what one {BY[by][1].slice(0, -1)} adds{by === 'source' && head && ` through ${headName(head)}`} to the logit of <Tok text={word} />
        {less !== null && (
          <>
            {' '}
            less that of <Tok text={less} />
          </>
        )}{' '}
        after <Tok text={place} />
        {difference ? `, as a difference: ${sideName[side]}` : ': to the right makes it likelier'}. {bars && `All in all ${three(bars.inAll)}.`}
      </p>
      <div class="columns">
        <BarsPicture
          data={data}
          what={document && { kind: 'read', document }}
          name="the attribution"
          title={`By ${BY[by][0]}`}
          {...(by === 'source' && head && { sub: `of ${headName(head)}` })}
          stale={stale || (edited && before.stale)}
          failure={failure}
          lit={bars?.listed.findIndex(isLit) ?? null}
          onHover={(row) => {
            const at = row === null ? undefined : bars?.listed[row]?.at;
            selection.preview(at?.src !== undefined ? { dest, src: at.src } : at ?? null);
          }}
          onPick={(row) => {
            const at = bars?.listed[row]?.at;
            if (at?.head) selection.toggleHead(at.head);
            else if (at?.neuron) selection.toggleNeuron(at.neuron);
            else if (at?.src !== undefined) selection.toggleCell(dest, at.src);
          }}
        />
        <div>
          {config.n_layers > 0 && (
            <HeadsPicture
              {...heads}
              document={byHead}
              array="heads"
              called={`Attribution of the ${told}, each head`}
              unit={whole}
              signed
              title="Each head"
              name="the attribution of all heads"
            />
          )}
          <PartsPicture
            {...all}
            shown={shown}
            what={everywhere && { kind: 'read', document: everywhere }}
            valuesOf={(of) => arrayOf(of, 'values')}
            called={`Attribution of the ${asked(keptWord)} at every position`}
            unit={whole}
            signed
            title="At every position"
            sub={
              <>
                of <Tok text={keptWord} />
              </>
            }
            name="the attribution at every position"
          />
        </div>
      </div>
    </>
  );
}
