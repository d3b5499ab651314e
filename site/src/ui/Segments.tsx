/** One of a few, side by side: a radio group. */
interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly value: T;
  /** [value, word, what it means] */
  readonly options: readonly (readonly [value: T, word: string, means?: string])[];
  readonly onPick: (value: T) => void;
}

export function Segments<T extends string>({ label, value, options, onPick }: SegmentsProps<T>) {
  return (
    <div
      class="segments"
      role="radiogroup"
      aria-label={label}
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        const at = options.findIndex(([option]) => option === value);
        const next = step === undefined ? undefined : (at + step + options.length) % options.length;
        const picked = next === undefined ? undefined : options[next];
        if (!picked || next === undefined) return;
        event.preventDefault();
        onPick(picked[0]);
        (event.currentTarget.children[next] as HTMLElement).focus();
      }}
    >
      {options.map(([option, word, means], i) => (
        <button
          type="button"
          key={option}
          role="radio"
          aria-checked={option === value}
          tabIndex={option === value || (i === 0 && !options.some(([o]) => o === value)) ? 0 : -1}
          title={means}
          onClick={() => onPick(option)}
        >
          {word}
        </button>
      ))}
    </div>
  );
}
