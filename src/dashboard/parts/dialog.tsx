// A window over the page: the browser's own, which keeps the focus inside and closes on Escape.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { type Action, ActionButton } from "./action.tsx";
import { Icon } from "./icon.tsx";
import { Failure } from "./states.tsx";

type DialogProps = { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean };

/** Open as long as it is rendered. */
export function Dialog({ title, onClose, children, wide = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} class={wide ? "wide" : ""} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={() => element.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}

type ConfirmProps = { title: string; children: ComponentChildren; action: Action; verb: string; danger?: boolean; onClose: () => void };

/** Asks before something is done. */
export function Confirm({ title, children, action, verb, danger = false, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-text">{children}</div>
      {action.problem && <Failure problem={action.problem} />}
      <footer>
        <button type="button" onClick={onClose}>
          Back
        </button>
        <ActionButton action={action} kind={danger ? "danger" : "primary"}>
          {verb}
        </ActionButton>
      </footer>
    </Dialog>
  );
}
