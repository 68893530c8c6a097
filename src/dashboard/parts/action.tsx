// Doing something that may fail: a button that says so while it goes on, and what went wrong beside it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "../api/client.ts";
import type { Problem } from "../api/wire.ts";

export type Action = { busy: boolean; problem: Problem | undefined; run(): void };

/** `work` is run once at a time; `done` is given its result. */
export function useAction<Data>(work: () => Promise<Answer<Data>>, done: (data: Data) => void): Action {
  const [state, setState] = useState<{ busy: boolean; problem?: Problem }>({ busy: false });
  const run = async () => {
    if (state.busy) return;
    setState({ busy: true });
    const answer = await work();
    setState({ busy: false, ...(!answer.ok && { problem: answer.problem }) });
    if (answer.ok) done(answer.data);
  };
  return { busy: state.busy, problem: state.problem, run: () => void run() };
}

type ButtonProps = { action: Action; kind?: "primary" | "danger"; children: ComponentChildren; disabled?: boolean; submit?: boolean };

/** `submit`: the form runs the action. */
export function ActionButton({ action, kind, children, disabled = false, submit = false }: ButtonProps) {
  return (
    <button
      type={submit ? "submit" : "button"}
      class={kind ?? ""}
      aria-busy={action.busy}
      disabled={disabled || action.busy}
      {...(!submit && { onClick: action.run })}
    >
      {children}
    </button>
  );
}
