/** How far a study is, and the way to stop it. */
import '../styles/study.css';
import type { Study } from './useStudy';

const left = (ms: number) => (ms < 950 ? `${(ms / 1000).toFixed(1)} s left` : ms < 90_000 ? `${Math.round(ms / 1000)} s left` : `${Math.round(ms / 60_000)} min left`);

interface Props {
  readonly study: Study;
  /** "the sweep of the stream": for labels of its buttons. */
  readonly name: string;
  /** What is there, of how many. */
  readonly count?: readonly [done: number, all: number] | null;
  /** Milliseconds that it is thought to take, said until its own pace is known. */
  readonly takes?: number | null;
}

export function StudyProgress({ study, name, count, takes = null }: Props) {
  const { state, share } = study;
  const remains = study.left ?? takes;
  if (state === 'none' || state === 'failed' || state === 'done') return null;
  // Of several prompts every number is, until the end, the mean over those that were run for it.
  const several = [study.request?.['pairs'] ?? study.request?.['prompts'] ?? []].flat().length > 1;
  return (
    <span class="study-progress" title={study.bytes > 0 ? `It takes ${(study.bytes / 1e6).toFixed(1)} MB in the core` : undefined}>
      <span>{count && !several ? `${count[0]} of ${count[1]}` : `${Math.floor(100 * share)} %${several ? ', means so far' : ''}`}</span>
      {state === 'running' ? (
        <>
          {remains !== null && <span class="muted">{left(remains)}</span>}
          <button type="button" class="link" aria-label={`Cancel ${name}`} onClick={study.stop}>
            Cancel
          </button>
        </>
      ) : (
        <>
          <span class="muted">stopped</span>
          <button type="button" class="link" aria-label={`Run ${name} again`} onClick={study.again}>
            Run again
          </button>
        </>
      )}
    </span>
  );
}

/** The ink line under a title; it keeps its room when there is none. */
export const StudyLine = ({ study, name }: Props) => (
  <div class="study-line">{(study.state === 'running' || study.state === 'stopped') && <progress value={study.share} max={1} aria-label={`Progress of ${name}`} />}</div>
);
