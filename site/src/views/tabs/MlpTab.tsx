/** The MLPs' neurons: which do most at a position, what one of them does over the text, what it reads and what it writes. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest, Reading } from '../../engine/types';
import { isDifference, sideName } from '../../state/documents';
import { full, three } from '../../state/numbers';
import { label, neuronName } from '../../state/reading';
import type { Shown } from '../../state/run';
import type { NeuronId } from '../../state/selection';
import { OPTIONS } from '../../state/view';
import { scaleOf, type BarsData, type MatrixData } from '../../ui/data';
import type { Lit } from '../../ui/Heatmap';
import { Segments } from '../../ui/Segments';
import { Tok } from '../../ui/Tok';
import { BarsPicture } from '../BarsPicture';
import { HeatPicture } from '../HeatPicture';
import { NeuronSwitches } from '../NeuronSwitches';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { conventionsOf, positionLabels } from './parts';
import { TargetPicker } from './TargetPicker';
import { tokenAt } from './target';
import './says.css';

const NEURONS = 15;
/** So many tokens at each end of a direction. */
const ENDS = 8;

const RANKS = {
  activation: ['activation', 'The largest after the activation function'],
  attribution: ['attribution', 'The largest direct effect on the logit of a token'],
} as const;

const same = (a: NeuronId | null, b: NeuronId | null) => a?.layer === b?.layer && a?.neuron === b?.neuron;

/** The neurons of a reading, in its order. */
const listed = (reading: Reading | null): readonly NeuronId[] =>
  Array.from(arrayOf(reading, 'layer'), (layer, i) => ({ layer, neuron: arrayOf(reading, 'neuron')[i] ?? 0 }));

export function MlpTab({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection, experiment } = app;
  const { rank, target, side } = app.view.value;
  const { tokens } = shown.tokenized;
  const dest = useComputed(() => selection.shown.value.dest).value ?? tokens.length - 1;
  const token = rank === 'attribution' ? tokenAt(target, shown, dest) : null;
  const subject = app.subject.value ?? shown.now.part;
  const document: ReadRequest | null =
    rank === 'attribution' && token === null ? null : { read: 'neurons', ...subject, position: dest, k: NEURONS, by: rank, ...(token !== null && { token }) };
  const { reading, request, stale, failure } = useReading(document);
  const neurons = useMemo(() => listed(reading), [reading]);
  const chosen = useComputed(() => selection.shown.value.neuron).value ?? neurons[0] ?? null;
  // A text that half the width cannot show has all of it.
  const long = tokens.length > 60;
  const over = chosen && (
    <div style={long ? { gridColumn: '1 / -1' } : {}}>
      <OverText shown={shown} at={chosen} />
    </div>
  );
  const place = tokens[dest] ? label(tokens[dest], dest) : '';
  const data = useMemo<BarsData | null>(() => {
    if (!reading || !request) return null;
    const by = request.by === 'attribution' ? 'attribution' : 'activation';
    const values = arrayOf(reading, by === 'attribution' ? by : 'post');
    return {
      kind: 'bars', title: `Neurons by ${by} at ${place}${isDifference(request) ? `, ${sideName[side]}` : ''}`,
      unit: by === 'attribution' ? 'logit' : 'activation', conventions: conventionsOf(reading),
      rows: neurons.map((neuron, i) => ({ name: neuronName(neuron), value: values[i] ?? Number.NaN })),
    };
  }, [reading]);
  return (
    <>
      <div class="picture-head">
        <Segments label="Neurons by" value={rank} options={OPTIONS.rank.map((by) => [by, ...RANKS[by]])} onPick={(picked) => experiment.look({ rank: picked })} />
        {rank === 'attribution' && <TargetPicker shown={shown} />}
      </div>
      <p class="says">
        An MLP is a list of memories: each neuron looks for one direction in the stream (what it reads) and, as far as it finds it, adds another
        (what it writes).
      </p>
      <div class="columns">
        {long && over}
        <BarsPicture
          data={data}
          what={document && { kind: 'read', document }}
          name="the neurons that do most"
          title={rank === 'activation' ? 'Most active' : 'Largest effect'}
          sub={
            <>
              at <Tok text={place} />
              {app.subject.value?.minus && ': chosen in A, numbers are differences'}
              {token !== null && (
                <>
                  {' '}
                  on <Tok text={app.glyph(token)} />
                </>
              )}
            </>
          }
          stale={stale}
          failure={failure}
          lit={neurons.findIndex((neuron) => same(neuron, chosen))}
          onHover={(row) => selection.preview(row === null || !neurons[row] ? null : { neuron: neurons[row] })}
          onPick={(row) => neurons[row] && selection.toggleNeuron(neurons[row])}
        />
        {!long && over}
        {chosen && <Directions at={chosen} />}
      </div>
    </>
  );
}

