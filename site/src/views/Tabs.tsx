/** A row of tabs over the panel with id "bench": the arrow keys open the next and the one before. */
interface TabsProps<T extends string> {
  readonly label: string;
  readonly names: readonly T[];
  readonly open: T;
  readonly nameOf: (name: T) => string;
  readonly onOpen: (name: T) => void;
}

export function Tabs<T extends string>({ label, names, open, nameOf, onOpen }: TabsProps<T>) {
  return (
    <div
      class="tabs"
      role="tablist"
      aria-label={label}
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = step && names.at((names.indexOf(open) + step) % names.length);
        if (!next) return;
        event.preventDefault();
        onOpen(next);
        (event.currentTarget.children[names.indexOf(next)] as HTMLElement).focus();
      }}
    >
      {names.map((name) => (
        <button
          type="button"
          key={name}
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === open}
          aria-controls="bench"
          tabIndex={name === open ? 0 : -1}
          onClick={() => onOpen(name)}
        >
          {nameOf(name)}
        </button>
      ))}
    </div>
  );
}
