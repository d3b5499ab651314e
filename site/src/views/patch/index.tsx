/** The Patch bench: what carries the difference of two prompts. */
import type { Shown } from '../../state/run';

export function PatchBench({ shown }: { readonly shown: Shown }) {
  return <p class="quiet-note muted">{shown.info.id}</p>;
}
