import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageRecord, MessageState } from "../../src/domain/message.ts";
import { firstLineOf, readDocument, secondLineOf } from "../../src/store/document.ts";

const plain: MessageRecord = {
  ...{ id: "msg_1", tenant: "default", key_id: "key_1", created_at: 1, from: "a@x.example", envelope_from: "a@x.example", subject: "" },
  ...{ internet_message_id: "<1@x.example>", size: 10, lane: "transactional", on_doubt: "resend", tags: [], metadata: {} },
  recipients: [{ address: "one@x.example", kind: "to" }],
};

/** Every field that a record can have, none as usual. */
const full: Required<MessageRecord> = {
  ...plain,
  ...{ key_name: "shop", from: "Shop <a@x.example>", return_path: "bounces+x@r.example", subject: 'a\nb \u2028 "q" \\ ü', chunks: 3 },
  ...{
    smtputf8: true,
    eight_bit: true,
    lane: "broadcast",
    on_doubt: "hold",
    list: "news",
    bypass_suppressions: true,
    tags: ["one", "two"],
  },
  ...{ relay: "main", metadata: { __proto__x: "1", "a b": "\n" }, traceparent: "00-1-2-01", tracestate: "a=b" },
  recipients: [
    { address: "one@x.example", kind: "to" },
    { address: '"od\\nd"@x.example', kind: "cc" },
    { address: "three@x.example", kind: "bcc" },
  ],
};

const state: MessageState = {
  ...{ expires_at: 9, send_at: 5, attempts: 2, events: [4, 5], job: "job1" },
  recipients: [{ status: "queued", dispatch: 0, attempts: 0, updated_at: 1, reply: { code: 450, text: "a\nb" } }],
  dispatches: [
    { relay: "main", generation: 1, next_at: 5, tries: 0, faults: 0, later: true },
    { relay: "other", generation: 2, next_at: 6, tries: 3, faults: 1 },
  ],
};

test("a message is read as it was written, with every field that it has and no other", () => {
  for (const record of [plain, full]) {
    const lines = `${firstLineOf(record, state)}\n${secondLineOf(record)}`;
    assert.deepEqual(readDocument(record.id, lines), { record, state });
    assert.deepEqual(readDocument(record.id, `${lines}\n[1]`), { record, state, attempt: "[1]" });
  }
});
