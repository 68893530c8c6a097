// Whether the next message's envelope may follow the last one's final dot at once (RFC 2920): to a relay far away that saves a round trip of
// the two that a message takes. Most take it, some answer 503, and one that is slow to answer a dot would keep waiting whoever follows it.

export type Following = {
  isOn(): boolean;
  /** A final dot was answered after so long. */
  answered(afterMs: number): void;
  /** The relay showed that it does not take it: by its reply, or by leaving. */
  objected(by: "reply" | "leaving"): void;
};

/** Behind a relay that takes longer, a free connection is worth more than a round trip. */
const answerMsMax = 1_000;
/** A relay may leave for many reasons. */
const offAfterLeavingMs = 60_000;

/** Starts with none: only when a first dot was answered, and swiftly, another message follows one. */
export function createFollowing(): Following {
  let isSwift = false;
  let offUntil = 0;
  return {
    isOn: () => isSwift && performance.now() >= offUntil,
    answered(afterMs) {
      isSwift = afterMs <= answerMsMax;
    },
    objected(by) {
      offUntil = by === "reply" ? Number.POSITIVE_INFINITY : Math.max(offUntil, performance.now() + offAfterLeavingMs);
    },
  };
}
