// Fault 16: the relay, or what lies between, goes on without a word: nothing comes any more, or one byte after the other for ever.
import assert from "node:assert/strict";
import type { EventView } from "../../../src/domain/eventView.ts";
import { type Answer, startRawRelay, trickle } from "../../relay/rawRelay.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { type FaultAccounts, settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import type { Gateway } from "../../support/gateway.ts";
import { allEvents, sendEach, testMessage } from "../../support/mailing.ts";
import { startProxy } from "../../support/proxy.ts";
import { sharedRedis } from "../../support/redis.ts";
import { type Script, startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

/** Beside the limit itself: the queue, the record, and a machine that is busy with other tests. */
const slackMs = 8_000;

const domainOf = (address: string | null) => (address ?? "").replace(/^.*@(.*)\.test$/, "$1");

/** Waits until mail of each of these domains was put off, or ended in doubt, and returns the first such event of each. */
async function firstEnds(gateway: Gateway, names: readonly string[]): Promise<Map<string, EventView>> {
  const look = async () => {
    const ends = (await allEvents(gateway)).filter(({ type }) => type === "message.deferred");
    const first = new Map(ends.toReversed().map((event) => [domainOf(event.data.recipient), event]));
    const missing = names.filter((name) => !first.has(name));
    if (missing.length > 0) throw new Error(`nothing was heard of ${missing.join(", ")}`);
    return first;
  };
  return waitFor(look, { what: "every relay to be given up on", timeoutMs: 30_000, everyMs: 100 });
}

/** How long after their acceptance the first attempts of each domain ended, at the most. */
function waitedMsMax(events: readonly EventView[], ends: ReadonlyMap<string, EventView>): number {
  const acceptedAt = new Map(
    events.filter(({ type }) => type === "message.accepted").map(({ data, timestamp }) => [data.message_id, timestamp]),
  );
  return Math.max(
    ...[...ends.values()].map(({ data, timestamp }) => Date.parse(timestamp) - Date.parse(acceptedAt.get(data.message_id) ?? "")),
  );
}

function assertSentOnceUnlessInDoubt({ recipients, doubled }: FaultAccounts, inDoubt: ReadonlySet<string>): void {
  for (const { address, status, flagged } of recipients) {
    assert.deepEqual({ status, flagged }, { status: "sent", flagged: inDoubt.has(domainOf(address)) }, address);
  }
  assert.ok(doubled.every(({ address }) => inDoubt.has(domainOf(address))));
}

const hang = { hang: true };
const silentAt = (verb: string): Script => ({ onCommand: (command) => (command.verb === verb ? hang : undefined) });

/** Where each relay falls silent. */
const silences: Record<string, Script> = {
  greeting: { onConnect: () => hang },
  ehlo: silentAt("EHLO"),
  mail: silentAt("MAIL"),
  rcpt: silentAt("RCPT"),
  data: silentAt("DATA"),
  afterdot: { onData: () => ({ ...hang, store: true }) },
};

faultRow(
  {
    row: "16a",
    fault: "a black hole without RST: relays that fall silent at every step, and a network that swallows a body half-way",
    invariant:
      "each attempt ends by its time-out, only silence after the dot is in doubt, other relays' mail is not held up, all is sent in the end",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    let silent = true;
    const relays = await Promise.all(
      Object.entries(silences).map(async ([name, script]) => {
        const relay = await startScriptedRelay({
          onConnect: (connection) => (silent ? script.onConnect?.(connection) : undefined),
          onCommand: (command) => (silent ? script.onCommand?.(command) : undefined),
          onData: (mail) => (silent ? script.onData?.(mail) : undefined),
        });
        atEnd(relay.stop);
        return [name, relay] as const;
      }),
    );
    const farEnd = await startScriptedRelay();
    atEnd(farEnd.stop);
    const proxy = await startProxy({ target: farEnd });
    atEnd(proxy.stop);
    const well = await startSink();
    atEnd(well.stop);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        ...relayForEachDomain({
          ...Object.fromEntries(relays.map(([name, { port }]) => [name, { port }])),
          body: { port: proxy.port },
          well: { port: well.port },
        }),
        retry: { schedule: ["1s"] },
        timeouts: { connect: "1s", command: "1s", after_dot: "2s", attempt: "30s" },
      },
    });
    // More than the proxy's buffers and the kernel's hold, so that the middle of it is swallowed.
    const text = "A line of a long letter, of which there are many.\n".repeat(240_000);
    const names = [...Object.keys(silences), "body"];
    const accepted = await sendEach(gateway, [testMessage("body", "a@body.test", { text })]);
    await waitFor(() => proxy.bytes.toTarget > 100_000, { what: "the body to be on its way", timeoutMs: 30_000, everyMs: 1 });
    proxy.pause();
    accepted.push(
      ...(await sendEach(
        gateway,
        relays.flatMap(([name]) => [1, 2].map((index) => testMessage(`${name}-${index}`, `a${index}@${name}.test`))),
      )),
    );
    const healthy = await sendEach(
      gateway,
      Array.from({ length: 20 }, (_, index) => testMessage(`well-${index}`, `a${index}@well.test`)),
    );
    accepted.push(...healthy);

    const ends = await firstEnds(gateway, names);
    for (const [name, { data }] of ends) {
      assert.match(data.reply?.text ?? "", /within [12] s/, name);
      assert.equal(data.possible_duplicate, name === "afterdot", name);
    }
    silent = false;
    proxy.resume();
    proxy.cut();
    const mails = async () => [
      ...[...relays.map(([, relay]) => relay), farEnd].flatMap((relay) => relay.accepted),
      ...(await well.received()),
    ];
    const accounts = await settleAccounts({ gateway, webhook, receipts: accepted.map(({ id }) => id), mails });
    assertSentOnceUnlessInDoubt(accounts, new Set(["afterdot"]));
    const givenUpMs = waitedMsMax(accounts.events, ends);
    // The body's connection was well until it was swallowed.
    assert.ok(givenUpMs < 2_000 + slackMs, `given up on after ${givenUpMs} ms`);
    const healthyIds = new Set(healthy.map(({ id }) => id));
    const healthyEvents = accounts.events.filter(({ data }) => healthyIds.has(data.message_id ?? ""));
    assert.deepEqual(new Set(healthyEvents.map(({ type }) => type)), new Set(["message.accepted", "message.sent"]));
    measured(`${accounts.inWords}; given up on after ${givenUpMs} ms at most`);
  },
);

