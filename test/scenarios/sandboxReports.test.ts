// The sandbox's addresses of which a report comes back, over real SMTP to our own listener.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { eventsOf, sendEach, testMessage } from "../support/mailing.ts";
import { waitFor } from "../support/waitFor.ts";

test("a late bounce and a complaint come back to the sandbox, each on its own recipient, and nobody is suppressed by them", async (context) => {
  const atEnd = atEndOf(context);
  const gateway = await startGateway();
  atEnd(() => gateway.stop());
  const [message] = await sendEach(gateway, [
    testMessage("reports", ["latebounce@sandbox.test", "complaint@sandbox.test", "delivered@sandbox.test"]),
  ]);
  const id = message?.id ?? "";
  const reported = await waitFor(
    async () => {
      const { body } = await gateway.get<MessageView>(`/v1/messages/${id}`);
      const statuses = body.recipients.map(({ status }) => status);
      return statuses.includes("bounced") && statuses.includes("complained") && body;
    },
    { what: "both reports to be applied", timeoutMs: 20_000 },
  );
  const [late, complained, delivered] = reported.recipients;
  assert.deepEqual(
    { status: late?.status, category: late?.category, hard: late?.hard_bounce, code: late?.reply?.code },
    { status: "bounced", category: "invalid_recipient", hard: true, code: 550 },
  );
  assert.equal(complained?.status, "complained");
  assert.match(complained?.reply?.text ?? "", /complained/);
  assert.equal(delivered?.status, "sent");
  const events = await eventsOf(gateway, id);
  const types = events.map(({ type }) => type);
  assert.deepEqual(types.slice(0, 4), ["message.accepted", "message.sent", "message.sent", "message.sent"]);
  assert.deepEqual(types.slice(4).sort(), ["message.bounced", "message.complained"]);

  // Who tries it out looks at the screen.
  const tookMs = Date.parse(events.at(-1)?.timestamp ?? "") - Date.parse(events[1]?.timestamp ?? "");
  assert.ok(tookMs < 5_000, `the last report was told ${tookMs} ms after the mail was sent`);

  const [again] = await sendEach(gateway, [testMessage("again", "latebounce@sandbox.test")]);
  assert.notEqual(again?.status, "suppressed");
});
