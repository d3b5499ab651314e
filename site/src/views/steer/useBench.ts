/** What both tabs of the bench have: the direction, its vector, and what the effect is measured by. */
import { editsOf, type Shown } from '../../state/run';
import { recipeName } from '../../state/steer';
import { usePage } from '../page';
import { effectOf, useSteer, useVector } from './useSteering';

export function useBench(shown: Shown) {
  const { app } = usePage();
  const [steer, change] = useSteer(shown.info);
  const made = useVector(steer, shown);
  return {
    app, shown, steer, change, made,
    effect: effectOf(steer, made),
    sampler: app.experiment.current.value.sampler,
    /** What else is in force on the prompt. */
    others: editsOf('A', app.experiment.inForce.value),
    name: recipeName(steer.recipe, app.glyph),
  };
}

export type Bench = ReturnType<typeof useBench>;
