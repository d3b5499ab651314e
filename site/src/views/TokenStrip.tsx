/** The text as the model has it: one chip a token, with arcs over them; or, when edited, the text itself. */
import { useComputed } from '@preact/signals';
import { Fragment } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Token } from '../engine/types';
import { align } from '../state/align';
import { EXAMPLES } from '../state/examples';
import { three } from '../state/numbers';
import { glyphs } from '../state/reading';
import type { Shown } from '../state/run';
import { Arcs } from '../ui/Arcs';
import { Tok } from '../ui/Tok';
import { useMedia } from '../ui/useMedia';
import { usePage } from './page';
import { EditorKeys, TextEditor } from './TextEditor';

const ARC_ROOM_PX = 48;

const described = (token: Token, position: number) =>
  `${glyphs(token)}, position ${position}, id ${token.id}${token.special ? ', special: it marks the start of a text' : ''}`;

interface ChipProps {
  readonly token: Token;
  readonly index: number;
  readonly isStop: boolean;
  readonly prompt: 'a' | 'b';
  /** The other prompt has another token here, or none. */
  readonly differs: boolean;
  /** What the token cost the model that had read those before it, nats; null for the first. */
  readonly loss: number | null;
}

/** Of a loss so large its line fills the chip's width. */
const FULL_LOSS = 10;

/** Redraws only when it is lit or no longer lit. */
function Chip({ token, index, isStop, prompt, differs, loss }: ChipProps) {
  const { app } = usePage();
  const { selection, experiment } = app;
  /** Whether positions of the selection are this prompt's. */
  const mine = useComputed(() => (app.view.value.side === 'b') === (prompt === 'b')).value;
  const lit = useComputed(() => {
    if (!mine && app.view.value.side !== 'a-b') return undefined;
    const { dest } = selection.shown.value;
    const src = app.source.value;
    return index === dest ? 'dest' : index === src ? 'src' : undefined;
  }).value;
  const selected = useComputed(() => mine && selection.lock.value.dest === index).value;
  return (
    <button
      type="button"
      role="option"
      class={prompt === 'b' ? 'tok of-b' : 'tok'}
      data-lit={lit}
      data-differs={differs}
      data-at={`${prompt}${index}`}
      aria-selected={selected}
      tabIndex={isStop ? 0 : -1}
      title={`${described(token, index)}${loss === null ? '' : `. The line: its loss, −log p given the tokens before it: ${three(loss)} nats`}`}
      style={{ '--loss': loss === null ? 0 : Math.min(1, loss / FULL_LOSS) }}
      aria-label={`${prompt === 'b' ? 'B: ' : ''}${glyphs(token, index)}, position ${index}, id ${token.id}`}
      // A move, not an enter: a chip that slides under a resting pointer is no wish to see it.
      onPointerMove={(event) => {
        const moved = event.pointerType !== 'touch' && (event.movementX !== 0 || event.movementY !== 0);
        if (mine && moved && selection.hover.peek()?.column !== index) selection.preview({ dest: index, src: null, depth: null, column: index });
      }}
      onClick={() => {
        if (!mine) experiment.look({ side: prompt });
        if (mine) selection.toggleToken(index);
        else selection.moveTo({ dest: index, src: null, depth: null });
      }}
      onDblClick={() => {
        app.editing.value = prompt === 'b' ? 'textB' : 'text';
      }}
    >
      <Tok text={glyphs(token, index)} />
    </button>
  );
}

