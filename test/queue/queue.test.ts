import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { PlannedWakeUp } from "../../src/domain/dispatching.ts";
import { SharedJob, type WakeUp } from "../../src/domain/wakeUp.ts";
import { type ConsumerOptions, consume } from "../../src/queue/consumer.ts";
import { queueName, tracks } from "../../src/queue/names.ts";
import { createProducer } from "../../src/queue/producer.ts";
import { createWaker } from "../../src/queue/waker.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { connectFresh } from "../store/ledgerForTests.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";

const log = createLogger({ level: "silent", format: "json" });
const prefix = "{postern:0}:queue";
let redis: TestRedis;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
after(() => redis.stop());

async function open() {
  const connection = await connectFresh(redis);
  closing.push(() => connection.close());
  const client = connection.client("hasty");
  closing.push(async () => client.disconnect());
  await waitFor(() => client.status === "ready", { what: "the queue's client" });
  const producer = createProducer({ connection: client, prefix, now: connection.clock.now, log });
  closing.push(() => producer.close());
  const start = (handle: ConsumerOptions["handle"], concurrency = 1) => {
    const patient = connection.client("patient");
    const consumers = tracks.map((track) =>
      consume({ relay: "main", track, concurrency, connection: patient, prefix, now: connection.clock.now, log, handle }),
    );
    closing.push(async () => patient.disconnect());
    closing.push(() => Promise.all(consumers.map((consumer) => consumer.stop(2_000))));
    return { stop: (graceMs: number) => Promise.all(consumers.map((consumer) => consumer.stop(graceMs))) };
  };
  return { connection, producer, start, jobs: () => jobsIn(client) };
}

/** Jobs of both queues, by where they are. */
async function jobsIn(client: Redis) {
  const counts = { waiting: 0, delayed: 0, active: 0 };
  for (const track of tracks) {
    const queue = new Queue(queueName("main", track), { connection: client, prefix, skipVersionCheck: true });
    const found = await queue.getJobCounts("waiting", "prioritized", "delayed", "active");
    counts.waiting += (found.waiting ?? 0) + (found.prioritized ?? 0);
    counts.delayed += found.delayed ?? 0;
    counts.active += found.active ?? 0;
  }
  return counts;
}

function planned(name: string, changes: Partial<PlannedWakeUp> = {}): PlannedWakeUp {
  const wake: WakeUp = { messageId: `msg_${name}`, dispatch: 0, generation: 1 };
  return { wake, relay: "main", lane: "transactional", delayMs: 0, retry: false, ...changes };
}

test("transactional mail comes first, then its retries, then broadcasts, then their retries", async () => {
  const { producer, start } = await open();
  await producer.wake([planned("d", { lane: "broadcast", retry: true })]);
  await producer.wake([planned("c", { lane: "broadcast" })]);
  await producer.wake([planned("b", { retry: true })]);
  await producer.wake([planned("a")]);
  const seen: string[] = [];
  start(async ({ messageId }) => {
    seen.push(messageId);
    return undefined;
  });
  await waitFor(() => seen.length === 4, { what: "all wake-ups" });
  assert.deepEqual(seen, ["msg_a", "msg_b", "msg_c", "msg_d"]);
});

test("a wake-up added twice comes once; one that has come may be added again", async () => {
  const { producer, start, jobs } = await open();
  await producer.wake([planned("a"), planned("a")]);
  assert.equal((await jobs()).waiting, 1);
  let seen = 0;
  start(async () => {
    seen += 1;
    return undefined;
  });
  await waitFor(() => seen === 1, { what: "the wake-up" });
  await waitFor(async () => !(await producer.has("main", planned("a").wake)), { what: "the job to go" });
  await producer.wake([planned("a")]);
  await waitFor(() => seen === 2, { what: "the second" });
});

test("a dispatch that is busy elsewhere is looked at again after the time that was named", async () => {
  const { producer, start } = await open();
  const times: number[] = [];
  start(async () => {
    times.push(performance.now());
    return times.length < 3 ? 150 : undefined;
  });
  await producer.wake([planned("a")]);
  await waitFor(() => times.length === 3, { what: "three looks" });
  assert.ok((times[2] ?? 0) - (times[1] ?? 0) >= 140);
});

