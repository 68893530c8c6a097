// Redis cannot be reached, in the two ways in which that happens: nobody is there, or nobody answers.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { type FaultRow, faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { inParallel, testMessage } from "../../support/mailing.ts";
import { startProxy, type TcpProxy } from "../../support/proxy.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, postOne } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();

const answerMsMax = 2_000;
const invariant = "writes and reads are answered 503 with Retry-After within 2 s; none of it is sent; it recovers without a restart";

const faults: (Omit<FaultRow, "invariant"> & { begin(proxy: TcpProxy): Promise<void>; end(proxy: TcpProxy): Promise<void> })[] = [
  {
    row: "3",
    fault: "Redis refuses connections",
    begin: async (proxy) => {
      await proxy.refuse();
      proxy.cut();
    },
    end: (proxy) => proxy.accept(),
  },
  {
    row: "3b",
    fault: "Redis is black-holed: connections stay, and nothing is answered",
    begin: async (proxy) => proxy.pause(),
    end: async (proxy) => proxy.resume(),
  },
];

/** What a caller may ask beside a new message. */
const requestsAbout = (id: string): [method: string, path: string, body?: unknown][] => [
  ["GET", "/v1/messages"],
  ["GET", `/v1/messages/${id}`],
  ["GET", `/v1/messages/${id}/events`],
  ["GET", `/v1/messages/${id}/attempts`],
  ["GET", `/v1/messages/${id}/content`],
  ["GET", "/v1/events"],
  ["GET", "/v1/webhooks"],
  ["GET", "/v1/keys"],
  ["GET", "/v1/relays"],
  ["POST", `/v1/messages/${id}/cancel`],
  ["POST", `/v1/messages/${id}/retry`],
  ["PATCH", `/v1/messages/${id}`, { send_at: new Date(Date.now() + 60_000).toISOString() }],
  ["POST", "/v1/messages/batch", { messages: [testMessage("batch", "batch@example.net")] }],
  ["POST", "/v1/webhooks", { url: "https://example.com/hook", events: ["*"] }],
  ["POST", "/v1/keys", { name: "late", scopes: ["send"] }],
];

for (const { begin, end, ...row } of faults) {
  faultRow({ ...row, invariant }, async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const proxy = await startProxy({ target: { port: redis.port } });
    atEnd(proxy.stop);
    const env = { REDIS_URL: redis.freshUrl().replace(`:${redis.port}`, `:${proxy.port}`), SMTP_URL: relay.url };
    const gateway = await startGateway({ env });
    atEnd(() => gateway.stop());
    const books = openBooks();
    const post = (testId: string) => postOne(gateway, books, testMessage(testId, `${testId}@example.net`));
    await inParallel(20, 4, (index) => post(`before-${index}`));
    const id = books.receipts.get("before-0") ?? "";
    await gateway.messageSettled(id);

    await begin(proxy);
    const others = requestsAbout(id);
    let slowestMs = 0;
    for (const wave of ["first", "second", "third"]) {
      const posts = Array.from({ length: 8 }, (_, index) => post(`${wave}-${index}`));
      const requests = others.map(async ([method, path, body]) => {
        const startedAt = performance.now();
        const { status, headers } = await gateway.request(method, path, { body });
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
        assert.equal(status, 503, `${method} ${path}`);
        assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/, `${method} ${path}`);
      });
      await Promise.all([...posts, ...requests]);
    }
    slowestMs = Math.max(slowestMs, books.slowestMs);
    assert.equal(books.refused.size, 24, "no message was accepted meanwhile");
    assert.ok(slowestMs <= answerMsMax, `an answer took ${Math.round(slowestMs)} ms`);

    await end(proxy);
    const endedAt = performance.now();
    let tries = 0;
    const isTaken = async () => (await post(`after-${tries++}`)).status === 202;
    await waitFor(isTaken, { what: "a 202, which needs nobody's help", timeoutMs: 10_000, everyMs: 50 });
    const recoveredMs = performance.now() - endedAt;
    const accounts = await settleAccounts({ gateway, receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.equal(accounts.messages.length, books.receipts.size, "nothing that was answered 503 is stored");
    const told = `${3 * (others.length + 8)} requests answered 503, the slowest after ${Math.round(slowestMs)} ms`;
    measured(`${told}; 202 again ${Math.round(recoveredMs)} ms after the end of the fault; ${accounts.inWords}`);
  });
}
