// What a caller was told has failed must not happen behind its back: it may have asked again, or have given up.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import type { Gateway } from "../../support/gateway.ts";
import { startApiBehindProxy } from "../../support/installation.ts";
import { eventsOf, inParallel, sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, startRush } from "../../support/rush.ts";

const redis = await sharedRedis();

/** How long requests to Redis are held, around the 0.9 s after which a command has failed, and how the holding ends. */
const holds = [
  ...[800, 1_100, 880, 1_000, 1_300].map((ms) => ({ ms, end: "resume" as const })),
  ...[1_000, 600].map((ms) => ({ ms, end: "cut" as const })),
];

/** Callers that change messages, one after the other, each its own, and note what they were told. */
async function changeInARush(gateway: Gateway, messages: readonly MessageView[], goesOn: () => boolean) {
  const rescheduled = new Map<string, { done: number; refused: number }>();
  const cancelled = new Map<string, number>();
  const [movers, leavers] = [messages.slice(0, 4), messages.slice(4)];
  const move = async ({ id }: MessageView) => {
    const told = { done: 0, refused: 0 };
    rescheduled.set(id, told);
    for (let minutes = 61; goesOn(); minutes++) {
      const send_at = new Date(Date.now() + minutes * 60_000).toISOString();
      const { status } = await gateway.request("PATCH", `/v1/messages/${id}`, { body: { send_at } });
      told[status === 200 ? "done" : "refused"] += 1;
      assert.ok(status === 200 || status === 503, `PATCH was answered ${status}`);
      await sleep(5);
    }
  };
  const leave = async () => {
    for (let next = leavers.pop(); next && goesOn(); next = leavers.pop()) {
      cancelled.set(next.id, (await gateway.post(`/v1/messages/${next.id}/cancel`)).status);
      await sleep(100);
    }
  };
  await Promise.all([...movers.map(move), leave(), leave(), leave()]);
  return { rescheduled, cancelled };
}

faultRow(
  {
    row: "30",
    fault: "requests to Redis are stuck in a socket for 0.6 to 1.3 s, again and again under load, then passed on or cut off",
    invariant: "what was answered 503 is not carried out later: no message, no new time, no cancellation",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { api, proxy, relay } = await startApiBehindProxy(atEnd, redis);
    const send_at = new Date(Date.now() + 3_600_000).toISOString();
    const scheduled = Array.from({ length: 300 }, (_, index) => testMessage(`later-${index}`, `later-${index}@example.net`, { send_at }));
    const later = await sendEach(api, scheduled);

    const books = openBooks();
    const rush = startRush({ gateway: api, books, name: "stuck", clients: 6 });
    let goesOn = true;
    const changes = changeInARush(api, later, () => goesOn);
    for (const { ms, end } of holds) {
      await rush.untilReceipts(books.receipts.size + 30);
      proxy.holdRequests();
      await sleep(ms);
      if (end === "cut") proxy.cut();
      proxy.resume();
    }
    await rush.untilReceipts(books.receipts.size + 30);
    goesOn = false;
    await rush.stop();
    const { rescheduled, cancelled } = await changes;

    for (const [id, { done }] of rescheduled) {
      const events = (await eventsOf(api, id)).filter(({ type }) => type === "message.rescheduled");
      assert.ok(events.length === done, `${events.length} new times are told of a message that was given ${done}`);
    }
    for (const [id, status] of cancelled) {
      const { body } = await api.get<MessageView>(`/v1/messages/${id}`);
      assert.deepEqual([status, body.status], status === 200 ? [200, "cancelled"] : [503, "scheduled"]);
    }
    // All is well again: what is left can be cancelled, so that the accounts can be closed.
    await inParallel(later.length, 8, (index) => api.post(`/v1/messages/${later[index]?.id}/cancel`));
    const receipts = [...books.receipts.values(), ...later.map(({ id }) => id)];
    const accounts = await settleAccounts({ gateway: api, receipts, mails: () => relay.accepted });
    assert.equal(accounts.messages.length, receipts.length, "nothing that was answered 503 is stored");
    const refused = [...rescheduled.values()].reduce((sum, told) => sum + told.refused, 0);
    const kept = [...cancelled.values()].filter((status) => status === 503).length;
    assert.ok(books.refused.size > 0 && refused > 0 && kept > 0, "requests of each kind were really refused");
    measured(
      `answered 503: ${books.refused.size} messages, ${refused} new times, ${kept} cancellations; carried out of these: 0; ${accounts.inWords}`,
    );
  },
);
