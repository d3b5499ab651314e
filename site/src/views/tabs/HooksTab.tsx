/** Any hook of the model, by its name: the tensor that TransformerLens' cache has there. */
import { useComputed } from '@preact/signals';
import { useEffect, useId, useMemo, useState } from 'preact/hooks';
import type { EngineFailure, HookInfo, Tensor } from '../../engine/types';
import { sideName } from '../../state/documents';
import { asFailure } from '../../state/failure';
import { three } from '../../state/numbers';
import { headName, label } from '../../state/reading';
import type { Shown } from '../../state/run';
import { scaleOf, type MatrixData } from '../../ui/data';
import type { Lit } from '../../ui/Heatmap';
import { HeatPicture } from '../HeatPicture';
import { usePage } from '../page';
import { positionLabels } from './parts';

interface Captured {
  readonly key: string;
  readonly tensor: Tensor | null;
  readonly failure: EngineFailure | null;
}

/** The hook of the run that is looked at, less the other run's where a difference is. */
function useHook(name: string): Captured & { readonly stale: boolean } {
  const { app } = usePage();
  const engine = app.engine.value;
  const subject = app.subject.value;
  const key = JSON.stringify([name, subject]);
  const [got, setGot] = useState<Captured>({ key: '', tensor: null, failure: null });
  useEffect(() => {
    if (!engine || !subject) return;
    const stop = new AbortController();
    const take = async () => {
      const { minus, ...part } = subject;
      const one = async (of: typeof part) =>
        (await engine.run({ ...of, capture: [name], logits: name === 'logits' }, { signal: stop.signal })).tensors.get(name) ?? null;
      const tensor = await one(part);
      const other = minus && (await one(minus));
      // Cells that the mask leaves out are -inf in both runs.
      return tensor && other ? { ...tensor, data: tensor.data.map((x, i) => (x === other.data[i] ? 0 : x - (other.data[i] ?? 0))) } : tensor;
    };
    take().then(
      (tensor) => setGot({ key, tensor, failure: null }),
      (thrown) => !stop.signal.aborted && setGot({ key, tensor: null, failure: asFailure(thrown) }),
    );
    return () => stop.abort();
  }, [engine, key]);
  const stale = got.key !== key;
  return { ...got, failure: stale ? null : got.failure, stale };
}

const perHead = ({ shape }: Pick<HookInfo, 'shape'>) => shape.length > 2;
const isSquare = (name: string) => /hook_(pattern|attn_scores)$/.test(name);

