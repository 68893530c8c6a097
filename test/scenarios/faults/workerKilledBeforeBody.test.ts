// A worker dies in the middle of a transaction whose body never left: the relay cannot have the mail.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { installationOf } from "../../support/installation.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();

const perPolicy = 10;

faultRow(
  {
    row: "5",
    fault: "a worker is SIGKILLed with transactions under way at RCPT and DATA, before any body",
    invariant: "each is sent once by another worker, also those that may not be sent twice (`on_doubt: hold`)",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const hanging = { RCPT: 0, DATA: 0 };
    let hangs = true;
    // The first half of the connections hangs at RCPT, the other at DATA.
    const relay = await startScriptedRelay({
      onCommand: ({ verb, connection }) => {
        if (!hangs || verb !== (connection.number % 2 === 0 ? "RCPT" : "DATA")) return undefined;
        hanging[verb] += 1;
        return { hang: true };
      },
    });
    atEnd(relay.stop);
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=${2 * perPolicy}` },
      config: "timeouts: { owner_lease: 2s }",
    });
    const [api, worker] = await Promise.all([start("api"), start("worker")]);
    const messages = (["resend", "hold"] as const).flatMap((on_doubt) =>
      Array.from({ length: perPolicy }, (_, index) =>
        testMessage(`${on_doubt}-${index}`, `${on_doubt}-${index}@example.net`, { on_doubt }),
      ),
    );
    const accepted = await sendEach(api, messages);
    const allHang = () => hanging.RCPT + hanging.DATA === messages.length;
    await waitFor(allHang, { what: "every transaction to hang", timeoutMs: 20_000, everyMs: 1 });
    worker.kill("SIGKILL");
    await worker.exited;
    assert.equal(relay.accepted.length, 0);
    hangs = false;
    await start("worker");
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    assert.deepEqual(accounts.doubled, []);
    assert.deepEqual(new Set(accounts.recipients.map(({ status }) => status)), new Set(["sent"]));
    const holding = accounts.flagged.filter(({ address }) => address.startsWith("hold"));
    assert.deepEqual(holding, [], "what says so before its final dot is in no doubt without having said it");
    measured(`${hanging.RCPT} killed at RCPT, ${hanging.DATA} at DATA; ${accounts.inWords}`);
  },
);
