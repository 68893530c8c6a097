// This worker's share of something that is counted over the whole fleet: asked for, renewed and given back.

/** Who uses the share: what it holds and wants at the moment, and what it does when that was answered. */
export type ShareHolder = { needs(): { held: number; wanted: number }; onAnswer(): void };

/** A share that can grow and shrink. */
export type Share = {
  /** How many may be held now. */
  allowed(): number;
  /** Says who holds it; before that nothing is asked for. */
  attach(holder: ShareHolder): void;
  /** Tells the fleet what is held and wanted. Resolves when that is answered. */
  tell(): Promise<void>;
  /** Gives everything back. */
  end(): Promise<void>;
};

/**
 * @param settle tells the fleet and returns how many may be held
 * @param renewEveryMs a share is renewed while anything is held or wanted
 */
export function createShare(settle: (held: number, wanted: number) => Promise<number>, renewEveryMs: number): Share {
  let allowed = 0;
  let holder: ShareHolder = { needs: () => ({ held: 0, wanted: 0 }), onAnswer: () => undefined };
  let asking: Promise<void> | undefined;
  let isToldAgain = false;
  let isOver = false;
  let renewal: NodeJS.Timeout | undefined;

  async function ask(): Promise<void> {
    do {
      isToldAgain = false;
      const { held, wanted } = holder.needs();
      // What was allowed and is not held is given up with the question: else it could be taken while the answer, which does not count it, is on its way.
      allowed = Math.min(allowed, held);
      const answer = await settle(held, wanted).catch(() => undefined);
      if (answer !== undefined) allowed = answer;
    } while (isToldAgain && !isOver);
    asking = undefined;
    clearTimeout(renewal);
    if (isOver) return;
    holder.onAnswer();
    const { held, wanted } = holder.needs();
    if (held > 0 || wanted > 0) renewal = setTimeout(() => void tell(), renewEveryMs).unref();
  }

  function tell(): Promise<void> {
    isToldAgain = true;
    asking ??= ask();
    return asking;
  }

  return {
    allowed: () => allowed,
    attach(nowHeldBy) {
      holder = nowHeldBy;
    },
    tell,
    async end() {
      isOver = true;
      clearTimeout(renewal);
      await asking;
      await settle(0, 0).catch(() => undefined);
    },
  };
}
