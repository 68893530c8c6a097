import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createChunks } from "../../src/store/chunks.ts";
import type { Connection } from "../../src/store/connection.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { connectFresh } from "./ledgerForTests.ts";

let server: TestRedis;
let connection: Connection;
before(async () => {
  server = await startRedis();
  connection = await connectFresh(server);
});
after(async () => {
  await connection.close();
  await server.stop();
});

test("however many large messages come at once, few chunks are under way, and each message is whole", async () => {
  const { redis, keys } = connection;
  let underWay = 0;
  let most = 0;
  const counting = new Proxy(redis, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (name !== "set") return typeof member === "function" ? member.bind(target) : member;
      return async (...given: Parameters<typeof redis.set>) => {
        underWay += 1;
        most = Math.max(most, underWay);
        return redis.set(...given).finally(() => {
          underWay -= 1;
        });
      };
    },
  });
  const chunks = createChunks({ redis: counting, keys });
  const messages = Array.from({ length: 10 }, (_, index) => ({ id: `msg_${index}`, bytes: Buffer.alloc(1_000_000 + index, `${index}`) }));
  await Promise.all(messages.map(({ id, bytes }) => chunks.store(id, bytes)));
  assert.ok(most <= 2, `${most} at a time`);
  for (const { id, bytes } of messages) assert.ok((await chunks.read({ id, size: bytes.length, chunks: 4 }))?.equals(bytes));
});

test("a chunk that fails holds up nobody", async () => {
  const { keys } = connection;
  let failures = 0;
  const failing = {
    set: () => {
      failures += 1;
      return Promise.reject(new Error("Connection is closed."));
    },
  };
  const chunks = createChunks({ redis: failing as unknown as Connection["redis"], keys });
  const stored = await Promise.allSettled(Array.from({ length: 5 }, (_, index) => chunks.store(`msg_${index}`, Buffer.alloc(600_000))));
  assert.deepEqual(
    stored.map(({ status }) => status),
    Array(5).fill("rejected"),
  );
  assert.equal(failures, 5);
});
