/** What is seen in a study, in a sentence with its own numbers. Pure: numbers in, words out; `title`: the numbers whole.
 *  The words never say more than the sign does: what goes the other way is not said to bring back. */
import { full, three } from '../../state/numbers';
import { METRICS, scoreOf, type MetricKind } from '../../state/patch';
import { headNamed } from '../../state/reading';
import type { HeadId } from '../../state/selection';
import type { View } from '../../state/view';
import { gained, scoreWords, short, type Base } from './cells';
import { TELLS_OF_ONE } from './kept';

export interface Said {
  readonly words: string;
  readonly title: string;
  /** That it is about. */
  readonly head: HeadId | null;
}

/** What goes the other way is told from here on. */
const TELLS_AGAINST = 0.05;

const two = (x: number) => short(Math.abs(x) < TELLS_OF_ONE ? 0 : x);
const said = (words: string, title: string, name: string): Said => ({ words, title, head: headNamed(/L\d+H\d+/.exec(name)?.[0] ?? '') });

interface Part {
  readonly name: string;
  readonly value: number;
}

/** The one of which there is most, of those that have a number. */
const most = <T>(of: readonly T[], how: (one: T) => number): T | null => of.reduce<T | null>((best, one) => (Number.isNaN(how(one)) || (best && how(best) >= how(one)) ? best : one), null);

export interface Scored {
  readonly base: Base;
  readonly direction: View['direction'];
  readonly metric: MetricKind;
}

export const noScore = ({ base, metric }: Pick<Scored, 'base' | 'metric'>) => `A and B have the same ${METRICS[metric][0]}, ${three(base.clean)}: there is no difference to bring back, and no score. `;
export const noneDoes = (direction: View['direction']) => (direction === 'denoise' ? 'brings any of it back' : 'takes any of it away');

/** Of what the numbers are means; what follows a colon begins small. */
const over = ({ pairs }: Base) => (pairs > 1 ? `Over ${pairs} pairs: ` : '');
const after = (first: string, words: string) => first + (first.endsWith(': ') ? words.replace(/^(Of|No) /, (word) => word.toLowerCase()) : words);

/** Metrics in the words of a pair. */
function telling(how: Scored) {
  const { base, direction } = how;
  const { clean, corrupted } = base;
  const equal = clean === corrupted;
  const says = (m: number) => (equal ? three(m) : two(scoreOf(m, clean, corrupted)));
  return {
    first: equal ? noScore(how) : over(base),
    gain: (m: number) => gained(m, base, direction),
    says,
    does: (m: number) => (equal ? `moves it most: to ${says(m)}` : direction === 'denoise' ? `brings back most: ${says(m)}` : `takes away most: ${says(m)} is left`),
    none: noneDoes(direction),
    whole: ({ name, value }: Part) => `${name}: metric ${full(value)}${equal ? '' : `, score ${full(scoreOf(value, clean, corrupted))}, which is ${scoreWords(base)}`}`,
  };
}

/** Of direct paths, each by its other end: the one that does most, and one that does the opposite. `of`: "into L1H3.k", "from L0H2".
 *  `path`: what they are, where they are not those of path patching. */
export function pathStory(how: Scored, of: string, paths: readonly Part[], path = 'direct path'): Said {
  const { first, gain, says, does, none, whole } = telling(how);
  const [best, worst] = [most(paths, ({ value }) => gain(value)), most(paths, ({ value }) => -gain(value))];
  if (!best || !worst) return said(`There is no ${path} ${of}.`, '', '');
  const that = ({ name }: Part) => `that ${of.startsWith('from') ? 'into' : 'from'} ${name}`;
  const against = gain(worst.value) <= -TELLS_AGAINST ? ` T${that(worst).slice(1)} goes the other way: ${says(worst.value)}.` : '';
  if (gain(best.value) < TELLS_OF_ONE) return said(after(first, `No ${path} ${of} ${none} by itself.${against}`), whole(best), against && worst.name);
  return said(after(first, `Of the ${paths.length} ${path}s ${of} ${that(best)} alone ${does(best.value)}.${against}`), whole(best), best.name);
}

interface Estimate extends Part {
  readonly guess: number;
}

