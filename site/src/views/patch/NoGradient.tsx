/** Why nothing can be estimated by gradients, and what would help. */
import { usePage } from '../page';

export function NoGradient({ why }: { readonly why: string }) {
  const { app } = usePage();
  return (
    <p class="muted" role="status">
      {why}{' '}
      {app.view.value.metric !== 'rank' && (
        <button type="button" class="link" onClick={() => app.experiment.look({ gradient: 'integrated' })}>
          Take integrated gradients
        </button>
      )}
    </p>
  );
}
