/** Understanding v. control: one end reached by ablation, patching, steering and prompting, and what each costs. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Edit } from '../../engine/types';
import { ablation } from '../../state/experiment';
import { asFailure } from '../../state/failure';
import { deviation, three, topIndices } from '../../state/numbers';
import { headName, headNamed } from '../../state/reading';
import { runPart } from '../../state/run';
import { hookName, steerEdits, steerName, streamHooks, type Steer } from '../../state/steer';
import { arrayOf } from '../useReading';
import { useStudy } from '../useStudy';
import { EffectSets } from './EffectSets';
import { outcomeOf, outcomesRequest, outcomeWords, SEEDS, type WayRun } from './outcomes';
import { OutcomesPicture, type OutcomeRow } from './OutcomesPicture';
import { Select } from './RecipeControls';
import { StudyProgress } from '../StudyProgress';
import type { Bench } from './useBench';
import { useIds, type Change } from './useSteering';
import { waysStory } from './waysStory';

const WORDS: Readonly<Record<string, string>> = { nothing: 'Nothing', ablation: 'Ablation', patching: 'Patching', steering: 'Steering', prompting: 'Prompting', 'in force': 'In force' };

/** Names of heads, taken with Enter or when the field is left. */
function Heads({ steer, change, layers, heads }: { readonly steer: Steer; readonly change: Change; readonly layers: number; readonly heads: number }) {
  const [typed, type] = useState<string | null>(null);
  const found = (text: string) => (text.match(/L\d+H\d+/gi) ?? []).flatMap((name) => headNamed(name.toUpperCase()) ?? []);
  const bad = typed !== null && found(typed).some(({ layer, head }) => layer >= layers || head >= heads);
  const take = () => {
    if (typed !== null && !bad) change({ off: found(typed).map(({ layer, head }) => [layer, head] as const) });
    type(null);
  };
  return (
    <input
      aria-label="Heads that are switched off"
      placeholder={`for example ${headName({ layer: layers - 1, head: heads - 1 })}`}
      spellcheck={false}
      aria-invalid={bad}
      title={bad ? `This model has ${layers} layers of ${heads} heads` : 'Names of heads; Enter takes them'}
      value={typed ?? steer.off.map(([layer, head]) => headName({ layer, head })).join(', ')}
      onInput={(event) => type(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Enter' && take()}
      onBlur={take}
    />
  );
}

/** So many heads are tried in texts. */
const TRIED = 8;

/** The head whose absence serves the end best: of those that seem to by the first token of each set after the prompt, the one
 *  whose texts have the greatest effect; none where no text gains. Of another end, prompt or sampler it is another one (`key`). */
function FindHead({ bench: { app, shown, change, sampler }, effect }: { readonly bench: Bench; readonly effect: NonNullable<Steer['effect']> }) {
  const [state, say] = useState<'busy' | { readonly detail: string } | null>(null);
  const [correct, wrong] = [effect.for[0], effect.against[0]];
  const { n_heads } = shown.info.config;
  const ids = [...shown.tokenized.ids];
  const [stop] = useState(() => new AbortController());
  useEffect(() => () => stop.abort(), []);
  async function find() {
    say('busy');
    try {
      const reading = await app.readings.ask({
        read: 'ablate', prompts: [ids], what: 'z', by: 'layer,head', op: 'zero', metric: { kind: 'logit_diff', position: -1, correct, wrong },
      });
      const heads = topIndices(arrayOf(reading, 'values'), TRIED).map((i) => ({ layer: Math.floor(i / n_heads), head: i % n_heads }));
      const ways = heads.map((head): WayRun => ({ name: headName(head), part: { ids, edits: [ablation(head)] }, frozen: false }));
      const told = await app.readings.study(outcomesRequest(ways, shown, sampler, effect, SEEDS), stop.signal, () => {});
      if (stop.signal.aborted) return;
      const effectOf = (name: string) => outcomeOf(told, name)?.effect ?? Number.NEGATIVE_INFINITY;
      const best = heads.reduce((most, head) => (effectOf(headName(head)) > effectOf(headName(most)) ? head : most));
      const gain = effectOf(headName(best)) - effectOf('base');
      if (gain > 0) change({ off: [[best.layer, best.head]] });
      // What another seed changes more than the head does is no finding.
      const spread = deviation(Array.from({ length: SEEDS }, (_, seed) => outcomeOf(told, 'base', seed)?.effect ?? NaN));
      say(
        !(gain > 0) ? { detail: `Of the ${heads.length} likeliest heads none raises the effect when it is off.` }
        : gain < spread ? {
          detail: `No head moves it much: ${headName(best)} moves the effect most, by ${outcomeWords('effect', gain)}, less than another seed does (standard deviation over the model’s own ${SEEDS} texts: ${three(spread)}).`,
        }
        : null,
      );
    } catch (thrown) {
      say(asFailure(thrown));
    }
  }
  return (
    <>
      <button
        type="button"
        class="link"
        disabled={state === 'busy'}
        title={`Ablates each head, goes on with texts for the ${TRIED} without which the logit of ${app.glyph(correct ?? 0)} is highest over that of ${app.glyph(wrong ?? 0)} after the prompt, and takes the one of the greatest effect`}
        onClick={() => void find()}
      >
        Find the best
      </button>
      {state !== null && state !== 'busy' && <span role="alert">{state.detail}</span>}
    </>
  );
}

export function WaysTab({ bench, panel }: { readonly bench: Bench; readonly panel: (children: ComponentChildren) => ComponentChildren }) {
  const { app, shown, steer, change, made, effect, sampler, others } = bench;
  const { config } = shown.info;
  const ids = [...shown.tokenized.ids];
  const insteadIds = useIds(steer.instead.trim() ? `${steer.instead.trim()} ${shown.text}` : null);
  const patchIds = useIds(steer.patch.text.trim() ? steer.patch.text : null);
  const pairB = app.runner.shown.value?.b?.tokenized.ids;
  const way = (name: string, edits: readonly Edit[]): WayRun => ({ name, part: edits.length > 0 ? { ids, edits } : { ids }, frozen: false });
  const patch: Edit = { hook: steer.patch.hook, op: 'patch', positions: [-1], value: { run: 'from', positions: [-1] } };
  const ways: readonly (WayRun | null)[] = [
    way('nothing', []),
    steer.off.length > 0 ? way('ablation', steer.off.map(([layer, head]) => ablation({ layer, head }))) : null,
    patchIds && { name: 'patching', part: { ids, edits: [patch], runs: { from: patchIds } }, frozen: false },
    made.vector && way('steering', steerEdits(steer, made.vector, ids.length)),
    insteadIds && { name: 'prompting', part: { ids: insteadIds }, frozen: false },
    others.length > 0 ? { name: 'in force', part: runPart(ids, others, pairB ? { name: 'B', ids: [...pairB] } : null), frozen: false } : null,
  ];
  const there = ways.flatMap((one) => one ?? []);
  // Without a text that is still being read it would be another question.
  const read = (insteadIds !== null || !steer.instead.trim()) && (patchIds !== null || !steer.patch.text.trim());
  const study = useStudy(effect && read && (made.vector || made.flaw) && there.length > 1 ? outcomesRequest(there, shown, sampler, effect, SEEDS) : null);
  const hooks = [...new Set([steer.patch.hook, ...streamHooks(config)])].map((hook) => [hook, hookName(hook)] as const);
  const row = (name: string, how: OutcomeRow['how'], missing = 'Nothing yet: write a text to the left.'): OutcomeRow => ({ name, title: WORDS[name] ?? name, how, missing });
  const rows: OutcomeRow[] = [
    row('nothing', 'the model as it is'),
    row('ablation', (
      <>
        switch off <Heads steer={steer} change={change} layers={config.n_layers} heads={config.n_heads} />
        {effect && <FindHead key={JSON.stringify([shown.info.sha256, ids, effect, sampler])} bench={bench} effect={effect} />}
      </>
    ), 'No head is switched off yet: name some, or let the best be found.'),
    row('patching', (
      <>
        the last token’s stream, from{' '}
        <input aria-label="Text that is patched from" value={steer.patch.text} maxLength={2000} spellcheck={false} onInput={(event) => change({ patch: { ...steer.patch, text: event.currentTarget.value } }, 'steer patch')} />{' '}
        <Select label="at" value={steer.patch.hook} of={hooks} onPick={(hook) => change({ patch: { ...steer.patch, hook } })} />
      </>
    )),
    row('steering', `${steerName(steer, app.glyph)} at ${hookName(steer.hook)}`, made.flaw ?? 'No direction yet.'),
    row('prompting', (
      <>
        say first{' '}
        <input aria-label="What is said before the text" value={steer.instead} maxLength={2000} spellcheck={false} onInput={(event) => change({ instead: event.currentTarget.value }, 'steer instead')} />
      </>
    )),
    ...(others.length > 0 ? [row('in force', `${others.length} intervention${others.length > 1 ? 's' : ''}, as the chips say`)] : []),
  ];
  const all = (
    <>
      <p class="steer-goal">
        One goal, four ways to it. Ablation and patching say what the model’s own parts do for it; steering and prompting only that it can be reached.
      </p>
      <EffectSets steer={steer} effect={effect} change={change} />
      <OutcomesPicture
        title="What each buys and what it costs"
        sub={`means of ${SEEDS} texts, of perplexity the geometric; seeds ${sampler.seed} to ${sampler.seed + SEEDS - 1}`}
        name="understanding v. control"
        rows={rows}
        study={study}
        withText
        controls={<StudyProgress study={study} name="the comparison" />}
      />
    </>
  );
  const reading = study.state === 'done' ? study.reading : null;
  const base = reading && outcomeOf(reading, 'nothing');
  const told = reading ? there.slice(1).flatMap(({ name }) => { const of = outcomeOf(reading, name); return of ? [[WORDS[name] ?? name, of] as const] : []; }) : [];
  return (
    <>
      {panel(all)}
      <section class="story" aria-label="What is seen" data-stale={app.model.value.kind !== 'ready'}>
        <p aria-live="polite" title="effect: log-odds of both sets of tokens in the texts; perplexity: of the texts, by the model as it is">
          {reading && base ? waysStory(reading.values, base, told) : study.request || !read ? 'The texts are on their way.' : 'Nothing to compare yet: set one of the ways.'}
        </p>
      </section>
    </>
  );
}