/** Of patches, each with its metric and what gradients say of it: the one that does most, whether gradients find it, and how both correlate
 *  over all. `r`: Pearson's; null: there is none. */
export function estimateStory(how: Scored, places: readonly Estimate[], r: string | null): Said {
  const { first, gain, says, does, none, whole } = telling(how);
  const [best, named] = [most(places, ({ value }) => gain(value)), most(places, ({ guess }) => gain(guess))];
  if (!best || !named) return said('', '', '');
  const fits = r === null ? '' : ` Over all ${places.length} patches both correlate with r = ${r}.`;
  if (gain(best.value) < TELLS_OF_ONE) return said(after(first, `No single patch ${none}.${fits}`), whole(best), '');
  const found = named === best ? 'and name it first, too' : `but name ${named.name} first (${says(named.guess)}; by patching ${says(named.value)})`;
  return said(`${first}${best.name} ${does(best.value)}. Gradients say ${says(best.guess)}, ${found}.${fits}`, `${whole(best)}; by gradients: metric ${full(best.guess)}`, best.name);
}

interface CircuitNumbers {
  readonly edges: number;
  readonly all: number;
  readonly faithfulness: number;
  readonly completeness: number;
}

/** Of the circuit that is looked at: how much of the difference it makes, and all others without it. `enough`: what no smaller one of those
 *  that were tried makes; null: it is not the first that does. */
export function circuitStory(how: Pick<Scored, 'base' | 'metric'>, { edges, all, faithfulness, completeness }: CircuitNumbers, enough: number | null): Said {
  const one = edges === 1;
  const than = faithfulness > 1 + TELLS_OF_ONE ? ', more than all edges do' : faithfulness < -TELLS_OF_ONE ? ', the other way' : '';
  const words = Number.isFinite(faithfulness)
    ? `${over(how.base)}${edges} edge${one ? '' : 's'}, of ${all}, make${one ? 's' : ''} ${two(faithfulness)} of the difference in ${METRICS[how.metric][0]}${than}${enough === null ? '' : `; no smaller circuit of those tried makes ${enough}`}. ${
        edges < all ? `All others without ${one ? 'it' : 'them'} make ${two(completeness)} of it.` : 'These are all.'}`
    : noScore(how);
  return said(words, `faithfulness ${full(faithfulness)}, completeness ${full(completeness)}`, '');
}

/** What an ablation of a part that helps lowers; it raises the others. */
const BETTER: readonly string[] = ['logit_diff', 'log_prob'];

/** Of ablations, each with what is measured then: the one that harms most, and one without which it is better. `instead`: what takes its
 *  place, "" where nothing does. */
export function ablationStory(judged: MetricKind | 'loss', base: number, kind: string, instead: string, parts: readonly Part[]): Said {
  const word = judged === 'loss' ? 'mean loss' : METRICS[judged][0];
  const nats = judged === 'rank' || judged === 'logit_diff' ? '' : ' nats';
  const harm = ({ value }: Part) => (BETTER.includes(judged) ? base - value : value - base);
  const [best, worst] = [most(parts, harm), most(parts, (part) => -harm(part))];
  if (!best || !worst) return said('', '', '');
  const without = ({ name }: Part) => `ith${instead ? ` ${name} ${instead}` : `out ${name}`}`;
  const moves = ({ value }: Part) => `${value < base ? 'falls' : 'rises'} from ${three(base)} to ${three(value)}${nats}`;
  const moved = (part: Part, sign: number) => sign * harm(part) > 0 && three(part.value) !== three(base);
  const better = moved(worst, -1);
  const title = `${word}, nothing ablated: ${full(base)}; w${without(best)}: ${full(best.value)}`;
  if (moved(best, 1)) return said(`W${without(best)} the ${word} ${moves(best)}: no other single ${kind} is missed so much.${better ? ` W${without(worst)} it ${moves(worst)}.` : ''}`, title, best.name);
  return said(`No single ${kind} is missed: ${better ? `w${without(worst)} the ${word} even ${moves(worst)}` : `the ${word} stays at ${three(base)}${nats}`}.`, title, better ? worst.name : '');
}
