// Fault 10: the connection ends somewhere before the final dot. The relay cannot have the mail, so it goes again without a word of doubt.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { freePort } from "../../support/freePort.ts";
import { inParallel, sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { type Sink, startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

/** Where smtp-sink cuts, by the name of the relay: at the greeting, and after each command. */
const cuts: Record<string, string> = { greeting: "CONNECT", ehlo: "EHLO", mail: "MAIL", rcpt: "RCPT", data: "DATA" };
const messagesEach = 20;

faultRow(
  {
    row: "10",
    fault: "relays that cut at connect, greeting, EHLO, MAIL, RCPT, DATA and in the middle of the body",
    invariant: "0 duplicates, nobody flagged, everything sent once the relays are well",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sinks = new Map<string, Sink>();
    for (const [name, command] of Object.entries(cuts)) {
      const sink = await startSink({ flags: ["-q", command] });
      atEnd(sink.stop);
      sinks.set(name, sink);
    }
    const deadPort = await freePort();
    // Larger than what fits into the buffers of a connection on its way, so that the cut really meets the middle.
    const text = "A line of a long letter, of which there are many.\n".repeat(200_000);
    let bodyIsCut = true;
    const bodyCutter = await startScriptedRelay({ onBody: () => (bodyIsCut ? 100_000 : undefined) });
    atEnd(bodyCutter.stop);

    const ports = [...sinks].map(([name, { port }]) => [name, { port }] as const);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        ...relayForEachDomain({ ...Object.fromEntries(ports), connect: { port: deadPort }, body: { port: bodyCutter.port } }),
        retry: { schedule: ["200ms", "400ms"] },
      },
    });
    const messages = ["connect", ...sinks.keys()].flatMap((name) =>
      Array.from({ length: messagesEach }, (_, index) =>
        testMessage(`${name}-${index}`, [`a${index}@${name}.test`, `b${index}@${name}.test`]),
      ),
    );
    messages.push(testMessage("body-0", ["a@body.test", "b@body.test"], { text }));
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);

    const cutThrice = async () => {
      const looks = await inParallel(
        receipts.length,
        8,
        async (index) => (await gateway.get<MessageView>(`/v1/messages/${receipts[index]}`)).body,
      );
      const cutOff = new Map<string, number>();
      for (const [{ address, attempts, status }] of looks.map(({ recipients }) => recipients as [MessageView["recipients"][number]])) {
        const name = address.replace(/^.*@(.*)\.test$/, "$1");
        cutOff.set(name, (cutOff.get(name) ?? 0) + (status === "sending" ? attempts - 1 : attempts));
      }
      return [...cutOff.values()].every((count) => count >= 3);
    };
    await waitFor(cutThrice, { what: "every relay to have cut three times", timeoutMs: 30_000, everyMs: 100 });
    bodyIsCut = false;
    for (const [name, { port }] of [...sinks, ["connect", { port: deadPort }] as const]) {
      await sinks.get(name)?.stop();
      const sink = await startSink({ port });
      atEnd(sink.stop);
      sinks.set(name, sink);
    }

    const mails = async () => [...(await Promise.all([...sinks.values()].map((sink) => sink.received()))).flat(), ...bodyCutter.accepted];
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.ok(accounts.recipients.every(({ status }) => status === "sent"));
    const deferred = accounts.events.filter(({ type }) => type === "message.deferred");
    assert.ok(
      deferred.every(({ data }) => data.category === "unreachable" && data.hard_bounce === false && data.advice),
      "each cut is said to be the relay's",
    );
    const [body] = bodyCutter.accepted;
    assert.equal(body?.raw.length, accounts.messages.find(({ subject }) => subject === "Test body-0")?.size, "the whole body");
    measured(`${accounts.inWords}, ${deferred.length} times put off`);
  },
);
