// Fault 15: the relay has closed a connection that idled in the pool, and we find out only when the next mail is to go over it.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { allSettled, sendEach, testMessage } from "../../support/mailing.ts";
import { asRoot, passedOn, startPostfix } from "../../support/postfix.ts";
import { startProxy } from "../../support/proxy.ts";
import { sharedRedis } from "../../support/redis.ts";
import { type Step, startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const rounds = 4;
const atOnce = 5;

faultRow(
  {
    row: "15",
    fault: "the relay closes idle pooled connections: by 421, FIN or RST, before the next mail or just as it begins",
    invariant: "invisible: every mail is sent at its first attempt, once",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    /** Serves one mail on each connection, and ends it as the second begins. */
    const startOneMailRelay = async (step: Step) => {
      const relay = await startScriptedRelay({
        onCommand: ({ verb, connection }) =>
          verb === "MAIL" && connection.commands.filter((line) => line.startsWith("MAIL")).length > 1 ? step : undefined,
      });
      atEnd(relay.stop);
      return relay;
    };
    const leaves = await startOneMailRelay("421 4.4.2 idle for too long");
    const cuts = await startOneMailRelay({ cut: true });
    const closes = await startScriptedRelay();
    atEnd(closes.stop);
    const behindProxy = await startSink();
    atEnd(behindProxy.stop);
    const proxy = await startProxy({ target: behindProxy });
    atEnd(proxy.stop);
    const sink = await startSink();
    atEnd(sink.stop);
    const postfix = asRoot.skip ? undefined : await startPostfix({ deliverTo: sink, settings: { smtpd_timeout: "1s" } });
    if (postfix) atEnd(postfix.stop);

    const relays = { leaves, cuts, closes, proxy, ...(postfix && { postfix }) };
    const names = Object.keys(relays);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        ...relayForEachDomain(Object.fromEntries(Object.entries(relays).map(([name, { port }]) => [name, { port, connections: atOnce }]))),
        retry: { schedule: ["1h"] },
      },
    });
    const receipts: string[] = [];
    for (let round = 1; round <= rounds; round++) {
      const messages = names.flatMap((name) =>
        Array.from({ length: atOnce }, (_, index) => testMessage(`${name}-${round}-${index}`, `r${round}.${index}@${name}.test`)),
      );
      const ids = (await sendEach(gateway, messages)).map(({ id }) => id);
      receipts.push(...ids);
      await allSettled(gateway, ids);
      if (round === rounds) break;
      closes.closeConnections();
      proxy.cut();
      if (!postfix) continue;
      const timedOut = async () => {
        const log = await postfix.log();
        const count = (what: RegExp) => log.match(what)?.length ?? 0;
        return count(/smtpd\[\d+\]: connect from/g) === count(/smtpd\[\d+\]: disconnect from/g);
      };
      await waitFor(timedOut, { what: "Postfix to close every idle connection", timeoutMs: 30_000, everyMs: 50 });
    }
    const mails = async () => [
      ...[leaves, cuts, closes].flatMap(({ accepted }) => accepted),
      ...(await behindProxy.received()),
      ...(postfix ? await passedOn(sink, rounds * atOnce) : []),
    ];
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    for (const { address, status, attempts, copies, flagged } of accounts.recipients) {
      assert.deepEqual({ status, attempts, copies, flagged }, { status: "sent", attempts: 1, copies: 1, flagged: false }, address);
    }
    assert.deepEqual(new Set(accounts.events.map(({ type }) => type)), new Set(["message.accepted", "message.sent"]));
    if (postfix) assert.match(await postfix.log(), /timeout after/);
    for (const [name, relay] of Object.entries({ leaves, cuts })) {
      assert.ok(
        relay.connections.some(({ commands }) => commands.at(-1)?.startsWith("MAIL")),
        `${name} ended no connection under a mail`,
      );
    }
    measured(`${accounts.inWords}, all at their first attempt`);
  },
);
