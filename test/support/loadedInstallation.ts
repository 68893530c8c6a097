// A whole installation under load: one API and two workers over a given Redis, a relay, a webhook for all events, and callers that post.
import type { AtEnd } from "./atEnd.ts";
import { type Subscribed, subscribeToAll } from "./faultAccounts.ts";
import type { Gateway } from "./gateway.ts";
import { installationOf } from "./installation.ts";
import { type Books, openBooks, type Rush, startRush } from "./rush.ts";
import { type ScriptedRelay, startScriptedRelay } from "./scriptedRelay.ts";
import { waitFor } from "./waitFor.ts";
import { startWebhookReceiver } from "./webhookReceiver.ts";

export type LoadedInstallation = {
  api: Gateway;
  relay: ScriptedRelay;
  webhook: Subscribed;
  books: Books;
  rush: Rush;
  /** Waits until so many more receipts have been given. */
  receipts(more: number): Promise<unknown>;
};

/**
 * Starts it all; the rush begins last.
 * @param options.config what the file says beside short leases and what the webhook needs, like `durability: { … },`
 * @param options.receiptsTimeoutMs how long `receipts` waits
 */
export async function startLoadedInstallation(
  atEnd: AtEnd,
  options: { redisUrl: string; config?: string; receiptsTimeoutMs: number },
): Promise<LoadedInstallation> {
  const { redisUrl, config = "", receiptsTimeoutMs: timeoutMs } = options;
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const receiver = await startWebhookReceiver();
  atEnd(receiver.stop);
  const start = installationOf(atEnd, {
    env: { REDIS_URL: redisUrl, SMTP_URL: relay.url },
    config: `{ ${config} timeouts: { owner_lease: 2s }, webhooks: { allow_private: true, timeout: 2s } }`,
  });
  const [api] = await Promise.all([start("api"), start("worker"), start("worker")]);
  const webhook = await subscribeToAll(api, receiver);
  const books = openBooks();
  const rush = startRush({ gateway: api, books, name: "rush" });
  const receipts = (more: number) => {
    const before = books.receipts.size;
    return waitFor(() => books.receipts.size >= before + more, { what: `${more} more receipts`, timeoutMs, everyMs: 1 });
  };
  return { api, relay, webhook, books, rush, receipts };
}
