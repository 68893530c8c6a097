import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { StoredEvent } from "../../src/domain/events.ts";
import type { WakeUp } from "../../src/domain/wakeUp.ts";
import type { Claim, RecordedOutcome } from "../../src/store/attempts.ts";
import type { SuppressionInput } from "../../src/store/suppressions.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { acceptOne, draft, type OpenLedger, openLedger } from "./ledgerForTests.ts";

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

const tenant = "default";
const dayMs = 24 * 3_600_000;

function manual(address: string, changes: Partial<SuppressionInput> = {}): SuppressionInput {
  return { address, reason: "manual", source: "api", ...changes };
}

/** The whole log, in short: type, recipient, reason. */
async function log({ events }: OpenLedger): Promise<string[]> {
  const { events: found } = await events.page(tenant, 0, 1_000);
  return found.map((event) => [event.type, event.recipient, event.suppression?.reason].filter(Boolean).join(" "));
}

async function lastEvent({ events }: OpenLedger): Promise<StoredEvent | undefined> {
  return (await events.page(tenant, 0, 1_000)).events.at(-1);
}

describe("adding and lifting", () => {
  test("an address is suppressed whatever the case of its letters, in its tenant alone, and the log says so", async () => {
    const store = await open();
    const { suppressions } = store;
    assert.equal((await suppressions.add(tenant, manual("Ada@example.net"))).outcome, "added");
    const found = await suppressions.get(tenant, "aDA@example.net");
    assert.deepEqual([found?.address, found?.reason, found?.source, found?.list], ["ada@example.net", "manual", "api", undefined]);
    assert.equal(await suppressions.get("acme", "ada@example.net"), undefined);
    assert.equal(await suppressions.remove("acme", "ada@example.net"), false);
    assert.equal(await suppressions.remove(tenant, "ADA@example.net"), true);
    assert.equal(await suppressions.remove(tenant, "ada@example.net"), false);
    assert.deepEqual(await log(store), ["suppression.added ada@example.net manual", "suppression.removed ada@example.net manual"]);
  });

  test("letters outside ASCII are left as they are, by the scripts and here alike", async () => {
    const { suppressions } = await open();
    await suppressions.add(tenant, manual("ÄNNE@xn--bcher-kva.example"));
    assert.equal((await suppressions.get(tenant, "ÄnNe@xn--bcher-kva.example"))?.address, "Änne@xn--bcher-kva.example");
    assert.equal(await suppressions.get(tenant, "änne@xn--bcher-kva.example"), undefined);
  });

  test("that of a list and that of all mail stand beside each other", async () => {
    const { suppressions } = await open();
    const address = "a/b@example.net";
    await suppressions.add(tenant, manual(address, { list: "news", reason: "unsubscribe" }));
    assert.equal(await suppressions.get(tenant, address), undefined);
    await suppressions.add(tenant, manual(address));
    assert.equal((await suppressions.get(tenant, address, "news"))?.reason, "unsubscribe");
    assert.equal(await suppressions.remove(tenant, address), true);
    const left = await suppressions.get(tenant, address, "news");
    assert.deepEqual([left?.address, left?.list], [address, "news"]);
  });

  test("it only becomes stronger: for longer, and for a graver reason, each by itself", async () => {
    const store = await open();
    const { suppressions, ledger } = store;
    const now = ledger.clock.now();
    const add = async (changes: Partial<SuppressionInput>) => {
      const { outcome, suppression } = await suppressions.add(tenant, manual("ada@example.net", changes));
      return [outcome, suppression?.reason, suppression?.category, suppression?.expires_at];
    };
    const bounced = { reason: "bounce", category: "inactive_recipient" } as const;
    assert.deepEqual(await add({ ...bounced, expires_at: now + dayMs }), ["added", "bounce", "inactive_recipient", now + dayMs]);
    assert.deepEqual(await add({ ...bounced, expires_at: now + 1_000 }), ["unchanged", "bounce", "inactive_recipient", now + dayMs]);
    assert.deepEqual(await add({ expires_at: now + 2 * dayMs }), ["strengthened", "bounce", "inactive_recipient", now + 2 * dayMs]);
    assert.deepEqual(await add({ reason: "complaint", expires_at: now + dayMs }), [
      "strengthened",
      "complaint",
      undefined,
      now + 2 * dayMs,
    ]);
    assert.deepEqual(await add(bounced), ["strengthened", "complaint", undefined, undefined]);
    assert.deepEqual(await add({ reason: "complaint", expires_at: now + 9 * dayMs }), ["unchanged", "complaint", undefined, undefined]);
    assert.deepEqual(await add({ expires_at: now - 1 }), ["unchanged", "complaint", undefined, undefined]);
    assert.equal((await log(store)).length, 4);
  });

  test("of many who suppress one address at once, one adds it, and one event says so", async () => {
    const store = await open();
    const results = await Promise.all(Array.from({ length: 20 }, () => store.suppressions.add(tenant, manual("ada@example.net"))));
    assert.equal(results.filter(({ outcome }) => outcome === "added").length, 1);
    assert.equal((await log(store)).length, 1);
  });

  test("once run out it is none, is added anew, and what is left of others is swept", async () => {
    const store = await open();
    const { suppressions, ledger, connection } = store;
    const soon = ledger.clock.now() + 50;
    for (const name of ["a", "b"]) await suppressions.add(tenant, manual(`${name}@example.net`, { expires_at: soon }));
    await suppressions.add(tenant, manual("c@example.net"));
    while (ledger.clock.now() <= soon + 5) await new Promise(setImmediate);
    assert.equal(await suppressions.get(tenant, "a@example.net"), undefined);
    assert.equal(await suppressions.remove(tenant, "a@example.net"), false);
    assert.deepEqual(
      (await suppressions.list(tenant, {}, 10)).suppressions.map((it) => it.address),
      ["c@example.net"],
    );
    assert.equal((await suppressions.add(tenant, manual("a@example.net"))).outcome, "added");
    assert.deepEqual(
      (await suppressions.list(tenant, {}, 10)).suppressions.map((it) => it.address),
      ["a@example.net", "c@example.net"],
    );
    assert.deepEqual(await suppressions.sweep(tenant), { gone: 1, more: false });
    const { keys } = connection;
    for (const key of [keys.suppressionsByTime(tenant), keys.suppressionsByAddress(tenant)])
      assert.equal(await connection.redis.zcard(key), 2);
    assert.deepEqual(
      [await connection.redis.hlen(keys.suppressionRows(tenant)), await connection.redis.zcard(keys.suppressionExpiries(tenant))],
      [2, 0],
    );
  });
});

