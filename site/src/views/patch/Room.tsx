/** The part of the bench that is in sight, measured: as large as it is whatever stands in it. */
import { useMemo } from 'preact/hooks';
import { useSize } from '../../ui/useSize';

/** On a phone all is one column that scrolls, of no height of its own. */
const NARROW_PX = 640;
const COLUMN_PX = 620;

export function useRoom() {
  const [ref, size] = useSize<HTMLDivElement>();
  const narrow = size.width < NARROW_PX;
  const room = useMemo(() => <div class="bench-room" ref={ref} aria-hidden="true" />, []);
  return { room, width: size.width, height: narrow ? COLUMN_PX : size.height, narrow };
}
