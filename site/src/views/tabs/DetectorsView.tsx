/** What heads do: how much each is a previous-token, duplicate-token or induction head, on this text or on random tokens
 *  that stand twice. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ReadRequest } from '../../engine/types';
import { isDifference, sideName } from '../../state/documents';
import { full, three } from '../../state/numbers';
import { DETECTORS, headName } from '../../state/reading';
import type { Shown } from '../../state/run';
import type { HeadId } from '../../state/selection';
import { OPTIONS, SAMPLER_RANGES } from '../../state/view';
import { scaleOf, type MatrixData } from '../../ui/data';
import type { Lit } from '../../ui/Heatmap';
import { Segments } from '../../ui/Segments';
import { HeatPicture } from '../HeatPicture';
import { usePage } from '../page';
import { arrayOf, useReading } from '../useReading';
import { conventionsOf } from './parts';

const ON = {
  text: ['this text', 'The text above, edits in force'],
  random: ['random tokens', 'Random tokens, each stretch twice: what a head does whatever the words; without edits'],
} as const;

const ERRORS = {
  stripe: ['mean weight', 'The mean attention weight over the destinations that can show it'],
  mul: ['mul', 'detect_head’s "mul": the share of all attention that falls where such a head would look'],
  abs: ['abs', 'detect_head’s "abs": one less the mean distance to the pattern of such a head'],
} as const;

const SEED = SAMPLER_RANGES.seed;

export function DetectorsView({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection, experiment } = app;
  const { detect, error, side } = app.view.value;
  const { seed } = experiment.current.value.sampler;
  const { tokens, ids } = shown.tokenized;
  const { n_layers, n_heads } = shown.info.config;
  const document: ReadRequest = {
    read: 'detect', on: detect, error_measure: error,
    ...(detect === 'text' ? (app.subject.value ?? shown.now.part) : { seed, ...(tokens[0]?.special && { bos: ids[0] }) }),
  };
  const { reading, stale, failure } = useReading(document);
  const difference = isDifference(document);
  const rows = n_layers * n_heads;
  const data = useMemo<MatrixData | null>(() => {
    if (!reading || arrayOf(reading, 'previous').length !== rows) return null;
    const cols = DETECTORS.length;
    const values = Float32Array.from({ length: rows * cols }, (_, i) => arrayOf(reading, DETECTORS[i % cols] ?? '')[Math.floor(i / cols)] ?? Number.NaN);
    const signed = difference || values.some((x) => x < 0);
    return {
      kind: 'matrix', title: `What heads do on ${ON[detect][0]}${difference ? `, ${sideName[side]}` : ''}`, conventions: conventionsOf(reading),
      values, rows, cols,
      rowLabels: Array.from({ length: rows }, (_, i) => ({ text: headName(headAt(i, n_heads)) })),
      colLabels: DETECTORS.map((kind) => ({ text: kind })),
      palette: signed ? 'diverging' : 'cividis', scale: signed ? scaleOf(values, true) : [0, 1], scaleLabel: 'score',
      cellText: (row, col) => ({ text: three(values[row * cols + col] ?? Number.NaN), whole: true }),
    };
  }, [reading]);
  const cellOf = (head: HeadId | null | undefined): Lit | null => head ? { row: head.layer * n_heads + head.head, col: null } : null;
  const hovered = useComputed(() => cellOf(selection.hover.value?.head));
  const locked = useComputed(() => cellOf(selection.lock.value.head));
  return (
    <HeatPicture
      title="What heads do"
      sub="0: none of its attention, 1: all of it"
      data={data}
      what={{ kind: 'read', document }}
      name="what heads do"
      stale={stale}
      failure={failure}
      colPx={[64, 96]}
      heightPx={rows * 16}
      controls={
        <>
          <Segments label="Detect on" value={detect} options={OPTIONS.detect.map((on) => [on, ...ON[on]])} onPick={(picked) => experiment.look({ detect: picked })} />
          <Segments label="Measure" value={error} options={OPTIONS.error.map((way) => [way, ...ERRORS[way]])} onPick={(picked) => experiment.look({ error: picked })} />
          {detect === 'random' && (
            <label class="pick" title="The experiment’s seed: the same one gives the same tokens, here and in what is generated">
              seed{' '}
              <input
                type="number"
                min={SEED[1]}
                max={SEED[2]}
                value={seed}
                onInput={({ currentTarget: { valueAsNumber: typed } }) => {
                  if (Number.isInteger(typed) && typed >= SEED[1] && typed <= SEED[2]) experiment.set({ sampler: { ...experiment.current.value.sampler, seed: typed } }, 'seed');
                }}
              />
            </label>
          )}
        </>
      }
      hovered={hovered}
      locked={locked}
      onHover={(lit) => selection.preview(lit && lit.row !== null ? { head: headAt(lit.row, n_heads) } : null)}
      onLock={(lit) => {
        if (lit && lit.row !== null) selection.moveTo({ head: headAt(lit.row, n_heads), src: null });
        else if (!lit) selection.unlock();
      }}
      valueText={(row, col) => `${headName(headAt(row, n_heads))}, ${DETECTORS[col]}: ${full(data?.values[row * DETECTORS.length + col] ?? Number.NaN)}`}
    >
      <p class="says muted">
        Induction heads look at what followed earlier occurrences of the token, previous at the token just before, duplicate at the earlier
        occurrences themselves.
        {reading?.values.duplicates === 0 && ' No token of this text stands twice, so nothing can be duplicate or induction.'}
      </p>
    </HeatPicture>
  );
}

const headAt = (row: number, nHeads: number): HeadId => ({ layer: Math.floor(row / nHeads), head: row % nHeads });
