/** A button that opens a short list of things to do; arrow keys walk it, Esc and a click elsewhere close it. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface MenuProps {
  readonly label: string;
  /** In full, for who cannot see what it stands beside. */
  readonly name: string;
  readonly children: ComponentChildren;
}

export function Menu({ label, name, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLSpanElement>(null);
  const items = () => [...(root.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
  const close = () => {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  };
  useLayoutEffect(() => {
    if (open) items()[0]?.focus();
  }, [open]);
  return (
    <span
      class="menu"
      ref={root}
      onFocusOut={(event) => !root.current?.contains(event.relatedTarget as Node | null) && setOpen(false)}
      onKeyDown={(event) => {
        const list = items();
        const at = list.indexOf(document.activeElement as HTMLElement);
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[event.key];
        if (!open || (to === undefined && event.key !== 'Escape')) return;
        event.preventDefault();
        event.stopPropagation();
        if (to === undefined) close();
        else list.at(to % list.length)?.focus();
      }}
    >
      <button type="button" class="link" aria-haspopup="menu" aria-expanded={open} aria-label={name} onClick={() => setOpen(!open)}>
        {label}
      </button>
      {open && (
        <span class="menu-list" role="menu" aria-label={name} onClick={close}>
          {children}
        </span>
      )}
    </span>
  );
}

export function MenuItem({ onPick, children }: { readonly onPick: () => unknown; readonly children: ComponentChildren }) {
  return (
    <button type="button" role="menuitem" tabIndex={-1} onClick={() => void onPick()}>
      {children}
    </button>
  );
}
