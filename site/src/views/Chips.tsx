/** The interventions in force, in their order: each can be muted and removed. */
import type { Edit } from '../engine/types';
import { ablatedHead, type Intervention } from '../state/experiment';
import { three } from '../state/numbers';
import { headName } from '../state/reading';
import { takesFrom } from '../state/run';
import { hookName, steerName, type Steer } from '../state/steer';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { EyeIcon, CrossIcon } from '../ui/icons';
import { usePage } from './page';

const counted = (word: string, of: readonly number[]) => `${word}${of.length === 1 ? '' : 's'} ${of.join(', ')}`;

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
    edit.heads && counted('head', edit.heads),
    neuron === null && edit.dims && `dims ${edit.dims[0]} to ${edit.dims[1] - 1}`,
    edit.sources && counted('source', edit.sources),
    edit.positions ? counted('position', edit.positions) : edit.from !== undefined ? `from position ${edit.from}` : 'all positions',
  ];
  const hook = neuron ?? edit.hook.replace(/^blocks\.(\d+)\./, 'L$1 ');
  return { what: `${edit.op}${range}${value}${scale} at ${hook}`, on: where.filter(Boolean).join(', ') };
}

interface ChipProps {
  readonly what: string;
  readonly on: string;
  readonly title: string;
  readonly muted: boolean;
  readonly onMute: () => void;
  readonly onOpen: () => void;
  readonly onHover?: (over: boolean) => void;
  readonly onRemove: () => void;
}

function Chip({ what, on, title, muted, onMute, onOpen, onHover, onRemove }: ChipProps) {
  return (
    <li class="chip" data-muted={muted}>
      <button
        type="button"
        aria-pressed={muted}
        aria-label={`Mute ${what}`}
        title={muted ? 'Muted: kept, but not applied. Press to apply it again.' : 'Mute: keep it, but do not apply it'}
        onClick={onMute}
      >
        <EyeIcon shut={muted} />
      </button>
      <button
        type="button"
        class="chip-says"
        onMouseEnter={() => onHover?.(true)}
        onMouseLeave={() => onHover?.(false)}
        title={title}
        onClick={onOpen}
      >
        {what} <span class="muted">{on}</span>
      </button>
      <button type="button" class="remove" aria-label={`Remove ${what}`} title="Remove" onClick={onRemove}>
        <CrossIcon />
      </button>
    </li>
  );
}

function EditChip({ intervention: { edit, muted }, index, onRemove }: { readonly intervention: Intervention; readonly index: number; readonly onRemove: () => void }) {
  const { app } = usePage();
  const head = ablatedHead(edit);
  return (
    <Chip
      {...nameOf(edit)}
      title={`Change it. ${head ? 'z is what the head found, before it is written to the stream; zero is nothing. ' : ''}${JSON.stringify(edit)}`}
      muted={muted}
      onMute={() => app.experiment.toggleMute(index)}
      onOpen={() => (app.panel.value = { edit, index })}
      onHover={(over) => app.selection.preview(over && head ? { head } : null)}
      onRemove={onRemove}
    />
  );
}

/** What the Steer bench put in force: the last that is applied. */
function SteerChip({ steer, onRemove }: { readonly steer: Steer; readonly onRemove: () => void }) {
  const { app } = usePage();
  const { experiment } = app;
  const muted = steer.force === 'muted';
  return (
    <Chip
      what={steerName(steer, app.glyph)}
      on={`${hookName(steer.hook)}${steer.where === 'all' ? '' : steer.where === 'rest' ? ', from position 1' : ', from the last token'}`}
      title="Change it in the Steer bench"
      muted={muted}
      onMute={() => experiment.steer({ ...steer, force: muted ? 'on' : 'muted' })}
      onOpen={() => experiment.look({ bench: 'steer' })}
      onRemove={onRemove}
    />
  );
}

/** A study's runs are its own. */
const ASIDE = { patch: 'at work in Look and Steer; studies measure the model as it is', steer: 'set aside in the dose curve' } as const;

export function Chips() {
  const { app } = usePage();
  const { interventions, steer } = app.experiment.current.value;
  const steers = steer !== null && steer.force !== 'off';
  const count = interventions.length + Number(steers);
  const { bench } = app.view.value;
  // What is pressed goes away with its chip: the focus moves to the next chip, or on to the text.
  const list = useRef<HTMLUListElement>(null);
  const goTo = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (goTo.current === null) return;
    const chip = list.current?.children[Math.min(goTo.current, count - 1)];
    (chip?.querySelector<HTMLElement>('.remove') ?? document.querySelector<HTMLElement>('.strip .edit'))?.focus();
    goTo.current = null;
  }, [interventions, steers]);
  return (
    <section class="chips" aria-label="Interventions in force">
      <span class="muted" title="The interventions that the numbers shown were computed with">
        In force
      </span>
      {count === 0 ? (
        <span class="muted">nothing: every number is the model as it was trained</span>
      ) : (
        <>
          <ul ref={list}>
            {interventions.map((intervention, i) => (
              <EditChip
                key={i}
                intervention={intervention}
                index={i}
                onRemove={() => {
                  goTo.current = i;
                  app.experiment.remove(i);
                }}
              />
            ))}
            {steers && (
              <SteerChip
                steer={steer}
                onRemove={() => {
                  goTo.current = interventions.length;
                  app.experiment.steer({ ...steer, force: 'off' });
                }}
              />
            )}
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
          {bench !== 'look' && interventions.length > 0 && <span class="muted">{ASIDE[bench]}</span>}
        </>
      )}
      <button type="button" class="link add" onClick={() => (app.panel.value = { edit: null, index: null })}>
        Add an intervention
      </button>
    </section>
  );
}
