/** Always describes the selection, in numbers, and offers what can be done with it. */
import { useMemo } from 'preact/hooks';
import { switchShownHead } from '../state/keys';
import { ordinalWord } from '../state/story';
import { DETECTORS, headName, label, role, scoresOfHead, states, strongestSource } from '../state/reading';
import type { Shown } from '../state/run';
import type { HeadId } from '../state/selection';
import { Tok } from '../ui/Tok';
import { AttentionDetails } from './AttentionDetails';
import { NeuronDetails } from './NeuronDetails';
import { NeuronSwitches } from './NeuronSwitches';
import { usePage } from './page';
import { usePaced } from './usePaced';
import { VectorDetails } from './VectorDetails';

interface Props {
  readonly shown: Shown;
  readonly head: HeadId;
  readonly dest: number;
  /** null: the one it looks at most. */
  readonly chosen: number | null;
}

function HeadDetails({ shown, head, dest, chosen }: Props) {
  const src = chosen ?? strongestSource(shown.now, head, dest);
  const scores = scoresOfHead(shown.now, head);
  const what = scores ? role(scores) : null;
  const rank = what ? shown.now.heads.filter((s) => s[what.kind] > what.score).length + 1 : 0;
  const { tokens } = shown.tokenized;
  const [to, from] = [tokens[dest], tokens[src]];
  return (
    <>
      <header>
        <h2>
          {headName(head)}{' '}
          <small title={scores && `Mean attention over the destinations of this text that can show it, from 0 to 1: ${DETECTORS.map((kind) => `${kind} ${scores[kind]}`).join(', ')}${what ? `; ${ordinalWord(rank)} of ${shown.now.heads.length} by ${what.kind}` : ''}`}>
            {what ? `${what.kind} ${what.score.toFixed(2)} on this text` : 'no detector sees it on this text'}
          </small>
        </h2>
        <p class="lit">
          {to && <Tok text={label(to, dest)} />}
          {from && (
            <>
              <span class="muted"> looks {chosen === null && 'most '}at </span>
              <Tok text={label(from, src)} />
            </>
          )}
        </p>
      </header>
      <AttentionDetails shown={shown} head={head} dest={dest} src={src} />
    </>
  );
}

/** The tabs of Look where a neuron that was selected is what one looks at. */
const OF_NEURONS: readonly string[] = ['mlp', 'attribution', 'written', 'hooks'];

export function Inspector() {
  const { app, keys } = usePage();
  const { selection, experiment } = app;
  const shown = app.shown.value;
  const [at, waiting] = usePaced(selection.shown.value, shown);
  const { bench, ablated, tab, steps } = app.view.value;
  const { head, dest, src } = at;
  // What an ablation takes away is no state of the stream.
  const depth = bench === 'patch' ? null : at.depth;
  const neuron = (bench === 'patch' ? ablated === 'post' : OF_NEURONS.includes(tab)) ? at.neuron : null;
  // While the pointer runs nothing of it is made anew.
  const details = useMemo(() => {
    if (!shown || dest === null) return null;
    if (neuron) return <NeuronDetails shown={shown} neuron={neuron} dest={dest} />;
    if (head && depth === null) return <HeadDetails shown={shown} head={head} dest={dest} chosen={src} />;
    return <VectorDetails shown={shown} dest={dest} depth={depth ?? 0} />;
  }, [shown, at, neuron, depth]);
  if (!shown || dest === null) return null;
  const lock = selection.lock.value;
  const ofNeurons = bench === 'patch' && ablated === 'post' && !shown.info.config.attn_only;
  if (ofNeurons && !neuron && (selection.followsStory.value || lock.head === null || lock.depth !== null))
    return <div class="inspector-body"><p class="muted">Point at a neuron, or press one: it is described here.</p></div>;
  const hint = (key: string) => keys.single.value && <kbd aria-hidden="true">{key}</kbd>;
  const ofHead = head !== null && depth === null && neuron === null;
  return (
    <div class="inspector-body">
      {app.subject.value?.minus && <p class="small muted">Prompt A as it runs, not the difference:</p>}
      {ofHead && (
        <button type="button" class="link steps" onClick={() => experiment.look({ tab: 'attention', steps: tab === 'attention' && steps === 'shown' ? 'hidden' : 'shown' })}>
          {tab === 'attention' && steps === 'shown' ? 'Close' : 'See'} Q, K, V step by step
        </button>
      )}
      <div data-stale={waiting}>{details}</div>
      {neuron && bench === 'patch' && <NeuronSwitches at={neuron} />}
      <section class="actions">
        <h3>Do something with it</h3>
        {head && !(neuron && bench === 'patch') && (
          <button type="button" onClick={() => switchShownHead(app)}>
            Switch {headName(head)} {experiment.isOff(head) ? 'back on' : 'off'} {hint('a')}
          </button>
        )}
        {bench !== 'patch' && (
          <button type="button" onClick={() => selection.toggleVector(dest, depth === null ? states(shown.info.config).length - 1 : depth)}>
            {depth === null ? 'See the stream at this token' : 'Back to the head'}
          </button>
        )}
        <button
          type="button"
          disabled={lock.head === null && lock.dest === null}
          onClick={() => selection.unlock()}
        >
          Unlock <kbd aria-hidden="true">Esc</kbd>
        </button>
      </section>
    </div>
  );
}
