/** Dose curves, each kept under the question that it answers: they go on while other tabs and benches are looked at, and are there
 *  again when one comes back. One is measured at a time; a newer question ends the one before it. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ModelInfo, ReadRequest } from '../../engine/types';
import { usePage } from '../page';
import { follow, NOTHING, type Study, type Told } from '../useStudy';

/** So many are kept, the newest. */
const MOST = 8;

export const doses = signal<ReadonlyMap<string, Told>>(new Map());
let running: { readonly key: string; readonly controller: AbortController } | null = null;

function tell(key: string, now: Partial<Told>) {
  const kept = [...doses.peek()].filter(([other]) => other !== key).slice(1 - MOST);
  doses.value = new Map([...kept, [key, { ...(doses.peek().get(key) ?? NOTHING), ...now }]]);
}

function stop() {
  if (!running) return;
  const { key, controller } = running;
  running = null;
  tell(key, { state: 'stopped', left: null });
  controller.abort();
}

/** What is known of a question so far; `again` measures it. null: not to be told yet. */
export function useDose(request: ReadRequest | null, { sha256 }: ModelInfo): Study {
  const { app } = usePage();
  const key = request && `${sha256} ${JSON.stringify(request)}`;
  useEffect(() => {
    if (key !== null && running?.key !== key) stop();
  }, [key]);
  const measure = () => {
    const loaded = app.model.value;
    if (!request || !key || loaded.kind !== 'ready' || loaded.info.sha256 !== sha256) return;
    stop();
    const controller = new AbortController();
    running = { key, controller };
    tell(key, { ...NOTHING, state: 'running' });
    follow(app.readings, request, controller.signal, (now) => {
      if (running?.controller !== controller) return;
      if (now.state) running = null;
      tell(key, now);
    });
  };
  return { ...((key && doses.value.get(key)) || NOTHING), request, stop, again: measure };
}
