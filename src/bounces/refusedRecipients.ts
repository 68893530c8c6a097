// How often each host named recipients that there are not: who guesses is made to come again, ever and ever.

export type RefusedRecipients = {
  /** Counts one, and says whether there were too many of late. */
  count(remoteAddress: string): boolean;
};

const hostsMax = 10_000;

/** An IPv6 host has a whole network to come from. */
function hostOf(remoteAddress: string): string {
  if (!remoteAddress.includes(":") || remoteAddress.startsWith("::ffff:")) return remoteAddress;
  return remoteAddress.split(":").slice(0, 4).join(":");
}

/**
 * Counts in memory, and bounded.
 * @param options.max so many within `withinMs` are too many
 * @param options.now milliseconds, monotonic
 */
export function createRefusedRecipients(options: { max: number; withinMs: number; now(): number }): RefusedRecipients {
  const { max, withinMs, now } = options;
  // The host that began longest ago first.
  const hosts = new Map<string, { since: number; times: number }>();
  return {
    count(remoteAddress) {
      const host = hostOf(remoteAddress);
      const known = hosts.get(host);
      const current = known && now() - known.since < withinMs ? known : { since: now(), times: 0 };
      current.times += 1;
      if (current !== known) hosts.delete(host);
      hosts.set(host, current);
      const [oldest] = hosts.keys();
      if (hosts.size > hostsMax && oldest !== undefined) hosts.delete(oldest);
      return current.times > max;
    },
  };
}
