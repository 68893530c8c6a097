// Files of suppressions are read and written as they come: a process that could not hold one takes it nevertheless.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis.ts";
import { exportRows, importRows, rowAddress } from "../support/suppressionFile.ts";
import { waitFor } from "../support/waitFor.ts";

const rows = 100_000;
/** For all that the gateway holds on to. Half of it is taken at rest; the rows of the file, held as text alone, would not fit. */
const heapMegabytes = 72;

test("a file that does not fit into the process's memory is imported and exported, while others are served", async (t) => {
  const atEnd = atEndOf(t);
  // Of its own, so that no other test waits for what this one writes.
  const redis = await startRedis({ appendfsync: "everysec" });
  atEnd(redis.stop);
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: "smtp://127.0.0.1:9", NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}` },
  });
  atEnd(() => gateway.stop());
  await importRows(gateway, 1);

  let isDone = false;
  let served = 0;
  const others = waitFor(
    async () => {
      if (isDone) return true;
      const { status } = await gateway.get(`/v1/suppressions/${rowAddress(0)}`);
      assert.equal(status, 200);
      served += 1;
      return false;
    },
    { what: "the import", timeoutMs: 120_000, everyMs: 50 },
  );
  const answer = await importRows(gateway, rows, 10_000).finally(() => {
    isDone = true;
  });
  await others;
  assert.deepEqual([answer.added, answer.unchanged, answer.failed, answer.complete], [rows - 10 - 1, 1, 10, true]);
  assert.deepEqual(
    answer.errors.map(({ line, code }) => [line, code]),
    Array.from({ length: 10 }, (_, index) => [(index + 1) * 10_000 + 1, "invalid_address"]),
  );
  assert.ok(served > 5, `only ${served} requests were served meanwhile`);

  const { lines, last } = await exportRows(gateway);
  assert.equal(lines, 1 + rows - 10);
  assert.ok(last.startsWith(`${rowAddress(rows - 2)},,bounce,`), last);
});
