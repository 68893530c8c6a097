// Fault 32, its other half: an operator pauses a relay while mail is on its way there, and forgets it for longer than some of it may wait.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { closedGate } from "../../support/gate.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startFaultGateway, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const connections = 5;

faultRow(
  {
    row: "32b",
    fault:
      "a relay is paused under load, and its worker is SIGKILLed and replaced meanwhile; mail waits for its retry, for its time and for its turn, some of it beyond its deadline",
    invariant:
      "what is under way is sent; what has another route goes by that one, once, at its time; what has none ends as `failed` at its deadline, or is sent once the relay is resumed; the paused relay gets nothing",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const replies = closedGate();
    const paused = await startScriptedRelay({
      onRcpt: ({ address }) => (address.startsWith("retry") ? "450 4.2.1 Later" : undefined),
      onData: () => ({ until: replies.opened }),
    });
    atEnd(paused.stop);
    const other = await startScriptedRelay();
    atEnd(other.stop);
    const options = {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        timeouts: { owner_lease: "2s" },
        retry: { schedule: ["1s"] },
        relays: {
          first: { host: "127.0.0.1", port: paused.port, tls: "none", connections },
          second: { host: "127.0.0.1", port: other.port, tls: "none" },
        },
        routes: [{ to_domain: "only.test", relays: ["first"] }, { relays: ["first", "second"] }],
      },
    };
    const [{ gateway: api, webhook }, worker] = await Promise.all([
      startWatched(atEnd, { ...options, args: ["--role", "api"] }),
      startFaultGateway(atEnd, { ...options, args: ["--role", "worker"] }),
    ]);
    const many = <Made>(count: number, make: (index: number) => Made) => Array.from({ length: count }, (_, index) => make(index));
    const retries = many(10, (index) => testMessage(`retry-${index}`, `retry${index}@both.test`));
    const receipts = (await sendEach(api, retries)).map(({ id }) => id);
    const tried = () => paused.connections.flatMap(({ commands }) => commands).filter((line) => line.startsWith("RCPT")).length;
    await waitFor(() => tried() >= retries.length, { what: "mail to wait for its retry", timeoutMs: 20_000, everyMs: 5 });

    const underWay = many(connections, (index) => testMessage(`way-${index}`, `way${index}@only.test`));
    receipts.push(...(await sendEach(api, underWay)).map(({ id }) => id));
    const atTheDot = () => paused.accepted.length === connections;
    await waitFor(atTheDot, { what: "every connection to await its last reply", timeoutMs: 20_000, everyMs: 5 });
    const later = new Date(Date.now() + 10_000).toISOString();
    const waiting = [
      ...many(20, (index) => testMessage(`both-${index}`, [`a${index}@both.test`, `b${index}@both.test`])),
      ...many(5, (index) => testMessage(`scheduled-${index}`, `s${index}@both.test`, { send_at: later })),
      ...many(5, (index) => testMessage(`short-${index}`, `short${index}@only.test`, { expires_after: "5s" })),
      ...many(5, (index) => testMessage(`named-${index}`, `n${index}@both.test`, { relay: "first", expires_after: "5s" })),
      ...many(5, (index) => testMessage(`long-${index}`, `long${index}@only.test`)),
    ];
    receipts.push(...(await sendEach(api, waiting)).map(({ id }) => id));
    assert.equal((await api.post("/v1/relays/first/pause")).status, 200);
    // The replies come once the worker knows, so that it takes nothing more.
    const isKnown = () => other.accepted.length > 0;
    await waitFor(isKnown, { what: "mail to take the other relay", timeoutMs: 20_000, everyMs: 5 });
    replies.open();
    const ids = new Set(receipts);
    const countOf = async (status: string) => {
      const { body } = await api.get<{ data: { id: string }[] }>(`/v1/messages?status=${status}&limit=100`);
      return body.data.filter(({ id }) => ids.has(id)).length;
    };
    // Killed in the middle of a send, it would leave a doubt, which another row is about.
    const isQuiet = async () => other.accepted.length === 30 && (await countOf("sending")) === 0;
    await waitFor(isQuiet, { what: "nothing to be under way", timeoutMs: 20_000, everyMs: 20 });
    worker.kill("SIGKILL");
    await worker.exited;
    await startFaultGateway(atEnd, { ...options, args: ["--role", "worker"] });
    const takenBefore = paused.accepted.length;
    const namedBefore = tried();
    await waitFor(async () => (await countOf("failed")) === 10, { what: "deadlines to pass", timeoutMs: 30_000, everyMs: 20 });
    const allElsewhere = () => other.accepted.length === 35;
    await waitFor(allElsewhere, { what: "everything else to take the other relay", timeoutMs: 30_000, everyMs: 20 });
    assert.deepEqual([paused.accepted.length, tried()], [takenBefore, namedBefore], "the paused relay got something");
    assert.equal((await api.post("/v1/relays/first/resume")).status, 200);

    const mails = () => [...paused.accepted, ...other.accepted];
    const accounts = await settleAccounts({ gateway: api, webhook, receipts, mails });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    let lateMsMax = 0;
    for (const { subject, recipients, expires_at } of accounts.messages) {
      for (const { status, relay, category, updated_at } of recipients) {
        if (/short|named/.test(subject)) {
          assert.deepEqual([status, category], ["failed", "expired"], subject);
          const lateMs = Date.parse(updated_at) - Date.parse(expires_at);
          // The worker that died may have been the one that looks after deadlines: another does once its lease of 5 s is over.
          assert.ok(lateMs >= 0 && lateMs < 10_000, `${subject} failed ${lateMs} ms after its deadline`);
          lateMsMax = Math.max(lateMsMax, lateMs);
        } else assert.deepEqual([status, relay], ["sent", /way|long/.test(subject) ? "first" : "second"], subject);
        if (subject.includes("scheduled")) assert.ok(updated_at >= later, `${subject} was sent at ${updated_at}, before its time`);
      }
    }
    measured(
      `${accounts.inWords}; ${other.accepted.length} mails by the other relay, 10 failed at most ${lateMsMax} ms after their deadline`,
    );
  },
);
