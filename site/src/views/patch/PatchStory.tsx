/** What is seen, in one line with this pair's numbers, and the one thing to do about it. */
import type { ComponentChildren } from 'preact';
import { scoreOf, type Place } from '../../state/patch';
import { full, three } from '../../state/numbers';
import { glyphs, label } from '../../state/reading';
import type { View } from '../../state/view';
import { Tok } from '../../ui/Tok';
import { usePage } from '../page';
import { inForce, toggleInForce, lockAt, lockHead, measured, said, told } from './at';
import { gained } from './cells';
import { TELLS_OF_ONE, type Kept } from './kept';
import { noneDoes, noScore } from './stories';
import type { Bench } from './useBench';

/** "one, another and a third" */
const listed = (of: readonly number[], say: (i: number) => ComponentChildren) => of.map((i, at) => <>{at > 0 && (at === of.length - 1 ? ' and ' : ', ')}{say(i)}</>);

/** What of heads is patched, and whether that of one head is many. */
const OF_HEADS: Readonly<Record<View['of'], readonly [words: string, many: boolean]>> = {
  z: ['outputs (z)', false], q: ['queries', true], k: ['keys', true], v: ['values', true], pattern: ['patterns', false],
};

export function PatchStory({ bench }: { readonly bench: Bench }) {
  const { app } = usePage();
  const { base, where, bestHead } = told.value;
  if (!base || !where || !bestHead) return null;
  const { direction, metric, of } = app.view.value;
  const equal = base.clean === base.corrupted;
  const score = (place: Place) => scoreOf(measured.value(place), base.clean, base.corrupted);
  const gain = (place: Place) => gained(measured.value(place), base, direction);
  const says = (place: Place) => {
    const m = measured.value(place);
    return equal ? <b title={`metric ${full(m)}`}>{three(m)}</b> : <b title={`metric ${full(m)}, score ${full(score(place))}`}>{score(place).toFixed(2).replace('-', '−')}</b>;
  };
  const { tokens } = bench.a.tokenized;
  const end = tokens.length - 1;
  const inStream = (site: Place['site'], layer: number, position: number): Place => ({ site, layer, head: null, position, source: null });
  // Another pair of the set has another token there.
  const at = (i: number) => {
    const token = tokens[i];
    if (!token) return null;
    return base.pairs > 1 ? <>position {i} (here <code><Tok text={glyphs(token, i)} /></code>)</> : <code><Tok text={label(token, i)} /></code>;
  };
  const name = `L${bestHead.layer}H${bestHead.head}`;
  const found = gain(bestHead) >= TELLS_OF_ONE;
  const [words, many] = OF_HEADS[of];
  const that = <>Of the {words} of single heads th{many ? 'ose' : 'at'} of {name}</>;
  if (equal)
    return (
      <section class="story" aria-label="What is seen">
        <p aria-live="polite">
          {noScore({ base, metric })}{found ? <>{that} move{!many && 's'} it most: to {says(bestHead)}.</> : 'No single head moves it.'}
        </p>
      </section>
    );
  const { kept, first, atEnd, alone, carries } = where;
  const scores = ({ layer, positions }: Kept) => listed(positions, (position) => says(inStream('resid_pre', layer, position)));
  const differs = base.pairs > 1 ? `Over ${base.pairs} pairs what differs` : 'What differs';
  const carried = carries !== null && <>the score of attn_out L{carries} there is {says(inStream('attn_out', carries, end))}.</>;
  return (
    <section class="story" aria-label="What is seen">
      <p aria-live="polite">
        {kept.positions.length === 0 ? (
          `No single position of the stream before the end ${noneDoes(direction)}.`
        ) : atEnd ? (
          <>
            {differs} is at {listed(kept.positions, at)}{alone && ', where the answer is read'}: the score of resid_pre L{kept.layer} there is {scores(kept)}
            {alone ? '; nothing has to be carried.' : `; the answer is read at position ${end}.`}
          </>
        ) : (
          <>
            {differs} is {first ? <>at {listed(first.positions, at)} in resid_pre L{first.layer}, and then</> : 'kept'} at {listed(kept.positions, at)}
            {carries === null ? (
              <>{first && ` in resid_pre L${kept.layer}`}: the score of resid_pre L{kept.layer} there is {scores(kept)}.</>
            ) : carries === kept.layer ? (
              <> until layer {carries}, whose attention carries it to the end: {carried}</>
            ) : (
              <> until layer {kept.layer}; attention in layer {carries} brings it to the end: {carried}</>
            )}
          </>
        )}{' '}
        {!found ? (
          `No single head ${noneDoes(direction)}.`
        ) : direction === 'denoise' ? (
          <>{that} bring{!many && 's'} back most: {says(bestHead)}.</>
        ) : (
          <>{that} take{!many && 's'} away most: {says(bestHead)} is left.</>
        )}
      </p>
      {found && <button type="button" class="button" onClick={() => { lockAt(app, bestHead); app.experiment.look({ bench: 'look', tab: 'attention' }); }}>
        See what {name} looks at
      </button>}
      {found && !inForce(app, bestHead) && (
        <button type="button" class="button ink" title="As an intervention in force, in every bench" onClick={() => toggleInForce(app, bestHead)}>
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