faultRow(
  {
    row: "16b",
    fault: "relays that trickle a reply a byte at a time, at the greeting, EHLO, MAIL, RCPT, DATA and after the dot",
    invariant: "the total deadline of the attempt fires, however many bytes come; all is sent once the relays answer",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const points = { greeting: "connect", ehlo: "EHLO", mail: "MAIL", rcpt: "RCPT", data: "DATA", afterdot: "dot" } as const;
    const tricklers = await Promise.all(
      Object.entries(points).map(async ([name, point]) => {
        const relay = await startRawRelay({ [point]: trickle as Answer });
        atEnd(relay.stop);
        return [name, relay] as const;
      }),
    );
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        ...relayForEachDomain(Object.fromEntries(tricklers.map(([name, { port }]) => [name, { port }]))),
        retry: { schedule: ["1s"] },
        // Only the total can fire: a byte comes every few milliseconds, and no single step is limited.
        timeouts: { connect: "3s", command: "10m", after_dot: "10m", attempt: "3s" },
      },
    });
    const names = Object.keys(points);
    const messages = names.flatMap((name) => [1, 2].map((index) => testMessage(`${name}-${index}`, `a${index}@${name}.test`)));
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const ends = await firstEnds(gateway, names);
    for (const [name, { data }] of ends) {
      assert.match(data.reply?.text ?? "", /within 3 s/, name);
      assert.equal(data.possible_duplicate, name === "afterdot", name);
    }
    const sinks = await Promise.all(
      tricklers.map(async ([, relay]) => {
        await relay.stop();
        const sink = await startSink({ port: relay.port });
        atEnd(sink.stop);
        return sink;
      }),
    );
    const mails = async () => (await Promise.all(sinks.map((sink) => sink.received()))).flat();
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    assertSentOnceUnlessInDoubt(accounts, new Set(["afterdot"]));
    const givenUpMs = waitedMsMax(accounts.events, ends);
    assert.ok(givenUpMs < 3_000 + slackMs, `given up on after ${givenUpMs} ms`);
    measured(`${accounts.inWords}; given up on after ${givenUpMs} ms at most, the limit being 3000 ms`);
  },
);
