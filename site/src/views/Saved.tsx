/** Saved experiments, as a list and as files; and the steps of this session, to go back to. */
import { useState } from 'preact/hooks';
import { printable, type ExperimentDocument } from '../state/document';
import type { Experiment } from '../state/experiment';
import { three } from '../state/numbers';
import type { Saved as SavedState, SavedExperiment } from '../state/saved';
import { Dialog } from './Dialog';
import { contents, saveFile } from './Share';
import { usePage } from './page';

/** In one piece with this: what one of them needs, the other does. */
export { Share } from './Share';

const when = (date: string) => new Date(date).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const opening = (text: string) => text.trim().split(/\s+/).slice(0, 6).join(' ');

function Row({ saved, experiment, onOpen }: { readonly saved: SavedState; readonly experiment: SavedExperiment; readonly onOpen: () => void }) {
  const { name, date, document } = experiment;
  const shown = printable(name);
  return (
    <li>
      <div class="row">
        <input aria-label={`Name of ${shown}`} maxLength={100} value={name} onChange={(event) => saved.rename(name, event.currentTarget.value)} />
        <button type="button" class="button" aria-label={`Open ${shown}`} onClick={onOpen}>
          Open
        </button>
        <button type="button" class="link" aria-label={`Export ${shown}`} onClick={() => saveFile(name, saved.export(name))}>
          Export
        </button>
        <button type="button" class="link" aria-label={`Delete ${shown}`} onClick={() => saved.remove(name)}>
          Delete
        </button>
      </div>
      <p class="muted small">
        {when(date)}: {contents(document).join(', ')}
      </p>
    </li>
  );
}

const PARTS: { readonly [K in keyof Experiment]: (e: Experiment) => string } = {
  model: (e) => `model ${e.model || 'as the page opens'}`,
  text: (e) => `A: \u201c${printable(e.text, 32)}\u201d`,
  textB: (e) => (e.textB === null ? 'without B' : `B: \u201c${printable(e.textB, 32)}\u201d`),
  interventions: (e) => `interventions in force: ${e.interventions.filter((i) => !i.muted).length}`,
  steer: (e) => (e.steer ? `steer by ${three(e.steer.strength)}` : 'no steering'),
  view: (e) => `look at ${e.view.bench === 'look' ? e.view.tab : e.view.bench}`,
  sampler: () => 'how text is continued',
};

/** What a step changed. */
function stepName(before: Experiment | undefined, now: Experiment): string {
  if (!before) return `Start, ${PARTS.text(now)}`;
  const changed = (Object.keys(PARTS) as (keyof Experiment)[]).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]));
  return changed.map((key) => PARTS[key](now)).join(', ') || 'the same';
}

function Steps() {
  const { experiment } = usePage().app;
  const { past, current, future } = experiment;
  const at = past.value.length;
  const all = [...past.value.map((s) => s.experiment), current.value, ...future.value.map((s) => s.experiment).reverse()];
  const goTo = (index: number) => {
    experiment.backTo(index);
    for (let i = at; i < index; i++) experiment.redo();
  };
  return (
    <ol reversed>
      {all
        .map((e, i) => (
          <li key={i} value={i + 1}>
            <button type="button" class="link" aria-current={i === at} onClick={() => goTo(i)}>
              {stepName(all[i - 1], e)}
            </button>
          </li>
        ))
        .reverse()}
    </ol>
  );
}

export function Saved({ saved, document: make, onOpen, onClose }: {
  readonly saved: SavedState;
  readonly document: () => ExperimentDocument;
  readonly onOpen: (document: ExperimentDocument) => void;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState(() => opening(make().a.text));
  const [said, setSaid] = useState('');
  const list = saved.list.value;
  const removed = saved.removed.value.at(-1);
  const take = async (file: File | undefined) => {
    if (!file) return;
    const { added, bad } = saved.import(await file.text());
    const refused = bad.length > 0 ? ` ${bad.length} could not be read: ${bad[0]}.` : '';
    setSaid(`${added === 1 ? 'One experiment' : `${added} experiments`} imported from ${printable(file.name, 40)}.${refused}`);
  };
  return (
    <Dialog class="share" title="Saved experiments" onClose={onClose}>
      {saved.problem.value && <p role="alert">{saved.problem.value}</p>}
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          saved.save(name, make());
          setSaid('Saved.');
        }}
      >
        <input aria-label="Name" maxLength={90} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <button type="submit" class="button ink">
          Save this experiment
        </button>
      </form>
      <p class="muted small" role="status">
        {said}
      </p>
      {removed && (
        <p role="status">
          “{printable(removed.experiment.name)}” is deleted.{' '}
          <button type="button" class="link" onClick={() => saved.restore()}>
            Bring it back
          </button>
        </p>
      )}
      {list.length === 0 ? (
        <p class="muted">None yet. What is saved stays in this browser; a file takes it elsewhere.</p>
      ) : (
        <ul class="saved">
          {list.map((experiment) => (
            <Row
              key={experiment.name}
              saved={saved}
              experiment={experiment}
              onOpen={() => {
                onOpen(experiment.document);
                onClose();
              }}
            />
          ))}
        </ul>
      )}
      <div class="row">
        <label class="button">
          Import a file
          <input
            type="file"
            class="unseen"
            accept="application/json,.json"
            onChange={(event) => {
              void take(event.currentTarget.files?.[0]);
              event.currentTarget.value = '';
            }}
          />
        </label>
        {list.length > 0 && (
          <button type="button" class="button" onClick={() => saveFile('experiments', saved.export())}>
            Export all
          </button>
        )}
      </div>
      <h3>Steps of this session</h3>
      <Steps />
    </Dialog>
  );
}
