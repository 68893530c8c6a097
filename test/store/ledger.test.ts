import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { WakeUp } from "../../src/domain/wakeUp.ts";
import type { AttemptHistory } from "../../src/store/attemptHistory.ts";
import type { Claim, RecordedOutcome } from "../../src/store/attempts.ts";
import { isStoreUnavailable } from "../../src/store/connection.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { acceptOne, beat, draft, type OpenLedger, openLedger } from "./ledgerForTests.ts";

let redis: TestRedis;
const opened: OpenLedger[] = [];

before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const { connection } of opened) await connection.close();
  await redis.stop();
});

async function open(settings?: Parameters<typeof openLedger>[1]): Promise<OpenLedger> {
  const store = await openLedger(redis, settings);
  opened.push(store);
  return store;
}

async function claimed({ ledger }: OpenLedger, wake: WakeUp, owner = "own_a", word = "w1"): Promise<Claim> {
  const result = await ledger.claim(wake, owner, word);
  assert.equal(result.kind, "claimed");
  return (result as { claim: Claim }).claim;
}

const reply = { code: 250, enhanced: "2.0.0", text: "ok" };

function attemptOf(attempt: number): AttemptHistory {
  return {
    ...{ attempt, relay: "default", started_at: "2026-01-02T03:04:05.678Z", duration_ms: 12, remote_address: "192.0.2.1:25" },
    ...{ connection_reused: true, tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" } },
    timings: { connect_ms: null, envelope_ms: 1, body_ms: 2, reply_ms: 3, total_ms: 6 },
    recipients: [
      { address: "a@x.example", outcome: "accepted", reply, fault: null },
      { address: "b@x.example", outcome: "refused", reply: { code: 550, text: "no \n such" }, fault: null },
      { address: null, outcome: "not_sent", reply: null, fault: { phase: "connect", text: "refused" } },
      { address: "d@x.example", outcome: "in_doubt", reply: { code: 421, text: "bye" }, fault: { phase: "after_dot", text: "cut" } },
    ],
    transcript: [
      { from: "client", at_ms: 0, line: "EHLO us" },
      { from: "server", at_ms: 0, line: "250-relay\r\n250 SIZE" },
      { from: "server", at_ms: 7, line: "354" },
    ],
  };
}

function record({ ledger }: OpenLedger, wake: WakeUp, attempt: number, outcomes: RecordedOutcome[], retryInMs = 0) {
  return ledger.record({ messageId: wake.messageId, dispatch: wake.dispatch, attempt, outcomes, retryInMs, counts: "tries" });
}

async function statuses({ messages }: OpenLedger, id: string): Promise<string[]> {
  return (await messages.find(id))?.state.recipients.map((recipient) => recipient.status) ?? [];
}

async function eventsOf({ messages, events }: OpenLedger, id: string) {
  return events.bySequence((await messages.find(id))?.state.events ?? []);
}

describe("accept", () => {
  test("stores the message, its deadline, its event and its wake-up in one step", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store, { recipients: ["one@example.net", "two@example.net"] });
    const message = await store.messages.get("default", id);
    assert.deepEqual(
      message?.state.recipients.map(({ status, attempts }) => ({ status, attempts })),
      [
        { status: "queued", attempts: 0 },
        { status: "queued", attempts: 0 },
      ],
    );
    assert.deepEqual(
      (await eventsOf(store, id)).map((event) => event.type),
      ["message.accepted"],
    );
    assert.deepEqual(await store.openWork.unconfirmed(-1_000, 10), [wake]);
    assert.deepEqual((await store.openWork.scanOpen("0", 10)).messageIds, [id]);
  });

  test("another tenant does not see the message", async () => {
    const store = await open();
    const { id } = await acceptOne(store, { tenant: "acme" });
    assert.equal(await store.messages.get("default", id), undefined);
    assert.equal((await store.messages.get("acme", id))?.record.id, id);
    assert.equal((await store.messages.list("default", {}, 10)).messages.length, 0);
  });

  test("of two requests at once with one idempotency key, one is stored and the other gets the first answer", async () => {
    const store = await open();
    const inputs = ["a", "b"].map((answer) => draft(store.ledger, { idempotency: { key: "k", answer } }));
    const results = await Promise.all(inputs.map((input) => store.ledger.accept(input)));
    assert.deepEqual(results.map((result) => result.kind).sort(), ["replay", "stored"]);
    const winner = results[0]?.kind === "stored" ? "a" : "b";
    const loser = results.find((result) => result.kind === "replay");
    assert.deepEqual(loser, { kind: "replay", value: winner });
    assert.equal((await store.messages.list("default", {}, 10)).messages.length, 1);
  });

  test("a message of many megabytes comes back byte for byte", async () => {
    const store = await open();
    const bytes = randomBytes(3_000_001);
    const { wake } = await acceptOne(store, { bytes });
    const claim = await claimed(store, wake);
    assert.ok(claim.bytes.equals(bytes));
  });

  test("a script that was stuck on its way until its caller was told 503 stores nothing", async () => {
    const store = await open();
    const input = draft(store.ledger);
    const now = store.connection.clock.now;
    store.connection.clock.now = () => now() - 5_000;
    assert.deepEqual(await store.ledger.accept(input), { kind: "late" });
    store.connection.clock.now = now;
    assert.equal(await store.messages.find(input.record.id), undefined);
  });
});

