/** How far a study is, and the way to stop it. */
import type { Study } from '../useStudy';

export function StudyProgress({ study, name }: { readonly study: Study; readonly name: string }) {
  const { state, share, left } = study;
  if (state !== 'running' && state !== 'stopped') return null;
  return (
    <span class="steer-progress" title={study.bytes > 0 ? `It takes ${(study.bytes / 1e6).toFixed(1)} MB in the core` : undefined}>
      <progress value={share} max={1} aria-label={`Progress of the ${name}`} />
      <span class="muted">{state === 'stopped' ? 'stopped' : `${Math.floor(100 * share)} %${left === null ? '' : `, ${Math.ceil(left / 1000)} s left`}`}</span>
      <button type="button" class="link" aria-label={`${state === 'running' ? 'Cancel' : 'Resume'} the ${name}`} onClick={state === 'running' ? study.stop : study.again}>
        {state === 'running' ? 'Cancel' : 'Begin again'}
      </button>
    </span>
  );
}
