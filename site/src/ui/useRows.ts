/** Rows as one tab stop: the arrow keys, Home and End walk them, Enter picks the one that has the focus. */
import { useState } from 'preact/hooks';

export function useRows(count: number, onHover?: (row: number) => void, onPick?: (row: number) => void) {
  const [cursor, setCursor] = useState(0);
  const stop = Math.min(cursor, count - 1);
  return {
    /** The row that Tab comes to. */
    stop,
    setCursor,
    /** Of the element whose children are the rows. */
    onKeyDown(event: KeyboardEvent & { readonly currentTarget: Element }) {
      const to = { ArrowDown: stop + 1, ArrowUp: stop - 1, Home: 0, End: count - 1 }[event.key];
      if (to !== undefined) {
        const next = Math.max(0, Math.min(count - 1, to));
        setCursor(next);
        onHover?.(next);
        (event.currentTarget.children[next] as HTMLElement | undefined)?.focus();
      } else if (event.key === 'Enter' && onPick) onPick(stop);
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
  };
}
