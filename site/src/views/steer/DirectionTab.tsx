/** One direction: what it does to a text, and how much of it is too much. */
import type { ComponentChildren } from 'preact';
import { signal } from '@preact/signals';
import type { ReadRequest } from '../../engine/types';
import { three } from '../../state/numbers';
import { signed } from '../../ui/Curves';
import type { BarsData } from '../../ui/data';
import { BarsPicture } from '../BarsPicture';
import { usePaced } from '../usePaced';
import { arrayOf } from '../useReading';
import { useStudy } from '../useStudy';
import { DosePicture } from './DosePicture';
import { EffectSets } from './EffectSets';
import { doseRequest, outcomeOf, outcomesRequest, SEEDS, type Outcome } from './outcomes';
import { OutcomesPicture } from './OutcomesPicture';
import { RecipeFields } from './RecipeControls';
import { Texts } from './Texts';
import type { Bench } from './useBench';
import { textOf, useIds, useWays, WAY_WORDS, WAYS } from './useSteering';
import { useTexts } from './useTexts';

/** The curve that a person asked for; it is measured again only when they ask. */
const asked = signal<ReadRequest | null>(null);

const MOST = 6;

/** What is seen, with these numbers. */
function story(strength: number, base: Outcome, now: Outcome, random: Outcome | null, [down, up]: readonly (number | null | undefined)[]): string {
  const collapses = strength < 0 ? down : up;
  const gone = collapses != null && Math.abs(strength) >= Math.abs(collapses);
  return [
    `At ${signed(strength)} the effect goes from ${signed(base.effect)} to ${signed(now.effect)}, and perplexity from ${three(base.perplexity)} to ${three(now.perplexity)}.`,
    random && ` A random push of the same length: ${signed(random.effect)}.`,
    collapses != null && (gone ? ` The text has collapsed, as it does from ${signed(collapses)} on.` : ` From ${signed(collapses)} on the text collapses.`),
  ].filter(Boolean).join('');
}

interface DirectionProps {
  readonly bench: Bench;
  /** Whether the recipe's own fields are open. */
  readonly edits: boolean;
  /** What scrolls. */
  readonly panel: (children: ComponentChildren) => ComponentChildren;
}

export function DirectionTab({ bench, edits, panel }: DirectionProps) {
  const { app, shown, steer, change, made, effect, sampler } = bench;
  const [paced, waits] = usePaced(steer, shown.info);
  const insteadIds = useIds(steer.instead.trim() ? `${steer.instead.trim()} ${shown.text}` : null);
  const ways = useWays(paced, shown, made.vector, insteadIds);
  const text = useTexts(Object.fromEntries(WAYS.map((name, i) => [name, textOf(ways[i] ?? null, shown, sampler)])), shown.info.sha256);
  const all = ways.flatMap((way) => way ?? []);
  const outcome = useStudy(effect && made.vector ? outcomesRequest(all, shown, sampler, effect, SEEDS) : null);
  const wanted = effect && made.vector ? doseRequest(steer, made.vector, shown, sampler, effect) : null;
  const dose = useStudy(asked.value);
  const reading = outcome.state === 'done' ? outcome.reading : null;
  const [base, now, random] = (['baseline', 'steered', 'random'] as const).map((name) => reading && outcomeOf(reading, name));
  const measured = JSON.stringify(asked.value) === JSON.stringify(wanted) ? dose.reading?.values : undefined;
  const says = base && now ? story(steer.strength, base, now, random ?? null, [measured?.['collapse_down'], measured?.['collapse_up']]) : '';

  const writes: BarsData | null = made.reading && {
    kind: 'bars', title: 'What the direction writes', unit: 'logit', tokens: true,
    conventions: Object.entries(made.reading.conventions).map(([name, line]) => `${name}: ${line}`),
    rows: (['top', 'bottom'] as const).flatMap((end) => {
      const values = arrayOf(made.reading, `${end}_values`);
      const rows = Array.from(arrayOf(made.reading, `${end}_ids`).slice(0, MOST), (id, i) => ({ name: app.glyph(id), label: `id ${id}`, value: values[i] ?? NaN }));
      return end === 'top' ? rows : rows.reverse();
    }),
  };
  return (
    <>
      {panel(
        <>
          {edits && (
            <div class="steer-recipe">
              <RecipeFields steer={steer} change={change} shown={shown} />
            </div>
          )}
          {made.failure && (
            <p class="muted" role="alert">
              <code>{made.failure.status}</code> {made.failure.detail}
            </p>
          )}
          <Texts shown={shown} steer={steer} change={change} text={text} outcome={reading} outcomeStale={outcome.state !== 'done' || waits} />
          <div class="steer-below">
            <div>
              <DosePicture steer={steer} change={change} study={dose} wanted={wanted} onMeasure={() => (asked.value = wanted)} says={now ? `Effect ${three(now.effect)}, perplexity ${three(now.perplexity)}` : ''} />
              <EffectSets steer={steer} effect={effect} change={change} />
            </div>
            <div>
              <OutcomesPicture
                title={`At ${signed(steer.strength)}`}
                sub={`means of ${SEEDS}, perplexity’s geometric`}
                name="what it buys and what it costs"
                rows={WAYS.map((name) => ({ name, title: WAY_WORDS[name][0], strong: name === 'steered' }))}
                study={outcome}
              />
              <BarsPicture
                name="what the direction writes"
                title="What the direction writes"
                sub="through W_U"
                data={writes}
                what={made.request ? { kind: 'read', document: made.request } : null}
                stale={made.stale}
              />
            </div>
          </div>
        </>,
      )}
      <SteerStory bench={bench} says={says} />
    </>
  );
}

/** The line under the bench, and the one thing to do about it. */
function SteerStory({ bench: { steer, change }, says }: { readonly bench: Bench; readonly says: string }) {
  const on = steer.force === 'on';
  return (
    <section class="story" aria-label="What is seen">
      <p aria-live="polite">{says || 'The texts are on their way.'}</p>
      <button
        type="button"
        class={on ? 'button' : 'button ink'}
        title={on ? 'The other benches show the model without it again' : 'An intervention in force: every bench then shows the model steered so'}
        onClick={() => change({ force: on ? 'off' : 'on' })}
      >
        {on ? 'Take it out of force' : 'Put it in force'}
      </button>
    </section>
  );
}
