// The whole way out, from a wake-up to the record, over a real Redis and a relay that does what it is told.
import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { type DeliverDependencies, deliver } from "../../src/deliver/deliver.ts";
import type { Way } from "../../src/deliver/way.ts";
import type { PlannedWakeUp } from "../../src/domain/dispatching.ts";
import { openRelay, type Relay } from "../../src/relay/pool.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { acceptOne, beat, type DraftOptions, type OpenLedger, openLedger } from "../store/ledgerForTests.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";

const log = createLogger({ level: "silent", format: "json" });
const timeouts = { connect: 2_000, command: 2_000, afterDot: 2_000, attempt: 5_000, ownerLease: 60_000 };
let redis: TestRedis;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
after(() => redis.stop());

type Bench = {
  store: OpenLedger;
  dependencies: DeliverDependencies;
  woken: PlannedWakeUp[];
  server: Awaited<ReturnType<typeof startScriptedRelay>>;
  relay: Relay;
};

/** The way to a relay that is the only one and has never failed. */
const openWay: Way = {
  isUp: () => true,
  isPaused: () => false,
  redirect: async () => undefined,
  handOver: async () => false,
  failed: async () => undefined,
  worked: () => undefined,
  slowDown: () => undefined,
  isSlowed: () => false,
};

async function bench(script: Parameters<typeof startScriptedRelay>[0] = {}, changes: Partial<DeliverDependencies> = {}): Promise<Bench> {
  const store = await openLedger(redis);
  closing.push(() => store.connection.close());
  await beat(store, "own_a");
  const server = await startScriptedRelay(script);
  closing.push(() => server.stop());
  const config = { name: "default", host: server.host, port: server.port, tls: "none" as const, verifyCertificate: true, connections: 2 };
  const relay = openRelay({ config, timeouts, log });
  closing.push(() => relay.close(0));
  const woken: PlannedWakeUp[] = [];
  const stopping = new AbortController().signal;
  setMaxListeners(0, stopping);
  const dependencies: DeliverDependencies = {
    ledger: store.ledger,
    owner: { id: "own_a", leaseHolds: () => true, retire: async () => undefined },
    relay,
    relayName: "default",
    returnPath: "own",
    scheduleMs: [1_000],
    wake: (planned) => void woken.push(...planned),
    pace: { pass: async () => ({ kind: "go", lostAt: Number.POSITIVE_INFINITY }), nudge: () => undefined },
    domains: { admit: async () => ({ kind: "go", release: () => undefined }) },
    way: openWay,
    urgent: true,
    crowdedOut: () => undefined,
    observe: () => undefined,
    stopping,
    abandon: new AbortController().signal,
    log,
    ...changes,
  };
  return { store, dependencies, woken, server, relay };
}

async function sendOne({ store, dependencies }: Bench, options: DraftOptions = {}) {
  const { id, wake } = await acceptOne(store, options);
  const again = await deliver(dependencies, wake);
  return { id, wake, again, recipients: (await store.messages.find(id))?.state.recipients ?? [] };
}

test("sent: the relay has the very bytes, the ledger its very words, and nothing is woken again", async () => {
  const it = await bench({ onData: () => "250 2.0.0 taken as 42" });
  const { recipients, again } = await sendOne(it);
  assert.equal(again, undefined);
  assert.deepEqual(recipients[0]?.reply, { code: 250, enhanced: "2.0.0", text: "taken as 42" });
  assert.equal(recipients[0]?.status, "sent");
  assert.equal(it.server.accepted[0]?.raw.toString(), "From: a@example.com\r\n\r\nhello\r\n");
  assert.deepEqual(it.woken, []);
});

test("deferred: the next wake-up is a retry of the next generation, by the schedule", async () => {
  const it = await bench({ onRcpt: () => "450 4.2.0 later" });
  const { recipients, wake } = await sendOne(it);
  assert.equal(recipients[0]?.status, "deferred");
  const [next] = it.woken;
  assert.deepEqual(next && { ...next, delayMs: 0 }, {
    wake: { ...wake, generation: 2 },
    relay: "default",
    lane: "transactional",
    delayMs: 0,
    retry: true,
  });
  assert.ok(next && next.delayMs >= 790 && next.delayMs <= 1_200, String(next?.delayMs));
});

test("without a connection the attempt is recorded, says why, and comes again", async () => {
  const it = await bench();
  await it.server.stop();
  const { id, recipients } = await sendOne(it);
  assert.equal(recipients[0]?.status, "deferred");
  assert.match(recipients[0]?.reply?.text ?? "", /ECONNREFUSED|refused/i);
  assert.equal(it.woken.length, 1);
  const [attempt] = (await it.store.messages.attempts(id)) as { recipients: { outcome: string }[] }[];
  assert.equal(attempt?.recipients[0]?.outcome, "not_sent");
});

