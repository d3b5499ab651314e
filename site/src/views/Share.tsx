/** An experiment as a link to copy, or as a file. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { printable, type ExperimentDocument } from '../state/document';
import { encodeLink } from '../state/link';
import '../styles/share.css';
import { Dialog } from './Dialog';

export function saveFile(name: string, json: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  link.download = `hookscope-${name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A file of one experiment, as Saved writes and reads them. */
function fileOf(document: ExperimentDocument): string {
  const name = Array.from(document.a.text.trim()).slice(0, 40).join('') || 'experiment';
  return JSON.stringify({ v: 1, experiments: [{ name, date: new Date().toISOString(), document }] });
}

const count = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`;

/** What a document holds, part by part. */
export function contents({ model, a, b, edits = [], steer, view, selection, sampler, numbers }: ExperimentDocument): string[] {
  const prompt = (name: string, { text, ids }: typeof a) => `${name} \u201c${printable(text, 32)}\u201d${ids ? `, ${count(ids.length, 'token')}` : ''}`;
  const muted = edits.filter((e) => e.muted).length;
  return [
    ...(model ? [printable(model.id)] : []),
    prompt('A', a),
    ...(b ? [prompt('B', b)] : []),
    ...(edits.length > 0 ? [count(edits.length, 'intervention') + (muted > 0 ? ` (${muted} muted)` : '')] : []),
    ...(steer ? [`what steers, as ${'contrast' in steer.recipe ? 'its pairs of texts' : 'its recipe'}`] : []),
    ...(view || selection ? ['what is looked at'] : []),
    ...(sampler ? ['how text is continued'] : []),
    ...(numbers ? [`${count(Object.keys(numbers).length, 'number')} to compare with`] : []),
  ];
}

export function Share({ document: make, onClose }: {
  /** Called while drawing: what it reads redraws the link. */
  readonly document: () => ExperimentDocument;
  readonly onClose: () => void;
}) {
  const experiment = make();
  const json = JSON.stringify(experiment);
  const [made, setMade] = useState<{ readonly of: string; readonly link: string } | null>(null);
  const link = made?.of === json ? made.link : null;
  const [said, setSaid] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    let latest = true;
    void encodeLink(experiment).then((fragment) => {
      if (latest) setMade({ of: json, link: fragment });
    });
    return () => {
      latest = false;
    };
  }, [json]);
  const tooLong = link === '';
  const copy = async () => {
    input.current?.select();
    try {
      await navigator.clipboard.writeText(input.current?.value ?? ''); // absent where the address is not secure
      setSaid('Copied.');
    } catch {
      setSaid('This browser did not let the page copy: the link is selected, copy it from there.');
    }
  };
  return (
    <Dialog class="share" title="Share this experiment" onClose={onClose}>
      {tooLong ? (
        <p role="alert">This experiment is too large for a link. Save it as a file; “Import a file” under Saved opens it.</p>
      ) : (
        <div class="row">
          <input ref={input} readOnly aria-label="Link" value={link === null ? '' : location.href.replace(/#.*$/s, '') + link} onFocus={(event) => event.currentTarget.select()} />
          <button type="button" class="button ink" disabled={link === null} onClick={() => void copy()}>
            Copy
          </button>
        </div>
      )}
      <p class="muted small" role="status">
        {said || (link && `${link.length.toLocaleString('en')} characters after the address.`)}
      </p>
      <h3>It holds</h3>
      <ul>
        {contents(experiment).map((part) => (
          <li key={part}>{part}</li>
        ))}
      </ul>
      {!experiment.numbers && <p class="muted small">The run is not finished, so there are no numbers yet for whoever opens it to compare with.</p>}
      {!tooLong && <p class="muted small">Nothing is uploaded: the experiment stands in the link itself, after the #, which is never sent to a server. Whoever has the link can read the texts.</p>}
      <button type="button" class="button" onClick={() => saveFile(experiment.a.text, fileOf(experiment))}>
        Save as a file
      </button>
    </Dialog>
  );
}
