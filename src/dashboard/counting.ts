// The counts of the overview: what the gateway has counted, and what has happened since.
import type { CountedName, Event, Stats, StatsRow } from "./api/wire.ts";

export type Range = "hour" | "day";
export const rangeOf: Readonly<Record<Range, { step: Stats["step"]; stepMs: number; lengthMs: number }>> = {
  hour: { step: "1m", stepMs: 60_000, lengthMs: 3_600_000 },
  day: { step: "15m", stepMs: 900_000, lengthMs: 86_400_000 },
};

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
] as const satisfies readonly CountedName[];

/** The types of event that are counted. */
export const countedTypes = countedNames.map((name) => `message.${name}`);

/** Rows with these events added to them, each in its step, and steps added up to the last one. Nothing that was given is changed. */
export function withEvents(rows: readonly StatsRow[], stepMs: number, events: readonly Event[]): StatsRow[] {
  const result = [...rows];
  const first = Date.parse(rows[0]?.at ?? "");
  for (const { type, timestamp } of events) {
    const name = countedNames.find((it) => type === `message.${it}`);
    const index = Math.floor((Date.parse(timestamp) - first) / stepMs);
    // An event from before the first step is none of its business.
    if (!name || !(index >= 0)) continue;
    extend(result, first, stepMs, index + 1);
    const row = result[index];
    if (row) result[index] = { ...row, [name]: row[name] + 1 };
  }
  return result;
}

/** The last steps up to a time: what a chart shows. */
export function upTo(rows: readonly StatsRow[], stepMs: number, lengthMs: number, now: number): StatsRow[] {
  const first = Date.parse(rows[0]?.at ?? "");
  if (Number.isNaN(first)) return [];
  const result = [...rows];
  extend(result, first, stepMs, Math.floor((now - first) / stepMs) + 1);
  return result.slice(-Math.ceil(lengthMs / stepMs));
}

function extend(rows: StatsRow[], first: number, stepMs: number, length: number): void {
  const none = Object.fromEntries(countedNames.map((name) => [name, 0])) as Record<CountedName, number>;
  while (rows.length < length) rows.push({ at: new Date(first + rows.length * stepMs).toISOString(), ...none });
}

export function sumOf(rows: readonly StatsRow[], name: CountedName): number {
  return rows.reduce((sum, row) => sum + row[name], 0);
}