test("a relay that is paused while a connection is waited for gets nothing, and the next one gets the connection", async () => {
  let redirected = 0;
  const redirect = async () => {
    redirected += 1;
    return undefined;
  };
  const it = await bench({}, { way: { ...openWay, isPaused: () => true, redirect } });
  const { recipients } = await sendOne(it);
  assert.deepEqual([recipients[0]?.status, recipients[0]?.attempts, redirected], ["queued", 0, 1]);
  assert.equal(it.server.connections.flatMap(({ commands }) => commands).filter((line) => line.startsWith("MAIL")).length, 0);
  assert.equal(it.relay.stats().busy, 0);
});

test("an owner that cannot confirm its lease sends no final dot, and its recipients are queued as before", async () => {
  const it = await bench({}, { owner: { id: "own_a", leaseHolds: () => false, retire: async () => undefined } });
  const { recipients } = await sendOne(it);
  assert.equal(recipients[0]?.status, "queued");
  assert.equal(it.server.accepted.length, 0);
  assert.equal(it.woken.length, 1);
});

test("a message that holds says so before its dot; when that cannot be said, no dot is sent", async () => {
  const it = await bench();
  it.dependencies.ledger = { ...it.store.ledger, handingOver: async () => Promise.reject(new Error("Command timed out")) };
  const { recipients } = await sendOne(it, { onDoubt: "hold" });
  assert.notEqual(recipients[0]?.status, "unknown");
  assert.equal(it.server.accepted.length, 0);
});

test("where the answer to that is lost, it is asked for again, and the attempt goes on", async () => {
  const it = await bench();
  let lost = 0;
  it.dependencies.ledger = {
    ...it.store.ledger,
    handingOver: async (claim) => {
      const answer = await it.store.ledger.handingOver(claim);
      if (lost++ < 2) throw new Error("Command timed out");
      return answer;
    },
  };
  const { recipients } = await sendOne(it, { onDoubt: "hold" });
  assert.deepEqual([recipients[0]?.status, recipients[0]?.attempts, lost], ["sent", 1, 3]);
  assert.equal(it.server.accepted.length, 1);
});

test("a cut after the dot is doubt: flagged and tried again, or unknown at once for one that holds", async () => {
  const it = await bench({ onData: () => ({ cut: true, store: true }) });
  const resend = await sendOne(it);
  assert.deepEqual([resend.recipients[0]?.status, resend.recipients[0]?.possible_duplicate], ["deferred", true]);
  const hold = await sendOne(it, { onDoubt: "hold" });
  assert.equal(hold.recipients[0]?.status, "unknown");
});

test("a claim whose answer was lost is asked for again, and sent once", async () => {
  const it = await bench();
  let lost = 0;
  it.dependencies.ledger = {
    ...it.store.ledger,
    claim: async (...args) => {
      const result = await it.store.ledger.claim(...args);
      if (lost++ === 0) throw new Error("Command timed out");
      return result;
    },
  };
  const { recipients } = await sendOne(it);
  assert.deepEqual([recipients[0]?.status, recipients[0]?.attempts], ["sent", 1]);
  assert.equal(it.server.accepted.length, 1);
});

test("after a 250 the record is tried until the store takes it", async () => {
  const it = await bench();
  let failures = 0;
  it.dependencies.ledger = {
    ...it.store.ledger,
    record: async (input) => {
      if (failures++ < 3) throw new Error("Connection is closed.");
      return it.store.ledger.record(input);
    },
  };
  const { recipients } = await sendOne(it);
  assert.equal(recipients[0]?.status, "sent");
  assert.equal(it.server.accepted.length, 1);
});

test("a message whose content is gone ends as failed instead of being tried until its deadline", async () => {
  const it = await bench();
  const { id, wake } = await acceptOne(it.store);
  await it.store.connection.redis.del(it.store.connection.keys.bytes(id));
  await deliver(it.dependencies, wake);
  const message = await it.store.messages.find(id);
  assert.deepEqual([message?.state.recipients[0]?.status, message?.state.recipients[0]?.category], ["failed", "system"]);
});

test("452 after the first recipients sends the rest at once, and nobody twice", async () => {
  const it = await bench({
    onRcpt: ({ address, attempt }) => (address.startsWith("b") && attempt === 1 ? "452 4.5.3 too many recipients" : "250 ok"),
  });
  const { id, wake } = await sendOne(it, { recipients: ["a@x.example", "b@x.example"] });
  assert.equal(it.woken[0]?.delayMs, 0);
  await deliver(it.dependencies, { ...wake, generation: 2 });
  assert.deepEqual(
    it.server.accepted.map((mail) => mail.to),
    [["a@x.example"], ["b@x.example"]],
  );
  assert.deepEqual(
    (await it.store.messages.find(id))?.state.recipients.map((recipient) => recipient.status),
    ["sent", "sent"],
  );
});
