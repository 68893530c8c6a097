import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { newApiKey } from "../../src/domain/keys.ts";
import { createApiKeys } from "../../src/store/apiKeys.ts";
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

const newKey = (name: string) =>
  newApiKey({ tenant: "default", name, scopes: ["send"], createdAt: Date.now(), random: randomBytes(64) }).key;

test("keys that are looked for at the same time are each found, or not, in one command", async () => {
  const apiKeys = createApiKeys(connection);
  const made = ["a", "b", "c"].map(newKey);
  for (const key of made) await apiKeys.add(key);
  const commands = async () => Number(/cmdstat_mget:calls=(\d+)/.exec(await connection.redis.info("commandstats"))?.[1] ?? 0);
  const before = await commands();
  const ids = [...made.map(({ id }) => id), "key_0000000000000000", ...made.map(({ id }) => id)];
  const found = await Promise.all(ids.map((id) => apiKeys.find(id)));
  assert.deepEqual(found, [...made, undefined, ...made]);
  assert.equal((await commands()) - before, 1);
});

test("a key that was removed is not found by whoever asks from then on", async () => {
  const apiKeys = createApiKeys(connection);
  const key = newKey("gone");
  await apiKeys.add(key);
  for (let again = 0; again < 20; again++) {
    const asking = apiKeys.find(key.id);
    await apiKeys.remove("default", key.id);
    assert.equal(await apiKeys.find(key.id), undefined);
    await asking;
    await apiKeys.add(key);
  }
});

test("while Redis is away everybody who asks is told so, and is answered when it is back", async () => {
  const { redis, keys, ...others } = connection;
  let isAway = true;
  const flaky = new Proxy(redis, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (name === "mget" && isAway) return () => Promise.reject(new Error("Connection is closed."));
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const apiKeys = createApiKeys({ ...others, keys, redis: flaky });
  const asked = await Promise.allSettled([apiKeys.find("key_0000000000000000"), apiKeys.find("key_0000000000000001")]);
  assert.deepEqual(
    asked.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  isAway = false;
  assert.equal(await apiKeys.find("key_0000000000000000"), undefined);
});
