// This worker's share of something that is counted over the whole fleet: asked for, renewed and given back.

/** A share that can grow and shrink. */
export type Share = {
  /** How many may be held now. */
  allowed(): number;
  /** Says how many are held and how many more are wanted. Resolves when that is answered; a failure leaves what was allowed. */
  tell(held: number, wanted: number): Promise<void>;
  /** Called whenever what is allowed has changed, or was confirmed. */
  onAnswer(listener: () => void): void;
  /** Gives everything back. */
  end(): Promise<void>;
};

/**
 * @param settle tells the fleet and returns how many may be held
 * @param renewEveryMs a share is renewed while anything is held or wanted
 */
export function createShare(settle: (held: number, wanted: number) => Promise<number>, renewEveryMs: number): Share {
  let allowed = 0;
  let held = 0;
  let wanted = 0;
  let asking: Promise<void> | undefined;
  let told = false;
  let isOver = false;
  let renewal: NodeJS.Timeout | undefined;
  const listeners: (() => void)[] = [];

  async function ask(): Promise<void> {
    do {
      told = true;
      allowed = await settle(held, wanted).catch(() => Math.min(allowed, held));
    } while (!told && !isOver);
    asking = undefined;
    clearTimeout(renewal);
    if (isOver) return;
    if (held > 0 || wanted > 0) renewal = setTimeout(() => void tell(held, wanted), renewEveryMs).unref();
    for (const listener of listeners) listener();
  }

  function tell(nowHeld: number, nowWanted: number): Promise<void> {
    held = nowHeld;
    wanted = nowWanted;
    told = false;
    asking ??= ask();
    return asking;
  }

  return {
    allowed: () => allowed,
    tell,
    onAnswer: (listener) => void listeners.push(listener),
    async end() {
      isOver = true;
      clearTimeout(renewal);
      await asking;
      await settle(0, 0).catch(() => undefined);
    },
  };
}
