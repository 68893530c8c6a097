// A worker dies in the one window that nobody can close: the relay has the mail, and the ledger does not know.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { type FaultAccounts, settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { closedGate } from "../../support/gate.ts";
import { installationOf } from "../../support/installation.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { startProxy } from "../../support/proxy.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();

const config = "timeouts: { owner_lease: 2s }";
const perPolicy = 10;
const messages = (["resend", "hold"] as const).flatMap((on_doubt) =>
  Array.from({ length: perPolicy }, (_, index) => testMessage(`${on_doubt}-${index}`, `${on_doubt}-${index}@example.net`, { on_doubt })),
);
const invariant = "each is sent once more and flagged; `on_doubt: hold`: never again, `unknown`";

/** Which of the two policies said what of its messages. */
function assertByPolicy({ recipients }: FaultAccounts): void {
  for (const { address, status, flagged, copies } of recipients) {
    const expected = address.startsWith("hold") ? ["unknown", true, 1] : ["sent", true, 2];
    assert.deepEqual([status, flagged, copies], expected, address);
  }
}

faultRow(
  { row: "6", fault: "a worker is SIGKILLed after the final dot, before the relay's answer to it", invariant },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    let hangs = true;
    const relay = await startScriptedRelay({ onData: () => (hangs ? { hang: true, store: true } : undefined) });
    atEnd(relay.stop);
    const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=${messages.length}` };
    const start = installationOf(atEnd, { env, config });
    const [api, worker] = await Promise.all([start("api"), start("worker")]);
    const accepted = await sendEach(api, messages);
    await waitFor(() => relay.accepted.length === messages.length, { what: "all mails at the relay", timeoutMs: 20_000, everyMs: 1 });
    worker.kill("SIGKILL");
    await worker.exited;
    hangs = false;
    await start("worker");
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    assertByPolicy(accounts);
    measured(`${messages.length} killed in the window; ${accounts.inWords}, ${perPolicy} held`);
  },
);

faultRow(
  { row: "6b", fault: "a worker is SIGKILLed with the relay's 250 in hand, while Redis does not take the record of it", invariant },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const proxy = await startProxy({ target: { port: redis.port } });
    atEnd(proxy.stop);
    const replies = closedGate();
    const relay = await startScriptedRelay({ onData: () => ({ until: replies.opened }) });
    atEnd(relay.stop);
    const redisUrl = redis.freshUrl();
    const start = installationOf(atEnd, { env: { REDIS_URL: redisUrl, SMTP_URL: `${relay.url}?connections=${messages.length}` }, config });
    const behindProxy = { REDIS_URL: redisUrl.replace(`:${redis.port}`, `:${proxy.port}`) };
    const [api, worker] = await Promise.all([start("api"), start("worker", behindProxy)]);
    const accepted = await sendEach(api, messages);
    await waitFor(() => relay.accepted.length === messages.length, { what: "all mails at the relay", timeoutMs: 20_000, everyMs: 1 });
    proxy.pause();
    replies.open();
    const inHand = () => worker.logs().filter((line) => line.includes("an attempt is not recorded yet")).length;
    await waitFor(() => inHand() === messages.length, { what: "every 250 to be in hand", timeoutMs: 20_000 });
    worker.kill("SIGKILL");
    await worker.exited;
    await start("worker");
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    assertByPolicy(accounts);
    measured(`${messages.length} killed with a 250 in hand; ${accounts.inWords}, ${perPolicy} held`);
  },
);
