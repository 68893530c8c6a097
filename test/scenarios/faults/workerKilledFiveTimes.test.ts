// A message whose workers die, one after the other: what could not have been handed over is no doubt, and what could, ends.
import assert from "node:assert/strict";
import { type AtEnd, atEndOf } from "../../support/atEnd.ts";
import { type RecipientAccount, settleAccounts } from "../../support/faultAccounts.ts";
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
    const cases = (["before", "after"] as const).flatMap((when) => (["resend", "hold"] as const).map((policy) => ({ when, policy })));
    // Each in an installation of its own: what was under way at two deaths is tried again by itself, and here nothing else is to wait for it.
    const found = await Promise.all(cases.map(({ when, policy }) => killAgainAndAgain(atEnd, when, policy)));
    assert.deepEqual(found, [
      // The first attempt of most messages says nothing before its dot, so that one kill leaves a doubt; the others do not.
      { status: "sent", attempts: kills + 1, flagged: true, copies: 1 },
      { status: "sent", attempts: kills + 1, flagged: false, copies: 1 },
      { status: "unknown", attempts: 3, flagged: true, copies: 3 },
      { status: "unknown", attempts: 1, flagged: true, copies: 1 },
    ]);
    measured(`before the dot: 1 copy after ${kills} kills; after it: 3 copies, then unknown; held: 1 copy, then unknown`);
  },
);

/** Sends one message to a relay that falls silent before or after its dot, and kills the worker there as long as it tries. */
async function killAgainAndAgain(atEnd: AtEnd, when: "before" | "after", policy: "resend" | "hold") {
  let killsLeft = kills;
  let reached = 0;
  const hang = () => {
    if (killsLeft === 0) return undefined;
    reached += 1;
    return { hang: true, store: true };
  };
  const relay = await startScriptedRelay(when === "before" ? { onRcpt: hang } : { onData: hang });
  atEnd(relay.stop);
  // The shortest lease: every round waits for one.
  const start = installationOf(atEnd, {
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
    config: "timeouts: { owner_lease: 1s }",
  });
  const api = await start("api");
  const [accepted] = await sendEach(api, [testMessage(`${when}-${policy}`, `${when}.${policy}@example.net`, { on_doubt: policy })]);
  const id = accepted?.id ?? "";
  const isOpen = async () => (await api.get<{ status: string }>(`/v1/messages/${id}`)).body.status === "in_progress";
  for (let kill = 1; kill <= kills; kill++) {
    const worker = await start("worker");
    await waitFor(async () => reached === kill || !(await isOpen()), { what: `transaction ${kill}`, timeoutMs: 60_000, everyMs: 20 });
    // It ended as unknown: nobody tries it again.
    if (reached < kill) break;
    worker.kill("SIGKILL");
    await worker.exited;
    killsLeft -= 1;
  }
  if (killsLeft === 0) await start("worker");
  const { recipients } = await settleAccounts({ gateway: api, receipts: [id], mails: () => relay.accepted });
  const { status, attempts, flagged, copies } = recipients[0] as RecipientAccount;
  return { status, attempts, flagged, copies };
}
