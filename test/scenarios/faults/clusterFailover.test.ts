// A Redis Cluster: the shard's keys are in one slot, and the node that has it dies or hands it over under load.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { openEventStream } from "../../support/eventStream.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startLoadedInstallation } from "../../support/loadedInstallation.ts";
import { startRedisCluster } from "../../support/redisCluster.ts";
import { withoutUnconfirmed } from "../../support/sentUnconfirmed.ts";
import { waitFor } from "../../support/waitFor.ts";

faultRow(
  {
    row: "35",
    fault:
      "a Redis Cluster of three masters: the one that holds the slot hands it to its replica under load, and that one is then SIGKILLed",
    invariant:
      "with `durability: { wait_replicas: 1 }` 0 lost; 503 with Retry-After within 2 s meanwhile; API, workers, webhooks and event stream recover without a restart",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const cluster = await startRedisCluster(atEnd);
    const { api, relay, webhook, books, rush, receipts } = await startLoadedInstallation(atEnd, {
      redisUrl: cluster.url,
      config: "durability: { wait_replicas: 1, wait_timeout: 300ms },",
      receiptsTimeoutMs: 60_000,
    });
    const stream = await openEventStream(api, "0", { comesBack: true });
    atEnd(async () => stream.close());
    await receipts(200);

    // Handed over as for maintenance: the old owner lives on, and says MOVED.
    const handedAt = performance.now();
    assert.equal(await cluster.replica.client.call("CLUSTER", "FAILOVER"), "OK");
    const isMaster = async () => ((await cluster.replica.client.call("ROLE")) as unknown[])[0] === "master";
    await waitFor(isMaster, { what: "the replica to take over", timeoutMs: 10_000 });
    await receipts(100);
    const handedMs = Math.round(performance.now() - handedAt);

    const killedAt = performance.now();
    await cluster.replica.kill("SIGKILL");
    const refusedThen = books.refused.size;
    await waitFor(() => books.refused.size > refusedThen, { what: "a 503", timeoutMs: 5_000, everyMs: 1 });
    await waitFor(async () => ((await cluster.owner.client.call("ROLE")) as unknown[])[0] === "master", {
      what: "the first owner to be elected",
      timeoutMs: 20_000,
    });
    const electedMs = Math.round(performance.now() - killedAt);
    // Nobody confirms writes until it has a replica again.
    await cluster.replica.restart();
    await receipts(200);
    const takenAgainMs = Math.round(performance.now() - killedAt);
    await rush.stop();

    const { mails, inWords } = withoutUnconfirmed({ gateway: api, books, relay });
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails, webhook });
    const streamed = () => new Set(stream.events.map(({ id }) => id));
    await waitFor(() => accounts.events.every(({ id }) => streamed().has(id)), {
      what: "the stream to tell every event",
      timeoutMs: 10_000,
    });
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${books.receipts.size} receipts, ${books.refused.size} times 503, slowest answer ${Math.round(books.slowestMs)} ms; handed over and 100 more receipts after ${handedMs} ms; killed, another elected after ${electedMs} ms, 200 more receipts after ${takenAgainMs} ms; ${inWords()}; ${accounts.inWords}`,
    );
  },
);
