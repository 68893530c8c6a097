// What a failover leaves of mail that no replica had: its caller was told 503, and a worker may have sent it before the primary died.
import type { Gateway } from "./gateway.ts";
import { headerOf } from "./mailHeader.ts";
import { everyPage } from "./mailing.ts";
import type { Books } from "./rush.ts";

/**
 * Parts the relay's mails: those of the ledger, or of nobody who was told 503, and how many others there are.
 * @param gateway an API with the bootstrap key, after the failover
 */
export async function partUnconfirmed<Mail extends { raw: Buffer }>(
  gateway: Gateway,
  books: Books,
  mails: readonly Mail[],
): Promise<{ mails: Mail[]; unconfirmed: number }> {
  const stored = new Set((await everyPage<{ id: string }>(gateway, "/v1/messages")).map(({ id }) => id));
  const isOwed = ({ raw }: Mail) => {
    const id = /^<([^@]+)@/.exec(headerOf(raw, "message-id") ?? "")?.[1] ?? "";
    return stored.has(id) || !books.refused.has(headerOf(raw, "x-test-id") ?? "");
  };
  const owed = mails.filter(isOwed);
  return { mails: owed, unconfirmed: mails.length - owed.length };
}
