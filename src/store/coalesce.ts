// What is asked of the store at the same moment goes to it as one call. Each asker gets an answer of its own, and notices nothing.

/** What one call is made of: `run` resolves with an answer, or a fault, for each entry in order; it rejects where the call as a whole failed. */
export type CoalescerOptions<Entry, Answer> = {
  /** Entries in a call at most; default 32. */
  countMax?: number;
  /** Their octets together at most; one entry may be larger. Default 256 KiB. */
  bytesMax?: number;
  /** So many calls are under way before one that is not full waits; default 1. With more, an asker waits less, and a call carries less. */
  partialMax?: number;
  bytesOf(entry: Entry): number;
  run(entries: Entry[]): Promise<(Answer | Error)[]>;
};

type Waiting<Entry, Answer> = { entry: Entry; resolve(answer: Answer): void; reject(error: unknown): void };

/** What one call may carry: Redis does nothing else meanwhile. */
const usualCountMax = 32;
const usualBytesMax = 256 * 1024;

/** Calls under way at once: a further one leaves only when it is full, so that a Redis that is far away does not set the pace. */
const underWayMax = 3;

/**
 * Makes a function that asks for one entry. What is asked for in one turn of the event loop, or while a call is under way, leaves together:
 * an entry that comes alone waits for nothing. Rejects with its own fault, or with that of its call.
 */
export function createCoalescer<Entry, Answer>(options: CoalescerOptions<Entry, Answer>) {
  const { countMax = usualCountMax, bytesMax = usualBytesMax, partialMax = 1, bytesOf, run } = options;
  let waiting: Waiting<Entry, Answer>[] = [];
  let underWay = 0;
  let isDue = false;

  /** The next call's entries: how many of those that wait. */
  function nextCount(): number {
    let bytes = 0;
    for (const [index, { entry }] of waiting.entries()) {
      bytes += bytesOf(entry);
      if (index === countMax || (index > 0 && bytes > bytesMax)) return index;
    }
    return waiting.length;
  }

  function begin(): void {
    if (isDue || waiting.length === 0 || underWay >= underWayMax) return;
    if (underWay >= partialMax && nextCount() === waiting.length && waiting.length < countMax) return;
    isDue = true;
    // Behind everything that has arrived in this turn, on whatever connection.
    setImmediate(leave);
  }

  function leave(): void {
    isDue = false;
    const count = nextCount();
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    underWay += 1;
    run(taken.map(({ entry }) => entry))
      .then(
        (answers) => {
          for (const [index, { resolve, reject }] of taken.entries()) {
            const answer = answers[index];
            if (answer instanceof Error) reject(answer);
            else resolve(answer as Answer);
          }
        },
        (error: unknown) => {
          for (const { reject } of taken) reject(error);
          failWaiting(error);
        },
      )
      .finally(() => {
        underWay -= 1;
        begin();
      });
    begin();
  }

  /** What waited behind a call that got no answer would wait for as long again. It has not left, and changes nothing. */
  function failWaiting(error: unknown): void {
    if (error instanceof Error && error.name === "ReplyError") return;
    for (const { reject } of waiting.splice(0)) reject(error);
  }

  return (entry: Entry): Promise<Answer> =>
    new Promise((resolve, reject) => {
      waiting.push({ entry, resolve, reject });
      begin();
    });
}
