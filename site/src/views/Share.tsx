/** An experiment as a link to copy; what a link that was opened says and asks; why one could not be opened. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { printable, type Agreement, type ExperimentDocument, type Plan } from '../state/document';
import { LONGEST, encodeLink } from '../state/link';
import '../styles/share.css';

export function Dialog({ title, onClose, children }: { readonly title: string; readonly onClose: () => void; readonly children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <div class="help share">
        <header>
          <h2>{title}</h2>
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

export function saveFile(name: string, json: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  link.download = `hookscope-${name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const count = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`;

/** What a document holds, part by part. */
export function contents({ model, a, b, edits = [], view, selection, sampler, numbers }: ExperimentDocument): string[] {
  const prompt = (name: string, { text, ids }: typeof a) => `${name} \u201c${printable(text, 32)}\u201d${ids ? `, ${count(ids.length, 'token')}` : ''}`;
  const muted = edits.filter((e) => e.muted).length;
  return [
    ...(model ? [printable(model.id)] : []),
    prompt('A', a),
    ...(b ? [prompt('B', b)] : []),
    ...(edits.length > 0 ? [count(edits.length, 'intervention') + (muted > 0 ? ` (${muted} muted)` : '')] : []),
    ...(view || selection ? ['what is looked at'] : []),
    ...(sampler ? ['how text is continued'] : []),
    ...(numbers ? [`${count(Object.keys(numbers).length, 'number')} to compare with`] : []),
  ];
}

const kB = (characters: number) => (characters / 1000).toFixed(1);

export function Share({ document: make, onSave, onClose }: {
  /** Called while drawing: what it reads redraws the link. */
  readonly document: () => ExperimentDocument;
  /** The experiment as a file's text. */
  readonly onSave: (document: ExperimentDocument) => void;
  readonly onClose: () => void;
}) {
  const experiment = make();
  const json = JSON.stringify(experiment);
  const [link, setLink] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    let latest = true;
    void encodeLink(experiment).then((fragment) => {
      if (latest) setLink(fragment);
    });
    return () => {
      latest = false;
    };
  }, [json]);
  const tooLong = link !== null && link.length > LONGEST;
  const copy = () => {
    input.current?.select();
    void navigator.clipboard.writeText(input.current?.value ?? '').then(
      () => setSaid('Copied.'),
      () => setSaid('This browser did not let the page copy: the link is selected, copy it from there.'),
    );
  };
  return (
    <Dialog title="Share this experiment" onClose={onClose}>
      {tooLong ? (
        <p role="alert">
          This experiment is too large for a link ({kB(link.length)} of {kB(LONGEST)} kB). Save it as a file; “Import a file” under Saved opens it.
        </p>
      ) : (
        <div class="row">
          <input ref={input} readOnly aria-label="Link" value={link === null ? '' : location.href.replace(/#.*$/s, '') + link} onFocus={(event) => event.currentTarget.select()} />
          <button type="button" class="button ink" disabled={link === null} onClick={copy}>
            Copy
          </button>
        </div>
      )}
      <p class="muted small" role="status">
        {said || (link !== null && !tooLong && `${link.length.toLocaleString('en')} characters after the address.`)}
      </p>
      <h3>It holds</h3>
      <ul>
        {contents(experiment).map((part) => (
          <li key={part}>{part}</li>
        ))}
      </ul>
      {!experiment.numbers && <p class="muted small">The run is not finished, so there are no numbers yet for whoever opens it to compare with.</p>}
      <p class="muted small">Nothing is uploaded: the experiment stands in the link itself, after the #, which is never sent to a server. Whoever has the link can read the texts.</p>
      <button type="button" class="button" onClick={() => onSave(experiment)}>
        Save as a file
      </button>
    </Dialog>
  );
}

/** In the place of an experiment: a link that could not be opened. */
export function BadLink({ problem, onDismiss }: { readonly problem: string; readonly onDismiss: () => void }) {
  return (
    <div class="notice failure" role="alert" data-link="bad">
      <p>
        <strong>This link could not be opened.</strong> {problem}
      </p>
      <p class="muted small">Nothing was loaded or changed because of it.</p>
      <button type="button" class="button" onClick={onDismiss}>
        Go on without it
      </button>
    </div>
  );
}

/** Of a link that was opened: what it waits for, or whether its numbers are ours. */
export function OpenedLink({ plan, tokens, agreement, onRun, onDismiss }: {
  readonly plan: Plan | null;
  /** From `retokenized`. */
  readonly tokens: string | null;
  readonly agreement: Agreement | null;
  readonly onRun: (id: string) => void;
  readonly onDismiss: () => void;
}) {
  const waits = plan !== null && plan.kind !== 'run' ? plan : null;
  const lines = [waits?.line, tokens, agreement?.line].filter((line) => line != null);
  if (lines.length === 0) return null;
  return (
    <div class="notice opened" role="status" data-link={waits?.kind ?? 'run'} data-agrees={agreement?.same}>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {waits?.kind === 'ask' && (
        <button type="button" class="button ink" onClick={() => onRun(waits.id)}>
          {waits.button}
        </button>
      )}
      {!waits && (
        <button type="button" class="link" onClick={onDismiss}>
          Close
        </button>
      )}
    </div>
  );
}
