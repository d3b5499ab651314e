/** What is seen, in one line with this pair's numbers, and the one thing to do about it. */
import { scoreOf, type Place } from '../../state/patch';
import { full, three } from '../../state/numbers';
import { label } from '../../state/reading';
import { Tok } from '../../ui/Tok';
import { usePage } from '../page';
import { inForce, keepInForce, lockAt, measured, told } from './at';
import { TELLS } from './SweepTab';
import type { Bench } from './useBench';

export function PatchStory({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const { base, best, bestHead, carries } = told.value;
  if (!base || !best || !bestHead || best.position === null) return null;
  const { direction } = app.view.value;
  const equal = base.clean === base.corrupted;
  const score = (place: Place) => scoreOf(measured.value(place), base.clean, base.corrupted);
  /** How much of the difference a patch moves, whichever way. */
  const moves = (place: Place) => Math.abs(direction === 'denoise' ? score(place) : 1 - score(place));
  const says = (place: Place) => (
    <b title={`metric ${full(measured.value(place))}, score ${full(score(place))}`}>{equal ? three(measured.value(place)) : score(place).toFixed(2).replace('-', '−')}</b>
  );
  const token = bench.a.tokenized.tokens[best.position];
  const name = `L${bestHead.layer}H${bestHead.head}`;
  const does = direction === 'denoise' ? 'brings back most' : 'takes away most';
  const carried = !equal && carries && moves(carries) >= TELLS && carries.layer >= best.layer;
  return (
    <section class="story" aria-label="What is seen">
      <p aria-live="polite">
        What differs is kept at <code>{token && <Tok text={label(token, best.position)} />}</code>
        {carried ? (
          <>
            {' '}until layer {carries.layer}, whose attention carries it to the end: the score of attn_out L{carries.layer} there is {says(carries)}.
          </>
        ) : (
          <>
            : the score of resid_pre L{best.layer} there is {says(best)}.
          </>
        )}{' '}
        Of single heads {name} {does}: {direction === 'denoise' || equal ? says(bestHead) : <b title={`score ${full(score(bestHead))}`}>{moves(bestHead).toFixed(2)}</b>}.
      </p>
      <button type="button" class="button" onClick={() => { lockAt(app, bestHead); app.experiment.look({ bench: 'look', tab: 'attention' }); }}>
        See what {name} looks at
      </button>
      {!inForce(app, bestHead) && (
        <button type="button" class="button ink" title="As an intervention in force, in every bench" onClick={() => keepInForce(app, bestHead)}>
          Patch {name}
        </button>
      )}
    </section>
  );
}
