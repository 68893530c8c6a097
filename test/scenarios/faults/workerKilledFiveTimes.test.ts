// A message whose workers die, one after the other: what could not have been handed over is no doubt, and what could, ends.
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

const kills = 5;

faultRow(
  {
    row: "7",
    fault: `the worker is SIGKILLed ${kills} times on one message, each time before the final dot, or each time after it`,
    invariant: "before the dot it is sent once; after the dot there are three copies at most, then it is `unknown`",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    let killsLeft = kills;
    let before = 0;
    const relay = await startScriptedRelay({
      onRcpt: ({ address }) => {
        if (killsLeft === 0 || !address.startsWith("before")) return undefined;
        before += 1;
        return { hang: true };
      },
      onData: ({ to }) => (to[0]?.startsWith("after") ? { hang: true, store: true } : undefined),
    });
    atEnd(relay.stop);
    // The shortest lease: every round waits for one.
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
      config: "timeouts: { owner_lease: 1s }",
    });
    const api = await start("api");
    const messages = ["before", "after"].flatMap((when) =>
      (["resend", "hold"] as const).map((on_doubt) => testMessage(`${when}-${on_doubt}`, `${when}.${on_doubt}@example.net`, { on_doubt })),
    );
    const accepted = await sendEach(api, messages);
    const copies = (address: string) => relay.accepted.filter(({ to }) => to[0] === `${address}@example.net`).length;
    for (let kill = 1; kill <= kills; kill++) {
      const worker = await start("worker");
      // Both messages that hang before the dot, and those that hang after it while they may still be sent again.
      const inTheMiddle = () => before === 2 * kill && copies("after.resend") === Math.min(kill, 3) && copies("after.hold") === 1;
      await waitFor(inTheMiddle, { what: `transaction ${kill} of each message`, timeoutMs: 30_000, everyMs: 1 });
      worker.kill("SIGKILL");
      await worker.exited;
      killsLeft -= 1;
    }
    await start("worker");
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    const found = Object.fromEntries(
      accounts.recipients.map(({ address, status, attempts, flagged, copies }) => [
        address.replace("@example.net", ""),
        { status, attempts, flagged, copies },
      ]),
    );
    assert.deepEqual(found, {
      // The first attempt of most messages says nothing before its dot, so that one kill leaves a doubt; the others do not.
      "before.resend": { status: "sent", attempts: kills + 1, flagged: true, copies: 1 },
      "before.hold": { status: "sent", attempts: kills + 1, flagged: false, copies: 1 },
      "after.resend": { status: "unknown", attempts: 3, flagged: true, copies: 3 },
      "after.hold": { status: "unknown", attempts: 1, flagged: true, copies: 1 },
    });
    measured(
      `before the dot: 1 copy after ${kills} kills; after it: 3 copies, then unknown; held: 1 copy, then unknown; ${accounts.inWords}`,
    );
  },
);
