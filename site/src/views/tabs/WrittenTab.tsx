/** What each component writes to the stream, layer by layer: attention against MLP, and head by head. */
import { useMemo } from 'preact/hooks';
import type { ReadRequest, Reading } from '../../engine/types';
import { isDifference, sideName, type Subject } from '../../state/documents';
import { three } from '../../state/numbers';
import { glyphs, stateName } from '../../state/reading';
import type { Shown } from '../../state/run';
import { OPTIONS } from '../../state/view';
import type { BarsData } from '../../ui/data';
import { Segments } from '../../ui/Segments';
import { BarsPicture } from '../BarsPicture';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { DetectorsView } from './DetectorsView';
import { HeadsPicture } from './HeadsPicture';
import { partName } from './partName';
import { conventionsOf, turned } from './parts';
import { PartsPicture } from './PartsPicture';
import './says.css';

const SIZES = {
  norm: ['norm', 'The length of what is written'],
  variance: ['variance', 'Over the entries of what is written: without its mean, which LayerNorm takes away'],
} as const;

/** Names of an array's entries, with their values before the edits behind them. */
function barsOf(array: string, labels: readonly string[], nameOf: (label: string) => string, reading: Reading, before: Reading | null) {
  const was = before && arrayOf(before, array);
  return labels.map((label, i) => ({
    name: nameOf(label), label, value: arrayOf(reading, array)[i] ?? Number.NaN,
    ...(was && { before: was[i] ?? Number.NaN }),
  }));
}

/** Whether attention or MLP writes more, as this run has it. */
function claim(reading: Reading, size: string): string {
  const means = arrayOf(reading, `${size}_mean`);
  const parts = reading.axes.part ?? [];
  const of = (part: string) => means[parts.indexOf(part)];
  const layers = parts.flatMap((part) => {
    const layer = /^(\d+)_attn_out$/.exec(part)?.[1];
    return layer === undefined ? [] : [{ name: `L${layer}`, attention: of(part) ?? 0, mlp: of(`${layer}_mlp_out`) }];
  });
  if (layers.every(({ mlp }) => mlp === undefined))
    return `This model has no MLPs. Attention writes ${layers.map(({ name, attention }) => `${three(attention)} in ${name}`).join(', ')}.`;
  const numbers = (some: typeof layers) => some.map(({ name, attention, mlp = 0 }) => `${name}: ${three(mlp)} against ${three(attention)}`).join(', ');
  const more = layers.filter(({ attention, mlp = 0 }) => mlp > attention);
  const others = layers.filter((layer) => !more.includes(layer));
  if (others.length === 0) return `In ${layers.length === 1 ? 'its one layer' : `all ${layers.length} layers`} the MLP writes more than attention (${numbers(more)}).`;
  if (more.length === 0) return `In no layer does the MLP write more than attention (${numbers(others)}).`;
  return `In ${more.length} of ${layers.length} layers the MLP writes more than attention (${numbers(more)}), in the others it does not (${numbers(others)}).`;
}

export function WrittenTab({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { size, first, side } = app.view.value;
  const { tokens } = shown.tokenized;
  const { config } = shown.info;
  const begins = tokens.length > 1 && tokens[0]?.special ? glyphs(tokens[0], 0) : null;
  const without = begins !== null && first === 'without';
  const about = (of: Subject): ReadRequest => ({ read: 'written', ...of, ...(without && { positions: tokens.slice(1).map((_, i) => i + 1) }) });
  const document = about(app.subject.value ?? shown.now.part);
  const difference = isDifference(document);
  const edited = shown.now !== shown.before && !difference;
  const { reading, stale, failure } = useReading(document);
  const earlier = useReading(edited ? about(shown.before.part) : null);
  const before = edited && !earlier.stale ? earlier.reading : null;
  const what = { kind: 'read' as const, document };
  const of = difference ? `, ${sideName[side]}` : '';
  const { parts, stream } = useMemo((): { readonly parts: BarsData | null; readonly stream: BarsData | null } => {
    if (!reading) return { parts: null, stream: null };
    const bars = (title: string, unit: string, rows: BarsData['rows']): BarsData => ({ kind: 'bars', title: `${title}${of}`, unit, rows, conventions: conventionsOf(reading) });
    return {
      parts: bars(`Written by each component: mean ${size}`, size, barsOf(`${size}_mean`, reading.axes.part ?? [], partName, reading, before)),
      stream: bars('Mean norm of the stream', 'norm', barsOf('stream_norm', reading.axes.state ?? [], (state) => stateName(state, config), reading, before)),
    };
  }, [reading, before, size]);
  const frame = { what, stale: stale || (edited && earlier.stale), failure };
  return (
    <>
      <div class="picture-head">
        <Segments
          label="Size of what is written"
          value={size}
          options={OPTIONS.size.map((option) => [option, ...SIZES[option]])}
          onPick={(picked) => app.experiment.look({ size: picked })}
        />
        {begins !== null && (
          <label class="pick" title={`Much is written at ${begins}, whatever the text; the model's card leaves it out`}>
            <input type="checkbox" checked={!without} onChange={(event) => app.experiment.look({ first: event.currentTarget.checked ? 'with' : 'without' })} /> with {begins}
          </label>
        )}
      </div>
      <p class="says">
        {reading && !difference && `${claim(reading, size)} `}
        {difference && 'Each number is a difference of two means. '}
        <span class="muted">
          Mean {size} over {without ? `this text, ${begins} left out` : 'every token of this text'}.
        </span>
      </p>
      <div class="columns">
        <div>
          <BarsPicture {...frame} data={parts} name="what each component writes" title="By component" />
          <BarsPicture {...frame} data={stream} name="the stream’s norm" title="The stream" sub="what all of it adds up to: its norm" />
          <PartsPicture
            {...frame}
            shown={shown}
            reading={reading}
            valuesOf={(from) => turned(arrayOf(from, size), from.axes.part?.length ?? 0, from.axes.position?.length ?? 0)}
            called={`Written at every position: ${size}${of}`}
            unit={size}
            signed={difference}
            title="At every position"
            name="what is written at every position"
          />
        </div>
        {config.n_layers > 0 && (
          <div>
            <HeadsPicture
              {...frame}
              reading={reading}
              document={document}
              array={`heads_${size}`}
              called={`Written by each head: mean ${size}${of}`}
              unit={size}
              title="Each head"
              name="what each head writes"
            />
            <DetectorsView shown={shown} />
          </div>
        )}
      </div>
    </>
  );
}
