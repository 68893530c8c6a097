// When a delivery is tried: the schedule, its jitter, and what the endpoint itself asks for.

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** How long after the try before each one comes, in milliseconds. The first is made at once. */
export const triesAfterMs: readonly number[] = [0, 5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 10 * hour];

const retryAfterMaxMs = 24 * hour;

/** What a `Retry-After` header asks for, in milliseconds from `now`, at most a day; 0 for a date that is past or a text that is neither. */
export function retryAfterMs(header: string, now: number): number {
  const text = header.trim();
  // RFC 9110 section 10.2.3: a number of seconds or an HTTP date, which always names its day first.
  const asked = /^\d+$/.test(text) ? Number(text) * second : /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) - now : 0;
  return Number.isNaN(asked) ? 0 : Math.min(Math.max(asked, 0), retryAfterMaxMs);
}

/**
 * Milliseconds until the next try, or undefined when the one that failed was the last.
 * @param tried how many tries of this schedule were made
 * @param random from 0 up to 1: spreads the time by a fifth to either side, so that what failed together is not tried together
 */
export function nextTryInMs(input: {
  tried: number;
  schedule: readonly number[];
  retryAfter?: string | undefined;
  now: number;
  random: number;
}): number | undefined {
  const { tried, schedule, retryAfter, now, random } = input;
  const pause = schedule[tried];
  if (pause === undefined) return undefined;
  // The endpoint may put us off, but not make us spend our tries sooner.
  return Math.max(pause * (0.8 + 0.4 * random), retryAfter === undefined ? 0 : retryAfterMs(retryAfter, now));
}
