/** Of a link that was opened: what it waits for, whether its numbers are ours, or why it could not be opened. */
import type { Agreement, Plan } from '../state/document';

/** In the place of an experiment: a link that could not be opened. */
export function BadLink({ problem, onDismiss }: { readonly problem: string; readonly onDismiss: () => void }) {
  return (
    <div class="notice failure" role="alert" data-link="bad">
      <p>
        <strong>This link could not be opened.</strong> {problem}
      </p>
      <p class="muted small">Nothing was loaded or changed because of it.</p>
      <button type="button" class="button" onClick={onDismiss}>
        Go on without it
      </button>
    </div>
  );
}

/** Of a link that was opened: what it waits for, or whether its numbers are ours. */
export function OpenedLink({ plan, tokens, agreement, onRun, onDismiss }: {
  readonly plan: Plan | null;
  /** From `retokenized`. */
  readonly tokens: string | null;
  readonly agreement: Agreement | null;
  readonly onRun: (id: string) => void;
  readonly onDismiss: () => void;
}) {
  const waits = plan !== null && plan.kind !== 'run' ? plan : null;
  const lines = [waits?.line, tokens, agreement?.line].filter((line) => line != null);
  if (lines.length === 0) return null;
  return (
    <div class="notice opened" role="status" data-link={waits?.kind ?? 'run'} data-agrees={agreement?.same}>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {waits?.kind === 'ask' && (
        <button type="button" class="button ink" onClick={() => onRun(waits.id)}>
          {waits.button}
        </button>
      )}
      {!waits && (
        <button type="button" class="link" onClick={onDismiss}>
          Close
        </button>
      )}
    </div>
  );
}
