// What is said to have failed can no longer happen, also when this process has much to do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/store/connection.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { startProxy } from "../support/proxy.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { acceptOne, draft, openLedger } from "./ledgerForTests.ts";

const redis = await sharedRedis();
const settings = {
  retention: { messageMs: 60_000, contentMs: 0, failedContentMs: 0 },
  leases: { ownerMs: 60_000, attemptMs: 60_000 },
};

test("an acceptance and a change are said to have failed only when they cannot be carried out any more, however busy the event loop is", async (t) => {
  const proxy = await startProxy({ target: { port: redis.port } });
  const store = await openLedger(redis);
  const database = store.connection.redis.options.db ?? 0;
  const target = { kind: "single" as const, host: "127.0.0.1", port: proxy.port, database, tls: false, verifyCertificate: true };
  const cutOff = await connect(target, createLogger({ level: "silent", format: "json" }));
  t.after(async () => {
    await cutOff.close();
    await store.connection.close();
    await proxy.stop();
  });
  const ledger = createLedger(cutOff, settings);
  const { id } = await acceptOne(store, { sendInMs: 60_000 });
  const late = draft(ledger);
  // Redis knows the scripts now.
  await ledger.cancel("msg_none");
  const bytesBefore = proxy.bytes.toTarget;

  proxy.holdRequests();
  // A long turn of the loop, at whose end the commands leave: their timers count from its beginning.
  const turnEndsAt = performance.now() + 600;
  await new Promise<void>((resolve) =>
    setTimeout(() => {
      while (performance.now() < turnEndsAt);
      resolve();
    }),
  );
  const results = await Promise.allSettled([ledger.cancel(id), ledger.accept(late)]);
  proxy.resume();
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  // They are passed on now, and a command behind them has its answer.
  await waitFor(() => proxy.bytes.toTarget > bytesBefore + 500, { what: "the commands to be passed on" });
  await waitFor(() => cutOff.redis.ping(), { what: "Redis to answer again", timeoutMs: 10_000, everyMs: 50 });
  assert.equal((await store.messages.find(id))?.state.recipients[0]?.status, "scheduled");
  assert.equal(await store.messages.find(late.record.id), undefined);
});
