/** Every head's direct path into every later head's query, key or value: one matrix of pairs of heads. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { ModelConfig } from '../../engine/types';
import { three } from '../../state/numbers';
import { directSweep, INPUTS, patched } from '../../state/patch';
import { headName, headNamed } from '../../state/reading';
import type { MatrixData } from '../../ui/data';
import type { Lit } from '../../ui/Heatmap';
import { Segments } from '../../ui/Segments';
import { HeatPicture } from '../HeatPicture';
import { usePage } from '../page';
import { StudyLine, StudyProgress } from '../StudyProgress';
import { arrayOf } from '../useReading';
import { useStudy } from '../useStudy';
import { lockHead, useStory } from './at';
import { baseOf, cellsOf, conventions, NO_BASE, short } from './cells';
import { ScaleBar } from './ScaleBar';
import { pathStory } from './stories';
import type { Bench } from './useBench';

/** Which paths are looked at. */
export function PathsChoice({ config, value }: { readonly config: ModelConfig; readonly value?: 'from' | 'into' }) {
  const { app } = usePage();
  return (
    <Segments
      label="Paths"
      value={value ?? 'heads'}
      options={[
        ['into', 'all into it', 'Every sender’s direct path into the chosen node'],
        ['from', 'from it to all', 'The chosen node’s direct path into every receiver'],
        ...(between(config) ? ([['heads', 'head to head', 'Each head’s direct path into each later head: one matrix']] as const) : []),
      ]}
      onPick={(paths) => app.experiment.look({ paths })}
    />
  );
}

/** Whether there are heads one after another. */
export const between = ({ n_layers }: ModelConfig) => n_layers > 1;

const NAME = 'direct paths between heads';

export function HeadPaths({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const view = app.view.value;
  const { selection, experiment } = app;
  const { config } = bench.a.info;
  const { input } = view;
  const direct = directSweep(bench.part, config, input);
  const { sender, receiver, rows, cols } = direct;
  const study = useStudy(direct.document);
  const base = baseOf(study);
  const raw = arrayOf(study.reading, 'values');
  const cells = base && cellsOf(base, view);
  const into = patched(view.direction);
  const data = useMemo<MatrixData>(() => {
    const metric = (i: number) => raw[direct.index(Math.floor(i / cols), i % cols)] ?? Number.NaN;
    const values = Float32Array.from({ length: rows * cols }, (_, i) => (cells ? cells.of(metric(i)) : Number.NaN));
    return {
      kind: 'matrix', title: `Direct paths of heads into ${input} of later heads, into ${into}`, conventions: conventions(base, study), values, rows, cols,
      rowLabels: Array.from({ length: rows }, (_, row) => ({ text: headName(sender(row)) })),
      colLabels: Array.from({ length: cols }, (_, col) => ({ text: headName(receiver(col)) })),
      palette: 'diverging', scale: cells?.scale ?? [-1, 1], scaleLabel: '',
      cellText(row, col) {
        const value = values[row * cols + col] ?? Number.NaN;
        return cells && Math.abs(value - cells.neutral) >= cells.least ? { text: short(value), whole: true, centred: true } : null;
      },
    };
  }, [raw, base?.clean, base?.corrupted, cells?.words, cells?.neutral, input, into]);
  useStory(study, () => {
    const paths = Array.from({ length: rows * cols }, (_, i) => {
      const [row, col] = [Math.floor(i / cols), i % cols];
      return { name: `${headName(sender(row))} into ${headName(receiver(col))}.${input}`, value: raw[direct.index(row, col)] ?? Number.NaN };
    });
    return pathStory({ base: base ?? NO_BASE, ...view }, `into ${input} of a later head`, paths.filter(({ value }) => !Number.isNaN(value)), 'linear direct path');
  });
  const litOf = (from: typeof selection.lock.value.head | undefined, to: string): Lit | null => {
    const head = headNamed(to.replace(/\..*/, ''));
    const row = from && from.layer < config.n_layers - 1 ? from.layer * config.n_heads + from.head : null;
    const col = head && head.layer > 0 ? (head.layer - 1) * config.n_heads + head.head : null;
    return row === null && col === null ? null : { row, col };
  };
  const hovered = useComputed(() => litOf(selection.hover.value?.head, ''));
  const locked = useComputed(() => litOf(selection.lock.value.head, app.view.value.receiver));
  return (
    <>
      <HeatPicture
        data={data}
        what={{ kind: 'read', document: direct.document }}
        name={NAME}
        title={`Linear paths, each head into ${input} of each later one`}
        sub={`the change of ${into === 'B' ? 'A' : 'B'} into ${into}${bench.means}`}
        pending
        stale={study.state !== 'done'}
        failure={study.failure}
        colPx={[10, 48]}
        {...(rows <= 12 ? { square: true } : { heightPx: rows * 18 })}
        hovered={hovered}
        locked={locked}
        onHover={(lit) => selection.preview(lit?.row == null ? null : { head: sender(lit.row) })}
        onLock={(lit) => {
          if (!lit) return selection.unlock();
          if (lit.col !== null) experiment.look({ receiver: `${headName(receiver(lit.col))}.${input}` });
          if (lit.row !== null) lockHead(app, sender(lit.row));
        }}
        valueText={(row, col) => {
          const value = data.values[row * cols + col] ?? Number.NaN;
          const path = `${data.rowLabels[row]?.text} into ${data.colLabels[col]?.text}.${input}`;
          return `${path}: ${!Number.isNaN(value) ? `${cells?.words} ${three(value)}` : study.state === 'done' ? 'no path' : 'not computed yet'}`;
        }}
        controls={
          <>
            <PathsChoice config={config} />
            <Segments label="Input of heads" value={input} options={INPUTS.map((i) => [i, i])} onPick={(picked) => experiment.look({ input: picked })} />
            <StudyProgress study={study} name={NAME} />
          </>
        }
      >
        <StudyLine study={study} name={NAME} />
      </HeatPicture>
      {base && cells && (
        <ScaleBar base={base} cells={cells} gutter={0}>
          <p class="sub">
            Row: the head whose change Δ is sent; column: the head whose {input} gets (Δ / s) W_{input.toUpperCase()} more, s being ln1’s scale as it was: the
            linear part of its path, without ln1’s weights and centring, which “from it to all” has. {config.n_layers > 2 && 'Dots: no path. '}What comes after is computed anew.
          </p>
        </ScaleBar>
      )}
    </>
  );
}
