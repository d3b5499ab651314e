/** The switch between a picture and its table twin. */
import type { Signal } from '@preact/signals';

export function TableToggle({ of, on }: { readonly of: string; readonly on: Signal<boolean> }) {
  return (
    <button
      type="button"
      class="link table-toggle"
      aria-pressed={on.value}
      aria-label={`Table of ${of}`}
      onClick={() => {
        on.value = !on.value;
      }}
    >
      Table
    </button>
  );
}
