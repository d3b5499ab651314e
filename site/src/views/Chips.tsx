/** The interventions in force, in their order: each can be muted and removed. */
import type { Edit } from '../engine/types';
import { ablatedHead, type Intervention } from '../state/experiment';
import { three } from '../state/numbers';
import { headName } from '../state/reading';
import { takesFrom } from '../state/run';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { EyeIcon, CrossIcon } from '../ui/icons';
import { usePage } from './page';

const list = (of: readonly number[]) => of.join(', ');

const brief = (text: string) => (text.length > 24 ? `${text.slice(0, 24)}…` : text);

/** An edit in few words: what, and on what. */
export function nameOf(edit: Edit): { readonly what: string; readonly on: string } {
  const head = ablatedHead(edit);
  if (head) return { what: `ablate ${headName(head)}`, on: 'z = 0, all positions' };
  const value = edit.value === undefined ? '' : typeof edit.value === 'number' ? ` ${three(edit.value)}` : 'run' in Object(edit.value) ? ` from ${takesFrom(edit, 'A') ? 'A' : 'B'}` : ` ${brief(JSON.stringify(edit.value))}`;
  const scale = edit.scale === undefined ? '' : ` × ${three(edit.scale)}`;
  const layer = /^blocks\.(\d+)\.mlp\.hook_post$/.exec(edit.hook)?.[1];
  const neuron = layer !== undefined && edit.dims && edit.dims[1] === edit.dims[0] + 1 ? `L${layer} N${edit.dims[0]}` : null;
  const range = edit.op === 'clamp' ? ` to ${edit.min ?? '−∞'} … ${edit.max ?? '∞'}` : '';
  const where = [
    edit.heads && `heads ${list(edit.heads)}`,
    neuron === null && edit.dims && `dims ${edit.dims[0]} to ${edit.dims[1] - 1}`,
    edit.sources && `sources ${list(edit.sources)}`,
    edit.positions ? `positions ${list(edit.positions)}` : edit.from !== undefined ? `from position ${edit.from}` : 'all positions',
  ];
  const hook = neuron ?? edit.hook.replace(/^blocks\.(\d+)\./, 'L$1 ');
  return { what: `${edit.op}${range}${value}${scale} at ${hook}`, on: where.filter(Boolean).join(', ') };
}

interface ChipProps {
  readonly intervention: Intervention;
  readonly index: number;
  readonly onRemove: () => void;
}

function Chip({ intervention, index, onRemove }: ChipProps) {
  const { app } = usePage();
  const { what, on } = nameOf(intervention.edit);
  const head = ablatedHead(intervention.edit);
  return (
    <li class="chip" data-muted={intervention.muted}>
      <button
        type="button"
        aria-pressed={intervention.muted}
        aria-label={`Mute ${what}`}
        title={intervention.muted ? 'Muted: kept, but not applied. Press to apply it again.' : 'Mute: keep it, but do not apply it'}
        onClick={() => app.experiment.toggleMute(index)}
      >
        <EyeIcon shut={intervention.muted} />
      </button>
      <button
        type="button"
        class="chip-says"
        onMouseEnter={() => head && app.selection.preview({ head })}
        onMouseLeave={() => app.selection.preview(null)}
        title={`Change it. ${head ? 'z is what the head found, before it is written to the stream; zero is nothing. ' : ''}${JSON.stringify(intervention.edit)}`}
        onClick={() => (app.panel.value = { edit: intervention.edit, index })}
      >
        {what} <span class="muted">{on}</span>
      </button>
      <button type="button" class="remove" aria-label={`Remove ${what}`} title="Remove" onClick={onRemove}>
        <CrossIcon />
      </button>
    </li>
  );
}

export function Chips() {
  const { app } = usePage();
  const { interventions } = app.experiment.current.value;
  // What is pressed goes away with its chip: the focus moves to the next chip, or on to the text.
  const list = useRef<HTMLUListElement>(null);
  const goTo = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (goTo.current === null) return;
    const chip = list.current?.children[Math.min(goTo.current, interventions.length - 1)];
    (chip?.querySelector<HTMLElement>('.remove') ?? document.querySelector<HTMLElement>('.strip .edit'))?.focus();
    goTo.current = null;
  }, [interventions]);
  return (
    <section class="chips" aria-label="Interventions in force">
      <span class="muted" title="The interventions that the numbers shown were computed with">
        In force
      </span>
      {interventions.length === 0 ? (
        <span class="muted">nothing: every number is the model as it was trained</span>
      ) : (
        <>
          <ul ref={list}>
            {interventions.map((intervention, i) => (
              <Chip
                key={i}
                intervention={intervention}
                index={i}
                onRemove={() => {
                  goTo.current = i;
                  app.experiment.remove(i);
                }}
              />
            ))}
          </ul>
          <button
            type="button"
            class="link"
            onClick={() => {
              goTo.current = 0;
              app.experiment.clear();
            }}
          >
            Clear
          </button>
        </>
      )}
      <button type="button" class="link add" onClick={() => (app.panel.value = { edit: null, index: null })}>
        Add an intervention
      </button>
    </section>
  );
}
