/** A component whose code is fetched when it is first drawn; until then nothing stands in its place. */
import type { ComponentType } from 'preact';
import { signal } from '@preact/signals';

export function deferred<P extends object>(load: () => Promise<ComponentType<P>>) {
  const loaded = signal<{ readonly Component: ComponentType<P> } | null>(null);
  const failed = signal(false);
  let asked = false;
  const ask = () => {
    asked = true;
    failed.value = false;
    load().then(
      (Component) => {
        loaded.value = { Component };
      },
      () => {
        failed.value = true;
      },
    );
  };
  return function Deferred(props: P) {
    if (!asked) ask();
    const Component = loaded.value?.Component;
    if (Component) return <Component {...props} />;
    if (!failed.value) return <p class="unseen" role="status">Loading</p>;
    return (
      <p class="notice" role="alert">
        A part of the page did not arrive. Check the connection; nothing of your work is lost.{' '}
        <button type="button" class="button" onClick={ask}>
          Try again
        </button>
      </p>
    );
  };
}
