/** The benches; under them, what was kept. */
import { EyepieceIcon, KeptIcon } from '../ui/icons';
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
    </nav>
  );
}
