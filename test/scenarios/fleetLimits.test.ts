// Limits hold over all workers together: rates in every window, connections at every moment, and the transactional lane before all else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { mostInWindow, mostOpen, startFleet } from "../support/fleet.ts";
import { sendBatches, testMessage } from "../support/mailing.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

test("four workers together keep a relay's rate in every window, use it nearly whole, and never open more than its connections", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 20 }) });
  atEnd(relay.stop);
  const rate = 50;
  const { api } = await startFleet(atEnd, {
    config: `{ relays: { ses: { host: 127.0.0.1, port: ${relay.port}, connections: 6, rate: [${rate}/s, 200000/h] } }, routes: [{ relays: [ses] }] }`,
  });
  const seconds = Number(process.env.RATE_SECONDS ?? 10);
  const messages = Array.from({ length: (seconds + 4) * rate }, (_, index) =>
    testMessage(`r${index}`, `r${index}@example.net`, { lane: "broadcast" }),
  );
  await sendBatches(api, messages);
  await waitFor(() => relay.accepted.length >= rate, { what: "the first second's mail", timeoutMs: 20_000 });
  const from = Date.now();
  await waitFor(() => Date.now() - from >= seconds * 1000, { what: "the backlog to be worked off", timeoutMs: seconds * 2_000 });
  const times = relay.accepted.map(({ at }) => at);
  const used = times.filter((at) => at >= from && at < from + seconds * 1000).length;
  const allowed = seconds * 1000 * Math.min(rate / 1000, 200_000 / 3_600_000);
  const most = mostInWindow(times, 1_000);
  t.diagnostic(
    `${used} of ${allowed.toFixed(0)} allowed (${((100 * used) / allowed).toFixed(1)} %) in ${seconds} s; at most ${most} in a second, the first included; ${mostOpen(relay.connections)} connections`,
  );
  assert.ok(mostOpen(relay.connections) <= 6, `${mostOpen(relay.connections)} connections`);
  // Between a place in time and the relay's answer lies the way there, and on a machine that others use that wobbles by more than is kept back
  // for it. `npm run limits` has the machine to itself, and allows nothing.
  const [mostAllowed, leastUsed] = process.env.RATE_SECONDS ? [rate, 0.95] : [rate * 1.06, 0.75];
  assert.ok(most <= mostAllowed, `${most} messages in one second`);
  assert.ok(used >= leastUsed * allowed, `only ${used} of ${allowed} were used`);
});

test("a domain's own rate and connections hold nobody else up, and hold over all workers", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 30 }) });
  atEnd(relay.stop);
  const { api } = await startFleet(atEnd, {
    workers: 2,
    config: `{ relays: { ses: { host: 127.0.0.1, port: ${relay.port}, connections: 8,
      domains: { slow.test: { rate: 5/s, connections: 2 } } } }, routes: [{ relays: [ses] }] }`,
  });
  const to = (name: string) => (_: unknown, index: number) =>
    testMessage(`${name}${index}`, `${name}${index}@${name}.test`, { lane: "broadcast" });
  await sendBatches(api, [...Array.from({ length: 60 }, to("slow")), ...Array.from({ length: 200 }, to("quick"))]);
  const arrived = (domain: string) => relay.accepted.filter((mail) => mail.to[0]?.endsWith(`@${domain}.test`)).map(({ at }) => at);
  await waitFor(() => arrived("quick").length === 200, { what: "the other domain's mail", timeoutMs: 20_000 });
  assert.ok(arrived("slow").length < 60, "the slow domain was not held back");
  await waitFor(() => arrived("slow").length >= 40, { what: "the slow domain's mail", timeoutMs: 30_000 });
  const slow = arrived("slow");
  const perSecond = (slow.length - 1) / (((slow.at(-1) ?? 0) - (slow[0] ?? 0)) / 1_000);
  t.diagnostic(`slow domain: ${perSecond.toFixed(2)}/s of 5/s, at most ${mostInWindow(slow, 1_000)} in a second`);
  assert.ok(mostInWindow(slow, 1_000) <= 6);
  assert.ok(perSecond > 3.5, `${perSecond}/s`);
});

