/** What is seen, in one line with this run's numbers, and the one thing to do about it. */
import { headName, label, weightAt } from '../state/reading';
import { switchShownHead } from '../state/keys';
import type { Part } from '../state/story';
import { Tok } from '../ui/Tok';
import { usePage } from './page';

function Piece({ part }: { readonly part: Part }) {
  const { app } = usePage();
  const { selection } = app;
  if (part.kind === 'words') return <>{part.words}</>;
  if (part.kind === 'vocab')
    return (
      <code title={`token id ${part.id}`}>
        <Tok text={app.glyph(part.id)} />
      </code>
    );
  if (part.kind === 'head')
    return (
      <button type="button" class="inline" onClick={() => selection.moveTo({ head: part.head, src: null })} title="Show this head">
        {headName(part.head)}
      </button>
    );
  const token = app.shown.value?.tokenized.tokens[part.position];
  if (!token) return null;
  return (
    <code title={`position ${part.position}, id ${token.id}`} data-position={part.position}>
      <Tok text={label(token, part.position).replace(/ \(\d+\)$/, '')} />
    </code>
  );
}

export function StoryLine() {
  const { app } = usePage();
  const { selection, experiment } = app;
  const shown = app.shown.value;
  const { head, dest, src } = selection.shown.value;
  const off = head !== null && experiment.isOff(head);
  const nOff = app.offHeads.value.length;
  const name = head ? headName(head) : '';
  const weight = shown && head && dest !== null && src !== null ? weightAt(shown.now, head, dest, src) : null;
  return (
    <section class="story" aria-label="What is seen">
      <p aria-live="polite" title={weight === null ? undefined : `softmax of hook_attn_scores: ${weight}. Loss: −log p of the next token, nats.`}>
        {app.subject.value?.minus && app.view.value.side === 'a-b' && 'In prompt A: '}
        {app.story.value.map((part, i) => (
          <Piece key={i} part={part} />
        ))}
      </p>
      {head && (
        <button
          type="button"
          class={off ? 'button' : 'button ink'}
          title={`hook_z of ${name} set to zero at all positions, then the model runs again`}
          onClick={() => switchShownHead(app)}
        >
          {off ? `Switch ${nOff > 1 ? name : 'it'} back on` : nOff > 0 ? `Switch ${name} off too` : experiment.current.value.interventions.length > 0 ? `Switch ${name} off` : 'Switch it off'}
        </button>
      )}
    </section>
  );
}
