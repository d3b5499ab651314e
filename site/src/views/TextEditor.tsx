/** The text, edited in place. The tokens lie under the letters, so their borders are seen while one types. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Token } from '../engine/types';
import type { Shown } from '../state/run';
import { usePage } from './page';

/** The text of each token; a character that is split over tokens stays whole. */
export function stretches(tokens: readonly Token[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  for (const token of tokens) {
    if (token.special) continue;
    bytes.push(...token.bytes);
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
    } catch {
      continue;
    }
    out.push(text);
    bytes = [];
  }
  return out;
}

const HINTS = {
  held: 'Nothing is loaded until you say so below; you can change the text.',
  loading: 'You can change the text while the model loads.',
  ready: 'Pictures follow as you type. Enter is done, Shift Enter a new line.',
  failed: 'Your text is kept.',
} as const;

/** What the keys do there, and how much of the model's room the text takes. */
export function EditorKeys({ shown, prompt }: Pick<EditorProps, 'shown' | 'prompt'>) {
  const { app } = usePage();
  const text = app.experiment.current.value[prompt] ?? '';
  const { ids, cut } = shown?.tokenized ?? { ids: [], cut: null };
  return (
    <p class="editor-keys muted" id="editor-keys">
      {shown && (
        <span data-stale={shown.text !== text}>
          <b>{ids.length + (cut?.tokens ?? 0)}</b> of at most {shown.info.config.n_ctx} tokens.{' '}
        </span>
      )}
      {HINTS[app.held.value ? 'held' : app.model.value.kind]}
    </p>
  );
}

interface EditorProps {
  readonly shown: Shown | null;
  readonly prompt: 'text' | 'textB';
  readonly editing: boolean;
}

export function TextEditor({ shown, prompt, editing }: EditorProps) {
  const { app } = usePage();
  const area = useRef<HTMLTextAreaElement>(null);
  const under = useRef<HTMLDivElement>(null);
  const text = app.experiment.current.value[prompt] ?? '';
  const seen = shown?.text === text ? stretches(shown.tokenized.tokens) : [];
  const cut = shown?.text === text ? shown.tokenized.cut : null;

  useLayoutEffect(() => {
    if (!editing || !area.current) return;
    area.current.focus();
    area.current.setSelectionRange(text.length, text.length);
  }, [editing]);

  /** The borders stay under their letters, however far the text is scrolled. */
  const follow = () => {
    if (under.current && area.current) under.current.scrollTop = area.current.scrollTop;
  };
  useLayoutEffect(follow);

  const done = () => {
    app.experiment.endTyping();
    app.editing.value = null;
  };
  return (
    <div class="editor">
      <div class="under" ref={under} aria-hidden="true">
        {seen.map((s, i) => (
          <span key={i} class={i % 2 === 0 ? 'even' : 'odd'}>
            {s}
          </span>
        ))}
        {cut && <span class="cut">{cut.text}</span>}
        {(seen.length === 0 ? text : '') + '\u200b'}
      </div>
      <textarea
        ref={area}
        aria-label={prompt === 'textB' ? 'Prompt B' : 'Text that the model reads'}
        aria-describedby="editor-keys"
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        rows={1}
        value={text}
        onInput={(event) => {
          app.experiment.type(event.currentTarget.value, prompt);
        }}
        onScroll={follow}
        onBlur={done}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' && (event.key !== 'Enter' || event.shiftKey || event.isComposing)) return;
          event.preventDefault();
          done();
        }}
      />
    </div>
  );
}
