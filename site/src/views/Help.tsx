/** The keys, and what the words mean. */
import { useEffect, useRef } from 'preact/hooks';
import { KEYS } from '../state/keys';
import { usePage } from './page';
import { StorageSection } from './Storage';

const IN_PICTURES = [
  ['Tab', 'to the next picture; each is one stop'],
  ['← ↑ → ↓', 'move the lock by a cell; Home and End to the row’s ends'],
  ['Enter', 'lock or unlock what is lit'],
] as const;

const WORDS = [
  ['token', 'a piece of text as the model reads it; ␣ is a space, ↵ a new line'],
  ['head', 'L1H3 is head 3 of layer 1. At each token (the destination) it looks back at others (the sources) and carries something of them over.'],
  ['detector', 'one habit of a head, from 0 to 1; Look judges by this text, Patch by random tokens that stand twice'],
  ['previous, duplicate', 'looking at the token just before; at the same token earlier'],
  ['induction', 'looking at what followed the last time this token stood in the text: how a model copies a repetition'],
  ['residual stream', 'the vector at each token that every layer reads and adds to'],
  ['after L0', 'the stream behind layer 0; mid L0 is between its attention and its MLP, embed before any layer'],
  ['logit lens', 'a state of the stream through the last LayerNorm and the unembedding: what the model would say if it stopped there'],
  ['LN anew, cached', 'the last LayerNorm computed anew on that state, or with the scale that it had in the run'],
  ['written', 'what attention and MLPs add to the stream: its length (norm), how unequal its numbers are (variance)'],
  ['hook', 'a place in the model with a name, where its numbers can be read and changed; TransformerLens’ names'],
  ['value-weighted', 'attention times the length of what is carried; result-weighted: of what is added to the stream'],
  ['error of the sum', 'what rounding left between the sum of the parts and the whole'],
  ['attribution', 'in Look direct logit attribution: what each part added to a token’s logit; in Patch an estimate by gradients'],
  ['neuron', 'L2 N590 is number 590 of layer 2’s MLP: it reads one direction of the stream and writes another'],
  ['KL', 'how far one prediction is from another, in nats; 0 is the same'],
  ['A − B', 'prompt A less prompt B, position by position'],
  ['effect', 'in Look with the interventions less without; in Steer the measure of the texts'],
  ['score', 'the metric between both runs: 0 as B, 1 as A; of attention, q·k before the softmax'],
  ['denoise, noise', 'from A into the run of B; from B into A’s'],
  ['faithfulness', 'the score that a circuit’s edges keep alone: 1 as A, 0 as with none'],
  ['completeness', 'the same of all other edges'],
  ['steering', 'adding a vector to the stream to change what the model writes'],
  ['perplexity', 'e to the mean loss of a text, unsteered; low is fluent'],
  ['collapse', 'perplexity or repetition over its limit'],
  ['loss', '−log of the probability given to the token that came next, in nats; 0 is certainty. The line under a token is its loss, full at 10'],
  ['ablate', 'switch a head off: its output (hook_z) is zero, the rest computed anew'],
  ['in force', 'the interventions behind the numbers shown; a muted one is kept, but not in force'],
  ['\\xf0', 'one byte of a longer character, which stands in no token by itself'],
] as const;

export function Help({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const { keys, offline } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="help-title"
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="help">
        <header>
          <h2 id="help-title">Help and keys</h2>
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
        </header>
        <p>
          Point at anything to preview it everywhere; click to lock it, click again or press Esc to unlock. Every number says on hover what it is.
          All of it is computed in this tab; nothing you type leaves it.
        </p>
        <h3>Keys</h3>
        <dl class="keys">
          {IN_PICTURES.map(([key, does]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
          {KEYS.map((k) => (
            <div key={k.shows}>
              <dt>
                <kbd>{k.shows}</kbd>
              </dt>
              <dd>{k.does}</dd>
            </div>
          ))}
        </dl>
        <label class="check">
          <input type="checkbox" checked={keys.single.value} onChange={() => keys.toggleSingle()} /> single letters and brackets work as keys (switch this off for speech input)
        </label>
        <h3>Words</h3>
        <dl class="words">
          {WORDS.map(([word, means]) => (
            <div key={word}>
              <dt>{word}</dt>
              <dd>{means}</dd>
            </div>
          ))}
        </dl>
        {open && <StorageSection offline={offline} />}
      </div>
    </dialog>
  );
}
