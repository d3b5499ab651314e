/** A token of the vocabulary, typed: its words with ␣ or a space, or #id. */
import { useId, useState } from 'preact/hooks';
import { glyphs } from '../../state/reading';
import { usePage } from '../page';

interface TokenInputProps {
  readonly label: string;
  readonly value: number | null;
  readonly onPick: (id: number) => void;
}

/** So many are offered. */
const OFFERS = 12;

export function TokenInput({ label, value, onPick }: TokenInputProps) {
  const { app } = usePage();
  const [typed, setTyped] = useState<string | null>(null);
  const list = useId();
  const vocabulary = app.vocabulary.value;
  const spelled = (text: string) => text.replace(/ /g, '␣');
  const find = (text: string): number | undefined => {
    const id = /^#(\d+)$/.exec(text)?.[1];
    if (id !== undefined) return Number(id) < vocabulary.length ? Number(id) : undefined;
    const exact = vocabulary.find((token) => glyphs(token) === spelled(text)) ?? vocabulary.find((token) => glyphs(token) === `␣${spelled(text)}`);
    return exact?.id;
  };
  const wanted = spelled(typed ?? '').replace(/^␣/, '');
  const offers = typed ? vocabulary.filter((token) => glyphs(token).replace(/^␣/, '').startsWith(wanted)).slice(0, OFFERS) : [];
  const bad = typed !== null && typed !== '' && find(typed) === undefined;
  return (
    <>
      <input
        class="token-input"
        aria-label={label}
        list={list}
        size={10}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={bad}
        title={bad ? 'No token of this model is written so. Type its words, with a space or ␣ before them, or # and its id.' : 'A token of the vocabulary: its words, or # and its id'}
        value={typed ?? (value === null ? '' : app.glyph(value))}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          const id = find(event.currentTarget.value);
          if (id !== undefined) onPick(id);
        }}
        onBlur={() => setTyped(null)}
      />
      <datalist id={list}>
        {offers.map((token) => (
          <option key={token.id} value={glyphs(token)} />
        ))}
      </datalist>
    </>
  );
}
