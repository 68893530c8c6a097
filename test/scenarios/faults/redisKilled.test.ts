// Redis dies under load, with mail between its final dot and the record of it, and comes back from its append-only file much later.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { closedGate } from "../../support/gate.ts";
import { installationOf } from "../../support/installation.ts";
import { startProxy } from "../../support/proxy.ts";
import { startRedis } from "../../support/redis.ts";
import { openBooks, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

const leaseMs = 4_000;
/** Longer than a job's lock (half the lease), and than the lease of every worker. */
const awayMs = 6_000;
/** Of both workers together. */
const connections = 10;

faultRow(
  {
    row: "4",
    fault:
      "Redis is SIGKILLed under load with sends in flight, and comes back from its AOF after longer than job locks and workers' leases last; the workers find it one after the other",
    invariant: "0 lost, 0 doubled, nothing in doubt; every answer within 2 s; recovery without a restart",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const redis = await startRedis();
    atEnd(redis.stop);
    const proxy = await startProxy({ target: { port: redis.port } });
    atEnd(proxy.stop);
    let inFlight = 0;
    let isHeld = false;
    // Half of what is in flight when Redis dies is answered while it is away, the other half after it has come back.
    const [whileAway, afterReturn] = [closedGate(), closedGate()];
    const relay = await startScriptedRelay({
      onData: () => (isHeld ? { until: ++inFlight % 2 === 0 ? whileAway.opened : afterReturn.opened } : undefined),
    });
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redis.url, SMTP_URL: `${relay.url}?connections=${connections}` },
      config: `{ timeouts: { owner_lease: ${leaseMs}ms }, webhooks: { allow_private: true, timeout: 2s } }`,
    });
    const behindProxy = { REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    const [api] = await Promise.all([start("api"), start("worker"), start("worker", behindProxy)]);
    const webhook = await subscribeToAll(api, receiver);
    const books = openBooks();
    const rush = startRush({ gateway: api, books, name: "redis" });
    await rush.untilReceipts(200);
    isHeld = true;
    await waitFor(() => inFlight >= connections, {
      what: "every connection to wait for its final reply",
      everyMs: 1,
      timeoutMs: 20_000,
    });
    await Promise.all([redis.kill("SIGKILL"), proxy.refuse()]);
    isHeld = false;
    whileAway.open();
    const before = relay.accepted.length;
    await sleep(awayMs);
    await redis.restart();
    await waitFor(() => relay.accepted.length > before, { what: "the first worker to go on", everyMs: 1, timeoutMs: 20_000 });
    await proxy.accept();
    afterReturn.open();
    await rush.untilReceipts(300);
    await rush.stop();
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails: () => relay.accepted, webhook });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${books.receipts.size} receipts, ${inFlight} sends in flight, Redis away for ${awayMs / 1_000} s with leases of ${leaseMs / 1_000} s; ${accounts.inWords}`,
    );
  },
);
