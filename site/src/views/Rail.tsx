/** The benches; under them, what was kept, and the way to everything by its name. */
import { OPTIONS } from '../state/view';
import { EyepieceIcon, FindIcon, KeptIcon, PatchIcon, SteerIcon } from '../ui/icons';
import { usePage } from './page';

const BENCHES = {
  look: ['Look', EyepieceIcon],
  patch: ['Patch', PatchIcon],
  steer: ['Steer', SteerIcon],
} as const;

export function Rail() {
  const { app } = usePage();
  return (
    <nav class="rail" aria-label="Benches">
      {OPTIONS.bench.map((bench) => {
        const [name, Icon] = BENCHES[bench];
        const here = app.view.value.bench === bench;
        return (
          <button type="button" key={bench} aria-current={here ? 'page' : undefined} onClick={() => app.experiment.look(here && bench === 'look' ? { tab: 'attention' } : { bench })}>
            <Icon />
            {name}
          </button>
        );
      })}
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