describe("claim", () => {
  test("a wake-up of an earlier generation, of a settled message or of none is stale", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { wake } = await acceptOne(store);
    assert.equal((await store.ledger.claim({ ...wake, generation: 0 }, "own_a", "w")).kind, "stale");
    assert.equal((await store.ledger.claim({ ...wake, messageId: "msg_none" }, "own_a", "w")).kind, "stale");
    const claim = await claimed(store, wake);
    await record(store, wake, claim.attempt, [{ recipient: 0, kind: "sent", reply }]);
    assert.equal((await store.ledger.claim(wake, "own_a", "w")).kind, "stale");
  });

  test("while the owner lives the dispatch is busy, for others and for itself", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { wake } = await acceptOne(store);
    await claimed(store, wake);
    for (const owner of ["own_b", "own_a"]) {
      const second = await store.ledger.claim(wake, owner, "w2");
      assert.equal(second.kind, "look_again");
      assert.ok((second as { inMs: number }).inMs > 50_000);
    }
  });

  test("an owner that asks is alive, and at work on what it claimed, though it was not heard of for longer than its lease", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { wake } = await acceptOne(store);
    await claimed(store, wake);
    await beat(store, "own_a", 61_000);
    assert.equal((await store.ledger.claim(wake, "own_a", "w2")).kind, "look_again");
    await beat(store, "own_b");
    assert.equal((await store.ledger.claim(wake, "own_b", "w2")).kind, "claimed");
  });

  test("asked again because the answer was lost, the same claim is given again", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { wake } = await acceptOne(store);
    const first = await claimed(store, wake);
    const again = await claimed(store, wake);
    assert.equal(again.attempt, first.attempt);
    assert.deepEqual(again.recipients, first.recipients);
  });

  test("before its time a dispatch is not claimed", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { wake } = await acceptOne(store, { sendInMs: 30_000 });
    const early = await store.ledger.claim(wake, "own_a", "w");
    assert.equal(early.kind, "look_again");
  });

  test("of an owner that died before it could be known whether the dot was sent, the recipient is sent again and flagged; the third time it ends as unknown", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store);
    for (const owner of ["own_1", "own_2", "own_3"]) {
      await beat(store, owner);
      const claim = await claimed(store, wake, owner);
      if (claim.state.dispatches[0]?.claim?.marks) assert.ok(await store.ledger.handingOver({ ...wake, attempt: claim.attempt, owner }));
      await beat(store, owner, 61_000);
    }
    await beat(store, "own_4");
    assert.equal((await store.ledger.claim(wake, "own_4", "w")).kind, "stale");
    assert.deepEqual(await statuses(store, id), ["unknown"]);
    const last = (await eventsOf(store, id)).at(-1);
    assert.equal(last?.type, "message.unknown");
    assert.equal(last?.possible_duplicate, true);
  });

  test("attempts that die before their dot never end as unknown once the word is asked for; from the third on they rest first", async () => {
    const store = await open({ leases: { ownerMs: 20 } });
    const { id, wake } = await acceptOne(store);
    const rests: number[] = [];
    for (let round = 0; round < 5; round++) {
      await beat(store, `own_${round}`, -10_000);
      const answer = await store.ledger.claim(wake, `own_${round}`, "w");
      rests.push(answer.kind === "look_again" ? answer.inMs : 0);
      await waitFor(() => store.ledger.claim(wake, `own_${round}`, "w").then((it) => it.kind === "claimed" && it), {
        what: "the rest to be over",
      });
      await beat(store, `own_${round}`, 61_000);
    }
    assert.deepEqual(
      rests.map((ms) => ms > 0),
      [false, false, false, true, true],
    );
    await beat(store, "own_last", -10_000);
    const last = () => store.ledger.claim(wake, "own_last", "w").then((it) => it.kind === "claimed" && it.claim);
    const claim = await waitFor(last, { what: "the last claim" });
    await record(store, wake, claim.attempt, [{ recipient: 0, kind: "sent", reply }]);
    assert.deepEqual(await statuses(store, id), ["sent"]);
    assert.equal((await eventsOf(store, id)).at(-1)?.possible_duplicate, true);
  });

  test("of dispatches that were under way at two deaths one goes at a time: until it is recorded, or its worker is dead too", async () => {
    const store = await open();
    const [one, other] = [await acceptOne(store), await acceptOne(store)];
    for (const owner of ["own_a", "own_b"]) {
      await beat(store, owner);
      for (const { wake } of [one, other]) await claimed(store, wake, owner);
      await beat(store, owner, 61_000);
    }
    await beat(store, "own_c");
    const first = await claimed(store, one.wake, "own_c");
    const waits = await store.ledger.claim(other.wake, "own_c", "w2");
    assert.deepEqual([waits.kind, "inMs" in waits && waits.inMs > 0 && waits.inMs <= 5_000], ["look_again", true]);
    await record(store, one.wake, first.attempt, [{ recipient: 0, kind: "sent", reply }]);
    const second = await claimed(store, other.wake, "own_c", "w3");
    await record(store, other.wake, second.attempt, [{ recipient: 0, kind: "sent", reply }]);
    assert.deepEqual([await statuses(store, one.id), await statuses(store, other.id)], [["sent"], ["sent"]]);

    // Nobody waits for a dead one.
    const [third, fourth] = [await acceptOne(store), await acceptOne(store)];
    for (const owner of ["own_d", "own_e"]) {
      await beat(store, owner);
      for (const { wake } of [third, fourth]) await claimed(store, wake, owner);
      await beat(store, owner, 61_000);
    }
    await beat(store, "own_f");
    await claimed(store, third.wake, "own_f");
    await beat(store, "own_f", 61_000);
    await beat(store, "own_g");
    await claimed(store, fourth.wake, "own_g");
  });

  test("a message that asks to hold ends as unknown at the first doubt, and only after the word was given", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store, { onDoubt: "hold" });
    await beat(store, "own_a");
    await claimed(store, wake, "own_a");
    await beat(store, "own_a", 61_000);
    await beat(store, "own_b");
    const second = await claimed(store, wake, "own_b");
    assert.ok(await store.ledger.handingOver({ ...wake, attempt: second.attempt, owner: "own_b" }));
    await beat(store, "own_b", 61_000);
    await beat(store, "own_c");
    assert.equal((await store.ledger.claim(wake, "own_c", "w")).kind, "stale");
    assert.deepEqual(await statuses(store, id), ["unknown"]);
  });

  test("an owner whose lease has run out may not send the dot", async () => {
    const store = await open();
    const { wake } = await acceptOne(store, { onDoubt: "hold" });
    await beat(store, "own_a");
    const claim = await claimed(store, wake, "own_a");
    await beat(store, "own_a", 61_000);
    assert.equal(await store.ledger.handingOver({ ...wake, attempt: claim.attempt, owner: "own_a" }), false);
  });

  test("past the deadline nothing is claimed, and the recipients end as failed", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store, { expiresInMs: 5 });
    await waitFor(async () => (await store.openWork.overdue(10)).includes(id), { what: "the deadline" });
    assert.equal((await store.ledger.claim(wake, "own_a", "w")).kind, "stale");
    assert.deepEqual(await statuses(store, id), ["failed"]);
    assert.equal((await store.messages.find(id))?.state.recipients[0]?.category, "expired");
  });
});