describe("listing", () => {
  const addresses = Array.from({ length: 57 }, (_, index) => `user${String(index).padStart(2, "0")}@example.net`);

  async function pages({ suppressions }: OpenLedger, filter: Parameters<typeof suppressions.list>[1], limit: number): Promise<string[][]> {
    const found: string[][] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await suppressions.list(tenant, filter, limit, cursor);
      found.push(page.suppressions.map(({ address }) => address));
      cursor = page.nextCursor;
      if (cursor === undefined) return found;
    }
  }

  test("pages go on newest first where the last one ended, though all came at once and some go meanwhile", async () => {
    const store = await open();
    await store.suppressions.addTogether(
      tenant,
      addresses.map((address) => manual(address)),
    );
    const first = await store.suppressions.list(tenant, {}, 10);
    assert.deepEqual(
      first.suppressions.map(({ address }) => address),
      addresses.toReversed().slice(0, 10),
    );
    await store.suppressions.remove(tenant, addresses[47] as string);
    await store.suppressions.add(tenant, manual("late@example.net"));
    const second = await store.suppressions.list(tenant, {}, 10, first.nextCursor);
    assert.deepEqual(
      second.suppressions.map(({ address }) => address),
      addresses.toReversed().slice(10, 20),
    );
    assert.deepEqual(
      (await pages(store, {}, 19)).map((page) => page.length),
      [19, 19, 19],
    );
  });

  test("a prefix finds addresses in their order, whatever its case, and a page that is exactly full is the last", async () => {
    const store = await open();
    await store.suppressions.addTogether(
      tenant,
      addresses.toReversed().map((address) => manual(address)),
    );
    await store.suppressions.add(tenant, manual("user05@example.net", { list: "news" }));
    assert.deepEqual(await pages(store, { addressPrefix: "USER0" }, 4), [
      addresses.slice(0, 4),
      [addresses[4], addresses[5], addresses[5], addresses[6]],
      addresses.slice(7, 10),
    ]);
    assert.deepEqual(await pages(store, { addressPrefix: "user0" }, 11), [[...addresses.slice(0, 6), ...addresses.slice(5, 10)]]);
    assert.deepEqual(await pages(store, { addressPrefix: "nobody" }, 4), [[]]);
  });

  test("reason and list choose, also where few match", async () => {
    const store = await open();
    await store.suppressions.addTogether(
      tenant,
      addresses.map((address) => manual(address)),
    );
    await store.suppressions.add(tenant, manual("old@example.net", { reason: "complaint" }));
    await store.suppressions.addTogether(
      tenant,
      addresses.map((address) => manual(address, { list: "news" })),
    );
    assert.deepEqual(await pages(store, { reason: "complaint" }, 5), [["old@example.net"]]);
    assert.deepEqual(
      (await pages(store, { list: "news" }, 50)).map((page) => page.length),
      [50, 7],
    );
  });

  test("a walk over all gives each once, oldest first", async () => {
    const store = await open();
    const many = Array.from({ length: 1_234 }, (_, index) => `user${index}@example.net`);
    for (let start = 0; start < many.length; start += 250) {
      await store.suppressions.addTogether(
        tenant,
        many.slice(start, start + 250).map((address) => manual(address)),
      );
    }
    const walked: string[] = [];
    for await (const slice of store.suppressions.all(tenant)) walked.push(...slice.map(({ address }) => address));
    assert.deepEqual(walked, many);
    for await (const _ of store.suppressions.all("acme")) assert.fail("another tenant's");
  });

  test("a slice of a file is told by one event, and a slice that changes nothing by none", async () => {
    const store = await open();
    const rows = addresses.map((address) => manual(address, { source: "import" }));
    assert.deepEqual(new Set(await store.suppressions.addTogether(tenant, rows)), new Set(["added"]));
    assert.deepEqual(new Set(await store.suppressions.addTogether(tenant, rows)), new Set(["unchanged"]));
    assert.deepEqual(await log(store), ["suppression.added"]);
    assert.deepEqual((await lastEvent(store))?.suppression, { source: "import", imported: 57 });
  });
});

