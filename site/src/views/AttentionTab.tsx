/** Attention: all heads, one large, what the stream then says, what it costs, what comes next. */
import { useComputed, useSignal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { states } from '../state/reading';
import type { Shown } from '../state/run';
import { deferred } from '../ui/deferred';
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

const PairSteps = deferred(() => import('./tabs/index').then((m) => m.PairSteps));

/** In a window this low everything scrolls, and the pictures take the height they need. */
const SHORT_WINDOW = '(max-height: 620px)';
const SHORT_BENCH_PX = 420;

export function AttentionTab({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const narrow = useMedia('(max-width: 699px)');
  const short = useMedia(SHORT_WINDOW);
  const pixelRatio = usePixelRatio();
  const [streamTable, lossTable] = [useSignal(false), useSignal(false)];
  const [room, size] = useSize<HTMLDivElement>();
  // Only another head redraws the bench; within one, each picture follows the pointer by itself.
  const head = useComputed(() => app.selection.shown.value.head).value;
  const frame = { widthPx: size.width, heightPx: short ? SHORT_BENCH_PX : size.height, pixelRatio, narrow, tables: { stream: streamTable.value, loss: lossTable.value } };
  const layout = layOut(frame, shown.tokenized.tokens, states(shown.info.config).filter((state) => !state.endsWith('_mid')).length, head !== null);
  // The story speaks of one row: a new text is opened where that row is seen. A short window begins at its top.
  const { selection } = app;
  useLayoutEffect(() => {
    const dest = selection.followsStory.peek() ? selection.lock.peek().dest : null;
    if (dest === null || narrow || short) return;
    // Once the text above has taken its lines.
    const frame = requestAnimationFrame(() => {
      const row = room.current?.querySelectorAll('.loss-rows li')[dest];
      row?.closest('.look')?.scrollTo({ top: 0, behavior: 'instant' });
      row?.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
    });
    return () => cancelAnimationFrame(frame);
  }, [shown.before, layout.cell, size.width > 0]);
  return (
    <>
      {head && size.width > 0 && <HeadsView shown={shown} widthPx={size.width} narrow={narrow} />}
      <div class="act" ref={room} data-wrapped={layout.wrapped} data-stacked={layout.stacked}>
        {size.width > 0 && (
          <>
            {head && <AttentionView shown={shown} head={head} layout={layout} narrow={narrow} />}
            <div class="rows" style={narrow ? {} : { marginLeft: head && !layout.stacked ? `${layout.overhang}px` : '0', marginRight: layout.wrapped ? '0' : `${PREDICTIONS_GAP_PX}px` }}>
              <ResidualView shown={shown} layout={layout} ownLabels={narrow || layout.stacked || !head} asTable={streamTable} />
              <LossView shown={shown} layout={layout} asTable={lossTable} />
            </div>
            <Predictions shown={shown} />
            {app.view.value.steps === 'shown' && <PairSteps shown={shown} />}
          </>
        )}
      </div>
      {narrow && <StoryLine />}
    </>
  );
}
