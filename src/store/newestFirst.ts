// Reading ids in a sorted set by time, newest first, page by page. A cursor names the last entry by its time and id, so that neither
// what was added nor what was removed meanwhile moves the next page.
import type { Redis } from "ioredis";

/** An entry's place in the order: later times first, and of one millisecond the greater ids. */
type Place = { at: number; id: string };

/** The text of a place, as callers get it. */
export function cursorOf({ at, id }: Place): string {
  return `${at}.${id}`;
}

/** The place that a cursor names: the beginning (undefined) without one, or if the text is none. */
export function placeOf(cursor: string | undefined): Place | undefined {
  const match = /^(\d{1,15})\.([0-9a-z_]{1,64})$/.exec(cursor ?? "");
  return match?.[2] === undefined ? undefined : { at: Number(match[1]), id: match[2] };
}

/** So many entries of one millisecond are skipped at a time. */
const step = 250;

/**
 * The next entries behind a place, `count` at most. Fewer than that: the set has no more.
 * @param range exclusive bounds in milliseconds
 */
export async function readNewestFirst(
  redis: Redis,
  key: string,
  count: number,
  behind?: Place,
  range: { after?: number | undefined; before?: number | undefined } = {},
): Promise<Place[]> {
  const min = range.after === undefined ? "-inf" : `(${range.after}`;
  const max = behind ? String(behind.at) : range.before === undefined ? "+inf" : `(${range.before}`;
  const found: Place[] = [];
  for (let offset = 0; ; offset += step) {
    const flat = await redis.zrevrangebyscore(key, max, min, "WITHSCORES", "LIMIT", offset, step);
    for (let index = 0; index + 1 < flat.length; index += 2) {
      const place = { id: flat[index] as string, at: Number(flat[index + 1]) };
      if (behind && place.at === behind.at && place.id >= behind.id) continue;
      if (found.push(place) === count) return found;
    }
    if (flat.length < 2 * step) return found;
  }
}
