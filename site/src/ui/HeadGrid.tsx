/** Thumbnails of all heads, one row a layer: one canvas, one draw call; names and keyboard in the DOM above it. */
import type { ReadonlySignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { canvasSide, thumbnail, type Thumbnail } from '../gl/geometry.ts';
import type { Palette, Scale, Theme } from '../gl/palette.ts';
import type { Canvas, Renderer } from '../gl/renderer.ts';
import './HeadGrid.css';
import { EDGE_PX, placesFor, THUMB_PX, type HeadLayout, type Places } from './HeadGridPlaces.ts';
import { usePixelRatio } from './pixelRatio.ts';

export interface HeadId {
  readonly layer: number;
  readonly head: number;
}

export interface HeadNote {
  /** What the detector calls it, and its score; null = nothing stands out. */
  readonly tag: string | null;
  readonly score: number | null;
  /** Switched off by an edit in force. */
  readonly off: boolean;
}

export interface HeadGridProps {
  readonly renderer: Renderer;
  readonly theme: Theme;
  /** The heads, line by line. */
  readonly rows: readonly (readonly HeadId[])[];
  /** [layer, head, cells, cells], of all heads. Compared by identity. */
  readonly values: Float32Array;
  readonly nHeads: number;
  /** Of a side: the tokens, or fewer where several were pooled into one; at most THUMB_PX. */
  readonly cells: number;
  /** Cells with source > destination are masked. */
  readonly causal: boolean;
  readonly palette: Palette;
  readonly scale: Scale;
  readonly note: (id: HeadId) => HeadNote;
  /** 'grid' = one row a layer; 'strip' = one line that scrolls, labels below (phone). */
  readonly layout: HeadLayout;
  /** Room for the grid, CSS pixels. */
  readonly width: number;
  readonly hovered: ReadonlySignal<HeadId | null>;
  readonly locked: ReadonlySignal<HeadId | null>;
  readonly onHover: (id: HeadId | null) => void;
  /** A click or Enter on a head, locked already or not. */
  readonly onLock: (id: HeadId) => void;
}

const same = (a: HeadId | null, b: HeadId | null) => a?.layer === b?.layer && a?.head === b?.head;

export function HeadGrid(props: HeadGridProps) {
  const { rows, layout, width, hovered, locked, onHover } = props;
  const longest = Math.max(...rows.map((row) => row.length));
  const places = useMemo(() => placesFor(layout, rows.length, longest, width), [layout, rows.length, longest, width]);
  const ratio = usePixelRatio();
  const thumb = thumbnail(props.cells, THUMB_PX, ratio);
  const canvas = useThumbnails(props, places, thumb, ratio);
  const root = useRef<HTMLDivElement>(null);
  // The one tab stop: the locked head, or the first.
  const lock = locked.value;
  const flat = rows.flat();
  const stop = flat.find((id) => same(id, lock)) ?? flat[0] ?? null;

  function onKeyDown(event: KeyboardEvent) {
    const at = (event.target as HTMLElement).dataset.head; // keydown comes from a cell
    const id = flat.find(({ layer, head }) => at === `${layer} ${head}`);
    if (!id || event.ctrlKey || event.altKey || event.metaKey) return;
    const to = headAfter(event.key, id, rows);
    if (to) {
      const cell = root.current?.querySelector<HTMLElement>(`[data-head="${to.layer} ${to.head}"]`);
      cell?.focus();
      cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    } else if (event.key === 'Enter' || event.key === ' ') props.onLock(id);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div
      ref={root}
      class={places.beside ? 'headgrid headgrid-beside' : 'headgrid'}
      role="grid"
      aria-label="Attention heads"
      style={{ width: `${places.width}px`, height: `${places.height}px` }}
      onKeyDown={onKeyDown}
      onPointerLeave={() => onHover(null)}
    >
      <canvas ref={canvas} aria-hidden="true" />
      {rows.map((row, line) => (
        <div key={line} role="row">
          {row.map((id, column) => {
            return (
              <Head
                key={`${id.layer} ${id.head}`}
                id={id}
                note={props.note(id)}
                places={places}
                at={places.place(line, column)}
                thumbPx={(thumb.cells * thumb.cell) / ratio}
                tabIndex={same(id, stop) ? 0 : -1}
                isLocked={same(id, lock)}
                hovered={hovered}
                onHover={onHover}
                onLock={props.onLock}
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}

/** Right of a line's last head is the next line's first. */
function headAfter(key: string, { layer, head }: HeadId, rows: readonly (readonly HeadId[])[]): HeadId | null {
  const flat = rows.flat();
  const at = flat.findIndex((id) => id.layer === layer && id.head === head);
  const line = rows.findIndex((row) => row.includes(flat[at] as HeadId));
  const column = rows[line]?.indexOf(flat[at] as HeadId) ?? 0;
  const to = {
    ArrowLeft: flat[Math.max(0, at - 1)],
    ArrowRight: flat[at + 1] ?? flat[at],
    ArrowUp: (rows[line - 1] ?? rows[line])?.[column],
    ArrowDown: (rows[line + 1] ?? rows[line])?.[column],
    Home: rows[line]?.[0],
    End: rows[line]?.at(-1),
  }[key];
  return to ?? null;
}

interface HeadProps {
  readonly id: HeadId;
  readonly note: HeadNote;
  readonly places: Places;
  readonly at: { readonly left: number; readonly top: number };
  readonly thumbPx: number;
  readonly tabIndex: number;
  readonly isLocked: boolean;
  readonly hovered: ReadonlySignal<HeadId | null>;
  readonly onHover: (id: HeadId | null) => void;
  readonly onLock: (id: HeadId) => void;
}

function Head({ id, note, places, at: { left, top }, thumbPx, tabIndex, isLocked, hovered, onHover, onLock }: HeadProps) {
  const classes = ['headgrid-cell'];
  if (isLocked) classes.push('headgrid-locked');
  if (same(id, hovered.value)) classes.push('headgrid-hovered');
  if (note.tag) classes.push('headgrid-tagged');
  if (note.off) classes.push('headgrid-off');
  return (
    <div
      role="gridcell"
      class={classes.join(' ')}
      data-head={`${id.layer} ${id.head}`}
      tabIndex={tabIndex}
      aria-selected={isLocked}
      style={{
        left: `${left}px`,
        top: `${top}px`,
        width: `${places.slotWidth}px`,
        height: `${places.slotHeight}px`,
        paddingLeft: `${places.edge}px`,
      }}
      // A move, not an enter: a picture that slides under a resting pointer is no wish to see it.
      onPointerMove={(event) => {
        const moved = event.movementX !== 0 || event.movementY !== 0;
        if (event.pointerType !== 'touch' && moved && !same(id, hovered.peek())) onHover(id);
      }}
      onFocus={(event) => event.currentTarget.matches(':focus-visible') && onHover(id)}
      onBlur={() => onHover(null)}
      onClick={() => onLock(id)}
    >
      <span class="headgrid-room" style={{ width: `${THUMB_PX}px`, height: `${THUMB_PX}px` }}>
        <span class="headgrid-thumb" style={{ width: `${thumbPx}px`, height: `${thumbPx}px` }} />
      </span>
      <span class="headgrid-words">
        <span class="headgrid-name">
          L{id.layer}H{id.head}
        </span>
        {note.off && <b> off</b>}
        {note.tag && <span class="headgrid-tag"> {note.tag}</span>}
        {note.score !== null && <span class="headgrid-score"> {note.score.toFixed(2)}</span>}
      </span>
    </div>
  );
}

function useThumbnails(props: HeadGridProps, places: Places, { cells, cell }: Thumbnail, ratio: number) {
  const { renderer, rows, values, nHeads, causal, palette, scale, theme } = props;
  const element = useRef<HTMLCanvasElement>(null);
  const attached = useRef<Canvas | null>(null);
  useLayoutEffect(() => {
    attached.current = element.current && renderer.attach(element.current);
    return () => attached.current?.dispose();
  }, [renderer]);
  useLayoutEffect(() => {
    if (!element.current) return;
    const width = canvasSide(Math.ceil(places.width * ratio), ratio);
    const height = canvasSide(Math.ceil(places.height * ratio), ratio);
    element.current.style.width = `${width.cssPx}px`;
    element.current.style.height = `${height.cssPx}px`;
    const matrices = rows.flatMap((row, line) =>
      row.map((id, column) => {
        const { left, top } = places.place(line, column);
        return {
          values, offset: (id.layer * nHeads + id.head) * cells * cells,
          x: Math.round((left + places.edge) * ratio), y: Math.round((top + EDGE_PX) * ratio),
        };
      }),
    );
    attached.current?.show({
      matrices, rows: cells, cols: cells, cellWidth: cell, cellHeight: cell,
      width: width.devicePx, height: height.devicePx, gap: 0, causal, scale, palette, theme,
    });
  });
  return element;
}
