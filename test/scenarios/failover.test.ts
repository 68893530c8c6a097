// Relays in the plural: one takes over when another fails or is paused, nothing is sent twice, and the preferred one gets its mail back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { startFleet } from "../support/fleet.ts";
import { freePort } from "../support/freePort.ts";
import { allSettled, expectedOf, sendBatches, testMessage } from "../support/mailing.ts";
import { reconcile } from "../support/reconcile.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";

type RelayAnswer = { data: { name: string; state: string; last_error: { text: string } | null }[] };

test("the preferred relay is killed under load: everything arrives through the other, none twice, within two seconds; restored, it gets its mail again", async (t) => {
  const atEnd = atEndOf(t);
  const port = await freePort();
  // A relay that takes a moment for each, so that there is a backlog when it is killed. smtp-sink answers the dot at once: -w delays it.
  const preferred = await startSink({ port, flags: ["-W", ".:1"] });
  atEnd(preferred.stop);
  const other = await startScriptedRelay();
  atEnd(other.stop);
  const { api } = await startFleet(atEnd, {
    config: `{ relays: { ses: { host: 127.0.0.1, port: ${port}, connections: 20 }, office: { host: 127.0.0.1, port: ${other.port} } },
      routes: [{ relays: [ses, office] }], retry: { schedule: [2s] } }`,
  });
  const messages = Array.from({ length: 400 }, (_, index) => testMessage(`f${index}`, `f${index}@example.net`));
  const ids = await sendBatches(api, messages);
  await waitFor(async () => (await preferred.received()).length >= 20, { what: "mail at the preferred relay" });
  assert.equal(other.accepted.length, 0);
  const killedAt = Date.now();
  preferred.kill("SIGKILL");
  await waitFor(() => other.accepted.length > 0, { what: "the other relay to take over", timeoutMs: 10_000, everyMs: 5 });
  const switchedMs = (other.accepted[0]?.at ?? 0) - killedAt;
  assert.ok(switchedMs < 2_000, `it took ${switchedMs} ms until the other relay had the first mail`);
  const state = async () => (await api.get<RelayAnswer>("/v1/relays")).body.data.map((relay) => `${relay.name} ${relay.state}`);
  await waitFor(async () => (await state()).includes("ses suspended"), { what: "the relay to be shown as suspended" });
  const settled = await allSettled(api, ids, 60_000);
  const atPreferred = await preferred.received();
  const { lost, doubled, unexpected } = reconcile({ expected: expectedOf(messages), mails: [...atPreferred, ...other.accepted] });
  assert.deepEqual([lost, unexpected], [[], []]);
  // What had been handed over to the dying relay and was not answered may be there twice, and says so.
  const flagged = new Set(settled.flatMap(({ recipients }) => recipients.filter((it) => it.possible_duplicate).map((it) => it.address)));
  assert.deepEqual(
    doubled.filter(({ recipient }) => !flagged.has(recipient)),
    [],
  );
  assert.ok(settled.every(({ status }) => status === "sent"));

  const restored = await startSink({ port });
  atEnd(restored.stop);
  const restoredAt = Date.now();
  await waitFor(async () => (await state()).includes("ses up"), { what: "the relay to be up again", timeoutMs: 40_000 });
  const upMs = Date.now() - restoredAt;
  let sent = 0;
  const goesToPreferred = async () => {
    const [id] = await sendBatches(api, [testMessage(`after${sent++}`, "after@example.net")]);
    return (await api.messageSettled(id ?? "")).recipients[0]?.relay === "ses";
  };
  await waitFor(goesToPreferred, { what: "new mail to go to the preferred relay again", timeoutMs: 10_000 });
  t.diagnostic(`switch-over ${switchedMs} ms; ${flagged.size} of 400 in doubt; up again ${upMs} ms after it was restored`);
});

test("a paused relay's mail takes the route's other relay; without one it waits, until it is resumed or its time is over", async (t) => {
  const atEnd = atEndOf(t);
  const [ses, office] = [await startScriptedRelay(), await startScriptedRelay()];
  atEnd(ses.stop);
  atEnd(office.stop);
  const { api } = await startFleet(atEnd, {
    workers: 2,
    config: `{ relays: { ses: { host: 127.0.0.1, port: ${ses.port} }, office: { host: 127.0.0.1, port: ${office.port} } },
      routes: [{ to_domain: only.test, relays: [ses] }, { relays: [ses, office] }] }`,
  });
  assert.equal((await api.post("/v1/relays/ses/pause")).status, 200);
  const [both, waits, expires] = await sendBatches(api, [
    testMessage("both", "a@both.test"),
    testMessage("waits", "a@only.test"),
    testMessage("expires", "b@only.test", { expires_after: "2s" }),
  ]);
  assert.equal((await api.messageSettled(both ?? "")).recipients[0]?.relay, "office");
  const expired = await api.messageSettled(expires ?? "");
  assert.deepEqual([expired.recipients[0]?.status, expired.recipients[0]?.category], ["failed", "expired"]);
  const waiting = await api.get<{ recipients: { status: string; attempts: number }[] }>(`/v1/messages/${waits}`);
  assert.deepEqual([waiting.body.recipients[0]?.status, waiting.body.recipients[0]?.attempts], ["queued", 0]);
  assert.equal(ses.accepted.length, 0);
  assert.equal((await api.post("/v1/relays/ses/resume")).status, 200);
  assert.equal((await api.messageSettled(waits ?? "", 20_000)).status, "sent");
  assert.equal(ses.accepted.length, 1);
});
