// What large bodies cost: as much memory as the budget for them counts on, and nothing once they are answered.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { startGateway } from "../support/gateway.ts";
import { inParallel, testMessage } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();
const megabyte = 1024 ** 2;
/** As in src/http/bodyBudget.ts: so many times its size a body is counted with. */
const timesItsSize = 12;

test("a large body takes no more memory than it is counted with, alone and among others; all of it is free again when they are answered", async (t) => {
  const atEnd = atEndOf(t);
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: "smtp://127.0.0.1:1", POSTERN_ROLE: "api", METRICS_PORT: String(await freePort()) },
    // On a busy machine large messages hold up the loop for longer, which is not what is measured here.
    config: "limits: { event_loop_delay: 1m }",
  });
  atEnd(() => gateway.stop());
  const residentMax = async () => Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) * 1024;
  const external = async () => {
    const text = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
    return Number(/^postern_nodejs_external_memory_bytes (\S+)$/m.exec(text)?.[1]);
  };
  const post = async (bytes: number, key: string) => {
    const attachments = [{ filename: "a.bin", content: Buffer.alloc(bytes, "attachment").toString("base64") }];
    const body = JSON.stringify(testMessage(key, "ada@example.net", { attachments }));
    // A busy machine's Redis may be late for so much at once, which is a 503; the time to try again is then.
    const accepted = async () => (await gateway.post("/v1/messages", body, { "idempotency-key": key })).status === 202;
    await waitFor(accepted, { what: `${bytes} bytes to be accepted`, timeoutMs: 20_000 });
    return body.length;
  };
  await inParallel(50, 10, (index) => post(100, `small-${index}`));
  const before = { resident: await residentMax(), external: await external() };

  const alone = await post(16 * megabyte, "alone");
  const forOne = ((await residentMax()) - before.resident) / alone;
  assert.ok(forOne < timesItsSize, `one body took ${forOne.toFixed(1)} times its size`);

  const sizes = await inParallel(8, 8, (index) => post(4 * megabyte, `among-${index}`));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const forEach = ((await residentMax()) - before.resident) / total;
  assert.ok(forEach < timesItsSize, `bodies took ${forEach.toFixed(1)} times their size`);

  let index = 0;
  // What has lived for a while is looked for when 64 MB of memory outside of V8's heap have come together.
  const isFree = async () => {
    await inParallel(4, 2, () => post(300_000, `after-${index++}`));
    return (await external()) - before.external < alone / 3;
  };
  await waitFor(isFree, { what: "the memory to be free again", timeoutMs: 30_000 });
  t.diagnostic(`one body took ${forOne.toFixed(1)} times its size at most, eight at once ${forEach.toFixed(1)} times theirs`);
});
