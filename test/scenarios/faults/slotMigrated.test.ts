// A Redis Cluster: the slot of Postern's keys is moved to another master under load, key by key, as `redis-cli --cluster reshard` does it.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startLoadedInstallation } from "../../support/loadedInstallation.ts";
import { startRedisCluster } from "../../support/redisCluster.ts";

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
    const { api, relay, webhook, books, rush, receipts } = await startLoadedInstallation(atEnd, {
      redisUrl: cluster.url,
      receiptsTimeoutMs: 30_000,
    });
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
