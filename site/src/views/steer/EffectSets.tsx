/** The two sets of tokens by whose log-odds the effect is measured: words with ␣ for a space, one after the other. */
import { useId, useState } from 'preact/hooks';
import { glyphs } from '../../state/reading';
import type { Steer } from '../../state/steer';
import { usePage } from '../page';
import type { Change } from './useSteering';

type Effect = NonNullable<Steer['effect']>;

interface Props {
  readonly steer: Steer;
  readonly effect: Effect | null;
  readonly change: Change;
}

const SIDES = [['for', 'effect: log-odds of'], ['against', 'over']] as const;

export function EffectSets({ steer, effect, change }: Props) {
  const { app } = usePage();
  const id = useId();
  const [typed, type] = useState<{ readonly side: keyof Effect; readonly text: string } | null>(null);
  if (!effect) return null;
  const vocabulary = app.vocabulary.value;
  const find = (word: string) => vocabulary.find((token) => glyphs(token) === `␣${word}`) ?? vocabulary.find((token) => glyphs(token) === word);
  const words = (text: string) => text.split(/[\s,]+/).filter(Boolean);
  const unknown = typed ? words(typed.text).filter((word) => !find(word)) : [];
  const take = () => {
    const ids = typed ? [...new Set(words(typed.text).flatMap((word) => find(word)?.id ?? []))] : [];
    if (typed && ids.length > 0 && ids.join() !== effect[typed.side].join()) change({ effect: { ...effect, [typed.side]: ids.slice(0, 100) } });
    type(null);
  };
  return (
    <div class="effect-sets" role="group" aria-label="What the effect is measured by">
      {SIDES.map(([side, says]) => (
        <span key={side} class="effect-set">
          <label for={`${id}-${side}`} class="muted">
            {says}
          </label>
          <input
            id={`${id}-${side}`}
            spellcheck={false}
            autocomplete="off"
            aria-invalid={typed?.side === side && unknown.length > 0}
            title={unknown.length > 0 ? `No tokens of this model: ${unknown.join(' ')}` : `${effect[side].map(app.glyph).join(' ')}: tokens, with ␣ for a space, one after the other; Enter takes them`}
            value={typed?.side === side ? typed.text : effect[side].map(app.glyph).join(' ')}
            onInput={(event) => type({ side, text: event.currentTarget.value })}
            onKeyDown={(event) => event.key === 'Enter' && take()}
            onBlur={take}
          />
        </span>
      ))}
      {steer.effect && (
        <button type="button" class="link" title="What tells the pairs apart, or what the vector writes most and least" onClick={() => change({ effect: null })}>
          As suggested
        </button>
      )}
    </div>
  );
}
