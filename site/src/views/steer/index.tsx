/** The Steer bench: a direction added to the stream, its effect and its price. */
import type { Shown } from '../../state/run';

export function SteerBench({ shown }: { readonly shown: Shown }) {
  return <p class="quiet-note muted">{shown.info.id}</p>;
}