interface NeuronProps {
  readonly at: NeuronId;
}

/** What one neuron does over the text, and the switches for it. */
function OverText({ shown, at }: NeuronProps & { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection } = app;
  const { side } = app.view.value;
  const { tokens } = shown.tokenized;
  const document: ReadRequest = { read: 'neuron', ...(app.subject.value ?? shown.now.part), ...at };
  const { reading, stale, failure } = useReading(document);
  const name = neuronName(at);
  const data = useMemo<MatrixData | null>(() => {
    if (!reading) return null;
    const values = Float32Array.of(...arrayOf(reading, 'pre'), ...arrayOf(reading, 'post'));
    if (values.length !== 2 * tokens.length) return null;
    return {
      kind: 'matrix', title: `${name} over the text${isDifference(document) ? `, ${sideName[side]}` : ''}`, conventions: conventionsOf(reading),
      values, rows: 2, cols: tokens.length, rowLabels: [{ text: 'pre' }, { text: 'post' }], colLabels: positionLabels(tokens),
      palette: 'diverging', scale: scaleOf(values, true), scaleLabel: 'activation',
    };
  }, [reading]);
  const hovered = useComputed<Lit | null>(() => column(selection.hover.value?.dest));
  const locked = useComputed<Lit | null>(() => column(selection.lock.value.dest));
  return (
    <HeatPicture
      title={name}
      sub="before (pre) and after (post) its activation function"
      data={data}
      what={{ kind: 'read', document }}
      name={`${name} over the text`}
      stale={stale}
      failure={failure}
      colPx={[3, 40]}
      hovered={hovered}
      locked={locked}
      onHover={(lit) => selection.preview(lit && lit.col !== null ? { dest: lit.col, src: null } : null)}
      onLock={(lit) => {
        if (lit && lit.col !== null) selection.moveTo({ dest: lit.col, src: null, depth: null });
        else if (!lit) selection.unlock();
      }}
      valueText={(row, col) => {
        const token = tokens[col];
        return token && data ? `${label(token, col)}: ${data.rowLabels[row]?.text} ${full(data.values[row * data.cols + col] ?? Number.NaN)}` : '';
      }}
    >
      <NeuronSwitches at={at} />
    </HeatPicture>
  );
}

/** Both directions of a neuron as tokens: of its weights alone, whatever the text. */
function Directions({ at }: NeuronProps) {
  const { app } = usePage();
  const document: ReadRequest = { read: 'directions', ...at, k: ENDS };
  const { reading, stale, failure } = useReading(document);
  const { read_norm, write_norm, cosine } = reading?.values ?? {};
  const said = (value: number | null | undefined) => three(value ?? Number.NaN);
  const end = (name: string) =>
    Array.from(arrayOf(reading, `${name}_ids`), (id, i) => ({ name: app.glyph(id), label: `#${id}`, value: arrayOf(reading, `${name}_values`)[i] ?? Number.NaN }));
  const ends = (way: 'read' | 'write', unit: string): BarsData | null =>
    reading && {
      kind: 'bars', title: `${neuronName(at)}: what it ${way}s`, unit, tokens: true, conventions: conventionsOf(reading),
      rows: [...end(way), ...end(`${way}_low`).reverse()],
    };
  const frame = { what: { kind: 'read' as const, document }, stale, failure };
  return (
    <>
      <BarsPicture {...frame} data={ends('read', 'pre')} name="what it reads" title="Reads" sub="embeddings that turn it on, and off" />
      <BarsPicture {...frame} data={ends('write', 'logit')} name="what it writes" title="Writes" sub="logits it raises and lowers, without ln_final">
        <p class="says muted">
          The direction that {neuronName(at)} reads has length {said(read_norm)}, the one that it writes {said(write_norm)}; their cosine is{' '}
          {said(cosine)}.
        </p>
      </BarsPicture>
    </>
  );
}

const column = (dest: number | null | undefined): Lit | null => (dest == null ? null : { row: null, col: dest });
