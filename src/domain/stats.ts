// What is counted of the event log, minute by minute: by tenant what became of its mail, by relay how often it was used.
import type { EventType, StoredEvent } from "./events.ts";

/** What is counted by tenant: `accepted` counts messages, all others recipients. */
export const countedNames = [
  "accepted",
  "sent",
  "deferred",
  "delivered",
  "bounced",
  "complained",
  "failed",
  "unknown",
  "suppressed",
  "cancelled",
] as const;

export type CountedName = (typeof countedNames)[number];
export type Counts = Record<CountedName, number>;

export const minuteMs = 60_000;
/** Counts are kept this long, however long messages are. */
export const statsLifeMs = 48 * 60 * minuteMs;

/** One number to add: to a tenant's or a relay's count of that name, in that minute since the epoch. */
export type Tally = { of: { tenant: string } | { relay: string }; minute: number; name: CountedName | "attempts"; count: number };

/** Events that end an attempt. */
const endsAttempt: readonly EventType[] = ["message.sent", "message.deferred", "message.bounced", "message.unknown"];

/** What events count as, by their type. */
const nameOf = new Map<string, CountedName>(countedNames.map((name) => [`message.${name}`, name]));

/**
 * Adds up events that stand one after another in the log. Several recipients of one attempt are one use of its relay.
 * @param since ms; what happened before is passed over
 */
export function tallyOf(events: readonly StoredEvent[], since: number): Tally[] {
  const tallies = new Map<string, Tally>();
  const attempts = new Set<string>();
  const add = (key: string, of: Tally["of"], minute: number, name: Tally["name"]) => {
    const tally = tallies.get(key);
    if (tally) tally.count += 1;
    else tallies.set(key, { of, minute, name, count: 1 });
  };
  for (const { type, at, tenant, relay, message_id, attempt } of events) {
    if (at < since) continue;
    const minute = Math.floor(at / minuteMs);
    const name = nameOf.get(type);
    // Neither a minute nor a name holds a space.
    if (name) add(`${minute} ${name} ${tenant}`, { tenant }, minute, name);
    if (relay === undefined || attempt === undefined || !endsAttempt.includes(type)) continue;
    const made = `${relay} ${message_id} ${attempt}`;
    if (attempts.has(made)) continue;
    attempts.add(made);
    add(`${minute} attempts ${relay}`, { relay }, minute, "attempts");
  }
  return [...tallies.values()];
}

/** Nothing of anything. */
export function noCounts(): Counts {
  return Object.fromEntries(countedNames.map((name) => [name, 0])) as Counts;
}

/**
 * How many of something there were in the last 60 s, from counts by minute: the part of the last minute that lies so far back is taken
 * for evenly spread.
 * @param now ms
 */
export function inLastMinute(countOf: (minute: number) => number, now: number): number {
  const minute = Math.floor(now / minuteMs);
  const passed = (now % minuteMs) / minuteMs;
  return Math.round(countOf(minute) + countOf(minute - 1) * (1 - passed));
}
