// A Redis Cluster: the slot of Postern's keys is moved to another master under load, key by key, as `redis-cli --cluster reshard` does it.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { installationOf } from "../../support/installation.ts";
import { startRedisCluster } from "../../support/redisCluster.ts";
import { openBooks, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

faultRow(
  {
    row: "35b",
    fault: "the slot of a Redis Cluster that holds all of Postern's keys is moved to another master under load, key by key",
    invariant:
      "0 lost, 0 doubled; 503 with Retry-After within 2 s while the keys are in two places: no change is carried out by halves; everything goes on by itself at the new owner",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const cluster = await startRedisCluster(atEnd);
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const start = installationOf(atEnd, {
      env: { REDIS_URL: cluster.url, SMTP_URL: relay.url },
      config: "{ timeouts: { owner_lease: 2s }, webhooks: { allow_private: true, timeout: 2s } }",
    });
    const [api] = await Promise.all([start("api"), start("worker"), start("worker")]);
    const webhook = await subscribeToAll(api, receiver);
    const books = openBooks();
    const rush = startRush({ gateway: api, books, name: "rush" });
    const receipts = (more: number) => {
      const before = books.receipts.size;
      return waitFor(() => books.receipts.size >= before + more, { what: `${more} more receipts`, timeoutMs: 30_000, everyMs: 1 });
    };
    await receipts(300);

    const { slot, owner } = cluster;
    const [target] = cluster.others;
    const beganAt = performance.now();
    assert.equal(await target.client.call("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id), "OK");
    assert.equal(await owner.client.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id), "OK");
    let moved = 0;
    for (;;) {
      const keys = (await owner.client.call("CLUSTER", "GETKEYSINSLOT", slot, 20)) as string[];
      if (keys.length === 0) break;
      await owner.client.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", ...keys);
      moved += keys.length;
    }
    for (const node of [target, owner]) assert.equal(await node.client.call("CLUSTER", "SETSLOT", slot, "NODE", target.id), "OK");
    const movedMs = Math.round(performance.now() - beganAt);
    await receipts(200);
    const takenAgainMs = Math.round(performance.now() - beganAt);
    await rush.stop();
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails: () => relay.accepted, webhook });
    assert.deepEqual(accounts.doubled, []);
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${moved} keys moved in ${movedMs} ms, ${books.refused.size} times 503, 200 more receipts after ${takenAgainMs} ms; ${books.receipts.size} receipts, slowest answer ${Math.round(books.slowestMs)} ms; ${accounts.inWords}`,
    );
  },
);
