/** A button that goes away, or goes out of use, by its own act leaves the focus nowhere. It moves to what took its place. */

/** Until the page has drawn what was done, and what came of that. */
const MOST_MS = 1000;

const first = (root: Element | undefined | null): HTMLElement | null =>
  root?.querySelector<HTMLElement>('button:enabled') ?? null;

const chips = () => document.querySelectorAll<HTMLElement>('.chip .chip-says');

function keep(event: MouseEvent) {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  if (!button || document.activeElement !== button) return;
  const inForce = chips().length;
  const around: Element[] = [];
  for (let at = button.parentElement; at && at.tagName !== 'MAIN'; at = at.parentElement) around.push(at);
  const from = performance.now();
  const look = () => {
    if (button.isConnected && !button.disabled) {
      if (performance.now() - from < MOST_MS) requestAnimationFrame(look);
      return;
    }
    if (document.activeElement && document.activeElement !== document.body && document.activeElement !== button) return;
    const now = chips();
    const made = now.length > inForce ? now[now.length - 1] : null;
    const near = around.filter((at) => at.isConnected).map(first).find((found) => found !== null);
    (made ?? near ?? document.querySelector<HTMLElement>('.rail [aria-current]'))?.focus({ preventScroll: event.detail > 0 });
  };
  requestAnimationFrame(look);
}

/** Keeps the focus on the page's buttons; returns what ends it. */
export function keepFocus(): () => void {
  // Before the button acts: after that it may be gone.
  document.addEventListener('click', keep, true);
  return () => document.removeEventListener('click', keep, true);
}