for (const stepMs of [300_000, -300_000]) {
  test(`a wake-up comes at its time, though this machine's clock steps by ${stepMs / 1_000} s while it waits`, async (t) => {
    const { connection, producer, start } = await open();
    const seen: { id: string; lateMs: number; looks: number }[] = [];
    let asked = 0;
    const dueAt = connection.clock.now() + 1_200;
    let looks = 0;
    start(async ({ messageId }) => {
      looks += 1;
      // The second one is looked at too early once, as a claim may be, and has to come again at its time.
      if (messageId === "msg_again" && asked++ === 0) return 1_000;
      seen.push({ id: messageId, lateMs: connection.clock.now() - dueAt, looks });
      return undefined;
    });
    await producer.wake([planned("delayed", { delayMs: 1_200 })]);
    const { now } = Date;
    t.mock.method(Date, "now", () => now() + stepMs);
    await producer.wake([planned("stepped", { delayMs: 1_200 }), planned("again")]);
    const polls = async () => Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await connection.redis.info("commandstats"))?.[1]);
    const before = await polls();
    await waitFor(() => seen.length === 3, { what: "all three", timeoutMs: 8_000 });
    for (const { id, lateMs } of seen) assert.ok(lateMs >= -250 && lateMs < 3_000, `${id} came ${lateMs} ms late`);
    assert.ok((await polls()) - before < 100, "nobody asks in a frenzy for what is not due");
  });
}

test("a fault of ours does not lose the wake-up", async () => {
  const { producer, start, jobs } = await open();
  start(async () => {
    throw new Error("bug");
  });
  await producer.wake([planned("a")]);
  await waitFor(async () => (await jobs()).delayed === 1, { what: "the wake-up to be put off" });
});

test("what is waiting is told with the time since when", async () => {
  const { producer, jobs } = await open();
  assert.equal(await producer.oldestWaitingSince("main"), undefined);
  const before_ = Date.now();
  await producer.wake([planned("a", { lane: "broadcast" }), planned("b", { delayMs: 60_000 })]);
  assert.deepEqual(await jobs(), { waiting: 1, delayed: 1, active: 0 });
  const since = await producer.oldestWaitingSince("main");
  // Redis' time is known but for the time that its answer took.
  assert.ok(since !== undefined && since >= before_ - 1_000 && since <= Date.now() + 1_000);
});

test("while Redis is away nobody waits for the queue, and no confirmation is given", async () => {
  const { connection, producer } = await open();
  const confirmed: WakeUp[] = [];
  const waker = createWaker(producer, async (wakeUps) => void confirmed.push(...wakeUps));
  waker.wake([planned("a")]);
  await waker.drained(2_000);
  assert.equal(confirmed.length, 1);
  await redis.kill("SIGKILL");
  const startedAt = performance.now();
  waker.wake([planned("b")]);
  await waker.drained(3_000);
  assert.ok(performance.now() - startedAt < 2_900);
  assert.equal(confirmed.length, 1);
  await redis.restart();
  await waitFor(() => connection.redis.ping(), { what: "Redis to be back" });
});

test("a stop ends in time though Redis is away", async () => {
  const { start } = await open();
  const consumer = start(async () => undefined);
  await redis.kill("SIGKILL");
  const startedAt = performance.now();
  await consumer.stop(500);
  assert.ok(performance.now() - startedAt < 2_000);
  await redis.restart();
});

/** So many wake-ups that were accepted in one step. */
function shared(name: string, count: number): PlannedWakeUp[] {
  const job = new SharedJob(`job-${name}`);
  return Array.from({ length: count }, (_, index) => planned(`${name}${index}`, { job }));
}

test("dispatches that were accepted together share a job, and each of them comes once", async () => {
  const { producer, start, jobs } = await open();
  const sent = [...shared("a", 32), ...shared("b", 17), planned("alone"), ...shared("c", 1)];
  assert.equal((await producer.wake(sent)).length, 51);
  assert.deepEqual(await jobs(), { waiting: 4, delayed: 0, active: 0 });
  assert.ok(await producer.has("main", sent[3]?.wake as WakeUp, "job-a"));
  assert.equal(await producer.has("main", sent[3]?.wake as WakeUp, "job-b"), false);
  const seen: string[] = [];
  start(async ({ messageId }) => {
    seen.push(messageId);
    return undefined;
  }, 5);
  await waitFor(() => seen.length === 51, { what: "all wake-ups" });
  assert.equal(new Set(seen).size, 51);
  await waitFor(async () => (await jobs()).active === 0, { what: "the jobs to go" });
});