describe("record", () => {
  test("each recipient gets its own outcome; the open ones get a new time and generation", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store, { recipients: ["a@x.example", "b@x.example", "c@x.example"] });
    const claim = await claimed(store, wake);
    const next = await record(
      store,
      wake,
      claim.attempt,
      [
        { recipient: 0, kind: "sent", reply },
        { recipient: 1, kind: "deferred", reply: { code: 450, text: "later" }, category: "rate_limited", hard_bounce: false },
        { recipient: 2, kind: "bounced", reply: { code: 550, text: "no" }, category: "invalid_recipient", hard_bounce: true },
      ],
      40_000,
    );
    assert.deepEqual(await statuses(store, id), ["sent", "deferred", "bounced"]);
    assert.equal(next?.wake.generation, 2);
    assert.ok(next && next.inMs > 39_000 && next.inMs <= 40_000);
    assert.equal((await store.ledger.claim(wake, "own_a", "w")).kind, "stale");
    assert.deepEqual(
      (await eventsOf(store, id)).map((event) => `${event.type} ${event.recipient ?? ""}`),
      ["message.accepted ", "message.sent a@x.example", "message.deferred b@x.example", "message.bounced c@x.example"],
    );
  });

  test("recorded twice, because the answer was lost, nothing happens twice", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store);
    const claim = await claimed(store, wake);
    const input = {
      messageId: id,
      dispatch: 0,
      attempt: claim.attempt,
      outcomes: [{ recipient: 0, kind: "sent" as const, reply }],
      retryInMs: 0,
      counts: "nothing" as const,
      history: attemptOf(1),
    };
    await store.ledger.record(input);
    await store.ledger.record(input);
    assert.equal((await eventsOf(store, id)).length, 2);
    assert.deepEqual(await store.messages.attempts(id), [attemptOf(1)]);
  });

  test("the history keeps the newest hundred attempts, oldest first, as they were", async () => {
    const store = await open();
    await beat(store, "own_a");
    let { id, wake } = await acceptOne(store);
    for (let number = 1; number <= 103; number++) {
      const { attempt } = await claimed(store, wake, "own_a", `w${number}`);
      const outcomes = [{ recipient: 0, kind: "deferred" as const, reply: { code: 450, text: "later" } }];
      const input = { messageId: id, dispatch: 0, attempt, outcomes, retryInMs: 0, counts: "tries" as const, history: attemptOf(attempt) };
      const next = await store.ledger.record(input);
      assert.ok(next);
      wake = next.wake;
    }
    const numbers = Array.from({ length: 100 }, (_, index) => index + 4);
    assert.deepEqual(await store.messages.attempts(id), numbers.map(attemptOf));
  });

  test("a late 250 wins over an attempt that was begun meanwhile", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store);
    await beat(store, "own_a");
    const first = await claimed(store, wake, "own_a");
    await beat(store, "own_a", 61_000);
    await beat(store, "own_b");
    const second = await claimed(store, wake, "own_b");
    await record(store, wake, first.attempt, [{ recipient: 0, kind: "sent", reply }]);
    assert.deepEqual(await statuses(store, id), ["sent"]);
    await record(store, wake, second.attempt, [{ recipient: 0, kind: "deferred", reply: { code: 450, text: "later" } }]);
    assert.deepEqual(await statuses(store, id), ["sent"]);
  });

  test("a late refusal of an attempt that was taken over changes nothing", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store);
    await beat(store, "own_a");
    const first = await claimed(store, wake, "own_a");
    await beat(store, "own_a", 61_000);
    await beat(store, "own_b");
    await claimed(store, wake, "own_b");
    await record(store, wake, first.attempt, [{ recipient: 0, kind: "bounced", reply: { code: 550, text: "no" } }]);
    assert.deepEqual(await statuses(store, id), ["sending"]);
  });

  test("three attempts in doubt end as unknown, each of the first two is tried again", async () => {
    const store = await open();
    await beat(store, "own_a");
    let { id, wake } = await acceptOne(store);
    for (const expected of ["deferred", "deferred", "unknown"]) {
      const claim = await claimed(store, wake, "own_a", `w${wake.generation}`);
      const next = await record(store, wake, claim.attempt, [{ recipient: 0, kind: "doubt", reply: { code: 0, text: "cut" } }]);
      assert.deepEqual(await statuses(store, id), [expected]);
      if (next) wake = next.wake;
    }
  });

  test("settled and sent, the content goes at once and the message after its retention", async () => {
    const store = await open({ retention: { messageMs: 300, contentMs: 0 } });
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store);
    const claim = await claimed(store, wake);
    await record(store, wake, claim.attempt, [{ recipient: 0, kind: "sent", reply }]);
    const message = await store.messages.find(id);
    assert.ok(message);
    assert.equal(await store.messages.content(message.record), undefined);
    await waitFor(async () => (await store.messages.find(id)) === undefined, { what: "the message to go" });
    assert.deepEqual(await store.messages.sweep("default", store.ledger.clock.now(), 10), { gone: 1, kept: 0 });
    assert.deepEqual(await store.connection.redis.keys(`*${id}*`), []);
  });
});

