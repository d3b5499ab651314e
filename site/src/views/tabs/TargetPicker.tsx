/** Which token the lens and the attribution ask about: the run's own prediction, the next token of the text, or any. */
import { useId } from 'preact/hooks';
import { usePage } from '../page';
import type { Shown } from '../../state/run';
import { TokenInput } from './TokenInput';

interface PickerProps {
  readonly shown: Shown;
  /** Where the next token of a position is no answer for all: leaves it out. */
  readonly next?: boolean;
}

export function TargetPicker({ next = true }: PickerProps) {
  const { app } = usePage();
  const { target } = app.view.value;
  const id = useId();
  return (
    <span class="pick">
      <label for={id}>token </label>
      <select
        id={id}
        value={typeof target === 'number' ? 'id' : target}
        onChange={(event) => {
          const picked = event.currentTarget.value;
          app.experiment.look({ target: picked === 'top' || picked === 'next' ? picked : firstGuess(app) });
        }}
      >
        <option value="top">the model’s first guess</option>
        {next && <option value="next">the token that comes next</option>}
        <option value="id">one token</option>
      </select>
      {typeof target === 'number' && <TokenInput label="Token" value={target} onPick={(token) => app.experiment.look({ target: token })} />}
    </span>
  );
}

/** A token to begin with: what the run would say at the shown position. */
function firstGuess(app: ReturnType<typeof usePage>['app']): number {
  const logits = app.shown.peek()?.now.logits(app.selection.shown.peek().dest ?? 0);
  return logits ? logits.reduce((best, x, i) => (x > (logits[best] ?? -Infinity) ? i : best), 0) : 0;
}
