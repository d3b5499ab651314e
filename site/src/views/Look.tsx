/** The Look bench: all heads, one large, what the stream then says, what it costs, what comes next. */
import { useComputed } from '@preact/signals';
import { depths } from '../state/reading';
import type { Shown } from '../state/run';
import { useMedia } from '../ui/useMedia';
import { usePixelRatio } from '../ui/pixelRatio';
import { useSize } from '../ui/useSize';
import { AttentionView } from './AttentionView';
import { HeadsView } from './HeadsView';
import { layOut, PREDICTIONS_GAP_PX } from './layout';
import { LossView } from './LossView';
import { usePage } from './page';
import { Predictions } from './Predictions';
import { ResidualView } from './ResidualView';
import { StoryLine } from './StoryLine';

/** Numbers the pictures, so that who looks from outside can tell a new one from the one before. */
const numbers = new WeakMap<Shown, number>();
let drawn = 0;
function runNumber(shown: Shown): number {
  const number = numbers.get(shown) ?? ++drawn;
  numbers.set(shown, number);
  return number;
}

export function Look({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const narrow = useMedia('(max-width: 699px)');
  const pixelRatio = usePixelRatio();
  const [room, size] = useSize<HTMLDivElement>();
  // Only another head redraws the bench; within one, each picture follows the pointer by itself.
  const head = useComputed(() => app.selection.shown.value.head).value;
  const frame = { widthPx: size.width, heightPx: size.height, pixelRatio, narrow };
  const layout = layOut(frame, shown.tokenized.tokens, depths(shown).length, head !== null);
  return (
    <div class="look" data-run={runNumber(shown)} data-stale={app.runner.stale.value} aria-busy={app.runner.stale.value}>
      {head && size.width > 0 && <HeadsView shown={shown} widthPx={size.width} narrow={narrow} />}
      <div class="act" ref={room} data-wrapped={layout.wrapped}>
        {size.width > 0 && (
          <>
            {head && <AttentionView shown={shown} head={head} layout={layout} narrow={narrow} />}
            {narrow && <StoryLine />}
            <div class="rows" style={narrow ? {} : { marginLeft: head ? `${layout.overhang}px` : '0', marginRight: `${PREDICTIONS_GAP_PX}px` }}>
              <ResidualView shown={shown} layout={layout} ownLabels={narrow || !head} />
              <LossView shown={shown} layout={layout} />
            </div>
            <Predictions shown={shown} />
          </>
        )}
      </div>
    </div>
  );
}
