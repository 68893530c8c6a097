import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutOwnFields } from "../../src/dashboard/mail/resend.ts";

const strip = (text: string) => Buffer.from(withoutOwnFields(Buffer.from(text, "latin1"))).toString("latin1");

test("a message's own fields are taken out, folded or not, and nothing else", () => {
  const body = "\r\n\r\nMessage-ID: this is text\r\nDate: too\r\n";
  assert.equal(
    strip(`From: a@example.com\r\nMESSAGE-ID:\r\n <1@example.com>\r\nSubject: Hello\r\n there\r\ndate : now\r\nX-Date: stays${body}`),
    `From: a@example.com\r\nSubject: Hello\r\n there\r\nX-Date: stays${body}`,
  );
});

test("octets that are no text stay what they are", () => {
  const octets = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).join("");
  assert.equal(strip(`Subject: x\r\n\r\n${octets}`), `Subject: x\r\n\r\n${octets}`);
  assert.equal(strip("Subject: without a body"), "Subject: without a body");
  assert.equal(strip(""), "");
});