function Chips({ a, b }: { readonly a: Shown; readonly b: Shown | null }) {
  const { app } = usePage();
  const { selection } = app;
  const list = useRef<HTMLDivElement>(null);
  const [centres, setCentres] = useState<readonly number[]>([]);
  /** Where each line of tokens begins, CSS pixels, and how many tokens are out of sight. */
  const [lines, setLines] = useState<readonly number[]>([]);
  const [hidden, setHidden] = useState(0);
  const [open, setOpen] = useState(false);
  const shown = app.shown.value ?? a;
  const { tokens } = shown.tokenized;
  const columns = useMemo(() => align(a.tokenized.ids, b?.tokenized.ids ?? a.tokenized.ids), [a.tokenized, b?.tokenized]);
  const { head, dest } = selection.shown.value;
  const src = app.source.value;
  const lockedAt = selection.lock.value.dest;
  const prompt = shown === b ? 'b' : 'a';
  const stop = lockedAt ?? tokens.length - 1;
  const wide = useMedia('(min-width: 700px)');
  const chipAt = (position: number) => list.current?.querySelector<HTMLElement>(`[data-at="${prompt}${position}"]`);

  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    const measure = () => {
      const chips = [...element.querySelectorAll<HTMLElement>(`[data-at^="${prompt}"]`)];
      const tops = [...new Set(chips.map((chip) => chip.offsetTop))];
      setCentres(tops.length === 1 ? chips.map((chip) => chip.offsetLeft + chip.offsetWidth / 2) : []);
      setLines([...new Set([...element.querySelectorAll<HTMLElement>(':scope > :not(.who)')].map((column) => column.offsetTop))]);
      count();
    };
    const count = () => {
      const [from, to] = [element.scrollTop - 1, element.scrollTop + element.clientHeight + 1];
      const chips = [...element.querySelectorAll<HTMLElement>(`[data-at^="${prompt}"]`)];
      setHidden(chips.filter(({ offsetTop, offsetHeight }) => offsetTop < from || offsetTop + offsetHeight > to).length);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', count);
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', count);
    };
  }, [a.tokenized, b?.tokenized, prompt, open]);

  // In a text of many lines, or one that scrolls, the lit token is brought into sight, without moving the page.
  useLayoutEffect(() => {
    const [box, chip] = [list.current, chipAt(lockedAt ?? -1)];
    if (!box || !chip) return;
    if (chip.offsetTop < box.scrollTop || chip.offsetTop + chip.offsetHeight > box.scrollTop + box.clientHeight)
      box.scrollTop = chip.offsetTop - box.clientHeight / 2;
    if (chip.offsetLeft < box.scrollLeft || chip.offsetLeft + chip.offsetWidth > box.scrollLeft + box.clientWidth)
      box.scrollLeft = chip.offsetLeft - box.clientWidth / 2;
  }, [shown.tokenized, lockedAt]);

  const onKeyDown = (event: KeyboardEvent) => {
    const last = tokens.length - 1;
    const at = selection.lock.value.dest ?? last;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.min(last, Math.max(0, to));
    selection.moveTo({ dest: next, src: null, depth: null });
    chipAt(next)?.focus();
  };

  const pattern = head && shown.now.pattern(head);
  const arcs = wide && pattern && dest !== null && centres.length === tokens.length;
  const chip = (which: 'a' | 'b', of: Shown, position: number | null, differs: boolean) => {
    const token = position === null ? undefined : of.tokenized.tokens[position];
    if (position === null || !token) return <span class="tok-gap" aria-hidden="true" />;
    return <Chip token={token} index={position} isStop={which === prompt && position === stop} prompt={which} differs={differs} loss={position === 0 ? null : (of.now.loss[position - 1] ?? null)} />;
  };
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
        data-open={open}
        data-pair={b !== null}
        data-fold={hidden > 0 && !open}
        ref={list}
        role="listbox"
        aria-label={b ? 'Tokens of both prompts' : 'Tokens of the text'}
        aria-orientation="horizontal"
        onKeyDown={onKeyDown}
        onMouseLeave={() => selection.preview(null)}
      >
        {(b ? lines : lines.slice(0, 1)).map((top) => (
          <Fragment key={`line ${top}`}>
            <Who prompt="A" top={top} />
            {b && <Who prompt="B" top={top} />}
          </Fragment>
        ))}
        {columns.map(([i, j], column) => {
          if (!b) return <Fragment key={column}>{chip('a', a, i, false)}</Fragment>;
          const differs = i === null || j === null || a.tokenized.ids[i] !== b.tokenized.ids[j];
          return (
            <span class="tok-pair" role="presentation" key={column}>
              {chip('a', a, i, differs)}
              {chip('b', b, j, differs)}
            </span>
          );
        })}
      </div>
      {(hidden > 0 || open) && (
        <p class="fold">
          <button type="button" class="link" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? 'Show fewer lines' : `${hidden} of ${tokens.length} tokens are out of sight: show them`}
          </button>
        </p>
      )}
    </div>
  );
}

/** The prompt that is not edited, while the other one is. */
function Other({ of, than, prompt }: { readonly of: Shown; readonly than: Shown; readonly prompt: 'A' | 'B' }) {
  const columns = align(of.tokenized.ids, than.tokenized.ids);
  return (
    <div class="strip-line other">
      <Who prompt={prompt} />
      <div class="tokens" role="group" aria-label={`Prompt ${prompt}: ${of.text}`}>
        {columns.map(([i, j]) => {
          const token = i === null ? undefined : of.tokenized.tokens[i];
          const differs = i === null || j === null || of.tokenized.ids[i] !== than.tokenized.ids[j];
          return token && <span key={i} class={prompt === 'B' ? 'tok of-b' : 'tok'} data-differs={differs}><Tok text={glyphs(token, i ?? 0)} /></span>;
        })}
      </div>
    </div>
  );
}

