// Fault 26: the way to the relay's name. DNS fails or does not answer; or it gives an IPv6 address that leads nowhere beside a good IPv4 one.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { type AtEnd, atEndOf } from "../../support/atEnd.ts";
import { startDnsServer } from "../../support/dnsServer.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { allEvents, sendEach, testMessage } from "../../support/mailing.ts";
import { startProcess } from "../../support/process.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

faultRow(
  {
    row: "26a",
    fault: "DNS fails for both relays of a route: one name is answered with SERVFAIL, the other not at all",
    invariant: "the mail waits and says that it is DNS; it is all sent, once, when the names resolve again, without a restart",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const dns = await startDnsServer({ "one.relays.test": "servfail", "two.relays.test": "silent" });
    atEnd(dns.stop);
    const [one, two] = await Promise.all([startSink(), startSink()]);
    for (const sink of [one, two]) atEnd(sink.stop);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), ...dns.env },
      config: {
        relays: {
          one: { host: "one.relays.test", port: one.port, tls: "none" },
          two: { host: "two.relays.test", port: two.port, tls: "none" },
        },
        routes: [{ to_domain: "second.test", relays: ["two", "one"] }, { relays: ["one", "two"] }],
        retry: { schedule: ["500ms"] },
        timeouts: { connect: "1s" },
      },
    });
    const messages = Array.from({ length: 20 }, (_, index) => testMessage(`m${index}`, [`a${index}@first.test`, `b${index}@second.test`]));
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const deferred = async () => {
      const events = (await allEvents(gateway)).filter(({ type }) => type === "message.deferred");
      return new Set(events.map(({ data }) => data.relay)).size === 2 && events;
    };
    const events = await waitFor(deferred, { what: "mail to be put off at both relays", timeoutMs: 30_000, everyMs: 100 });
    for (const { data } of events) {
      assert.deepEqual([data.category, data.hard_bounce, data.reply?.code], ["unreachable", false, null]);
      assert.match(data.reply?.text ?? "", /^The host name (one|two)\.relays\.test cannot be resolved/);
      assert.match(data.advice ?? "", /DNS/);
    }
    dns.set("one.relays.test", { a: ["127.0.0.1"] });
    dns.set("two.relays.test", { a: ["127.0.0.1"] });
    const mails = async () => [...(await one.received()), ...(await two.received())];
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    assert.ok(accounts.recipients.every(({ status, copies, flagged }) => status === "sent" && copies === 1 && !flagged));
    measured(accounts.inWords);
  },
);

/** A port on ::1 that takes no connection and refuses none: its queue is full, and the process that should empty it is stopped. */
async function startDeadIpv6Port(atEnd: AtEnd, port: number): Promise<void> {
  const listen = `require("node:net").createServer().listen({ host: "::1", port: ${port}, backlog: 1 }, () => console.log("listening"))`;
  const listener = await startProcess({ command: process.execPath, args: ["-e", listen] });
  atEnd(() => listener.stop());
  await waitFor(() => listener.lines().includes("listening"), { what: "the listener", timeoutMs: 20_000 });
  listener.kill("SIGSTOP");
  for (let taken = true; taken; ) {
    taken = await new Promise<boolean>((resolve) => {
      const socket = connect({ host: "::1", port });
      atEnd(async () => socket.destroy());
      socket.once("error", () => resolve(false)).once("connect", () => resolve(true));
      setTimeout(() => resolve(false), 500);
    });
  }
}

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ family, internal }) => family === "IPv6" && !internal),
);
const loopback = "127.0.0.1";

faultRow(
  {
    row: "26b",
    fault: "the relay's name has an IPv6 address that refuses, is unreachable, or swallows every packet, beside an IPv4 address that works",
    invariant: "every message is sent over IPv4 at its first attempt, within seconds",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const dns = await startDnsServer({
      "refusing.relays.test": { aaaa: ["::1"], a: [loopback] },
      // RFC 3849: for documentation, routed nowhere.
      "unreachable.relays.test": { aaaa: ["2001:db8::25"], a: [loopback] },
      "swallowing.relays.test": { aaaa: ["::1"], a: [loopback] },
    });
    atEnd(dns.stop);
    const names = ["refusing", "unreachable", "swallowing"];
    const sinks = await Promise.all(names.map(() => startSink()));
    for (const sink of sinks) atEnd(sink.stop);
    await startDeadIpv6Port(atEnd, sinks[2]?.port ?? 0);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), ...dns.env },
      config: {
        ...relayForEachDomain(
          Object.fromEntries(
            names.map((name, index) => [name, { host: `${name}.relays.test`, port: sinks[index]?.port ?? 0, connections: 5 }]),
          ),
        ),
        retry: { schedule: ["1h"] },
      },
    });
    const messages = names.flatMap((name) =>
      Array.from({ length: 10 }, (_, index) => testMessage(`${name}-${index}`, `a${index}@${name}.test`)),
    );
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const mails = async () => (await Promise.all(sinks.map((sink) => sink.received()))).flat();
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    for (const { address, status, attempts, copies, flagged } of accounts.recipients) {
      assert.deepEqual({ status, attempts, copies, flagged }, { status: "sent", attempts: 1, copies: 1, flagged: false }, address);
    }
    if (hasIpv6)
      for (const name of names)
        assert.ok(dns.questions.includes(`AAAA ${name}.relays.test`), `nobody asked for the IPv6 address of ${name}`);
    const tookMs = accounts.messages.map(
      ({ created_at, recipients }) => Date.parse(recipients[0]?.updated_at ?? "") - Date.parse(created_at),
    );
    const slowestMs = Math.max(...tookMs);
    assert.ok(slowestMs < 10_000, `a message took ${slowestMs} ms`);
    measured(`${accounts.inWords}; each sent within ${slowestMs} ms${hasIpv6 ? "" : " (this machine has no IPv6)"}`);
  },
);
