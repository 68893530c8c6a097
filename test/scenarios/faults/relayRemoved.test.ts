// Fault 32: a relay is taken out of the configuration while its mail still waits.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { freePort } from "../../support/freePort.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startFaultGateway, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const retry = { schedule: ["1h"] };
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

faultRow(
  {
    row: "32",
    fault:
      "a relay is gone from the configuration after a restart: mail waits for its retry, for its time, and for no other relay than that one",
    invariant: "what has another route goes by that one, once, at its time; what has none ends as `failed` at its deadline, and says so",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sink = await startSink();
    atEnd(sink.stop);
    const env = { REDIS_URL: redis.freshUrl() };
    const old = { host: "127.0.0.1", port: await freePort(), tls: "none" };
    const first = await startWatched(atEnd, { env, config: { retry, relays: { old } } });
    const many = <Made>(count: number, make: (index: number) => Made) => Array.from({ length: count }, (_, index) => make(index));
    const later = inSeconds(12);
    const waiting = many(20, (index) => testMessage(`waiting-${index}`, [`a${index}@moved.test`, `b${index}@moved.test`]));
    const scheduled = many(5, (index) => testMessage(`scheduled-${index}`, `s${index}@moved.test`, { send_at: later }));
    const homeless = many(5, (index) => testMessage(`homeless-${index}`, `h${index}@other.test`, { expires_after: "12s" }));
    const named = many(5, (index) => testMessage(`named-${index}`, `n${index}@moved.test`, { relay: "old", expires_after: "12s" }));
    const receipts = (await sendEach(first.gateway, [...waiting, ...scheduled, ...homeless, ...named])).map(({ id }) => id);
    const tried = async () => {
      const { body } = await first.gateway.get<{ data: MessageView[] }>("/v1/messages?status=deferred&limit=100");
      return body.data.length > 0;
    };
    await waitFor(tried, { what: "mail to wait for the old relay", timeoutMs: 30_000, everyMs: 50 });
    await first.gateway.stop();

    const gateway = await startFaultGateway(atEnd, {
      env: { ...env, POSTERN_API_KEY: first.gateway.apiKey },
      config: {
        retry,
        relays: { new: { host: "127.0.0.1", port: sink.port, tls: "none" } },
        routes: [{ to_domain: "moved.test", relays: ["new"] }],
      },
    });
    const accounts = await settleAccounts({ gateway, webhook: first.webhook, receipts, mails: sink.received });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    let lateMsMax = 0;
    for (const { subject, recipients, expires_at } of accounts.messages) {
      for (const { status, relay, category, updated_at, advice } of recipients) {
        if (/waiting|scheduled/.test(subject)) {
          assert.deepEqual([status, relay], ["sent", "new"], subject);
          if (subject.includes("scheduled")) assert.ok(updated_at >= later, `${subject} was sent at ${updated_at}, before its time`);
          continue;
        }
        assert.deepEqual([status, category], ["failed", "expired"], subject);
        assert.match(advice ?? "", /\w+ \w+/);
        const lateMs = Date.parse(updated_at) - Date.parse(expires_at);
        assert.ok(lateMs >= 0 && lateMs < 5_000, `${subject} failed ${lateMs} ms after its deadline`);
        lateMsMax = Math.max(lateMsMax, lateMs);
      }
    }
    const failed = accounts.recipients.filter(({ status }) => status === "failed").length;
    measured(
      `${accounts.inWords}; ${accounts.recipients.length - failed} by the new relay, ${failed} failed at most ${lateMsMax} ms after their deadline`,
    );
  },
);
