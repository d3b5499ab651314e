/** A token's words as they are shown everywhere: monospace, with the glyphs for blank space muted. */
const BLANK = /([\u2423\u21b5\u21e5\u240d]+)/;

export function Tok({ text }: { readonly text: string }) {
  return (
    <span class="tok-text" dir="auto">
      {text.split(BLANK).map((part, i) => (i % 2 === 1 ? <span class="blank">{part}</span> : part))}
    </span>
  );
}
