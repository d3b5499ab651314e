/** What is seen, in one line with this pair's numbers, and the one thing to do about it. */
import type { ComponentChildren } from 'preact';
import { scoreOf, type Place } from '../../state/patch';
import { full, three } from '../../state/numbers';
import { label } from '../../state/reading';
import { Tok } from '../../ui/Tok';
import { usePage } from '../page';
import { inForce, keepInForce, lockAt, lockHead, measured, said, told } from './at';
import { gained } from './cells';
import { noneDoes, noScore, TELLS_OF_ONE } from './stories';
import { TELLS } from './SweepTab';
import type { Bench } from './useBench';

const MOST_PLACES = 3;

/** "one, another and a third" */
const listed = (of: readonly number[], say: (i: number) => ComponentChildren) => of.map((i, at) => <>{at > 0 && (at === of.length - 1 ? ' and ' : ', ')}{say(i)}</>);

export function PatchStory({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const { base, best, bestHead, carries } = told.value;
  if (!base || !best || !bestHead || best.position === null) return null;
  const { direction, metric } = app.view.value;
  const equal = base.clean === base.corrupted;
  const score = (place: Place) => scoreOf(measured.value(place), base.clean, base.corrupted);
  const gain = (place: Place) => gained(measured.value(place), base, direction);
  const says = (place: Place) => {
    const m = measured.value(place);
    return equal ? <b title={`metric ${full(m)}`}>{three(m)}</b> : <b title={`metric ${full(m)}, score ${full(score(place))}`}>{score(place).toFixed(2).replace('-', '−')}</b>;
  };
  const { tokens } = bench.a.tokenized;
  // All places that do about as much there as the best, the end aside.
  const far = (position: number) => gain({ ...best, position });
  const kept = tokens
    .map((_, i) => i)
    .filter((i) => i === best.position || (i < tokens.length - 1 && far(i) >= far(best.position ?? 0) / 2))
    .sort((i, j) => far(j) - far(i))
    .slice(0, MOST_PLACES);
  const name = `L${bestHead.layer}H${bestHead.head}`;
  const found = gain(bestHead) >= TELLS_OF_ONE;
  const carried = !equal && carries && gain(carries) >= TELLS && carries.layer >= best.layer;
  if (equal)
    return (
      <section class="story" aria-label="What is seen">
        <p aria-live="polite">
          {noScore({ base, metric })}{found ? <>Of single heads {name} moves it most: to {says(bestHead)}.</> : 'No single head moves it.'}
        </p>
      </section>
    );
  return (
    <section class="story" aria-label="What is seen">
      <p aria-live="polite">
        {base.pairs > 1 ? `Over ${base.pairs} pairs what` : 'What'} differs is kept at {listed(kept, (i) => { const token = tokens[i]; return <code>{token && <Tok text={label(token, i)} />}</code>; })}
        {carried ? (
          <>
            {' '}until layer {carries.layer}, whose attention carries it to the end: the score of attn_out L{carries.layer} there is {says(carries)}.
          </>
        ) : (
          <>
            : the score of resid_pre L{best.layer} there is {listed(kept, (position) => says({ ...best, position }))}.
          </>
        )}{' '}
        {!found ? (
          `No single head ${noneDoes(direction)}.`
        ) : direction === 'denoise' ? (
          <>Of single heads {name} brings back most: {says(bestHead)}.</>
        ) : (
          <>Of single heads {name} takes away most: {says(bestHead)} is left.</>
        )}
      </p>
      {found && <button type="button" class="button" onClick={() => { lockAt(app, bestHead); app.experiment.look({ bench: 'look', tab: 'attention' }); }}>
        See what {name} looks at
      </button>}
      {found && !inForce(app, bestHead) && (
        <button type="button" class="button ink" title="As an intervention in force, in every bench" onClick={() => keepInForce(app, bestHead)}>
          Patch {name}
        </button>
      )}
    </section>
  );
}

/** The same of a study that says its sentence itself. */
export function StudyStory() {
  const { app } = usePage();
  const { words, title, head } = said.value;
  return (
    <section class="story" aria-label="What is seen">
      <p aria-live="polite" title={title}>
        {words}
      </p>
      {head && (
        <button type="button" class="button" onClick={() => { lockHead(app, head); app.experiment.look({ bench: 'look', tab: 'attention' }); }}>
          See what L{head.layer}H{head.head} looks at
        </button>
      )}
    </section>
  );
}
