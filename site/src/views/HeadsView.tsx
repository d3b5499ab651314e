/** All heads at once, by layer; hover looks at one, a click keeps it. */
import { useComputed, useSignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { share, three } from '../state/numbers';
import { bestHead, DETECTORS, headName, role, scoresOfHead } from '../state/reading';
import type { Shown } from '../state/run';
import { HeadGrid } from '../ui/HeadGrid';
import { TableToggle } from '../ui/TableToggle';
import { DETECTS } from './AttentionDetails';
import { usePage } from './page';

interface Props {
  readonly shown: Shown;
  readonly widthPx: number;
  readonly narrow: boolean;
}

function HeadTable({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="Table of all heads">
      <table>
        <thead>
          <tr>
            <th scope="col">head</th>
            {DETECTORS.map((kind) => (
              <th key={kind} scope="col" title={DETECTS[kind]}>
                {kind}
              </th>
            ))}
            <th scope="col">state</th>
          </tr>
        </thead>
        <tbody>
          {shown.now.heads.map((s) => (
            <tr key={headName(s)}>
              <th scope="row">{headName(s)}</th>
              {DETECTORS.map((kind) => (
                <td key={kind} title={String(s[kind])}>
                  {three(s[kind])}
                </td>
              ))}
              <td>{app.experiment.isOff(s) ? 'off' : 'on'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function HeadsView({ shown, widthPx, narrow }: Props) {
  const { app, renderer, theme } = usePage();
  const { selection, experiment } = app;
  const asTable = useSignal(false);
  const { n_layers, n_heads } = shown.info.config;
  const hovered = useComputed(() => selection.hover.value?.head ?? null);
  const locked = useComputed(() => selection.resting.value.head);
  const layers = useMemo(
    () =>
      Array.from({ length: n_layers }, (_, l) => shown.now.tensors.get(`blocks.${l}.attn.hook_pattern`)?.data ?? new Float32Array(0)),
    [shown.now],
  );
  // In one line that scrolls, the head that is drawn large must be seen.
  const box = useRef<HTMLDivElement>(null);
  const at = locked.value;
  useLayoutEffect(() => {
    const cell = at && box.current?.querySelector<HTMLElement>(`[data-head="${at.layer} ${at.head}"]`);
    if (narrow && cell && box.current) box.current.scrollLeft = cell.offsetLeft - (box.current.clientWidth - cell.offsetWidth) / 2;
  }, [narrow, at?.layer, at?.head]);
  return (
    <figure class="picture pic-heads" aria-label="All heads">
      <h2 class="title">
        {narrow ? 'Heads' : 'All heads'}{' '}
        <small title={`A detector measures one habit of a head, from 0 to 1, as a mean over this text. ${DETECTORS.map((kind) => DETECTS[kind]).join('. ')}.`}>
          {narrow ? 'touch one to see it large' : 'point to see one large, click to keep it; named where a detector scores 0.2 or more'}
        </small>
        <TableToggle of="all heads" on={asTable} />
      </h2>
      {asTable.value ? (
        <HeadTable shown={shown} />
      ) : (
        <div class="heads-box" ref={box}>
          <HeadGrid
            renderer={renderer}
            theme={theme.value}
            layers={layers}
            nHeads={n_heads}
            tokens={shown.tokenized.ids.length}
            causal
            palette="cividis"
            scale={[0, 1]}
            note={(id) => {
              const scores = scoresOfHead(shown.now, id);
              const what = scores ? role(scores) : null;
              const off = experiment.isOff(id);
              // Below a thumbnail there is room for one of the two.
              return { tag: what?.kind ?? null, score: off && narrow ? null : (what?.score ?? null), off };
            }}
            layout={narrow ? 'strip' : 'grid'}
            width={widthPx}
            hovered={hovered}
            locked={locked}
            onHover={(head) => selection.preview(head ? { head } : null)}
            onLock={(head) => selection.toggleHead(head)}
          />
        </div>
      )}
      <p class="unseen">
        {`Strongest: ${DETECTORS.map((kind) => {
          const best = bestHead(shown.now, kind);
          return best ? `${kind} ${headName(best)} ${share(best[kind])}` : '';
        }).join(', ')}.`}
      </p>
    </figure>
  );
}
