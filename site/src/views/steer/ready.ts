/** What the bench begins with. */
import type { ModelInfo } from '../../engine/types';
import { streamHooks, type Steer } from '../../state/steer';

export function beginning({ config }: ModelInfo): Steer {
  const hooks = streamHooks(config).filter((hook) => /pre$/.test(hook));
  const hook = hooks[Math.floor(hooks.length / 2)] ?? 'hook_embed';
  return {
    recipe: {
      contrast: {
        positive: ['The girl was very happy', 'Tom felt so happy', 'It was a happy day and Lily laughed'],
        negative: ['The girl was very sad', 'Tom felt so sad', 'It was a sad day and Lily cried'],
      },
      hook, method: 'mean', position: 'last',
    },
    hook, op: 'add', where: 'all', strength: 0.5, range: 2, effect: null, instead: 'Everyone was happy and laughed.', off: [], patch: { text: 'The girl was very happy', hook }, force: 'off',
  };
}

/** Directions that were found and measured for a shipped model, by its id. */
export const READY: Readonly<Record<string, readonly Omit<Steer, 'force'>[]>> = {};
