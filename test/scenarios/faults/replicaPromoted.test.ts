// A replica takes over without the primary's last writes: mail that was acknowledged is gone, and Redis is as it was some seconds ago.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { openEventStream } from "../../support/eventStream.ts";
import { faultRow } from "../../support/faultRow.ts";
import { freePort } from "../../support/freePort.ts";
import { type Gateway, startGateway } from "../../support/gateway.ts";
import { headerOf } from "../../support/mailHeader.ts";
import { allEvents, allSettled, sendEach, testMessage } from "../../support/mailing.ts";
import { metricOf } from "../../support/metric.ts";
import { startReplicatedRedis } from "../../support/replicatedRedis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

type Readiness = { status: string; checks: { durability: { ok: boolean; problems: string[] } } };

const named = (name: string, count: number) =>
  Array.from({ length: count }, (_, index) => testMessage(`${name}-${index}`, `${name}${index}@example.net`));

faultRow(
  {
    row: "27",
    fault: "a replica is promoted without the last writes: accepted mail is gone, and mail that was sent is queued again",
    invariant:
      "each lost message is named in the log, counted, and shown on /readyz; what a relay had taken is not sent again unsaid; no event id or position comes twice, and readers of the log miss nothing new; nothing crashes or hangs",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const redis = await startReplicatedRedis(atEnd);
    let holds = true;
    const relay = await startScriptedRelay({
      onRcpt: ({ address }) => (holds && address.startsWith("held") ? "450 4.2.0 Later" : undefined),
    });
    atEnd(relay.stop);
    const start = async (role: "api" | "worker") => {
      const env = { REDIS_URL: redis.url, SMTP_URL: relay.url, METRICS_PORT: String(await freePort()) };
      const gateway = await startGateway({
        env,
        config: "{ timeouts: { owner_lease: 2s }, retry: { schedule: [500ms] } }",
        args: ["--role", role],
      });
      atEnd(() => gateway.stop());
      return gateway;
    };
    const [api, ...workers] = await Promise.all([start("api"), start("worker"), start("worker")]);
    const stream = await openEventStream(api, "0", { comesBack: true });
    atEnd(async () => stream.close());

    // On both: some that are sent, some that are held back and will be sent in the gap.
    const sent = await sendEach(api, named("sent", 20));
    await allSettled(
      api,
      sent.map(({ id }) => id),
    );
    const held = await sendEach(api, named("held", 10));
    await redis.client.wait(1, 5_000);
    redis.detach();
    // On the primary alone: new mail, and the sending of what was held back.
    const lost = await sendEach(api, named("lost", 30));
    holds = false;
    await allSettled(
      api,
      [...lost, ...held].map(({ id }) => id),
    );
    const before = await allEvents(api);
    await waitFor(() => stream.events.length >= before.length, { what: "the stream to tell all of it", timeoutMs: 10_000 });

    await redis.promote();
    const problems = (gateway: Gateway) => async () => {
      const response = await fetch(`${gateway.metricsUrl}/readyz`);
      const { checks } = (await response.json()) as Readiness;
      return checks.durability.problems.find((problem) => problem.includes("Redis was found to have lost"));
    };
    for (const gateway of [api, ...workers]) await waitFor(problems(gateway), { what: "a process to find out", timeoutMs: 15_000 });
    const told = api.logs().flatMap((line) => {
      const { level, message_ids: ids } = line.startsWith("{") ? (JSON.parse(line) as { level: string; message_ids?: string[] }) : {};
      return level === "error" && ids ? ids : [];
    });
    assert.deepEqual(told.toSorted(), lost.map(({ id }) => id).toSorted(), "the lost messages, and no others, are named");
    assert.equal(await metricOf(api, "postern_messages_lost_total"), lost.length);
    for (const gateway of [api, ...workers]) assert.equal(await metricOf(gateway, "postern_store_went_back_total"), 1);

    const after = await waitFor(() => sendEach(api, named("after", 10)), { what: "mail to be taken again", timeoutMs: 10_000 });
    const settled = await allSettled(
      api,
      [...sent, ...held, ...after].map(({ id }) => id),
      60_000,
    );
    const copiesOf = (name: string) => relay.accepted.filter(({ raw }) => headerOf(raw, "x-test-id")?.startsWith(name));
    assert.equal(copiesOf("sent").length, 20);
    assert.equal(copiesOf("after").length, 10);
    const heldAccounts = settled.slice(20, 30).map(({ recipients }) => recipients[0]);
    for (const recipient of heldAccounts) {
      assert.deepEqual([recipient?.status, recipient?.possible_duplicate], ["sent", true], "what was sent and forgotten says so");
    }

    // Readers of the log: the new facts have ids and positions that nobody has seen, and a client of the stream is told all of them.
    const events = await allEvents(api);
    const known = new Map(before.map((event) => [event.id, event]));
    for (const event of events) if (known.has(event.id)) assert.deepEqual(event, known.get(event.id), "one id, one fact");
    const isNew = events.filter(({ id }) => !known.has(id));
    const newestBefore = Math.max(...before.map(({ data }) => data.sequence));
    assert.ok(
      isNew.every(({ data }) => data.sequence > newestBefore),
      "a position was used again",
    );
    assert.equal(isNew.filter(({ type }) => type === "message.accepted").length, 10);
    const missing = () => {
      const streamed = new Set(stream.events.map(({ id }) => id));
      return isNew.filter(({ id }) => !streamed.has(id)).length;
    };
    await waitFor(() => missing() === 0, { what: "the stream to tell every new event", timeoutMs: 10_000 });
    measured(
      `${lost.length} of ${lost.length} lost messages named, ${before.length - (events.length - isNew.length)} lost events told; ${copiesOf("held").length - held.length} of ${held.length} forgotten sends were made twice, all ${held.length} flagged; ${isNew.length} new events, all with new positions`,
    );
  },
);
