// A message gets a new time, and the API dies before the queue hears of it: only the ledger knows.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startApiBehindProxy } from "../../support/installation.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";

const redis = await sharedRedis();

/** How late a mail may be: the machine is busy with other tests. */
const lateMsMax = 3_000;

faultRow(
  {
    row: "31",
    fault: "the API is SIGKILLed between a new `send_at` in the ledger and its wake-up in the queue",
    invariant: "each message is sent once, at its new time, be it earlier or later than the old one",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { api, proxy, relay, start } = await startApiBehindProxy(atEnd, redis);
    const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    const scheduled = (name: string, send_at: string) =>
      Array.from({ length: 5 }, (_, index) => testMessage(`${name}-${index}`, `${name}-${index}@example.net`, { send_at }));
    // Two old times: one that is over before the new one comes, and one that nobody would wait for.
    const accepted = await sendEach(api, [...scheduled("later", inMs(4_000)), ...scheduled("earlier", inMs(3_600_000))]);

    const lost = proxy.dropRequestsFrom(":relay-default:");
    const newTime = inMs(9_000);
    for (const { id } of accepted) {
      const { status, body } = await api.request<MessageView>("PATCH", `/v1/messages/${id}`, { body: { send_at: newTime } });
      assert.deepEqual([status, body.send_at], [200, newTime]);
    }
    api.kill("SIGKILL");
    await api.exited;
    assert.ok(lost.seen() > 0, "the wake-ups were really lost");
    assert.equal(relay.accepted.length, 0);
    const accounts = await settleAccounts({
      gateway: await start("api"),
      receipts: accepted.map(({ id }) => id),
      mails: () => relay.accepted,
    });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    const lateMs = relay.accepted.map(({ at }) => at - Date.parse(newTime));
    assert.ok(Math.min(...lateMs) >= 0 && Math.max(...lateMs) <= lateMsMax, `sent ${lateMs.join(", ")} ms after the new time`);
    measured(`${accepted.length} given a new time, sent ${Math.min(...lateMs)} to ${Math.max(...lateMs)} ms after it; ${accounts.inWords}`);
  },
);
