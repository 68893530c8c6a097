import assert from "node:assert/strict";
import { test } from "node:test";
import { createWebhookFanOut, eventBacklog } from "../../src/store/webhookFanOut.ts";
import { sharedRedis } from "../support/redis.ts";
import { openWebhooks } from "./notifyForTests.ts";

const redis = await sharedRedis();
const count = 10_000;

test("10,000 events of a tenant without webhooks are read and acknowledged for a few microseconds each", async (t) => {
  const own = await openWebhooks(t, redis);
  await own.webhook("http://127.0.0.1:9/", { tenant: "other" });
  for (let done = 0; done < count; done += 1_000) {
    await own.appendAll(Array.from({ length: 1_000 }, () => ({ message_id: `msg_${"0".repeat(26)}`, recipient: "someone@example.com" })));
  }
  const fanOut = createWebhookFanOut(own.connection, { consumer: "one", retentionMs: own.retentionMs });
  await fanOut.prepare();
  const began = performance.now();
  const cpu = process.cpuUsage();
  let read = 0;
  while (read < count) {
    const batch = await fanOut.read(100);
    read += batch.entries.length;
    if (batch.entries.length > 0) assert.equal((await fanOut.handle(batch)).made, 0);
  }
  const elapsed = ((performance.now() - began) * 1_000) / count;
  const { user, system } = process.cpuUsage(cpu);
  t.diagnostic(`${elapsed.toFixed(1)} µs an event, ${((user + system) / count).toFixed(1)} µs of it this process's CPU`);
  await fanOut.retire();
  assert.equal(await eventBacklog(own.connection), 0);
  // It takes some ten; the bound only tells a batch from one command an event.
  assert.ok(elapsed < 100, `${elapsed} µs`);
});
