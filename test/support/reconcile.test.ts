import assert from "node:assert/strict";
import { test } from "node:test";
import { reconcile } from "./reconcile.ts";

const mail = (header: string, ...to: string[]) => ({
  to,
  raw: Buffer.from(`Received: x\r\n\tby y\r\n${header}\r\n\r\nMessage-ID: <body@x>\r\n`),
});

test("accounts are even when each recipient got one copy, in one mail or in several, in any order", () => {
  const expected = { "1@x": ["a", "b"], "2@x": ["a"] };
  const mails = [mail("message-id:\r\n <2@x>", "a"), mail("Message-ID: <1@x>", "b"), mail("Message-ID: <1@x>", "a")];
  assert.deepEqual(reconcile({ expected, mails }), { lost: [], doubled: [], unexpected: [] });
});

test("a lost, a doubled and an unexpected recipient are each named", () => {
  const expected = new Map([
    ["<1@x>", ["a", "b"]],
    ["2@x", ["a"]],
  ]);
  const mails = [
    mail("Message-ID: <1@x>", "a", "c"),
    mail("Message-ID: <1@x>", "a"),
    mail("Message-ID: <3@x>", "a"),
    mail("Subject: x", "b"),
  ];
  assert.deepEqual(reconcile({ expected, mails }), {
    lost: [
      { id: "1@x", recipient: "b" },
      { id: "2@x", recipient: "a" },
    ],
    doubled: [{ id: "1@x", recipient: "a", copies: 2 }],
    unexpected: [
      { id: "1@x", recipient: "c" },
      { id: "3@x", recipient: "a" },
      { id: undefined, recipient: "b" },
    ],
  });
});

test("a test's own id comes before the Message-ID", () => {
  const mails = [mail("Message-ID: <made-by-the-gateway@x>\r\nX-Test-Id: 7", "a")];
  assert.deepEqual(reconcile({ expected: { 7: ["a"] }, mails }), { lost: [], doubled: [], unexpected: [] });
});
