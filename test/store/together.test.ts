// Many accepts, claims or records in one script: each comes to what it would have come to alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RecordedOutcome } from "../../src/store/attempts.ts";
import { connect, isStoreUnavailable } from "../../src/store/connection.ts";
import { createLedger } from "../../src/store/ledger.ts";
import type { AcceptInput } from "../../src/store/storing.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { startProxy } from "../support/proxy.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { acceptOne, beat, draft, type OpenLedger, openLedger } from "./ledgerForTests.ts";

const redis = await sharedRedis();
const reply = { code: 250, enhanced: "2.0.0", text: "ok" };

async function open(t: { after(end: () => Promise<void>): void }): Promise<OpenLedger> {
  const store = await openLedger(redis);
  t.after(() => store.connection.close());
  return store;
}

/** How many scripts Redis has run so far. */
async function scriptsRun({ connection }: OpenLedger): Promise<number> {
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await connection.redis.info("commandstats"))?.[1] ?? 0);
}

test("of messages accepted in one step each has its own outcome, whatever becomes of the others", async (t) => {
  const store = await open(t);
  const { ledger, suppressions, connection } = store;
  await acceptOne(store, { idempotency: { key: "used", answer: "the first answer" } });
  await suppressions.add("default", { address: "gone@example.net", reason: "manual", source: "api" });
  const [suppressed, replayed, twice, twiceToo, late, good, full, large] = [
    draft(ledger, { recipients: ["gone@example.net"] }),
    draft(ledger, { idempotency: { key: "used", answer: "another" } }),
    draft(ledger, { idempotency: { key: "new", answer: "one of two" } }),
    draft(ledger, { idempotency: { key: "new", answer: "the other" } }),
    draft(ledger),
    draft(ledger),
    { ...draft(ledger, { tenant: "small" }), queuedMax: { tenant: 0 } },
    draft(ledger, { bytes: Buffer.alloc(300_000, "x") }),
  ] as AcceptInput[] as [AcceptInput, AcceptInput, AcceptInput, AcceptInput, AcceptInput, AcceptInput, AcceptInput, AcceptInput];
  const { now } = connection.clock;
  const before = await scriptsRun(store);
  const asked = [suppressed, replayed, twice, twiceToo].map((input) => ledger.accept(input));
  // As if it had been on its way for long.
  connection.clock.now = () => now() - 5_000;
  asked.push(ledger.accept(late));
  connection.clock.now = now;
  asked.push(...[good, full].map((input) => ledger.accept(input)));
  const results = await Promise.all(asked);
  assert.equal((await scriptsRun(store)) - before, 1);
  assert.deepEqual(
    results.map((result) => (result.kind === "replay" ? result.value : result.kind)),
    ["suppressed", "the first answer", "stored", "one of two", "late", "stored", "queue_full"],
  );
  assert.equal((await ledger.accept(large)).kind, "stored");
  for (const [input, isThere] of [
    [suppressed, false],
    [replayed, false],
    [twice, true],
    [twiceToo, false],
    [late, false],
    [good, true],
    [full, false],
  ] as const) {
    assert.equal((await store.messages.find(input.record.id)) !== undefined, isThere);
    assert.equal(await connection.redis.exists(connection.keys.bytes(input.record.id)), isThere ? 1 : 0);
  }
  assert.deepEqual(await store.openWork.depth("default"), { waiting: 4, delayed: 0, active: 0 });
});

test("of dispatches claimed in one step one may be stale, one busy, one broken: the others are claimed", async (t) => {
  const store = await open(t);
  const { ledger, connection } = store;
  await beat(store, "own_a");
  await beat(store, "own_b");
  const [good, stale, busy, broken, large] = (await Promise.all(
    [{}, {}, {}, {}, { bytes: Buffer.alloc(200_000, "y") }].map((options) => acceptOne(store, options)),
  )) as [Accepted, Accepted, Accepted, Accepted, Accepted];
  const second = await acceptOne(store, { bytes: Buffer.alloc(200_000, "z") });
  assert.equal((await ledger.claim(busy.wake, "own_b", "w")).kind, "claimed");
  await connection.redis.set(connection.keys.message(broken.id), "no JSON\n{}");
  const before = await scriptsRun(store);
  const results = await Promise.allSettled(
    [good.wake, { ...stale.wake, generation: 0 }, busy.wake, broken.wake, large.wake, second.wake].map((wake) =>
      ledger.claim(wake, "own_a", "w"),
    ),
  );
  assert.equal((await scriptsRun(store)) - before, 1);
  assert.deepEqual(
    results.map((result) => (result.status === "fulfilled" ? result.value.kind : result.status)),
    ["claimed", "stale", "look_again", "rejected", "claimed", "claimed"],
  );
  // Together they are more than one answer may carry; nobody is given another's.
  const [, , , , ...both] = results;
  assert.deepEqual(
    both.map((it) => it.status === "fulfilled" && it.value.kind === "claimed" && it.value.claim.bytes.toString("latin1", 199_999)),
    ["y", "z"],
  );
  assert.deepEqual(await store.openWork.depth("default"), { waiting: 1 + 1, delayed: 0, active: 4 });
});