/** The button that opens a prompt's field and closes it. */
function EditButton({ prompt, words }: { readonly prompt: 'text' | 'textB'; readonly words: string }) {
  const { experiment, editing } = usePage().app;
  const open = editing.value === prompt;
  // The field that closes had the focus: who edited goes on from the button that opens it again.
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(open);
  useLayoutEffect(() => {
    if (wasOpen.current && !open && document.activeElement === document.body) button.current?.focus();
    wasOpen.current = open;
  }, [open]);
  return (
    <button
      type="button"
      class="link edit"
      ref={button}
      onMouseDown={(event) => event.preventDefault()} // keeps the field's blur from closing it under the click
      onClick={() => {
        experiment.endTyping();
        editing.value = open ? null : prompt;
      }}
    >
      {open ? 'Done' : words}
    </button>
  );
}

/** `top`: of its line of tokens; absent, it stands beside them all. */
const Who = ({ prompt, top }: { readonly prompt: 'A' | 'B'; readonly top?: number }) => (
  <span class={prompt === 'B' ? 'who of-b' : 'who'} aria-hidden="true" title={`Prompt ${prompt}`} {...(top !== undefined && { style: { top: `${top}px` } })}>
    {prompt}
  </span>
);

/** Leaves prompt B out again. */
function RemoveButton() {
  const { experiment, editing, view } = usePage().app;
  return (
    <button
      type="button"
      class="link"
      aria-label="Remove prompt B"
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => {
        editing.value = null;
        experiment.set({ textB: null, view: { ...view.value, side: 'a' } });
      }}
    >
      Remove
    </button>
  );
}

/** One click adds a prompt B that begins as a copy of A, to be changed. */
function AddSecond() {
  const { experiment, editing } = usePage().app;
  return (
    <p class="second">
      <Who prompt="B" />
      <button
        type="button"
        class="link"
        onClick={() => {
          experiment.set({ textB: experiment.current.value.text });
          editing.value = 'textB';
        }}
      >
        Add a second prompt
      </button>{' '}
      <span class="muted">to compare or subtract</span>
    </p>
  );
}

export function TokenStrip() {
  const { app } = usePage();
  const { experiment, runner } = app;
  const pair = runner.shown.value;
  const { textB } = experiment.current.value;
  const editing = app.editing.value ?? (!pair && runner.failure.value !== null ? 'text' : null);
  return (
    <section class="strip" aria-label="Text" data-pair={pair?.b != null && editing === null}>
      {(editing || !pair) && <EditorKeys prompt={editing ?? 'text'} shown={editing === 'textB' ? (pair?.b ?? null) : (pair?.a ?? null)} />}
      {pair && editing === 'textB' && <Other of={pair.a} than={pair.b ?? pair.a} prompt="A" />}
      <div class="strip-line">
      {editing || !pair ? (
        <>
          <Who prompt={editing === 'textB' ? 'B' : 'A'} />
          <TextEditor key={editing} shown={editing === 'textB' ? (pair?.b ?? null) : (pair?.a ?? null)} prompt={editing ?? 'text'} editing={editing !== null} />
        </>
      ) : (
        <>
          <span class="whos">
            <Who prompt="A" />
            {pair.b && <Who prompt="B" />}
          </span>
          <Chips a={pair.a} b={pair.b} />
        </>
      )}
      {(pair || app.editing.value) && (
        <span class="edits">
          {editing !== 'textB' && <EditButton prompt="text" words={textB === null ? 'Edit' : 'Edit A'} />}
          {textB !== null && editing !== 'text' && (
            <span>
              <EditButton prompt="textB" words="Edit B" /> <RemoveButton />
            </span>
          )}
        </span>
      )}
      <p class="examples">
        <span class="muted">Try</span>
        {EXAMPLES.map((example) => (
          <button
            type="button"
            key={example.name}
            class="link"
            title={example.b ? `${example.text} / ${example.b}` : example.text}
            aria-current={example.text === experiment.current.value.text && (example.b ?? null) === textB}
            onMouseDown={(event) => event.preventDefault()} // as above
            onClick={() => {
              app.editing.value = null;
              app.useExample(example);
            }}
          >
            {example.name}
          </button>
        ))}
      </p>
      </div>
      {pair?.b && editing === 'text' && <Other of={pair.b} than={pair.a} prompt="B" />}
      {pair && textB === null && editing === null && <AddSecond />}
    </section>
  );
}
