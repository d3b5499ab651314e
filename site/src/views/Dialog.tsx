/** A modal that a person opened: Esc, its Close and a click beside it close it. */
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

/** Opened as it comes. Whatever ends it, the focus goes back to where it was: the browser sees to that where a modal is closed, not
 *  where it is only gone. */
export function useModal() {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const it = dialog.current;
    it?.showModal();
    return () => it?.close();
  }, []);
  return dialog;
}

interface DialogProps {
  readonly title: string;
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children, ...props }: DialogProps) {
  const dialog = useModal();
  const id = useId();
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={() => dialog.current && onClose()} onClick={(event) => event.target === dialog.current && onClose()}>
      <div class={`help ${props.class ?? ''}`}>
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="button" onClick={onClose}>
            Close
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
