/** The one colour bar of all maps, with what its ends are. */
import type { ComponentChildren } from 'preact';
import { HeatmapBar } from '../../ui/HeatmapBar';
import { full, three } from '../../state/numbers';
import { usePage } from '../page';
import { scoreWords, type Base, type Cells } from './cells';

export function ScaleBar({ base, cells, gutter, children }: { readonly base: Base; readonly cells: Cells; readonly gutter: number; readonly children?: ComponentChildren }) {
  const { renderer, theme } = usePage();
  const [lo, hi] = cells.scale;
  return (
    <div class="scale-bar" style={{ paddingLeft: `${gutter}px` }}>
      <HeatmapBar renderer={renderer} theme={theme.value} palette="diverging" scale={cells.scale} label={cells.words} ticks={[lo, (lo + hi) / 2, hi]} width={240} />
      <div>
        <p class="sub">
          {scoreWords(base)}. <span title={full(base.clean)}>mA = {three(base.clean)}</span>, <span title={full(base.corrupted)}>mB = {three(base.corrupted)}</span>; all
          pictures on one scale
        </p>
        {children}
      </div>
    </div>
  );
}
