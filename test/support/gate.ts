// Holds what a test wants to hold until it has seen enough.

export type Gate = {
  /** Resolves once it is open. */
  readonly opened: Promise<void>;
  open(): void;
};

/** A gate that is closed. */
export function closedGate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
