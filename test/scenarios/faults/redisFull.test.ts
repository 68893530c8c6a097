// Redis has no memory left: filled by mail that is not sent fast enough, or from one moment to the next by somebody else.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { type AtEnd, atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { testMessage } from "../../support/mailing.ts";
import { startRedis } from "../../support/redis.ts";
import { openBooks, postOne, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const connections = 5;

/** A gateway before a relay that answers the final dot as late as it is told, and a look at what Redis itself refused. */
async function startAll(atEnd: AtEnd, maxmemory: string) {
  const redis = await startRedis({ maxmemory });
  atEnd(redis.stop);
  const pace = { replyDelayMs: 0 };
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: pace.replyDelayMs }) });
  atEnd(relay.stop);
  const client = new Redis(redis.url);
  atEnd(async () => client.disconnect());
  const gateway = await startGateway({ env: { REDIS_URL: redis.url, SMTP_URL: `${relay.url}?connections=${connections}` } });
  atEnd(() => gateway.stop());
  /** How many commands Redis has refused for want of memory. */
  const refusals = async () => Number(/^errorstat_OOM:count=(\d+)/m.exec(await client.info("errorstats"))?.[1] ?? 0);
  return { redis, pace, relay, gateway, refusals };
}

faultRow(
  {
    row: "19a",
    fault: "mail comes in faster than the relay takes it, until Redis' maxmemory is reached",
    invariant:
      "503 with Retry-After within 2 s while there is still room for what is under way, so that Redis itself refuses nothing; all that was accepted is sent; mail is taken again without anybody's help",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { pace, relay, gateway, refusals } = await startAll(atEnd, "24mb");
    pace.replyDelayMs = 2_000;
    const books = openBooks();
    const text = `${"x".repeat(70)}\n`.repeat(1_500);
    const messageOf = (testId: string) => testMessage(testId, `${testId}@example.net`, { text });
    const rush = startRush({ gateway, books, name: "full", clients: 4, messageOf });
    await waitFor(() => books.refused.size > 0, { what: "the first 503", timeoutMs: 60_000 });
    const untilFull = books.receipts.size;
    const sentByThen = relay.accepted.length;
    assert.ok(untilFull - sentByThen > 20, "there is a backlog");
    assert.equal(await refusals(), 0, "Redis refused a command: the 503 came too late");
    pace.replyDelayMs = 0;
    await rush.untilReceipts(untilFull + 100, 60_000);
    await rush.stop();
    const accounts = await settleAccounts({ gateway, receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.equal(accounts.messages.length, books.receipts.size, "what was answered 503 is not stored");
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.equal(await refusals(), 0, "Redis refused a command");
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${untilFull} messages of 105 kB until the first of ${books.refused.size} times 503, slowest answer ${Math.round(books.slowestMs)} ms; Redis refused 0 commands; ${accounts.inWords}`,
    );
  },
);

faultRow(
  {
    row: "19b",
    fault: "Redis has no byte left from one moment to the next, with sends in flight",
    invariant:
      "posts are answered 503 with Retry-After within 2 s, reads go on; nobody asks in a frenzy; once there is room, what the relay took meanwhile is recorded, and nothing is sent twice",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { redis, pace, relay, gateway, refusals } = await startAll(atEnd, "0");
    pace.replyDelayMs = 500;
    const books = openBooks();
    for (let number = 0; number < 20; number++) await postOne(gateway, books, testMessage(`before-${number}`, `b${number}@example.net`));
    const inFlight = () => relay.connections.filter(({ commands }) => commands.at(-1) === "DATA").length;
    await waitFor(() => inFlight() === connections, { what: "sends in flight", everyMs: 1, timeoutMs: 10_000 });
    await redis.command("CONFIG", "SET", "maxmemory", "1mb");
    const { status } = await postOne(gateway, books, testMessage("full", "full@example.net"));
    assert.equal(status, 503);
    assert.equal((await gateway.get("/v1/messages")).status, 200);

    const refusedBefore = await refusals();
    // In this time the relay answers what was in flight.
    const watchedMs = 3_000;
    await sleep(watchedMs);
    const refusedPerSecond = ((await refusals()) - refusedBefore) / (watchedMs / 1_000);
    // Each of the records that wait for room asks once a second, so does each part that looks for work.
    assert.ok(refusedPerSecond <= 10 * connections, `${refusedPerSecond} refused commands a second`);

    pace.replyDelayMs = 0;
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    const openedAt = Date.now();
    let tries = 0;
    const taken = async () => (await postOne(gateway, books, testMessage(`after-${tries++}`, "after@example.net"))).status === 202;
    await waitFor(taken, { what: "a 202", timeoutMs: 10_000, everyMs: 100 });
    const recoveredMs = Date.now() - openedAt;
    const accounts = await settleAccounts({ gateway, receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.equal(accounts.messages.length, books.receipts.size, "what was answered 503 is not stored");
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${connections} sends in flight recorded afterwards, ${Math.round(refusedPerSecond)} refused commands a second meanwhile, 202 again ${recoveredMs} ms after there was room; ${accounts.inWords}`,
    );
  },
);
