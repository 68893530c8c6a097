// The setting for those who replicate Redis: a receipt waits for a replica, so that a failover loses nothing that was acknowledged.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { testMessage } from "../../support/mailing.ts";
import { startReplicatedRedis } from "../../support/replicatedRedis.ts";
import { openBooks, postOne, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

faultRow(
  {
    row: "27b",
    fault: "the same with `durability: { wait_replicas: 1 }`: the replica is cut off under load, and then promoted",
    invariant:
      "503 with Retry-After within 2 s from the moment that the replica confirms nothing; every 202, before and after, is in the ledger of the promoted replica and is sent; a later request with the same Idempotency-Key is accepted once",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const redis = await startReplicatedRedis(atEnd);
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const config = "{ durability: { wait_replicas: 1, wait_timeout: 500ms }, timeouts: { owner_lease: 2s } }";
    const start = async (role: "api" | "worker") => {
      const gateway = await startGateway({ env: { REDIS_URL: redis.url, SMTP_URL: relay.url }, config, args: ["--role", role] });
      atEnd(() => gateway.stop());
      return gateway;
    };
    // No worker yet: what is queued must be on the replica to be sent at all.
    const api = await start("api");
    const books = openBooks();
    const rush = startRush({ gateway: api, books, name: "rush" });
    await rush.untilReceipts(200);
    redis.detach();
    const detachedAt = Date.now();
    const receiptsThen = books.receipts.size;
    await waitFor(() => books.refused.size >= 50, { what: "requests to be refused", timeoutMs: 10_000 });
    const refusedWithinMs = Date.now() - detachedAt;
    await rush.stop();
    assert.ok(books.receipts.size - receiptsThen <= 16, "202 was answered though no replica had the message");
    const keyed = { "idempotency-key": "keyed-1" };
    assert.equal((await postOne(api, books, testMessage("keyed", "keyed@example.net"), keyed)).status, 503);
    type Readiness = { checks: { durability: { ok: boolean; problems: string[] } } };
    const { body } = await api.get<Readiness>("/readyz");
    assert.match(body.checks.durability.problems.join(), /writes are not confirmed by 1 replica/);
    assert.equal((await api.get("/v1/messages")).status, 200, "reads go on");
    const storedUnconfirmed = (await redis.client.zcard("{postern:0}:t:default:messages")) - books.receipts.size;

    // It comes back: mail is taken again by itself.
    await redis.reattach();
    const again = async () => (await postOne(api, books, testMessage("keyed", "keyed@example.net"), keyed)).status === 202;
    await waitFor(again, { what: "a 202", timeoutMs: 10_000, everyMs: 100 });
    const second = startRush({ gateway: api, books, name: "second" });
    await second.untilReceipts(100);
    await redis.promote();
    await second.stop();
    // Its own replica is gone, so that nothing is confirmed until it has another.
    assert.equal((await postOne(api, books, testMessage("alone", "alone@example.net"))).status, 503);
    await start("worker");
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.equal(accounts.recipients.filter(({ address }) => address === "keyed@example.net").length, 1);
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${books.receipts.size} receipts, 0 lost in the failover; ${books.refused.size} times 503, the 50th ${refusedWithinMs} ms after the cut, slowest answer ${Math.round(books.slowestMs)} ms; ${storedUnconfirmed} requests answered 503 were stored; ${accounts.inWords}`,
    );
  },
);
