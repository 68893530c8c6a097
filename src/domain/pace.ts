// A relay's rates as an even pace, and its daily ceiling while it is warmed up.
import type { Rate, RelayLimits } from "./relay.ts";

/** A message every `intervalMs`, and up to `toleranceMs` ahead of that after a pause. */
export type Pace = { field: string; intervalMs: number; toleranceMs: number };

const dayMs = 86_400_000;

/** Kept back of every window, so that the wobble between a place and its message's arrival does not break it. */
const reserveMs = 40;

/**
 * The paces of some rates. No window of a rate's length holds more than its count and the burst.
 * @param prefix tells these limits from the relay's others
 */
export function pacesOf(rates: readonly Rate[], burst: number, prefix = ""): Pace[] {
  return rates.map(({ count, perMs }) => {
    const intervalMs = (perMs + reserveMs) / count;
    return { field: `${prefix}${count}/${perMs}`, intervalMs, toleranceMs: intervalMs * burst };
  });
}

/** The same paces without a burst: what a broadcast may take, so that the burst is left to transactional mail. */
export function withoutBurst(paces: readonly Pace[]): Pace[] {
  return paces.map((pace) => ({ ...pace, toleranceMs: 0 }));
}

/** The slowest of some paces, by which a backlog advances; undefined if there are none. */
export function slowest(paces: readonly Pace[]): Pace | undefined {
  return paces.reduce<Pace | undefined>((found, pace) => (found && found.intervalMs >= pace.intervalMs ? found : pace), undefined);
}

/** How many messages today allows a relay that is being warmed up, counted by UTC days; undefined where there is no limit (any more). */
export function ceilingToday(warmUp: RelayLimits["warmUp"], now: number): { field: string; max: number; endsInMs: number } | undefined {
  if (!warmUp) return undefined;
  const day = Math.floor((now - warmUp.since) / dayMs);
  const max = warmUp.daily[Math.max(0, day)];
  if (max === undefined) return undefined;
  const today = Math.floor(now / dayMs) * dayMs;
  return { field: `day ${new Date(today).toISOString().slice(0, 10)}`, max, endsInMs: today + dayMs - now };
}