export function HooksTab({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection, experiment } = app;
  const id = useId();
  const { side } = app.view.value;
  const { tokens } = shown.tokenized;
  const n = tokens.length;
  const hooks = app.hooks.value;
  const name = hooks.some((hook) => hook.name === app.view.value.hook) ? (app.view.value.hook ?? '') : (hooks[0]?.name ?? '');
  const [typed, setTyped] = useState<string | null>(null);
  const { tensor, failure, stale } = useHook(name);
  const difference = app.subject.value?.minus !== undefined;
  const layer = Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0);
  const selected = selection.shown.value.head;
  const nHeads = !tensor || !perHead(tensor) ? 1 : isSquare(tensor.name) ? (tensor.shape[0] ?? 1) : (tensor.shape[1] ?? 1);
  const head = Math.min(selected?.head ?? 0, nHeads - 1);
  const square = tensor !== null && isSquare(tensor.name);

  const data = useMemo<MatrixData | null>(() => {
    if (!tensor) return null;
    const cols = square ? n : (tensor.shape.at(-1) ?? 1);
    // [heads, T, T] has a head in one piece; [T, heads, d] has its rows apart.
    const values = square
      ? tensor.data.subarray(head * n * n, (head + 1) * n * n)
      : nHeads === 1
        ? tensor.data
        : Float32Array.from({ length: n * cols }, (_, i) => tensor.data[(Math.floor(i / cols) * nHeads + head) * cols + (i % cols)] ?? Number.NaN);
    const rows = values.length / Math.max(1, cols);
    const signed = difference || values.some((x) => x < 0 && x > -Infinity);
    const labels = positionLabels(tokens);
    return {
      kind: 'matrix',
      title: `${tensor.name}${perHead(tensor) ? `, ${headName({ layer, head })}` : ''}${difference ? `, ${sideName[side]}` : ''}`,
      conventions: [
        `shape [${tensor.shape.join(', ')}], as run_with_cache(..., remove_batch_dim=True) gives it`,
        square ? 'rows are destinations, columns are sources' : 'rows are positions, columns are the numbers of the last axis',
        ...(difference ? [`difference: ${sideName[side]}`] : []),
      ],
      values, rows, cols,
      ...(square && { causal: true }),
      rowLabels: rows === n ? labels : [{ text: '' }],
      colLabels: square ? labels : Array.from({ length: cols }, (_, i) => ({ text: String(i) })),
      palette: signed ? 'diverging' : 'cividis',
      scale: scaleOf(values, signed),
      scaleLabel: difference ? 'difference' : 'value',
    };
  }, [tensor, head, difference]);

  const hovered = useComputed<Lit | null>(() => {
    const h = selection.hover.value;
    return h?.dest == null ? null : { row: h.dest, col: square ? (h.src ?? null) : null };
  });
  const locked = useComputed<Lit | null>(() => {
    const { dest, src } = selection.lock.value;
    return dest === null ? null : { row: dest, col: square ? src : null };
  });
  const known = typed === null || hooks.some((hook) => hook.name === typed);
  const all = app.subject.value;
  return (
    <HeatPicture
      data={data}
      what={all && { kind: 'run', document: { ...all, hooks: [name] } }}
      name="the hook"
      stale={stale}
      failure={failure}
      colPx={[2, 40]}
      hovered={hovered}
      locked={locked}
      onHover={(lit) => selection.preview(lit && lit.row !== null ? { dest: lit.row, ...(square && { src: lit.col }) } : null)}
      onLock={(lit) => {
        if (!lit) selection.unlock();
        else selection.moveTo({ ...(lit.row !== null && { dest: lit.row }), ...(square && { src: lit.col }), depth: null });
      }}
      valueText={(row, col) => {
        const token = tokens[row];
        const at = square ? tokens[col] : undefined;
        return data && token ? `${label(token, row)}, ${at ? label(at, col) : `number ${col}`}: ${three(data.values[row * data.cols + col] ?? Number.NaN)}` : '';
      }}
      controls={
        <span class="pick">
          <label for={id}>hook </label>
          <input
            id={id}
            list={`${id}-all`}
            size={32}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={!known}
            title={known ? 'Type a part of its name' : 'This model has no hook of that name'}
            value={typed ?? name}
            onFocus={(event) => event.currentTarget.select()}
            onInput={(event) => {
              const next = event.currentTarget.value;
              setTyped(next);
              if (hooks.some((hook) => hook.name === next)) experiment.look({ hook: next });
            }}
            onBlur={() => setTyped(null)}
          />
          <datalist id={`${id}-all`}>
            {hooks.map((hook) => (
              <option key={hook.name} value={hook.name} />
            ))}
          </datalist>
          {nHeads > 1 && (
            <>
              {' '}
              <label for={`${id}-head`}>head </label>
              <select id={`${id}-head`} value={head} onChange={(event) => selection.moveTo({ head: { layer, head: Number(event.currentTarget.value) }, src: null })}>
                {Array.from({ length: nHeads }, (_, i) => (
                  <option key={i}>{i}</option>
                ))}
              </select>
            </>
          )}
          {!known && <span role="alert"> this model has no hook of that name</span>}{' '}
          <button type="button" class="link" onClick={() => (app.panel.value = { edit: { hook: name, op: 'zero', ...(perHead(tensor ?? { shape: [] }) && { heads: [head] }) }, index: null })}>
            Intervene here
          </button>
        </span>
      }
    />
  );
}