describe("changes", () => {
  test("cancelled, every wake-up is stale and the events say so", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store, { sendInMs: 60_000, recipients: ["a@x.example", "b@x.example"] });
    const state = await store.ledger.cancel(id);
    assert.ok(typeof state === "object");
    assert.deepEqual(state, (await store.messages.find(id))?.state, "what it leaves behind is what is stored");
    assert.deepEqual(await statuses(store, id), ["cancelled", "cancelled"]);
    assert.equal((await store.ledger.claim(wake, "own_a", "w")).kind, "stale");
    assert.equal(await store.ledger.cancel(id), "too_late");
    assert.deepEqual((await store.openWork.scanOpen("0", 10)).messageIds, []);
  });

  test("a change that was stuck on its way until its caller was told that it failed changes nothing, and says so as Redis away would", async () => {
    const store = await open();
    const { id } = await acceptOne(store, { sendInMs: 60_000 });
    const { clock } = store.connection;
    // As if all that leaves now had left a second ago.
    const late = createLedger(
      { ...store.connection, clock: { ...clock, now: () => clock.now() - 1_000 } },
      { retention: { messageMs: 60_000, contentMs: 0, failedContentMs: 0 }, leases: { ownerMs: 60_000, attemptMs: 60_000 } },
    );
    const before = await store.messages.find(id);
    for (const change of [() => late.cancel(id), () => late.reschedule(id, clock.now()), () => late.retry(id, [], 1_000)]) {
      await assert.rejects(change, (error) => isStoreUnavailable(error));
    }
    assert.deepEqual(await store.messages.find(id), before);
  });

  test("what is being sent cannot be cancelled", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store);
    await claimed(store, wake);
    assert.equal(await store.ledger.cancel(id), "too_late");
  });

  test("rescheduled, the old wake-up is stale, the new one and the deadline move along", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store, { sendInMs: 60_000, expiresInMs: 10_000 });
    const later = store.ledger.clock.now() + 120_000;
    const state = await store.ledger.reschedule(id, later);
    assert.ok(typeof state === "object");
    assert.equal(state.send_at, later);
    assert.equal(state.expires_at, later + 10_000);
    assert.equal(state.dispatches[0]?.generation, wake.generation + 1);
    assert.equal((await store.ledger.claim(wake, "own_a", "w")).kind, "stale");
    assert.equal((await store.openWork.unconfirmed(-1_000, 10)).length, 2);
  });

  test("retried, failed and unknown recipients are queued again while the content is kept", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store, { recipients: ["a@x.example", "b@x.example"] });
    const claim = await claimed(store, wake);
    await record(store, wake, claim.attempt, [
      { recipient: 0, kind: "sent", reply },
      { recipient: 1, kind: "bounced", reply: { code: 550, text: "no" } },
    ]);
    const state = await store.ledger.retry(id, [{ relay: "other", recipients: [0, 1] }], 60_000);
    assert.ok(typeof state === "object");
    assert.deepEqual(
      state.recipients.map((recipient) => recipient.status),
      ["sent", "queued"],
    );
    const again = await claimed(store, { messageId: id, dispatch: 1, generation: 1 });
    assert.deepEqual(again.recipients, [1]);
    assert.equal(await store.ledger.retry(id, [{ relay: "other", recipients: [0, 1] }], 60_000), "too_late");
  });

  test("a dispatch given to another relay leaves its old wake-up stale", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store);
    const moved = await store.ledger.reroute(id, 0, "default", "other");
    assert.equal(moved?.generation, 2);
    assert.equal((await store.ledger.claim(wake, "own_a", "w")).kind, "stale");
    assert.ok(moved);
    await claimed(store, moved);
    assert.equal(await store.ledger.reroute(id, 0, "other", "default"), undefined);
    assert.deepEqual((await store.openWork.knownRelays()).sort(), ["default", "other"]);
  });
});

describe("deadlines", () => {
  test("a deadline settles what waits, and lets what is being sent end first", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store, { expiresInMs: 600 });
    const claim = await claimed(store, wake);
    await waitFor(async () => (await store.openWork.overdue(10)).includes(id), { what: "the deadline" });
    assert.equal(await store.ledger.expire(id), false);
    assert.deepEqual(await statuses(store, id), ["sending"]);
    assert.deepEqual(await store.openWork.overdue(10), []);
    await record(store, wake, claim.attempt, [{ recipient: 0, kind: "sent", reply }]);
    assert.deepEqual(await statuses(store, id), ["sent"]);
  });

  test("in doubt at its deadline a recipient is unknown, not failed", async () => {
    const store = await open();
    await beat(store, "own_a");
    const { id, wake } = await acceptOne(store, { expiresInMs: 600 });
    const claim = await claimed(store, wake);
    await record(store, wake, claim.attempt, [{ recipient: 0, kind: "doubt", reply: { code: 0, text: "cut" } }], 60_000);
    await waitFor(async () => (await store.openWork.overdue(10)).includes(id), { what: "the deadline" });
    assert.equal(await store.ledger.expire(id), true);
    assert.deepEqual(await statuses(store, id), ["unknown"]);
  });
});