type Accepted = { id: string; wake: { messageId: string; dispatch: number; generation: number } };

test("a lost answer rejects every caller of its call: what was stored is found by its key, and what was recorded is recorded once", async (t) => {
  const store = await open(t);
  const proxy = await startProxy({ target: { port: redis.port } });
  const database = store.connection.redis.options.db ?? 0;
  const target = { kind: "single" as const, host: "127.0.0.1", port: proxy.port, database, tls: false, verifyCertificate: true };
  const behind = await connect(target, createLogger({ level: "silent", format: "json" }));
  t.after(async () => {
    await behind.close();
    await proxy.stop();
  });
  const settings = { retention: { messageMs: 60_000, contentMs: 0, failedContentMs: 0 }, leases: { ownerMs: 60_000, attemptMs: 60_000 } };
  const ledger = createLedger(behind, settings);
  const inputs = [0, 1, 2].map((index) =>
    draft(ledger, { recipients: [`lost-${index}@example.net`], idempotency: { key: `${index}`, answer: `${index}` } }),
  );
  const rule = proxy.dropRepliesAfter("lost-0@", { cutAtReply: true, times: 1 });
  const lost = await Promise.allSettled(inputs.map((input) => ledger.accept(input)));
  assert.equal(rule.seen(), 1);
  for (const result of lost) assert.ok(result.status === "rejected" && isStoreUnavailable(result.reason));
  await waitFor(() => behind.redis.ping().catch(() => false), { what: "the connection to be back" });
  const again = await Promise.all(inputs.map((input) => ledger.accept(input)));
  assert.deepEqual(
    again.map((result) => result.kind === "replay" && result.value),
    ["0", "1", "2"],
  );

  await beat(store, "own_a");
  const claims = await Promise.all(
    inputs.map(({ record }) => ledger.claim({ messageId: record.id, dispatch: 0, generation: 1 }, "own_a", "w")),
  );
  const records = claims.map((result) => {
    assert.ok(result.kind === "claimed");
    const outcomes: RecordedOutcome[] = [{ recipient: 0, kind: "sent", reply: { ...reply, text: `end of ${result.claim.record.id}` } }];
    return { messageId: result.claim.record.id, dispatch: 0, attempt: 1, outcomes, retryInMs: 0, counts: "nothing" as const };
  });
  proxy.dropRepliesAfter(`end of ${inputs[1]?.record.id}`, { cutAtReply: true, times: 1 });
  const unheard = await Promise.allSettled(records.map((it) => ledger.record(it)));
  assert.ok(unheard.every(({ status }) => status === "rejected"));
  await waitFor(() => behind.redis.ping().catch(() => false), { what: "the connection to be back" });
  await Promise.all(records.map((it) => ledger.record(it)));
  for (const { record } of inputs) {
    const message = await store.messages.find(record.id);
    assert.equal(message?.state.recipients[0]?.status, "sent");
    assert.equal(message?.state.events.length, 2);
  }
  assert.deepEqual(await store.openWork.depth("default"), { waiting: 0, delayed: 0, active: 0 });
});

type Plan = {
  recipients: number;
  scheduled: boolean;
  key: number | undefined;
  full: boolean;
  outcomes: RecordedOutcome["kind"][];
  twice: boolean;
};

