// What a failover leaves of mail that no replica had: its caller was told 503, and a worker may have sent it before the primary died.
import type { Gateway } from "./gateway.ts";
import { headerOf } from "./mailHeader.ts";
import { everyPage } from "./mailing.ts";
import type { Books } from "./rush.ts";

/**
 * The relay's mails without these. `mails` gives those of the ledger, or of nobody who was told 503; `inWords` says how many others there
 * were, as the last call found.
 * @param options.gateway an API with the bootstrap key; asked when `mails` is called, after the failover
 */
export function withoutUnconfirmed<Mail extends { raw: Buffer }>(options: {
  gateway: Gateway;
  books: Books;
  relay: { readonly accepted: readonly Mail[] };
}): { mails(): Promise<Mail[]>; inWords(): string } {
  const { gateway, books, relay } = options;
  let unconfirmed = 0;
  return {
    async mails() {
      const stored = new Set((await everyPage<{ id: string }>(gateway, "/v1/messages")).map(({ id }) => id));
      const owed = relay.accepted.filter(({ raw }) => {
        const id = /^<([^@]+)@/.exec(headerOf(raw, "message-id") ?? "")?.[1] ?? "";
        return stored.has(id) || !books.refused.has(headerOf(raw, "x-test-id") ?? "");
      });
      unconfirmed = relay.accepted.length - owed.length;
      return owed;
    },
    inWords: () => `${unconfirmed} mails of requests answered 503 were sent and forgotten`,
  };
}
