/** What went wrong or was left out: what happened, what it means for the work, what to do. */
import type { EngineFailure } from '../engine/types';
import { share } from '../state/numbers';
import { BadLink, OpenedLink } from './OpenedLink';
import { usePage } from './page';
import { UpdateNotice } from './Storage';

interface Advice {
  readonly title: string;
  readonly meaning: string;
  /** Whether trying again can help. */
  readonly retry: boolean;
}

/** By the engine's status; the core's own statuses share the last one. */
function adviceOn({ status }: EngineFailure): Advice {
  switch (status) {
    case 'ENOSIMD':
      return {
        title: 'This browser cannot run the model',
        meaning: 'Its WebAssembly lacks SIMD, which the model’s arithmetic needs. Your text is kept here; open the page in a newer browser to run it.',
        retry: false,
      };
    case 'EFETCH':
      return {
        title: 'A file of the model could not be fetched',
        meaning: 'Nothing can be computed without it. Check the connection, and that the page’s folder “models” is complete; then try again.',
        retry: true,
      };
    case 'EHASH':
      return {
        title: 'The model file is damaged or cut short',
        meaning: 'Its numbers cannot be trusted, so it was not loaded. Try again; if that does not help, the copy on the server is broken.',
        retry: true,
      };
    case 'EWORKER':
      return {
        title: 'The model’s worker stopped',
        meaning: 'Most often the tab ran out of memory. The text and the interventions are kept.',
        retry: true,
      };
    case 'ETOKENS':
      return { title: 'Nothing to run yet', meaning: 'The pictures still show the last text.', retry: false };
    default:
      return { title: 'This could not be computed', meaning: 'The pictures still show the last run that worked. The text and the interventions are kept.', retry: true };
  }
}

function Failure({ failure }: { readonly failure: EngineFailure }) {
  const { app } = usePage();
  const { title, meaning, retry } = adviceOn(failure);
  return (
    <div class="notice failure" role="alert" data-status={failure.status}>
      <p>
        <strong>{title}.</strong> {meaning}
      </p>
      {failure.detail && (
        <p class="muted small">
          <code>{failure.status}</code> {failure.detail}
        </p>
      )}
      {retry && (
        <button type="button" class="button" onClick={() => void app.retry()}>
          Try again
        </button>
      )}
    </div>
  );
}

const MB = 1e6;

function Loading({ title, done, total }: { readonly title: string; readonly done: number; readonly total: number }) {
  return (
    <div class="loading" role="status">
      <p>
        Loading the model {title}
        {total > 0 && (
          <span class="muted">
            {' '}
            {(done / MB).toFixed(1)} of {(total / MB).toFixed(1)} MB
          </span>
        )}
      </p>
      <progress aria-label="Model loaded" max={1} value={total > 0 ? done / total : 0}>
        {total > 0 ? share(done / total) : ''}
      </progress>
    </div>
  );
}

export function Notices() {
  const { app, painter, offline, session } = usePage();
  const opened = session.opened.value;
  const { model, runner } = app;
  const state = model.value;
  const failure = state.kind === 'failed' ? state.failure : runner.failure.value;
  const cut = app.shown.value?.tokenized.cut;
  const nCtx = app.shown.value?.info.config.n_ctx;
  const { text, textB } = app.experiment.current.value;
  const literal = app.vocabulary.value.find((token) => token.special && `${text}${textB ?? ''}`.includes(token.text));
  return (
    <>
      <UpdateNotice offline={offline} />
      {opened && ('problem' in opened ? <BadLink problem={opened.problem} onDismiss={session.dismiss} /> : <OpenedLink {...opened} onRun={session.run} onDismiss={session.dismiss} />)}
      {state.kind === 'loading' && !app.held.value && <Loading {...state} />}
      {failure && failure.status !== 'EABORTED' && <Failure failure={failure} />}
      {cut && (
        <div class="notice" role="status" data-cut={cut.tokens}>
          <p>
            The model reads at most {nCtx} tokens: the last {cut.tokens} of this text, from{' '}
            <q>{cut.text.trim().slice(0, 40)}{cut.text.trim().length > 40 && '…'}</q>, {cut.tokens === 1 ? 'is' : 'are'} left out. What you typed is kept.
          </p>
        </div>
      )}
      {literal && (
        <p class="quiet-note muted" role="status">
          “{literal.text}” in the text is read as the characters that it is, not as the token of that name.
          {nCtx !== undefined && app.shown.value?.info.config.default_prepend_bos && ' The text begins with <bos> without it.'}
        </p>
      )}
      {painter.value === 'canvas2d' && (
        <p class="quiet-note muted" role="status" data-painter="canvas2d">
          WebGL2 is not available here, so pictures are drawn with Canvas 2D: the same pixels, a little slower.
        </p>
      )}
    </>
  );
}
