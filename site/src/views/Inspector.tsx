/** Always describes the selection, in numbers, and offers what can be done with it. */
import { switchShownHead } from '../state/keys';
import { ordinalWord } from '../state/story';
import { headName, label, role, scoresOfHead, states, strongestSource } from '../state/reading';
import type { Shown } from '../state/run';
import { Tok } from '../ui/Tok';
import { AttentionDetails } from './AttentionDetails';
import { usePage } from './page';
import { StreamHere } from './StreamHere';
import { VectorDetails } from './VectorDetails';

function HeadDetails({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { head, dest, src: chosen } = app.selection.shown.value;
  if (!head || dest === null) return null;
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
          <small title={what ? `Mean attention over the destinations that can show it, from 0 to 1: ${what.score}` : undefined}>
            {what ? `${what.kind} ${what.score.toFixed(2)}, ${ordinalWord(rank)} of ${shown.now.heads.length}` : 'no detector sees it here'}
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
      <StreamHere shown={shown} dest={dest} />
    </>
  );
}

export function Inspector() {
  const { app, keys } = usePage();
  const { selection, experiment } = app;
  const shown = app.shown.value;
  const { head, dest, depth } = selection.shown.value;
  if (!shown || dest === null) return null;
  const lock = selection.lock.value;
  const hint = (key: string) => keys.single.value && <kbd aria-hidden="true">{key}</kbd>;
  return (
    <div class="inspector-body">
      {depth !== null ? <VectorDetails shown={shown} dest={dest} depth={depth} /> : head ? <HeadDetails shown={shown} /> : <VectorDetails shown={shown} dest={dest} depth={0} />}
      <section class="actions">
        <h3>Do something with it</h3>
        {head && (
          <button type="button" onClick={() => switchShownHead(app)}>
            Switch {headName(head)} {experiment.isOff(head) ? 'back on' : 'off'} {hint('a')}
          </button>
        )}
        <button type="button" onClick={() => selection.toggleVector(dest, depth === null ? states(shown.info.config).length - 1 : depth)}>
          {depth === null ? 'See the stream at this token' : 'Back to the head'}
        </button>
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
