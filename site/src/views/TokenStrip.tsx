/** The text as the model has it: one chip a token, with arcs over them; or, when edited, the text itself. */
import { useComputed } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Token } from '../engine/types';
import { EXAMPLES } from '../state/examples';
import { glyphs, patternOf } from '../state/reading';
import type { Shown } from '../state/run';
import { Arcs } from '../ui/Arcs';
import { Tok } from '../ui/Tok';
import { useMedia } from '../ui/useMedia';
import { usePage } from './page';
import { TextEditor } from './TextEditor';

const ARC_ROOM_PX = 48;

const described = (token: Token, position: number) =>
  `${glyphs(token)}, position ${position}, id ${token.id}${token.special ? ', special: it marks the start of a text' : ''}`;

/** Redraws only when it is lit or no longer lit. */
function Chip({ token, index, isStop }: { readonly token: Token; readonly index: number; readonly isStop: boolean }) {
  const { app } = usePage();
  const { selection } = app;
  const lit = useComputed(() => {
    const { dest } = selection.shown.value;
    const src = app.source.value;
    return index === dest ? 'dest' : index === src ? 'src' : undefined;
  }).value;
  const selected = useComputed(() => selection.lock.value.dest === index).value;
  return (
    <button
      type="button"
      role="option"
      class="tok"
      data-lit={lit}
      aria-selected={selected}
      tabIndex={isStop ? 0 : -1}
      title={described(token, index)}
      aria-label={`${glyphs(token, index)}, position ${index}, id ${token.id}`}
      onMouseEnter={() => selection.preview({ dest: index, src: null, depth: null, column: index })}
      onClick={() => selection.toggleToken(index)}
      onDblClick={() => {
        app.editing.value = true;
      }}
    >
      <Tok text={glyphs(token, index)} />
    </button>
  );
}

function Chips({ shown }: { readonly shown: Shown }) {
  const { app } = usePage();
  const { selection } = app;
  const list = useRef<HTMLDivElement>(null);
  const [centres, setCentres] = useState<readonly number[]>([]);
  const { tokens } = shown.tokenized;
  const { head, dest } = selection.shown.value;
  const src = app.source.value;
  const lockedAt = selection.lock.value.dest;
  const stop = lockedAt ?? tokens.length - 1;
  const wide = useMedia('(min-width: 700px)');

  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const measure = () => {
      const chips = [...element.children] as HTMLElement[];
      const oneLine = chips.every((chip) => chip.offsetTop === chips[0]?.offsetTop);
      setCentres(oneLine ? chips.map((chip) => chip.offsetLeft + chip.offsetWidth / 2) : []);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [shown.tokenized]);

  // In a text of many lines the lit token is brought into sight, without moving the page.
  useLayoutEffect(() => {
    const [box, chip] = [list.current, list.current?.children[lockedAt ?? -1] as HTMLElement | undefined];
    if (!box || !chip) return;
    if (chip.offsetTop < box.scrollTop || chip.offsetTop + chip.offsetHeight > box.scrollTop + box.clientHeight)
      box.scrollTop = chip.offsetTop - box.clientHeight / 2;
  }, [shown.tokenized, lockedAt]);

  const onKeyDown = (event: KeyboardEvent) => {
    const last = tokens.length - 1;
    const at = selection.lock.value.dest ?? last;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, to));
    selection.moveTo({ dest: next, src: null, depth: null });
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };

  const pattern = head && patternOf(shown.now, head);
  const arcs = wide && pattern && dest !== null && centres.length === tokens.length;
  return (
    <div class={arcs ? 'chips-line with-arcs' : 'chips-line'}>
      {arcs && (
        <Arcs
          centres={centres}
          width={(centres.at(-1) ?? 0) + 8}
          baseline={ARC_ROOM_PX}
          dest={dest}
          weights={pattern}
          offset={dest * tokens.length}
          source={src}
        />
      )}
      <div
        class="tokens"
        ref={list}
        role="listbox"
        aria-label="Tokens of the text"
        aria-orientation="horizontal"
        onKeyDown={onKeyDown}
        onMouseLeave={() => selection.preview(null)}
      >
        {tokens.map((token, i) => (
          <Chip key={i} token={token} index={i} isStop={i === stop} />
        ))}
      </div>
    </div>
  );
}

export function TokenStrip() {
  const { app } = usePage();
  const { experiment, runner } = app;
  const text = useComputed(() => experiment.current.value.text);
  const shown = runner.shown.value;
  const editing = app.editing.value || (!shown && runner.failure.value !== null);
  // The field that closes had the focus: who edited goes on from the button that opens it again.
  const edit = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(editing);
  useLayoutEffect(() => {
    if (wasEditing.current && !editing && document.activeElement === document.body) edit.current?.focus();
    wasEditing.current = editing;
  }, [editing]);
  return (
    <section class="strip" aria-label="Text">
      <span class="who" aria-hidden="true" title="Prompt A">
        A
      </span>
      {editing || !shown ? <TextEditor shown={shown} editing={editing} /> : <Chips shown={shown} />}
      {(shown || app.editing.value) && (
        <button
          type="button"
          class="link edit"
          ref={edit}
          onMouseDown={(event) => event.preventDefault()} // keeps the field's blur from closing it under the click
          onClick={() => {
            experiment.endTyping();
            app.editing.value = !editing;
          }}
        >
          {editing ? 'Done' : 'Edit'}
        </button>
      )}
      <p class="examples">
        <span class="muted">Try</span>
        {EXAMPLES.map((example) => (
          <button
            type="button"
            key={example.name}
            class="link"
            title={example.text}
            aria-current={example.text === text.value}
            onMouseDown={(event) => event.preventDefault()} // as above
            onClick={() => {
              app.editing.value = false;
              app.useExample(example.text);
            }}
          >
            {example.name}
          </button>
        ))}
      </p>
    </section>
  );
}
