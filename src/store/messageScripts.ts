// What every script about one stored message begins with (scripts/includes/message.lua): its keys, and how long it is kept.
import type { Keys } from "./keys.ts";

/** How long things are kept after the last recipient was settled, in milliseconds. */
export type Retention = { messageMs: number; contentMs: number; failedContentMs: number };

/** The keys with which every script about stored messages begins (includes/open-message.lua). */
export function messageKeysOf(keys: Keys): string[] {
  return [
    keys.events,
    keys.sequence,
    keys.open,
    keys.unconfirmed,
    keys.owners,
    keys.message(""),
    keys.bytes(""),
    keys.attempts(""),
    keys.suppressions,
  ];
}

/** The retention as those scripts take it. */
export function retentionArgument({ messageMs, contentMs, failedContentMs }: Retention): string {
  return JSON.stringify({ message: messageMs, content: contentMs, failed_content: failedContentMs });
}
