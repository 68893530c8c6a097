// The setting for those whose Redis syncs once a second: a receipt waits until its write is on the disk.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { inParallel, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, postOne, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();
const isUnknown = (await redis.command("WAITAOF", "0", "0", "0")).startsWith("-ERR unknown command");

faultRow(
  {
    row: "27c",
    fault:
      "with `durability: { wait_fsync: true }` and `appendfsync everysec`: the disk confirms nothing any more, under load; then it does again",
    invariant:
      "202 only for what is on the disk: 503 with Retry-After within 2 s meanwhile, reads go on, /readyz says why; mail is taken again without anybody's help",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    assert.equal(await redis.command("CONFIG", "SET", "appendfsync", "everysec"), "+OK");
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const gateway = await startGateway({
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
      config: "durability: { wait_fsync: true, wait_timeout: 1200ms }",
    });
    atEnd(() => gateway.stop());
    const books = openBooks();
    const rush = startRush({ gateway, books, name: "synced", clients: 50 });
    await rush.untilReceipts(150);

    // Redis writes its file as before and never syncs it: what a disk that hangs looks like from here.
    assert.equal(await redis.command("CONFIG", "SET", "appendfsync", "no"), "+OK");
    await waitFor(() => books.refused.size > 0, { what: "requests to be refused", timeoutMs: 20_000 });
    await rush.stop();
    const receiptsThen = books.receipts.size;
    await inParallel(100, 20, (index) => postOne(gateway, books, testMessage(`late-${index}`, `late-${index}@example.net`)));
    assert.equal(books.receipts.size, receiptsThen, "202 was answered for what is on no disk");
    type Readiness = { checks: { durability: { ok: boolean; problems: string[] } } };
    const { checks } = (await gateway.get<Readiness>("/readyz")).body;
    assert.match(checks.durability.problems.join(), /writes are not confirmed by the disk/);
    assert.equal((await gateway.get("/v1/messages")).status, 200, "reads go on");

    assert.equal(await redis.command("CONFIG", "SET", "appendfsync", "everysec"), "+OK");
    const syncedAt = performance.now();
    const isTaken = async () => (await postOne(gateway, books, testMessage("again", "again@example.net"))).status === 202;
    await waitFor(isTaken, { what: "a 202, which needs nobody's help", timeoutMs: 20_000, everyMs: 50 });
    const recoveredMs = performance.now() - syncedAt;
    const accounts = await settleAccounts({ gateway, receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${books.receipts.size} receipts, ${books.refused.size} times 503, slowest answer ${Math.round(books.slowestMs)} ms; 202 again ${Math.round(recoveredMs)} ms after the disk; ${accounts.inWords}`,
    );
  },
  { skip: isUnknown && "this Redis has no WAITAOF, which came with 7.2" },
);
