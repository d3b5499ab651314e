/** The name, the model, what the last run cost, and what acts on everything. */
import { Mark, RedoIcon, ThemeIcon, UndoIcon } from '../ui/icons';
import { usePage } from './page';

export function Header() {
  const { app, theme, toggleTheme } = usePage();
  const { experiment, model, models, runner } = app;
  const state = model.value;
  const shown = app.shown.value;
  const config = state.kind === 'ready' ? state.info.config : null;
  return (
    <header class="top" data-busy={runner.stale.value && state.kind === 'ready'}>
      <h1 class="brand">
        <Mark />
        Hookscope
      </h1>
      {models.value.length > 1 ? (
        <label class="model">
          <span class="unseen">Model</span>
          <select value={experiment.current.value.model || models.value[0]?.id} onChange={(event) => app.choose(event.currentTarget.value)}>
            {models.value.map((m) => (
              <option key={m.id} value={m.id}>
                {m.title}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <span class="model" title={state.kind === 'ready' ? `model.safetensors, sha256 ${state.info.sha256}` : undefined}>
          <span class="unseen">Model: </span>
          {state.title}
        </span>
      )}
      {config && (
        <ul class="meta">
          <li title={`d_model ${config.d_model}, d_head ${config.d_head}, vocabulary ${config.d_vocab}`}>
            {config.n_layers} {config.n_layers === 1 ? 'layer' : 'layers'}
            {config.n_layers > 0 && <>, {config.n_heads} heads{config.attn_only && ', attention only'}</>}
          </li>
          {shown && (
            <li title={`The context holds ${config.n_ctx}${config.default_prepend_bos ? '; the first token marks the start of the text (BOS on)' : '; no start token (BOS off)'}`}>
              tokens <b>{shown.tokenized.ids.length}</b>
            </li>
          )}
          {shown && (
            <li title={`The forward pass alone, in the worker: ${shown.now.ms} ms, with what the pictures need kept`}>
              forward <b>{shown.now.ms < 9.95 ? shown.now.ms.toFixed(1) : Math.round(shown.now.ms)} ms</b>
            </li>
          )}
        </ul>
      )}
      <div class="tools">
        <button type="button" aria-label="Undo" title="Undo (Ctrl Z)" disabled={!experiment.canUndo.value} onClick={() => experiment.undo()}>
          <UndoIcon />
        </button>
        <button type="button" aria-label="Redo" title="Redo (Ctrl Shift Z)" disabled={!experiment.canRedo.value} onClick={() => experiment.redo()}>
          <RedoIcon />
        </button>
        <button type="button" class="wide" title="This experiment as a link" onClick={() => (app.panel.value = 'share')}>
          Share
        </button>
        <button type="button" aria-label="Help and keys" title="Help and keys" onClick={() => (app.panel.value = 'help')}>
          ?
        </button>
        <button type="button" aria-label={theme.value === 'dark' ? 'Light theme' : 'Dark theme'} title={theme.value === 'dark' ? 'Light theme' : 'Dark theme'} onClick={toggleTheme}>
          <ThemeIcon />
        </button>
      </div>
    </header>
  );
}