test("what comes when its shared job is in the queue already gets a job of its own", async () => {
  const { producer, jobs } = await open();
  const sent = shared("a", 3);
  await producer.wake(sent.slice(0, 2));
  await producer.wake(sent.slice(2));
  assert.deepEqual(await jobs(), { waiting: 2, delayed: 0, active: 0 });
  assert.ok(await producer.has("main", sent[2]?.wake as WakeUp));
});

test("of shared jobs no more wake-ups are worked on at once than allowed, and no more jobs are fetched than that takes", async () => {
  const { producer, start, jobs } = await open();
  for (const name of ["a", "b", "c", "d", "e", "f"]) await producer.wake(shared(name, 8));
  let underWay = 0;
  let most = 0;
  let done = 0;
  const waiting: (() => void)[] = [];
  start(async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
    });
    underWay -= 1;
    done += 1;
    return undefined;
  }, 10);
  await waitFor(() => underWay === 10, { what: "all places to be taken" });
  assert.deepEqual(await jobs(), { waiting: 4, delayed: 0, active: 2 });
  await waitFor(
    () => {
      for (const go of waiting.splice(0)) go();
      return done === 48;
    },
    { what: "all of them" },
  );
  assert.equal(most, 10);
});

test("one slow wake-up of a shared job does not keep the places of the others", async () => {
  const { producer, start } = await open();
  await producer.wake(shared("a", 6));
  let letGo = () => {};
  const seen: string[] = [];
  start(async ({ messageId }) => {
    seen.push(messageId);
    if (messageId !== "msg_a0") return undefined;
    await new Promise<void>((resolve) => {
      letGo = resolve;
    });
    return undefined;
  }, 3);
  await waitFor(() => seen.length === 6, { what: "the others of its job" });
  await producer.wake([...shared("b", 5), planned("c")]);
  await waitFor(() => seen.length === 12, { what: "other jobs" });
  letGo();
});

test("a shared job comes again with those of its wake-ups that are not done, and with no others", async () => {
  const { producer, start, jobs } = await open();
  const looks = new Map<string, number>();
  await producer.wake(shared("a", 6));
  start(async ({ messageId }) => {
    const look = (looks.get(messageId) ?? 0) + 1;
    looks.set(messageId, look);
    if (messageId === "msg_a1" && look === 1) throw new Error("bug");
    return messageId === "msg_a4" && look < 3 ? 20 : undefined;
  }, 4);
  await waitFor(() => looks.get("msg_a4") === 3, { what: "the third look" });
  await waitFor(async () => (await jobs()).active + (await jobs()).delayed === 0, { what: "the job to go" });
  assert.equal(looks.get("msg_a0"), 1);
  assert.ok((looks.get("msg_a1") ?? 0) >= 2);
});

test("a wake-up of a shared job that is put off is looked at again at its time, though another of the job takes long", async () => {
  const { producer, start, jobs } = await open();
  await producer.wake(shared("a", 3));
  let letGo = () => {};
  const looks = new Map<string, number>();
  start(async ({ messageId }) => {
    looks.set(messageId, (looks.get(messageId) ?? 0) + 1);
    if (messageId === "msg_a1") return (looks.get(messageId) ?? 0) < 3 ? 60 : undefined;
    if (messageId === "msg_a2") return undefined;
    await new Promise<void>((resolve) => {
      letGo = resolve;
    });
    return undefined;
  }, 2);
  await waitFor(() => looks.get("msg_a1") === 3, { what: "the third look" });
  assert.deepEqual(await jobs(), { waiting: 0, delayed: 0, active: 1 });
  assert.deepEqual([looks.get("msg_a0"), looks.get("msg_a2")], [1, 1]);
  letGo();
  await waitFor(async () => (await jobs()).active === 0, { what: "the job to go" });
});

test("a stop does not wait for a wake-up that was put off, nor looks at it again", async () => {
  const { producer, start, jobs } = await open();
  await producer.wake(shared("a", 2));
  let letGo = () => {};
  let looks = 0;
  const consumer = start(async ({ messageId }) => {
    if (messageId === "msg_a1") {
      looks += 1;
      return 1;
    }
    await new Promise<void>((resolve) => {
      letGo = resolve;
    });
    return undefined;
  }, 2);
  await waitFor(() => looks > 0, { what: "the first look" });
  const stopped = consumer.stop(5_000);
  const before_ = looks;
  setTimeout(letGo, 200);
  await stopped;
  assert.ok(looks <= before_ + 1, `looked at ${looks - before_} times more`);
  assert.equal((await jobs()).delayed, 1);
});
