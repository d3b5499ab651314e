/** The benches; under them, what was kept, and the way to everything by its name. */
import { EyepieceIcon, FindIcon, KeptIcon } from '../ui/icons';
import { usePage } from './page';

export function Rail() {
  const { app } = usePage();
  return (
    <nav class="rail" aria-label="Benches">
      <button type="button" aria-current="page" onClick={() => app.experiment.look({ tab: 'attention' })}>
        <EyepieceIcon />
        Look
      </button>
      <button type="button" onClick={() => (app.panel.value = 'saved')}>
        <KeptIcon />
        Saved
      </button>
      <button type="button" title="Find a head, a hook, a token or an action (Ctrl K)" onClick={() => (app.panel.value = 'palette')}>
        <FindIcon />
        Find
      </button>
    </nav>
  );
}
