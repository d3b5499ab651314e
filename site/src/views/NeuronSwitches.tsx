/** What can be done to one neuron, at every position, and undone. */
import type { Edit } from '../engine/types';
import { neuronName } from '../state/reading';
import type { NeuronId } from '../state/selection';
import { usePage } from './page';
import './tabs/says.css';

/** How far "push" pushes, to begin with: its chip changes it. */
const PUSH = 3;

export function NeuronSwitches({ at }: { readonly at: NeuronId }) {
  const { experiment } = usePage().app;
  const { interventions } = experiment.current.value;
  const hook = `blocks.${at.layer}.mlp.hook_post`;
  const dims = [at.neuron, at.neuron + 1] as const;
  const edits: readonly (readonly [Edit, string, string])[] = [
    [{ hook, dims, op: 'zero' }, `Switch ${neuronName(at)} off`, `Switch ${neuronName(at)} back on`],
    [{ hook, dims, op: 'add', value: 1, scale: PUSH }, `Push it by ${PUSH}`, 'Stop pushing it'],
  ];
  return (
    <p class="says">
      {edits.map(([edit, start, end]) => {
        const index = interventions.findIndex(
          ({ edit: { hook: on, op, dims: d, positions, from } }) => on === hook && op === edit.op && d?.[0] === dims[0] && d[1] === dims[1] && !positions && from === undefined,
        );
        const found = interventions[index];
        return (
          <button
            key={edit.op}
            type="button"
            class="button"
            onClick={() => {
              if (!found) experiment.put(edit);
              else if (found.muted) experiment.toggleMute(index);
              else experiment.remove(index);
            }}
          >
            {found && !found.muted ? end : start}
          </button>
        );
      })}
    </p>
  );
}
