/** What does not change for a moment. Views that read anew for each thing pointed at follow this, so that a pointer that
 *  runs over many of them asks for none. */
import { useEffect, useState } from 'preact/hooks';

const MOMENT_MS = 60;

/** `of`: what the value is about; with another one it changes at once. */
export function usePaced<T>(value: T, of: unknown): readonly [paced: T, waiting: boolean] {
  const key = JSON.stringify(value);
  const [kept, keep] = useState({ value, key, of });
  const same = kept.key === key && kept.of === of;
  useEffect(() => {
    if (same) return;
    const timer = setTimeout(() => keep({ value, key, of }), MOMENT_MS);
    return () => clearTimeout(timer);
  }, [key, of, same]);
  return [kept.of === of ? kept.value : value, !same];
}
