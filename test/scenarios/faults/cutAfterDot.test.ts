// Faults 11 and 29: the relay has the whole mail, and the connection ends before it says what it did with it. Nobody can know.
import assert from "node:assert/strict";
import type { MessageView } from "../../../src/domain/messageView.ts";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { eventsOf, sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const onlyRecipient = ({ recipients: [recipient] }: MessageView) => recipient as MessageView["recipients"][number];

faultRow(
  {
    row: "11",
    fault: "the relay takes the mail and cuts the connection after the final dot",
    invariant: "`resend` sends the same bytes again and flags the recipient; `hold` ends as `unknown` with one copy, and is not sent again",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const cutting = await startSink({ flags: ["-q", "."] });
    atEnd(cutting.stop);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: cutting.url },
      config: { retry: { schedule: ["2s"] } },
    });
    const messages = Array.from({ length: 40 }, (_, index) =>
      testMessage(`m${index}`, `r${index}@example.net`, { on_doubt: index % 2 ? "hold" : "resend" }),
    );
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const doubted = async (status: string) =>
      (await gateway.get<{ data: MessageView[] }>(`/v1/messages?limit=100&status=${status}`)).body.data;
    const manyInDoubt = async () => (await doubted("deferred")).length >= 5 && (await doubted("unknown")).length >= 5;
    await waitFor(manyInDoubt, { what: "doubts of either policy", timeoutMs: 30_000 });
    const firstCopies = await cutting.received();
    await cutting.stop();
    const sink = await startSink({ port: cutting.port });
    atEnd(sink.stop);

    const mails = async () => [...firstCopies, ...(await sink.received())];
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    for (const { subject, status, attempts, copies, flagged } of accounts.recipients) {
      const holds = Number(subject.replace("Test m", "")) % 2 === 1;
      const told = JSON.stringify({ subject, status, attempts, copies, flagged });
      if (!flagged) assert.ok(status === "sent" && copies === 1, told);
      else if (holds) assert.ok(status === "unknown" && attempts === 1 && copies <= 1, told);
      else assert.ok(status === "sent" && attempts >= 2, told);
    }
    assert.ok(accounts.doubled.length >= 5, "sent again though the relay had it");
    const inDoubt = accounts.messages.filter((message) => onlyRecipient(message).possible_duplicate);
    const resent = inDoubt.find(({ status }) => status === "sent") as MessageView;
    const held = inDoubt.find(({ status }) => status === "unknown") as MessageView;
    const events = await eventsOf(gateway, resent.id);
    assert.deepEqual(
      [events[1]?.type, events[1]?.data.possible_duplicate, events.at(-1)?.type, events.at(-1)?.data.reply?.code],
      ["message.deferred", true, "message.sent", 250],
    );
    assert.deepEqual(
      (await eventsOf(gateway, held.id)).map(({ type }) => type),
      ["message.accepted", "message.unknown"],
    );
    assert.equal(onlyRecipient(resent).category, null, "the doubt is over");
    assert.match(onlyRecipient(held).advice ?? "", /look for it in the relay's log/);
    measured(accounts.inWords);
  },
);

faultRow(
  {
    row: "29a",
    fault: "the relay takes every mail and cuts after every final dot, for ever",
    invariant: "three copies of the same bytes at most, each attempt flagged, then the recipient is `unknown`",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sink = await startSink({ flags: ["-q", "."] });
    atEnd(sink.stop);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: sink.url },
      config: { retry: { schedule: ["100ms"] } },
    });
    const messages = Array.from({ length: 10 }, (_, index) => testMessage(`m${index}`, [`a${index}@example.net`, `b${index}@example.org`]));
    const receipts = (await sendEach(gateway, messages)).map(({ id }) => id);
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails: sink.received });
    for (const { address, status, attempts, copies, flagged } of accounts.recipients) {
      assert.deepEqual({ status, attempts, copies, flagged }, { status: "unknown", attempts: 3, copies: 3, flagged: true }, address);
    }
    const [message] = accounts.messages as [MessageView];
    assert.equal(message.recipients[0]?.reply?.code, null, "the relay said nothing");
    assert.match(message.recipients[0]?.reply?.text ?? "", /\w/, "what happened is said");
    const [address] = message.recipients.map((recipient) => recipient.address);
    assert.deepEqual(
      (await eventsOf(gateway, message.id))
        .filter(({ data }) => data.recipient === address)
        .map(({ type, data }) => [type, data.attempt, data.possible_duplicate]),
      [
        ["message.deferred", 1, true],
        ["message.deferred", 2, true],
        ["message.unknown", 3, true],
      ],
    );
    measured(`${accounts.inWords}, 3 copies of each`);
  },
);