describe("in the ledger", () => {
  const bounce: Omit<RecordedOutcome, "recipient"> = {
    kind: "bounced",
    reply: { code: 550, enhanced: "5.1.1", text: "No such user" },
    category: "invalid_recipient",
    hard_bounce: true,
    personal: true,
    relay: "default",
  };

  async function attempt({ ledger }: OpenLedger, wake: WakeUp, outcomes: Omit<RecordedOutcome, "recipient">[]): Promise<Claim> {
    const result = await ledger.claim(wake, "own_a", "w1");
    assert.equal(result.kind, "claimed");
    const { claim } = result as { claim: Claim };
    const recorded = claim.recipients.map((recipient, index) => ({ ...(outcomes[index] as RecordedOutcome), recipient }));
    const input = { messageId: wake.messageId, dispatch: wake.dispatch, attempt: claim.attempt, outcomes: recorded, retryInMs: 0 };
    await ledger.record({ ...input, counts: "tries" });
    await ledger.record({ ...input, counts: "tries" });
    return claim;
  }

  async function recipients({ messages }: OpenLedger, id: string) {
    return (await messages.find(id))?.state.recipients ?? [];
  }

  test("a hard bounce suppresses its address in the same step, for good, with its message and event, once", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store, { recipients: ["Gone@example.net", "fine@example.net"] });
    await attempt(store, wake, [bounce, { kind: "sent", reply: { code: 250, text: "ok" } }]);
    const found = await store.suppressions.get(tenant, "gone@example.net");
    assert.deepEqual(
      [found?.reason, found?.source, found?.category, found?.expires_at, found?.message_id],
      ["bounce", "delivery", "invalid_recipient", undefined, id],
    );
    const { events } = await store.events.page(tenant, 0, 100);
    assert.deepEqual(
      events.map(({ type }) => type),
      ["message.accepted", "message.bounced", "suppression.added", "message.sent"],
    );
    assert.deepEqual(found?.event, { sequence: events[1]?.sequence, at: events[1]?.at });
    assert.deepEqual([events[2]?.message_id, events[2]?.suppression?.message_id], [undefined, id]);
    assert.equal(await store.suppressions.get(tenant, "fine@example.net"), undefined);
  });

  test("an inactive mailbox is suppressed for thirty days", async () => {
    const store = await open();
    const { wake } = await acceptOne(store);
    await attempt(store, wake, [{ ...bounce, category: "inactive_recipient", hard_bounce: false }]);
    const { created_at = 0, expires_at } = (await store.suppressions.get(tenant, "one@example.net")) ?? {};
    assert.equal(expires_at, created_at + 30 * dayMs);
  });

  test("nothing else suppresses: no policy, no full mailbox, no soft refusal, no failure of ours, no address of the sandbox", async () => {
    const store = await open();
    const names = ["policy", "full", "spam", "later", "failed", "filter", "shared"].map((name) => `${name}@example.net`);
    const { wake } = await acceptOne(store, { recipients: [...names, "HardBounce@sandbox.test", "gone@notsandbox.test"] });
    await attempt(store, wake, [
      { ...bounce, category: "policy", hard_bounce: false },
      { ...bounce, category: "mailbox_full", hard_bounce: false },
      { ...bounce, category: "spam", hard_bounce: false },
      { ...bounce, kind: "deferred" },
      { ...bounce, kind: "failed", hard_bounce: false },
      { ...bounce, hard_bounce: false },
      { ...bounce, personal: false },
      bounce,
      bounce,
    ]);
    assert.deepEqual(
      (await store.suppressions.list(tenant, {}, 10)).suppressions.map(({ address }) => address),
      ["gone@notsandbox.test"],
    );
  });

  test("the configuration says what suppresses and for how long", async () => {
    const store = await open({ suppression: { mailbox_full: dayMs } });
    const { wake } = await acceptOne(store, { recipients: ["full@example.net", "gone@example.net"] });
    await attempt(store, wake, [{ ...bounce, category: "mailbox_full", hard_bounce: false }, bounce]);
    const full = await store.suppressions.get(tenant, "full@example.net");
    assert.equal(full?.expires_at, (full?.created_at ?? 0) + dayMs);
    assert.equal(await store.suppressions.get(tenant, "gone@example.net"), undefined);
  });

  test("at acceptance a suppressed recipient is named, and nothing is stored yet", async () => {
    const store = await open();
    await store.suppressions.add(tenant, manual("two@example.net"));
    await store.suppressions.add("acme", manual("one@example.net"));
    const input = draft(store.ledger, { recipients: ["one@example.net", "TWO@example.net", "three@example.net"] });
    const result = await store.ledger.accept(input);
    assert.equal(result.kind, "suppressed");
    const { recipients: found } = result as Extract<typeof result, { kind: "suppressed" }>;
    assert.deepEqual(
      found.map(({ recipient, suppression }) => [recipient, suppression.reason]),
      [[1, "manual"]],
    );
    assert.equal(await store.messages.find(input.record.id), undefined);
    assert.equal((await store.ledger.accept({ ...input, record: { ...input.record, bypass_suppressions: true } })).kind, "stored");
  });

  test("a message of a list is kept from those who left that list, and from nobody else", async () => {
    const store = await open();
    await store.suppressions.add(tenant, manual("one@example.net", { list: "news", reason: "unsubscribe" }));
    const kindWith = async (list?: string) => {
      const input = draft(store.ledger);
      return (await store.ledger.accept({ ...input, record: { ...input.record, ...(list && { list }) } })).kind;
    };
    assert.deepEqual([await kindWith(), await kindWith("offers"), await kindWith("news")], ["stored", "stored", "suppressed"]);
  });

  test("one suppressed since it was accepted ends so at the claim; the others are sent to, and earlier trouble explains nothing", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store, { recipients: ["one@example.net", "two@example.net"] });
    await attempt(store, wake, [
      { kind: "deferred", reply: { code: 452, text: "full" }, category: "mailbox_full", hard_bounce: false, relay: "default" },
      { kind: "deferred", reply: { code: 452, text: "full" }, category: "mailbox_full", hard_bounce: false, relay: "default" },
    ]);
    await store.suppressions.add(tenant, manual("one@example.net", { reason: "complaint" }));
    const claim = await attempt(store, { ...wake, generation: 2 }, [{ kind: "sent", reply: { code: 250, text: "ok" } }]);
    assert.deepEqual(claim.recipients, [1]);
    const [one, two] = await recipients(store, id);
    assert.deepEqual(
      [one?.status, one?.suppression?.reason, one?.category, one?.hard_bounce],
      ["suppressed", "complaint", undefined, undefined],
    );
    assert.deepEqual([two?.status, two?.suppression], ["sent", undefined]);
    const told = (await store.events.page(tenant, 0, 100)).events.find(({ type }) => type === "message.suppressed");
    assert.deepEqual([told?.recipient, told?.status, told?.suppression?.reason], ["one@example.net", "suppressed", "complaint"]);
  });

  test("a retry is not stopped by the message's own bounce, but by every other suppression, and another message by that bounce", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store);
    await attempt(store, wake, [bounce]);
    assert.equal((await store.ledger.accept(draft(store.ledger))).kind, "suppressed");
    const retried = async (generation: number, dispatch: number) => {
      const groups = [{ relay: "default", recipients: [0] }];
      assert.equal(typeof (await store.ledger.retry(id, groups, 60_000)), "object");
      return { messageId: id, dispatch, generation };
    };
    await attempt(store, await retried(1, 1), [bounce]);
    await store.suppressions.add(tenant, manual("one@example.net", { reason: "complaint" }));
    assert.equal((await store.ledger.claim(await retried(1, 2), "own_a", "w1")).kind, "stale");
    assert.deepEqual(
      (await recipients(store, id)).map(({ status, suppression }) => [status, suppression?.reason]),
      [["suppressed", "complaint"]],
    );
  });

  test("where all are suppressed at the claim the message rests, and its wake-up finds nothing more", async () => {
    const store = await open();
    const { id, wake } = await acceptOne(store);
    await store.suppressions.add(tenant, manual("one@example.net"));
    assert.equal((await store.ledger.claim(wake, "own_a", "w1")).kind, "stale");
    assert.deepEqual(
      (await recipients(store, id)).map(({ status }) => status),
      ["suppressed"],
    );
    assert.deepEqual((await store.openWork.scanOpen("0", 10)).messageIds, []);
    assert.ok((await store.connection.redis.pttl(store.connection.keys.message(id))) > 0);
  });

  test("a message that asked for it is sent in spite of a suppression that came later", async () => {
    const store = await open();
    const input = draft(store.ledger);
    const result = await store.ledger.accept({ ...input, record: { ...input.record, bypass_suppressions: true } });
    await store.suppressions.add(tenant, manual("one@example.net"));
    const [wake] = (result as Extract<typeof result, { kind: "stored" }>).wakeUps;
    assert.equal((await store.ledger.claim(wake as WakeUp, "own_a", "w1")).kind, "claimed");
  });
});
