/** Thumbnails of all heads, one row a layer: one canvas, one draw call; names and keyboard in the DOM above it. */
import type { ReadonlySignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { canvasSide, thumbnail, type Thumbnail } from '../gl/geometry.ts';
import type { Palette, Scale, Theme } from '../gl/palette.ts';
import type { Matrix } from '../gl/picture.ts';
import { pool } from '../gl/pool.ts';
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
  /** One array a layer: [heads, tokens, tokens]. Compared by identity. */
  readonly layers: readonly Float32Array[];
  readonly nHeads: number;
  readonly tokens: number;
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
  const { layers, nHeads, layout, width, hovered, locked, onHover } = props;
  const places = useMemo(
    () => placesFor(layout, layers.length, nHeads, width),
    [layout, layers.length, nHeads, width],
  );
  const ratio = usePixelRatio();
  const thumb = thumbnail(props.tokens, THUMB_PX, ratio);
  const canvas = useThumbnails(props, places, thumb, ratio);
  const root = useRef<HTMLDivElement>(null);
  // The one tab stop: the locked head, or the first.
  const lock = locked.value;
  const stop = lock && lock.layer < layers.length && lock.head < nHeads ? lock : { layer: 0, head: 0 };

  function onKeyDown(event: KeyboardEvent) {
    const at = /^(\d+) (\d+)$/.exec((event.target as HTMLElement).dataset.head ?? ''); // keydown comes from a cell
    if (!at || event.ctrlKey || event.altKey || event.metaKey) return;
    const id = { layer: Number(at[1]), head: Number(at[2]) };
    const to = headAfter(event.key, id, layers.length, nHeads);
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
      aria-label="Attention heads, one row a layer"
      style={{ width: `${places.width}px`, height: `${places.height}px` }}
      onKeyDown={onKeyDown}
      onPointerLeave={() => onHover(null)}
    >
      <canvas ref={canvas} aria-hidden="true" />
      {layers.map((_, layer) => (
        <div key={layer} role="row">
          {Array.from({ length: nHeads }, (_, head) => {
            const id = { layer, head };
            return (
              <Head
                key={head}
                id={id}
                note={props.note(id)}
                places={places}
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

/** Right of a layer's last head is the next layer's first. */
function headAfter(key: string, { layer, head }: HeadId, nLayers: number, nHeads: number): HeadId | null {
  const flat = (index: number) => {
    const at = Math.max(0, Math.min(nLayers * nHeads - 1, index));
    return { layer: Math.floor(at / nHeads), head: at % nHeads };
  };
  switch (key) {
    case 'ArrowLeft': return flat(layer * nHeads + head - 1);
    case 'ArrowRight': return flat(layer * nHeads + head + 1);
    case 'ArrowUp': return { layer: Math.max(0, layer - 1), head };
    case 'ArrowDown': return { layer: Math.min(nLayers - 1, layer + 1), head };
    case 'Home': return { layer, head: 0 };
    case 'End': return { layer, head: nHeads - 1 };
    default: return null;
  }
}

interface HeadProps {
  readonly id: HeadId;
  readonly note: HeadNote;
  readonly places: Places;
  readonly thumbPx: number;
  readonly tabIndex: number;
  readonly isLocked: boolean;
  readonly hovered: ReadonlySignal<HeadId | null>;
  readonly onHover: (id: HeadId | null) => void;
  readonly onLock: (id: HeadId) => void;
}

function Head({ id, note, places, thumbPx, tabIndex, isLocked, hovered, onHover, onLock }: HeadProps) {
  const { left, top } = places.place(id.layer, id.head);
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
  const { renderer, layers, nHeads, tokens, causal, palette, scale, theme } = props;
  const element = useRef<HTMLCanvasElement>(null);
  const attached = useRef<Canvas | null>(null);
  // The prompt may have more tokens than a thumbnail has pixels: pooled once a run, not once a frame.
  const matrices = useMemo<readonly Omit<Matrix, 'x' | 'y'>[]>(
    () =>
      layers.flatMap((values) =>
        Array.from({ length: nHeads }, (_, head) => {
          const offset = head * tokens * tokens;
          return cells === tokens
            ? { values, offset }
            : { values: pool(values, offset, tokens, cells, causal, palette), offset: 0 };
        }),
      ),
    [layers, nHeads, tokens, cells, causal, palette],
  );
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
    attached.current?.show({
      matrices: matrices.map((matrix, i) => {
        const { left, top } = places.place(Math.floor(i / nHeads), i % nHeads);
        return { ...matrix, x: Math.round((left + places.edge) * ratio), y: Math.round((top + EDGE_PX) * ratio) };
      }),
      rows: cells, cols: cells, cellWidth: cell, cellHeight: cell,
      width: width.devicePx, height: height.devicePx, gap: 0, causal, scale, palette, theme,
    });
  });
  return element;
}
