// What came of verifying a notification, and the times that all providers share.
import type { Lenient } from "./lenientJson.ts";

/** A request as the door hands it on. Names of headers in lower case. */
export type NotificationRequest = { header(name: string): string | undefined; body: Buffer };

/**
 * `events`: what the provider tells, each for itself. `refused`: not the provider's, or not ours. `malformed`: nothing to verify in it.
 * `later`: it could not be verified now. `confirmed`: a subscription was. The details are for whoever looks at the provider's log.
 */
export type Verified =
  | { kind: "events"; events: Lenient[] }
  | { kind: "refused" | "malformed" | "later"; detail: string }
  | { kind: "confirmed" };

/**
 * How old a signature may be: no provider tries longer than a day to hand a notification over, and whoever shows an old one can only say
 * again what was said. The clocks of two machines differ by less than the second.
 */
const olderMsMax = 25 * 3_600_000;
const aheadMsMax = 10 * 60_000;

/** For how long one signature can be shown. */
export const signatureLifeMs = olderMsMax + aheadMsMax;

/** Whether a signature's time is near enough. Milliseconds since the epoch; not a number: it is not. */
export function isTimely(signedAt: number, now: number): boolean {
  return signedAt >= now - olderMsMax && signedAt <= now + aheadMsMax;
}

export const untimely = "The signature's time is more than a day old or lies ahead: check this machine's clock.";
