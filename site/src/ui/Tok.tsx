/** A token's words as they are shown everywhere: monospace, with the glyphs for blank space muted. */
const BLANK = /([\u2423\u21b5\u21e5\u240d]+)/;

/** Bytes that are no character by themselves, as `glyphs` writes them. */
const BYTE = /\\x[0-9a-f]{2}/;

export function Tok({ text }: { readonly text: string }) {
  return (
    <span class="tok-text" dir="auto" {...(BYTE.test(text) && { title: 'one byte of a longer character' })}>
      {text.split(BLANK).map((part, i) => (i % 2 === 1 ? <span class="blank">{part}</span> : part))}
    </span>
  );
}
