/** Where each head's thumbnail stands, in CSS pixels. */

export type HeadLayout = 'grid' | 'strip';

export interface Places {
  /** Label beside the thumbnail, or below it. */
  readonly beside: boolean;
  readonly slotWidth: number;
  readonly slotHeight: number;
  /** Left of a thumbnail: a line that scrolls would clip the outline of its first. */
  readonly edge: number;
  readonly width: number;
  readonly height: number;
  readonly place: (layer: number, head: number) => { readonly left: number; readonly top: number };
}

export const THUMB_PX = 48;
/** Room above for the outline of the selected one. */
export const EDGE_PX = 4;

/** A label beside needs "duplicate" after the thumbnail; one below needs "L11H11 0.87". */
const BESIDE_PX = 116;
const BELOW_PX = 71;
const BESIDE_ROW_PX = 60;
const BELOW_ROW_PX = 76;

export function placesFor(layout: HeadLayout, nLayers: number, nHeads: number, room: number): Places {
  if (layout === 'strip') {
    return {
      beside: false,
      edge: EDGE_PX,
      slotWidth: BELOW_PX,
      slotHeight: BELOW_ROW_PX,
      width: nLayers * nHeads * BELOW_PX,
      height: BELOW_ROW_PX,
      place: (layer, head) => ({ left: (layer * nHeads + head) * BELOW_PX, top: 0 }),
    };
  }
  const beside = room / nHeads >= BESIDE_PX;
  // Layers with more heads than fit take several lines of about equal length.
  const lines = Math.max(1, Math.ceil((nHeads * (beside ? BESIDE_PX : BELOW_PX)) / room));
  const aLine = Math.ceil(nHeads / lines);
  const slotWidth = Math.max(BELOW_PX, Math.floor(room / aLine));
  const slotHeight = beside ? BESIDE_ROW_PX : BELOW_ROW_PX;
  return {
    beside,
    edge: 0,
    slotWidth,
    slotHeight,
    width: slotWidth * aLine,
    height: nLayers * lines * slotHeight,
    place: (layer, head) => ({
      left: (head % aLine) * slotWidth,
      top: (layer * lines + Math.floor(head / aLine)) * slotHeight,
    }),
  };
}
