/** One direction: what it does to a text, and how much of it is too much. */
import type { ComponentChildren } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { Reading } from '../../engine/types';
import { three } from '../../state/numbers';
import type { Steer } from '../../state/steer';
import { signed } from '../../ui/Curves';
import type { BarsData } from '../../ui/data';
import { BarsPicture } from '../BarsPicture';
import { usePaced } from '../usePaced';
import { arrayOf } from '../useReading';
import { useStudy } from '../useStudy';
import { curvesOf, DosePicture, DoseSlider } from './DosePicture';
import { EffectSets } from './EffectSets';
import { doseRequest, hasCollapsed, outcomeOf, outcomesRequest, outcomeWords, repeatsMore, SEEDS, textsOf, type Outcome } from './outcomes';
import { OutcomesPicture } from './OutcomesPicture';
import { RecipeFields } from './RecipeControls';
import { Texts } from './Texts';
import type { Bench } from './useBench';
import { useDose } from './useDose';
import { textOf, useIds, useWays, WAY_WORDS, WAYS } from './useSteering';
import { NO_TEXT, useTexts } from './useTexts';

const MOST = 6;

/** What is seen, with these numbers; `measured`: the curve's, if there is one of the same model. A text that has collapsed at one strength
 *  may not have at a greater one: each strength is judged by its own texts, curve or not. */
export function story(
  { strength, op }: Pick<Steer, 'strength' | 'op'>, limits: Reading['values'], base: Outcome, now: Outcome, random: Outcome | null, measured: Reading['values'] | undefined,
): string {
  const first = measured?.[strength < 0 ? 'collapse_down' : 'collapse_up'];
  const gone = hasCollapsed(limits, base.perplexity, now.perplexity, now.repetition);
  return [
    `At ${signed(strength)} the effect goes from ${outcomeWords('effect', base.effect)} to ${outcomeWords('effect', now.effect)}, and perplexity from ${three(base.perplexity)} to ${three(now.perplexity)}.`,
    repeatsMore(base, now),
    random && ` A random ${op === 'add' || op === 'ablate_add' ? 'push of the same length' : 'direction instead'}: ${outcomeWords('effect', random.effect)}.`,
    gone && ' The text has collapsed.',
    first != null && (!gone || first !== strength) && ` ${gone ? 'It first does' : 'It collapses first'} at ${signed(first)}.`,
  ].filter(Boolean).join('');
}

interface DirectionProps {
  readonly bench: Bench;
  /** Whether the recipe's own fields are open. */
  readonly edits: boolean;
  /** Closes them again. */
  readonly onEscape: (event: KeyboardEvent) => void;
  /** What scrolls. */
  readonly panel: (children: ComponentChildren) => ComponentChildren;
}

export function DirectionTab({ bench, edits, onEscape, panel }: DirectionProps) {
  const { app, shown, steer, change, made, effect, sampler, others } = bench;
  const [paced, waits] = usePaced(steer, shown.info);
  const insteadIds = useIds(steer.instead.trim() ? `${steer.instead.trim()} ${shown.text}` : null);
  const ways = useWays(paced, shown, made.vector, insteadIds);
  const text = useTexts(Object.fromEntries(WAYS.map((name, i) => [name, textOf(ways[i] ?? null, shown, sampler)])), shown.info.sha256);
  const all = ways.flatMap((way) => way ?? []);
  /** A text of the direction is whole only while it is of what is set. */
  const textOfNow: typeof text = (name) =>
    name === 'baseline' || name === 'prompt' ? text(name) : made.flaw ? NO_TEXT : waits ? { ...text(name), whole: false } : text(name);
  const read = insteadIds !== null || !steer.instead.trim();
  const outcome = useStudy(effect && read && made.vector ? outcomesRequest(all, shown, sampler, effect, SEEDS) : null);
  const wanted = effect && made.vector ? doseRequest(steer, made.vector, shown, sampler, effect) : null;
  const dose = useDose(wanted, shown.info);
  const curves = useMemo(() => curvesOf(dose.reading, steer), [dose.reading, steer.range]);
  /** Milliseconds that one of the texts took, here and now. */
  const pace = useRef<number | null>(null);
  if (outcome.took !== null && outcome.request) pace.current = outcome.took / textsOf(outcome.request);
  const reading = outcome.state === 'done' ? outcome.reading : null;
  const [base, now, random] = (['baseline', 'steered', 'random'] as const).map((name) => reading && outcomeOf(reading, name));
  const says = reading && base && now ? story(paced, reading.values, base, now, random ?? null, others.length > 0 ? undefined : dose.reading?.values) : '';

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
            <div class="steer-recipe" onKeyDown={onEscape}>
              <RecipeFields steer={steer} change={change} shown={shown} />
            </div>
          )}
          {(made.flaw ?? made.failure) && (
            <p class="muted" role="alert">
              {made.flaw ?? made.failure?.detail}
            </p>
          )}
          <Texts shown={shown} steer={steer} strength={paced.strength} change={change} text={textOfNow} outcome={reading} outcomeStale={outcome.state !== 'done' || waits} />
          <DoseSlider
            steer={steer}
            change={change}
            data={curves}
            study={dose}
            takes={wanted && pace.current !== null ? pace.current * textsOf(wanted) : null}
            says={now && !waits ? `Effect ${three(now.effect)}, perplexity ${three(now.perplexity)}` : ''}
          />
          <div class="steer-below">
            <DosePicture steer={steer} change={change} data={curves} study={dose} texts={waits || others.length > 0 ? null : (now ?? null)}>
              <EffectSets steer={steer} effect={effect} change={change} />
            </DosePicture>
            <div>
              <OutcomesPicture
                title={`At ${signed(paced.strength)}`}
                sub={`means of ${SEEDS} (perplexity: geometric mean)`}
                name="what it buys and what it costs"
                rows={WAYS.map((name) => ({ name, title: WAY_WORDS[name][0], strong: name === 'steered' }))}
                study={outcome}
              />
              <BarsPicture
                name="what the direction writes"
                title="What the direction writes"
                sub="at strength 1, through W_U"
                data={writes}
                what={made.request ? { kind: 'read', document: made.request } : null}
                stale={made.stale}
              >
                <p class="sub">
                  What the direction alone adds to each token’s logit (v · W_U, no LayerNorm), the {MOST} most and least. Later layers still turn it: the
                  texts are the judge.
                </p>
              </BarsPicture>
            </div>
          </div>
        </>,
      )}
      <SteerStory bench={bench} says={made.flaw || made.failure ? 'Nothing is steered: what is wrong stands above.' : says} />
    </>
  );
}

/** The line under the bench, and the one thing to do about it. */
function SteerStory({ bench: { app, steer, change }, says }: { readonly bench: Bench; readonly says: string }) {
  const on = steer.force === 'on';
  return (
    <section class="story" aria-label="What is seen" data-stale={app.model.value.kind !== 'ready'}>
      <p aria-live="polite">{says || 'The texts are on their way.'}</p>
      {on && (
        <button type="button" class="link" onClick={() => app.experiment.look({ bench: 'look' })}>
          In force: see it in Look
        </button>
      )}
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
