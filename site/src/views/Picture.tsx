/** The frame of every picture: its title, what its numbers mean, its table twin, and the ways out of it. */
import type { ComponentChildren } from 'preact';
import { useSignal, type Signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { EngineFailure } from '../engine/types';
import type { CodeInput } from '../code/index';
import type { PictureData } from '../ui/data';
import { asFailure } from '../state/failure';
import { Menu, MenuItem } from '../ui/Menu';
import { TableToggle } from '../ui/TableToggle';
import { usePage } from './page';

export interface PictureProps {
  readonly title: ComponentChildren;
  readonly sub?: ComponentChildren;
  /** On hover of `sub`; absent: what the numbers mean. */
  readonly hint?: string;
  /** "the residual stream": for labels of its buttons. */
  readonly name: string;
  readonly class?: string;
  readonly data: PictureData | null;
  /** The document that gives these numbers. */
  readonly what: CodeInput['what'] | null;
  readonly asTable: Signal<boolean>;
  readonly stale?: boolean;
  readonly failure?: EngineFailure | null;
  readonly controls?: ComponentChildren;
  /** Little room: one dot menu, no list of conventions below (they are the title's tooltip). */
  readonly compact?: boolean;
  /** CSS pixels, where the frame has a width of its own. */
  readonly width?: number | null;
  readonly children: ComponentChildren;
}

export function Picture({ title, sub, name, data, what, asTable, stale = false, failure, controls, compact = false, children, ...props }: PictureProps) {
  const { app, theme } = usePage();
  const figure = useRef<HTMLElement>(null);
  const said = useSignal('');
  /** What could not be put into the clipboard. */
  const byHand = useSignal<string | null>(null);
  /** Why this picture cannot be written as code. */
  const problem = useSignal<string | null>(null);
  const info = app.model.value.kind === 'ready' ? app.model.value.info : null;

  async function copied(text: string) {
    try {
      await navigator.clipboard.writeText(text);
      said.value = 'Copied.';
    } catch {
      byHand.value = text;
    }
  }

  const save = async (kind: 'png' | 'svg' | 'csv') => {
    if (!data) return;
    const { saveAs } = await import('../ui/export');
    const { text, edits } = app.shown.value ?? { text: '', edits: [] };
    const of = [`${info?.id}: ${JSON.stringify(text.slice(0, 80))}`, ...edits.map((edit) => `in force: ${JSON.stringify(edit).slice(0, 120)}`)];
    await saveAs({ ...data, conventions: [...data.conventions, ...of] }, kind, theme.value, `${info?.id ?? 'hookscope'} ${data.title}`, figure.current?.querySelector<SVGSVGElement>('svg[data-drawing]') ?? null);
    said.value = `Saved as ${kind.toUpperCase()}.`;
  };
  const code = async (library: 'transformer_lens' | 'nnsight') => {
    if (!what || !info) return;
    const { toCode } = await import('../code/index');
    problem.value = null;
    try {
      await copied(toCode({ model: info, what, text: app.shown.value?.text ?? '' }, library));
    } catch (thrown) {
      problem.value = asFailure(thrown).detail;
    }
  };
  return (
    <figure
      ref={figure}
      class={`picture ${props.class ?? ''}`}
      aria-label={name}
      data-stale={stale}
      data-document={what ? JSON.stringify(what) : undefined}
      aria-busy={stale}
      {...(props.width != null && { style: { width: `${props.width}px` } })}
    >
      <div class="picture-head">
        <h2 class="title">
          {title} {sub && <small title={props.hint ?? data?.conventions.join('\n')}>{sub}</small>}
        </h2>
        {controls}
        <span class="ways">
          <TableToggle of={name} on={asTable} />
          {data && (
            <Menu label={compact ? '⋯' : 'Export'} name={`Export ${name}`}>
              {(['png', 'svg', 'csv'] as const).map((kind) => (
                <MenuItem key={kind} onPick={() => save(kind)}>
                  Save as {kind.toUpperCase()}
                </MenuItem>
              ))}
              {what && [
                <MenuItem key="tl" onPick={() => code('transformer_lens')}>
                  Copy as TransformerLens code
                </MenuItem>,
                <MenuItem key="nn" onPick={() => code('nnsight')}>
                  Copy as nnsight code
                </MenuItem>,
                <MenuItem key="hs" onPick={() => copied(JSON.stringify(what.document))}>
                  Copy as a document for hs
                </MenuItem>,
              ]}
            </Menu>
          )}
        </span>
      </div>
      {byHand.value !== null && (
        <textarea
          class="copy-by-hand"
          readOnly
          aria-label="Copying is not allowed here: copy this by hand"
          value={byHand.value}
          ref={(area) => area?.select()}
          onBlur={() => (byHand.value = null)}
        />
      )}
      {problem.value && <p role="alert">{problem.value}</p>}
      <span class="unseen" role="status">
        {said.value}
      </span>
      {failure ? (
        <p class="muted" role="alert">
          <code>{failure.status}</code> {failure.detail}
        </p>
      ) : (
        children
      )}
      {data && !compact && data.conventions.length > 0 && (
        <details class="conventions">
          <summary>What the numbers mean</summary>
          <ul>
            {data.conventions.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
    </figure>
  );
}