test("connections that a killed worker held are free again when its lease is over", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 200 }) });
  atEnd(relay.stop);
  const { api, workers, startWorker } = await startFleet(atEnd, {
    workers: 1,
    config: `{ relays: { ses: { host: 127.0.0.1, port: ${relay.port}, connections: 5 } }, routes: [{ relays: [ses] }], timeouts: { owner_lease: 4s } }`,
  });
  await sendBatches(
    api,
    Array.from({ length: 400 }, (_, index) => testMessage(`k${index}`, `k${index}@example.net`)),
  );
  const held = async () => (await api.get<{ data: { connections: { held: number } }[] }>("/v1/relays")).body.data[0]?.connections.held;
  await waitFor(async () => (await held()) === 5, { what: "all connections to be held" });
  workers[0]?.kill("SIGKILL");
  await workers[0]?.exited;
  const before = relay.accepted.length;
  const killedAt = Date.now();
  await startWorker();
  await waitFor(() => relay.accepted.length >= before + 30, { what: "the next worker to send", timeoutMs: 60_000 });
  t.diagnostic(`the next worker had sent 30 messages ${Date.now() - killedAt} ms after the kill`);
  assert.ok(mostOpen(relay.connections) <= 5, `${mostOpen(relay.connections)} connections`);
  await waitFor(async () => (await held()) === 5, { what: "the next worker to hold all connections" });
});

test("at 5/s, behind a backlog of broadcasts and retries, every transactional message is at the relay within a second", async (t) => {
  const atEnd = atEndOf(t);
  const backlog = Number(process.env.LANES_BACKLOG ?? 2_000);
  const relay = await startScriptedRelay({ onRcpt: ({ address }) => (address.startsWith("later") ? "450 4.2.0 later" : undefined) });
  atEnd(relay.stop);
  const { api } = await startFleet(atEnd, {
    workers: 2,
    config: `{ relays: { ses: { host: 127.0.0.1, port: ${relay.port}, rate: 5/s } }, routes: [{ relays: [ses] }] }`,
  });
  const broadcasts = (count: number, name: string, more: Record<string, unknown> = {}) =>
    Array.from({ length: count }, (_, index) =>
      testMessage(`${name}${index}`, `${name}${index}@example.net`, { lane: "broadcast", ...more }),
    );
  await sendBatches(api, broadcasts(backlog, "b"));
  // These come due all at once, in the middle of what follows.
  const dueAt = Date.now() + 6_000 + backlog / 5;
  await sendBatches(api, broadcasts(backlog / 10, "s", { send_at: new Date(dueAt).toISOString() }));
  await waitFor(() => relay.accepted.length > 3, { what: "the backlog to move", timeoutMs: 20_000 });
  const count = Number(process.env.LANES_PROBES ?? 12);
  await waitFor(() => Date.now() > dueAt - count * 350, { what: "the schedule to come near", timeoutMs: 60_000 });
  const waits: number[] = [];
  for (let index = 0; index < count; index++) {
    const at = Date.now();
    await api.post("/v1/messages", testMessage(`t${index}`, `t${index}@urgent.test`));
    const find = () => relay.accepted.find((mail) => mail.to[0] === `t${index}@urgent.test`);
    await waitFor(() => find() !== undefined, { what: "the transactional message", timeoutMs: 15_000, everyMs: 5 });
    waits.push((find()?.at ?? 0) - at);
    await waitFor(() => Date.now() - at > 700, { what: "the next one's time" });
  }
  t.diagnostic(`waits in ms behind ${backlog} broadcasts: ${waits.toSorted((a, b) => a - b).join(", ")}`);
  assert.ok(Math.max(...waits) < 1_000, `${Math.max(...waits)} ms`);
});
