/** A horizontal bar; the value before stays in sight behind it, pale, with an end tick. */
export interface BarProps {
  readonly value: number;
  /** Drawn only where it differs from the value. */
  readonly before?: number | null;
  /** The value that fills the width. */
  readonly full: number;
  readonly quiet?: boolean;
}

export function Bar({ value, before = null, full, quiet = false }: BarProps) {
  const width = (x: number) => `${Math.min(100, Math.max(0, (100 * x) / full))}%`;
  return (
    <span class={quiet ? 'bar quiet' : 'bar'} aria-hidden="true">
      {before !== null && before !== value && <span class="ghost" style={{ width: width(before) }} />}
      <span class="fill" style={{ width: width(value) }} />
    </span>
  );
}
