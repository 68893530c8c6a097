// The memory of `softbounce@`: how often a recipient of an envelope was tried. Kept in memory and bounded, as greylisting servers do.

/** Envelopes remembered at most; beyond that the one tried longest ago is forgotten. */
const envelopesMax = 10_000;

export type Greylist = {
  /** Counts this try, and returns how many there were with it. */
  tried(from: string, recipient: string): number;
  /** The mail was taken: the next one begins anew. */
  taken(from: string, recipient: string): void;
};

/**
 * The key is the envelope's sender and recipient, which is all that a server knows when RCPT must be answered (RFC 6647 section 2.3):
 * where every message has a sender of its own (our return path), tries are counted for each message; where they share one, messages
 * under way at the same time to the same address share their tries.
 * @param clock milliseconds since the epoch
 * @param forgetAfterMs tries are forgotten when there was none for this long
 */
export function createGreylist({ clock, forgetAfterMs = 60 * 60_000 }: { clock: () => number; forgetAfterMs?: number }): Greylist {
  // Tried longest ago first: a try moves its envelope to the end.
  const tries = new Map<string, { count: number; at: number }>();
  const keyOf = (from: string, recipient: string) => `${from}\n${recipient.toLowerCase()}`;
  return {
    tried: (from, recipient) => {
      const now = clock();
      const key = keyOf(from, recipient);
      const known = tries.get(key);
      const count = known && now - known.at <= forgetAfterMs ? known.count + 1 : 1;
      tries.delete(key);
      tries.set(key, { count, at: now });
      const [oldest] = tries.keys();
      if (tries.size > envelopesMax && oldest !== undefined) tries.delete(oldest);
      return count;
    },
    taken: (from, recipient) => {
      tries.delete(keyOf(from, recipient));
    },
  };
}
