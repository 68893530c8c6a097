// The count of open messages per key and tenant: whatever happens to a message, it is counted while it is open, and no longer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { isOpen } from "../../src/domain/states.ts";
import type { WakeUp } from "../../src/domain/wakeUp.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { beat, draft, type OpenLedger, openLedger } from "./ledgerForTests.ts";

let redis: TestRedis;
const opened: OpenLedger[] = [];
before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const { connection } of opened) await connection.close();
  await redis.stop();
});

async function open(): Promise<OpenLedger> {
  const store = await openLedger(redis, { leases: { ownerMs: 1_000 } });
  opened.push(store);
  return store;
}

type Owner = { tenant: string; keyId: string };
// One name begins with the other, and characters around the separator follow.
const owners: Owner[] = [
  { tenant: "a", keyId: "key_1" },
  { tenant: "a", keyId: "key_11" },
  { tenant: "a-b", keyId: "key_2" },
  { tenant: "aa", keyId: "key_3" },
  { tenant: "a_", keyId: "bootstrap" },
];

async function accept(store: OpenLedger, { tenant, keyId }: Owner, queuedMax?: { key?: number; tenant?: number }, expiresInMs = 600_000) {
  const input = draft(store.ledger, { tenant, recipients: ["one@x.example", "two@x.example"], expiresInMs });
  input.record.key_id = keyId;
  const result = await store.ledger.accept({ ...input, ...(queuedMax && { queuedMax }) });
  return { id: input.record.id, result };
}

/** What the message states themselves say, counted by hand. */
async function openByHand(store: OpenLedger, ids: { id: string; owner: Owner }[]): Promise<Map<Owner, number>> {
  const counts = new Map(owners.map((owner) => [owner, 0]));
  for (const { id, owner } of ids) {
    const message = await store.messages.find(id);
    if (message?.state.recipients.some(({ status }) => isOpen(status))) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
}

/** A relay's dispatches, counted by hand. */
async function workByHand(store: OpenLedger, ids: { id: string }[], relay: string) {
  const work = { open: 0, claimed: 0 };
  for (const { id } of ids) {
    const { recipients = [], dispatches = [] } = (await store.messages.find(id))?.state ?? {};
    for (const [number, it] of dispatches.entries()) {
      if (it.relay !== relay || !recipients.some(({ status, dispatch }) => dispatch === number && isOpen(status))) continue;
      work.open += 1;
      if (it.claim) work.claimed += 1;
    }
  }
  return work;
}

const reply = { code: 550, text: "no" };

type Step = {
  act: "accept" | "claim" | "settle" | "bounce" | "defer" | "doubt" | "cancel" | "retry" | "expire" | "reroute" | "die";
  pick: number;
};
const steps = fc.array(
  fc.record({
    act: fc.constantFrom<Step["act"]>(
      "accept",
      "claim",
      "claim",
      "settle",
      "bounce",
      "defer",
      "doubt",
      "cancel",
      "retry",
      "expire",
      "reroute",
      "die",
    ),
    pick: fc.nat(),
  }),
  { minLength: 5, maxLength: 40 },
);

test("after any sequence of changes the count of each key and tenant is that of its open messages", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const store = await open();
      const { ledger, openWork, connection } = store;
      const ids: { id: string; owner: Owner }[] = [];
      const claims = new Map<string, { wake: WakeUp; attempt: number; recipients: number[] }>();
      for (const { act, pick } of sequence) {
        const target = ids[pick % Math.max(1, ids.length)];
        if (act === "accept" || !target) {
          const owner = owners[pick % owners.length] as Owner;
          ids.push({ id: (await accept(store, owner)).id, owner });
          continue;
        }
        const { id } = target;
        const message = await store.messages.find(id);
        const dispatch = pick % (message?.state.dispatches.length ?? 1);
        const claim = claims.get(id);
        if (act === "claim") {
          await beat(store, "own_a");
          const wake = { messageId: id, dispatch, generation: message?.state.dispatches[dispatch]?.generation ?? 0 };
          const result = await ledger.claim(wake, "own_a", `word${pick}`);
          if (result.kind === "claimed") claims.set(id, { wake, attempt: result.claim.attempt, recipients: result.claim.recipients });
        } else if (act === "die") await beat(store, "own_a", 5_000);
        else if (act === "cancel") await ledger.cancel(id);
        else if (act === "retry") await ledger.retry(id, [{ relay: "default", recipients: [0, 1] }], pick % 2 ? 60_000 : -1);
        else if (act === "expire") await ledger.expire(id);
        else if (act === "reroute") await ledger.reroute(id, dispatch, "default", pick % 2 ? "other" : "default");
        else if (claim) {
          const kind = ({ settle: "sent", bounce: "bounced", defer: "deferred", doubt: "doubt" } as const)[act];
          await ledger.record({
            messageId: id,
            dispatch: claim.wake.dispatch,
            attempt: claim.attempt,
            outcomes: claim.recipients.slice(0, 1 + (pick % 2)).map((recipient) => ({ recipient, kind, reply })),
            retryInMs: 0,
            counts: "tries",
          });
        }
      }
      const byHand = await openByHand(store, ids);
      for (const [{ tenant, keyId }, count] of byHand) {
        assert.equal(await openWork.countOpen(tenant, keyId), count, `${tenant} ${keyId}`);
        const ofTenant = [...byHand].reduce((sum, [owner, its]) => sum + (owner.tenant === tenant ? its : 0), 0);
        assert.equal(await openWork.countOpen(tenant), ofTenant, tenant);
      }
      assert.equal(
        await connection.redis.zcard(connection.keys.open),
        [...byHand.values()].reduce((sum, count) => sum + count, 0),
      );
      for (const relay of ["default", "other"]) {
        const { waiting, delayed, active } = await openWork.depth(relay);
        assert.deepEqual({ relay, ...(await workByHand(store, ids, relay)) }, { relay, open: waiting + delayed + active, claimed: active });
      }
    }),
    { numRuns: 60 },
  );
  for (const { connection } of opened.splice(0)) await connection.close();
});

