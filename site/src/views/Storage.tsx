/** What the browser keeps of the page, for use without a network; and that a new version is there. */
import { useEffect } from 'preact/hooks';
import type { Offline } from '../state/offline';

const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

function State({ offline }: { readonly offline: Offline }) {
  const kept = offline.kept.value;
  if (kept === 'cleared') return <>Cleared. The next visit with a network stores it again.</>;
  if (!kept) return <>This is looked at when the model has loaded.</>;
  if (kept.missing === 0) return <>Ready: the page and its models work without a network.</>;
  if (!kept.failure) return <>Being stored for use without a network.</>;
  return (
    <>
      Not all is stored for use without a network ({kept.failure}). The page works while the network does; the next visit tries again.
    </>
  );
}

export function StorageSection({ offline }: { readonly offline: Offline }) {
  const kept = offline.kept.value;
  useEffect(() => {
    offline.measure().catch(() => {}); // where storage is forbidden, nothing is listed
  }, [offline, kept]);
  const { parts, origin } = offline.stored.value;
  const none = parts.size === 0;
  return (
    <section class="storage" data-missing={kept === 'cleared' ? undefined : kept?.missing}>
      <h3>Without a network</h3>
      <p role="status">
        <State offline={offline} />
      </p>
      <dl>
        {[...parts].map(([part, bytes]) => (
          <div key={part}>
            <dt>{part.split('/')[1] ?? 'the page'}</dt>
            <dd>{mb(bytes)}</dd>
          </div>
        ))}
        {origin !== null && (
          <div>
            <dt>in all</dt>
            <dd>{mb(origin)} on this host, by the browser’s own count</dd>
          </div>
        )}
      </dl>
      <p>
        Clearing frees this space now. What is open goes on working, the next visit needs a network, and your experiments stay.
      </p>
      <button type="button" class="button" disabled={none} onClick={() => void offline.clear('models')}>
        Clear the models
      </button>{' '}
      <button type="button" class="button" disabled={none} onClick={() => void offline.clear('all')}>
        Clear all of this
      </button>
    </section>
  );
}

export function UpdateNotice({ offline }: { readonly offline: Offline }) {
  if (!offline.updated.value) return null;
  return (
    <div class="notice" role="status" data-update>
      <p>A new version is ready. Reload to use it; your work is kept.</p>
      <button type="button" class="button" onClick={() => offline.update()}>
        Reload
      </button>
    </div>
  );
}
