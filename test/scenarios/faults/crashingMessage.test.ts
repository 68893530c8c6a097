// Fault 29, its other half: a message at which the worker dies, every time. Those that are under way beside it must not pay for it.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import type { Gateway } from "../../support/gateway.ts";
import { sendBatches, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startFaultGateway, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const config = { timeouts: { owner_lease: "2s" }, retry: { schedule: ["500ms"] } };

faultRow(
  {
    row: "29b",
    fault: "a message that kills its worker at every attempt, just when its neighbours await the relay's late answer to their final dot",
    invariant: "every neighbour is sent, with three copies at most; none ends as `unknown`; the message itself is settled by its deadline",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    let worker: Gateway | undefined;
    let deaths = 0;
    const relay = await startScriptedRelay({
      onRcpt: ({ address }) => {
        if (!address.startsWith("deadly")) return undefined;
        // The worker dies of it when the others' dots have left, and before they are answered.
        setTimeout(() => worker?.kill("SIGKILL"), 700);
        return { hang: true };
      },
      onData: () => ({ delayMs: deaths < 3 ? 1_500 : 0 }),
    });
    atEnd(relay.stop);
    const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=20` };
    const { gateway: api, webhook } = await startWatched(atEnd, { env, config, args: ["--role", "api"] });
    const neighbours = Array.from({ length: 6 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
    const deadly = testMessage("deadly", "deadly@example.net", { expires_after: "35s" });
    const receipts = await sendBatches(api, [...neighbours.slice(0, 3), deadly, ...neighbours.slice(3)]);

    // What an orchestrator does: the next worker for every one that died.
    let isOver = false;
    const supervision = (async () => {
      while (!isOver) {
        worker = await startFaultGateway(atEnd, { env, config, args: ["--role", "worker"] });
        if (isOver) worker.kill("SIGTERM");
        if ((await worker.exited).signal === "SIGKILL") deaths += 1;
      }
    })();
    const accounts = await settleAccounts({ gateway: api, webhook, receipts, mails: () => relay.accepted, timeoutMs: 120_000 }).finally(
      () => {
        isOver = true;
        worker?.kill("SIGTERM");
      },
    );
    await supervision;
    // The third is the one that nobody else may be with.
    assert.ok(deaths >= 3, `${deaths} workers died`);
    for (const account of accounts.recipients) {
      if (account.address.startsWith("deadly")) assert.equal(account.copies, 0);
      else assert.equal(account.status, "sent", JSON.stringify(account));
    }
    const [late] = accounts.messages.filter(({ subject }) => subject === "Test deadly");
    const lateMs = Date.parse(late?.recipients[0]?.updated_at ?? "") - Date.parse(late?.expires_at ?? "");
    // It may be under way at its deadline, in the hands of a worker that died: until the lease is over.
    assert.ok(lateMs < 10_000, `it was settled ${lateMs} ms after its deadline`);
    measured(`${accounts.inWords}; ${deaths} workers died of it, and it ended as \`${late?.recipients[0]?.status}\``);
  },
);
