/** The tile that products go by, chosen by timing: which one is the fastest depends on the processor and on the compiler
 *  in the browser, and neither says what it is. No result depends on it. */
import { N_TILES } from '../engine/abi.gen';
import type { Wasm } from './wasm';

/** Of trials in a row by one tile: some clocks tick once in a millisecond. */
const TURN_MS = 2;
/** After the first turns, in which the browser's compiler is not done with the code yet. */
const TURNS = 4;
const WARM_UP_MS = 20;

export function chooseTile({ core, open }: Wasm, now: () => number = () => performance.now()): number {
  const scope = open();
  try {
    const scratch = scope.floats(new Float32Array(core.hsw_trial_count()));
    const best = Array.from({ length: N_TILES }, () => Infinity);
    const turn = (tile: number) => {
      const start = now();
      let trials = 0;
      let took = 0;
      for (; took < TURN_MS; took = now() - start, trials++) core.hs_trial(tile, scratch);
      return took / trials;
    };
    for (const start = now(); now() - start < WARM_UP_MS; ) best.forEach((_, tile) => core.hs_trial(tile, scratch));
    for (let turns = 0; turns < TURNS; turns++) best.forEach((ms, tile) => (best[tile] = Math.min(ms, turn(tile))));
    const tile = best.indexOf(Math.min(...best));
    core.hsw_use_tile(tile);
    return tile;
  } finally {
    scope.close();
  }
}
