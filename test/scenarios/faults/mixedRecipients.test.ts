// Fault 12: a relay that takes some recipients of a message and not others. Each has its own fate, and who was taken is never sent to again.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { eventsOf, sendEach, testMessage } from "../../support/mailing.ts";
import { asRoot, passedOn, startPostfix } from "../../support/postfix.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startSink } from "../../support/sink.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

/** What the relay says to a recipient, by its name and how often it was asked. */
function replyTo(address: string, attempt: number): string | undefined {
  if (address.startsWith("gone")) return `550 5.1.1 <${address}>: Recipient address rejected: User unknown`;
  if (address.startsWith("full") && attempt <= 2) return "450 4.2.2 The mailbox is full";
  if (address.startsWith("grey") && attempt === 1) return "451 4.7.1 Greylisted, come back later";
  return undefined;
}

/** Up to nine recipients of all kinds, another mixture in every message. */
function mixture(message: number): string[] {
  const kinds = ["fine", "full", "gone", "grey", "fine"];
  return Array.from(
    { length: 1 + (message % 9) },
    (_, index) => `${kinds[(message + index * (1 + (message % 4))) % 5]}${index}.m${message}@example.net`,
  );
}

faultRow(
  {
    row: "12a",
    fault: "recipients of one message answered with 250, 450, 451 and 550, mixed",
    invariant: "each gets its own outcome with the relay's words; only those put off are tried again; nobody gets two copies",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay({ onRcpt: ({ address, attempt }) => replyTo(address, attempt) });
    atEnd(relay.stop);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
      config: { retry: { schedule: ["200ms"] } },
    });
    const named = ["fine@example.net", "full@example.net", "gone@example.net"];
    const messages = [testMessage("named", named), ...Array.from({ length: 60 }, (_, index) => testMessage(`m${index}`, mixture(index)))];
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    const expected: Record<string, unknown> = {
      fine: { status: "sent", attempts: 1, copies: 1 },
      grey: { status: "sent", attempts: 2, copies: 1 },
      full: { status: "sent", attempts: 3, copies: 1 },
      gone: { status: "bounced", attempts: 1, copies: 0 },
    };
    for (const { address, status, attempts, copies } of accounts.recipients) {
      assert.deepEqual({ status, attempts, copies }, expected[address.slice(0, 4)], address);
    }
    // Who was taken or refused is not even named to the relay again.
    const namedOnce = relay.connections.flatMap(({ commands }) => commands).filter((line) => /^RCPT TO:<(fine|gone)/.test(line));
    assert.equal(namedOnce.length, accounts.recipients.filter(({ address }) => /^(fine|gone)/.test(address)).length);

    const message = accounts.messages.at(-1) as MessageView;
    assert.equal(message.status, "partial");
    const [fine, full, gone] = message.recipients;
    assert.deepEqual(fine?.reply, { code: 250, enhanced: "2.0.0", text: "accepted" });
    assert.deepEqual([fine?.category, fine?.hard_bounce, fine?.advice], [null, null, null]);
    assert.equal(full?.category, null);
    const text = "<gone@example.net>: Recipient address rejected: User unknown";
    assert.deepEqual(gone?.reply, { code: 550, enhanced: "5.1.1", text });
    assert.deepEqual([gone?.category, gone?.hard_bounce], ["invalid_recipient", true]);
    assert.match(gone?.advice ?? "", /\w+ \w+/);
    const told = (await eventsOf(gateway, message.id)).filter(({ data }) => data.recipient === "full@example.net");
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.attempt, data.reply?.code, data.reply?.enhanced, data.category]),
      [
        ["message.deferred", 1, 450, "4.2.2", "mailbox_full"],
        ["message.deferred", 2, 450, "4.2.2", "mailbox_full"],
        ["message.sent", 3, 250, "2.0.0", null],
      ],
    );
    assert.match(told[0]?.data.advice ?? "", /\w+ \w+/);
    const { body } = await gateway.get<{ data: { transcript: { from: string; line: string }[] }[] }>(`/v1/messages/${message.id}/attempts`);
    assert.equal(body.data.length, 3);
    assert.ok(body.data[0]?.transcript.some(({ from, line }) => from === "server" && line.startsWith("550 5.1.1 <gone@example.net>")));
    measured(accounts.inWords);
  },
);

/** How relays say "no more recipients in this transaction" (RFC 5321, section 4.5.3.1.10; 552 is what RFC 821 had for it). */
const wordings: Record<string, string> = {
  plain: "452 Too many recipients",
  enhanced: "452 4.5.3 Error: too many recipients",
  rfc821: "552 Too many recipients",
  permanent: "552 5.5.3 Too many recipients in this transaction",
  refusal: "550 5.5.3 Too many recipients",
};
const takenAtOnce = 20;

faultRow(
  {
    row: "12b",
    fault: "relays that take 10 or 20 recipients in a transaction and answer the rest with 452, 550 or 552",
    invariant: "the rest goes in further transactions, at once; nobody bounces, nobody gets two copies",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sink = await startSink();
    atEnd(sink.stop);
    const postfix =
      asRoot.skip === false
        ? await startPostfix({ deliverTo: sink, settings: { smtpd_recipient_limit: "10", smtpd_error_sleep_time: "0" } })
        : undefined;
    if (postfix) atEnd(postfix.stop);
    const relays = await Promise.all(
      Object.entries(wordings).map(async ([name, reply]) => {
        const takenBy = new Map<number, number>();
        const relay = await startScriptedRelay({
          onCommand: ({ verb, connection }) => void (verb === "MAIL" && takenBy.set(connection.number, 0)),
          onRcpt: ({ connection: { number } }) => {
            takenBy.set(number, (takenBy.get(number) ?? 0) + 1);
            return (takenBy.get(number) ?? 0) > takenAtOnce ? reply : undefined;
          },
        });
        atEnd(relay.stop);
        return [name, relay] as const;
      }),
    );
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: {
        ...relayForEachDomain({
          ...Object.fromEntries(relays.map(([name, { port }]) => [name, { port }])),
          ...(postfix && { postfix: { port: postfix.port } }),
        }),
        // "At once" is not "after the first step of the schedule".
        retry: { schedule: ["1h"] },
      },
    });
    const names = [...Object.keys(wordings), ...(postfix ? ["postfix"] : [])];
    const messages = names.flatMap((name) =>
      [1, 20, 21, 50].map((count) =>
        testMessage(
          `${name}-${count}`,
          Array.from({ length: count }, (_, index) => `r${index}@${name}.test`),
        ),
      ),
    );
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const mails = async () => [
      ...relays.flatMap(([, relay]) => relay.accepted),
      ...(postfix ? await passedOn(sink, 1 + 20 + 21 + 50) : []),
    ];
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    for (const { address, status, copies, attempts } of accounts.recipients) {
      assert.deepEqual({ status, copies }, { status: "sent", copies: 1 }, address);
      assert.ok(attempts <= 5, `${address} took ${attempts} attempts`);
    }
    const transactions = new Set(accounts.messages.flatMap(({ id, recipients }) => recipients.map(({ attempts }) => `${id} ${attempts}`)));
    measured(
      `${accounts.inWords}; ${accounts.messages.length} messages in ${transactions.size} transactions${postfix ? ", some through Postfix" : ""}`,
    );
  },
);