const plans = fc.array(
  fc.record<Plan>({
    recipients: fc.integer({ min: 1, max: 3 }),
    scheduled: fc.boolean(),
    key: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    full: fc.boolean(),
    outcomes: fc.array(fc.constantFrom<RecordedOutcome["kind"][]>("sent", "bounced", "failed", "deferred", "queued", "doubt"), {
      minLength: 3,
      maxLength: 3,
    }),
    twice: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Does the same with each, either all at once or one after the other. */
async function all<Item, Result>(items: Item[], isTogether: boolean, work: (item: Item) => Promise<Result>): Promise<Result[]> {
  if (isTogether) return Promise.all(items.map(work));
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Accepts, claims and records; returns everything that can be seen afterwards, but for times and the names of jobs. */
async function play(store: OpenLedger, inputs: AcceptInput[], drawn: Plan[], isTogether: boolean) {
  const { ledger, connection, openWork } = store;
  await beat(store, "own_a");
  const accepted = await all(inputs, isTogether, (input) => ledger.accept(input));
  const ids = inputs.map(({ record }) => record.id);
  const claimed = await all(ids, isTogether, (messageId) => ledger.claim({ messageId, dispatch: 0, generation: 1 }, "own_a", "w"));
  const records = claimed.flatMap((result, index) => {
    if (result.kind !== "claimed") return [];
    const { record, attempt, recipients } = result.claim;
    const outcomes = recipients.map(
      (recipient): RecordedOutcome => ({ recipient, kind: drawn[index]?.outcomes[recipient] ?? "sent", reply }),
    );
    const input = { messageId: record.id, dispatch: 0, attempt, outcomes, retryInMs: 60_000, counts: "tries" as const };
    return drawn[index]?.twice ? [input, input] : [input];
  });
  const recorded = await all(records, isTogether, (input) => ledger.record(input));
  const messages = await Promise.all(ids.map((id) => store.messages.find(id)));
  const events = await store.events.page("default", 0, 1_000);
  const withoutTimes = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value ?? null, (name, its) =>
        /_at$|^at$|^job$|^inMs$|^now$|^sequence$|^events$|^id$/.test(name) && name !== "" ? undefined : its,
      ),
    );
  const names = (await connection.redis.keys("*")).sort();
  const lives = await Promise.all(names.map(async (name) => [name, (await connection.redis.pttl(name)) > 0]));
  return withoutTimes({
    accepted: accepted.map((it) => (it.kind === "stored" ? { kind: it.kind, wakeUps: it.wakeUps } : it)),
    claimed: claimed.map((it) => (it.kind === "claimed" ? { ...it.claim, bytes: it.claim.bytes.toString() } : it.kind)),
    ...{ recorded, messages, lives },
    log: events.events.map(({ type, message_id, recipient, status, attempt }) => [type, message_id, recipient, status, attempt]).sort(),
    depth: await openWork.depth("default"),
    open: (await connection.redis.zrange(connection.keys.open, "0", "-1")).sort(),
    unconfirmed: (await connection.redis.zrange(connection.keys.unconfirmed, "0", "-1")).sort(),
    later: (await connection.redis.zrange(connection.keys.later("default"), "0", "-1")).sort(),
  });
}

test("many at once come to the same as one after the other", async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (drawn) => {
      const [together, single] = [await openLedger(redis), await openLedger(redis)];
      try {
        const inputs = drawn.map(({ recipients, scheduled, key, full }, index) => ({
          ...draft(together.ledger, {
            recipients: Array.from({ length: recipients }, (_, number) => `r${number}-${index}@example.net`),
            ...(scheduled && { sendInMs: 60_000 }),
            ...(key !== undefined && { idempotency: { key: String(key), answer: `answer of ${index}` } }),
          }),
          ...(full && { queuedMax: { tenant: 3 } }),
        }));
        assert.deepEqual(await play(together, inputs, drawn, true), await play(single, inputs, drawn, false));
      } finally {
        for (const { connection } of [together, single]) await connection.close();
      }
    }),
    { numRuns: 12 },
  );
});

test("messages of one step after the other share a job until it is closed", async (t) => {
  const { ledger } = await open(t);
  const accepted = async () => {
    const result = await ledger.accept(draft(ledger));
    assert.ok(result.kind === "stored");
    return result.job;
  };
  const [first, second] = [await accepted(), await accepted()];
  assert.equal(second, first);
  const third = ledger.accept(draft(ledger));
  // It has left, and is not back.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  let isClosed = false;
  const closing = first.close().then(() => {
    isClosed = true;
  });
  const last = await accepted();
  const under = await third;
  assert.ok(under.kind === "stored" && under.job === first);
  await closing;
  assert.ok(isClosed && first.isComplete);
  assert.notEqual(last.id, first.id);
});
