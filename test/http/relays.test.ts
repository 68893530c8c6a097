// Relays as operators see and handle them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { RelayStatus } from "../../src/http/dependencies.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { assertProblem, fixedRelays, openApp } from "./appForTests.ts";

let redis: TestRedis;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const working: RelayStatus = {
  ...{ name: "first", host: "smtp.example.com", port: 25, tls: "opportunistic" },
  health: { condition: "up", isSlowed: false },
  attemptsLastMinute: 12,
  slowIntervalMs: null,
  connections: { allowed: 5, held: 3, open: null, busy: null },
  rates: [{ count: 50, perMs: 1_000 }],
  queue: { waiting: 1, delayed: 2, active: 0 },
  oldest_waiting_at: 1_700_000_000_000,
};

const atTest = "2023-11-14T22:13:20.000Z";

test("relays are shown with their health, their connections over all workers, and what waits for them", async () => {
  const suspended: RelayStatus = {
    ...working,
    name: "second",
    health: {
      condition: "suspended",
      suspendedUntil: 1_700_000_000_000,
      lastError: { at: 1_700_000_000_000, phase: "auth", text: "535 no", code: 535 },
      isSlowed: true,
    },
    slowIntervalMs: 400,
    oldest_waiting_at: null,
  };
  const app = await openApp(redis, () => ({ relays: fixedRelays([working, suspended]) }));
  const { body } = await app.ask("GET", "/v1/relays");
  const { health: _, rates: __, slowIntervalMs: ___, attemptsLastMinute: ____, ...shown } = working;
  const first = {
    ...shown,
    ...{ state: "up", suspended_until: null, paused_at: null, last_error: null, slowed_to_per_second: null, attempts_last_minute: 12 },
    rates: [{ messages: 50, per_ms: 1_000 }],
    oldest_waiting_at: atTest,
  };
  const second = {
    ...first,
    ...{ name: "second", state: "suspended", suspended_until: atTest, slowed_to_per_second: 2.5, oldest_waiting_at: null },
    last_error: { at: atTest, phase: "auth", code: 535, text: "535 no" },
  };
  assert.deepEqual(body, { data: [first, second], has_more: false, next_cursor: null });
  await app.close();
});

test("only operators pause and resume, and only relays that there are", async () => {
  const said: string[] = [];
  const relays = {
    ...fixedRelays([working]),
    pause: async (name: string) => void said.push(`pause ${name}`),
    resume: async (name: string) => void said.push(`resume ${name}`),
  };
  const app = await openApp(redis, () => ({ relays }));
  for (const word of ["pause", "resume"]) {
    const { status, body } = await app.ask("POST", `/v1/relays/first/${word}`);
    assert.deepEqual([status, body.name], [200, "first"]);
    assertProblem(await app.ask("POST", `/v1/relays/none/${word}`), 404, "not_found");
    const key = await app.key({ scopes: ["manage"] });
    assertProblem(await app.ask("POST", `/v1/relays/first/${word}`, { key }), 403, "forbidden");
  }
  assert.deepEqual(said, ["pause first", "resume first"]);
  await app.close();
});