test("of many at once as many are stored as there is room for, and nothing of the others", async () => {
  const store = await open();
  const owner = owners[0] as Owner;
  const results = await Promise.all(Array.from({ length: 60 }, () => accept(store, owner, { key: 7, tenant: 20 })));
  assert.equal(results.filter(({ result }) => result.kind === "stored").length, 7);
  assert.ok(results.every(({ result }) => result.kind === "stored" || (result.kind === "queue_full" && result.holder === "key")));
  const { connection } = store;
  for (const { id, result } of results) {
    if (result.kind === "stored") continue;
    const { keys, redis: client } = connection;
    assert.equal(await client.exists(keys.message(id), keys.bytes(id)), 0);
  }
  assert.equal(await connection.redis.zcard(connection.keys.tenantMessages("a")), 7);
  // Another key of the tenant has its own bound, under the tenant's.
  const others = await Promise.all(Array.from({ length: 60 }, () => accept(store, owners[1] as Owner, { tenant: 20 })));
  assert.equal(others.filter(({ result }) => result.kind === "stored").length, 13);
  assert.ok(others.some(({ result }) => result.kind === "queue_full" && result.holder === "tenant"));
  // And another tenant, whose name begins with this one's, is not held up.
  assert.equal((await accept(store, owners[3] as Owner, { key: 1, tenant: 1 })).result.kind, "stored");
});

test("a message that is refused for a full queue leaves no chunk of its bytes behind", async () => {
  const store = await open();
  const owner = owners[0] as Owner;
  await accept(store, owner);
  const input = draft(store.ledger, { tenant: owner.tenant, bytes: Buffer.alloc(700_000, "x") });
  assert.deepEqual(await store.ledger.accept({ ...input, queuedMax: { tenant: 1 } }), { kind: "queue_full", holder: "tenant" });
  assert.deepEqual(await store.connection.redis.keys(`*${input.record.id}*`), []);
});

test("a settled message is opened again only while there is room; one that is still open needs none", async () => {
  const store = await open();
  const { ledger, openWork } = store;
  const owner = owners[0] as Owner;
  const { id } = await accept(store, owner);
  await beat(store, "own_a");
  const wake = { messageId: id, dispatch: 0, generation: 1 };
  const claim = await ledger.claim(wake, "own_a", "word");
  assert.ok(claim.kind === "claimed");
  const outcome = { messageId: id, dispatch: 0, attempt: claim.claim.attempt, retryInMs: 0, counts: "tries" as const };
  await ledger.record({
    ...outcome,
    outcomes: [
      { recipient: 0, kind: "bounced", reply },
      { recipient: 1, kind: "deferred", reply },
    ],
  });
  const again = (most: { key?: number; tenant?: number }) => ledger.retry(id, [{ relay: "default", recipients: [0, 1] }], 60_000, most);
  assert.equal(typeof (await again({ key: 1, tenant: 1 })), "object", "its own place is counted once");
  assert.equal(typeof (await ledger.cancel(id)), "object");
  assert.equal(await openWork.countOpen("a"), 0);

  const bounced = await accept(store, owner);
  const second = await ledger.claim({ ...wake, messageId: bounced.id }, "own_a", "word");
  assert.ok(second.kind === "claimed");
  await ledger.record({
    ...outcome,
    messageId: bounced.id,
    attempt: second.claim.attempt,
    outcomes: [0, 1].map((recipient) => ({ recipient, kind: "bounced" as const, reply })),
  });
  await accept(store, owner);
  const retry = (most: { key?: number; tenant?: number }) =>
    ledger.retry(bounced.id, [{ relay: "default", recipients: [0, 1] }], 60_000, most);
  assert.equal(await retry({ key: 1 }), "full_key");
  assert.equal(await retry({ tenant: 1 }), "full_tenant");
  assert.equal(await openWork.countOpen("a", "key_1"), 1);
  assert.equal(typeof (await retry({ key: 2, tenant: 2 })), "object");
  assert.equal(await openWork.countOpen("a", "key_1"), 2);
});

test("a message whose keys somebody took away does not stand in the way for ever", async () => {
  const store = await open();
  const { connection, ledger, openWork } = store;
  const { id } = await accept(store, owners[0] as Owner, undefined, 300);
  const other = await accept(store, owners[0] as Owner);
  await connection.redis.del(connection.keys.message(id));
  assert.equal(await openWork.countOpen("a"), 2);
  await waitFor(async () => (await openWork.overdue(10)).includes(id), { what: "its deadline" });
  assert.equal(await ledger.expire(id), true);
  assert.deepEqual(await openWork.overdue(10), []);
  assert.equal(await openWork.countOpen("a"), 1);
  assert.equal(typeof (await ledger.cancel(other.id)), "object");
  assert.equal(await openWork.countOpen("a"), 0);
});
