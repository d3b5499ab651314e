/** Keyboard, pointer and words of a picture: one tab stop, and only the active row in the accessibility tree. */
import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { litAt, moved, openCols, sameLit, type Cell, type Lengths, type Lit, type Shown } from './HeatmapCells.ts';

interface GridProps {
  readonly shown: Shown;
  readonly lengths: Lengths;
  /** Whether column labels are turned, for pointing at them. */
  readonly turned: boolean;
  readonly gutter: number;
  readonly head: number;
  readonly label: string;
  readonly hovered: ReadonlySignal<Lit | null>;
  readonly locked: ReadonlySignal<Lit | null>;
  readonly onHover: (lit: Lit | null) => void;
  readonly onLock: (lit: Lit | null) => void;
  readonly valueText: (row: number, col: number) => string;
}

/** Long enough that a held arrow key is not read out cell by cell. */
const SETTLED_MS = 150;

export function HeatmapGrid({ shown, lengths, turned, gutter, head, label, hovered, locked, ...on }: GridProps) {
  const id = useId();
  const cellRef = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<Cell>({ row: 0, col: 0 });
  const [said, setSaid] = useState('');
  const [focused, setFocused] = useState(false);

  // The lock is where the keyboard stands; without one, it stands where it was left.
  const lock = locked.value;
  const stands = lock && lock.row !== null && lock.col !== null ? { row: lock.row, col: lock.col } : cursor;
  const active = within(shown, stands);
  const text = on.valueText(active.row, active.col);

  useEffect(() => {
    // Other pictures of the same selection stay silent.
    if (!focused) return;
    const settled = setTimeout(() => setSaid(text), SETTLED_MS);
    return () => clearTimeout(settled);
  }, [text, focused]);

  function go(to: Cell) {
    setCursor(to);
    if (locked.value) on.onLock(to);
    else on.onHover(to);
    // After the cell has moved there.
    requestAnimationFrame(() => cellRef.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.altKey || event.metaKey) return;
    const ctrl = event.ctrlKey;
    const to = moved(shown, active, event.key, ctrl);
    if (to) go(to);
    else if (event.key === 'Enter' && !ctrl) toggle(active);
    else if (event.key === 'Escape' && locked.value) {
      setCursor(active);
      on.onLock(null);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function toggle(lit: Lit) {
    on.onLock(sameLit(lit, locked.value) ? null : lit);
  }

  function pointed(event: MouseEvent & { readonly currentTarget: HTMLElement }) {
    const box = event.currentTarget.getBoundingClientRect();
    return litAt(shown, lengths, event.clientX - box.left - gutter, event.clientY - box.top - head, turned);
  }

  return (
    <>
      <div
        class="heatmap-pointer"
        // A finger scrolls and taps; only what can hover, hovers.
        onPointerMove={(event) => {
          if (event.pointerType === 'touch') return;
          const lit = pointed(event);
          if (!sameLit(lit, hovered.peek())) on.onHover(lit);
        }}
        onPointerLeave={(event) => event.pointerType !== 'touch' && on.onHover(null)}
        onClick={(event) => {
          const lit = pointed(event);
          if (!lit) return;
          if (lit.row !== null && lit.col !== null) setCursor({ row: lit.row, col: lit.col });
          toggle(lit);
        }}
      >
        <div
          class="heatmap-grid"
          role="grid"
          tabIndex={0}
          aria-label={label}
          aria-rowcount={shown.rows}
          aria-colcount={shown.cols}
          aria-activedescendant={`${id}-cell`}
          aria-describedby={`${id}-keys`}
          style={{
            left: `${gutter}px`,
            top: `${head}px`,
            width: `${shown.cols * lengths.cellWidth}px`,
            height: `${shown.rows * lengths.cellHeight}px`,
          }}
          onKeyDown={onKeyDown}
          onFocus={(event) => {
            setFocused(true);
            if (event.currentTarget.matches(':focus-visible') && !locked.peek()) on.onHover(active);
          }}
          onBlur={() => {
            setFocused(false);
            on.onHover(null);
          }}
        >
          <div role="row" aria-rowindex={active.row + 1}>
            <div
              ref={cellRef}
              id={`${id}-cell`}
              role="gridcell"
              aria-colindex={active.col + 1}
              aria-selected={lock ? 'true' : 'false'}
              aria-label={text}
              style={{
                left: `${active.col * lengths.cellWidth}px`,
                top: `${active.row * lengths.cellHeight}px`,
                width: `${lengths.cellWidth}px`,
                height: `${lengths.cellHeight}px`,
              }}
            />
          </div>
        </div>
      </div>
      <p id={`${id}-keys`} class="heatmap-unseen">
        Arrow keys move, Home and End go to the ends of the row, M to its largest value, Enter locks, Escape unlocks.
      </p>
      <p class="heatmap-unseen" aria-live="polite" aria-atomic="true">{said}</p>
    </>
  );
}

/** A new prompt may have fewer tokens than the cursor's place. */
function within(shown: Shown, { row, col }: Cell): Cell {
  const r = Math.max(0, Math.min(shown.rows - 1, row));
  return { row: r, col: Math.max(0, Math.min(openCols(shown, r) - 1, col)) };
}
