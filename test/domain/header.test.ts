// The rules for what a caller may put into header fields.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  contentIdFault,
  contentTypeFault,
  filenameFault,
  headerNameFault,
  headersFaults,
  headerValueFault,
  subjectFault,
} from "../../src/domain/header.ts";

/** Runs a table of accepted and refused values of one rule. */
function table(check: (value: string) => string | undefined, accepted: string[], refused: [string, RegExp][]) {
  for (const value of accepted) {
    it(`takes ${JSON.stringify(value.slice(0, 60))}`, () => assert.equal(check(value), undefined));
  }
  for (const [value, fault] of refused) {
    it(`refuses ${JSON.stringify(value.slice(0, 60))} and says why`, () => assert.match(check(value) ?? "", fault));
  }
}

describe("headerNameFault", () => {
  table(
    headerNameFault,
    [
      "X-Entity-Ref-ID",
      "In-Reply-To",
      "References",
      "List-Unsubscribe",
      "List-Unsubscribe-Post",
      "List-Id",
      "Auto-Submitted",
      "Precedence",
      "Importance",
      "X-Priority",
      "Feedback-ID",
      "Comments",
      "__proto__",
      "X-To",
      "x".repeat(76),
    ],
    [
      ["From", /`from`/],
      ["FROM", /`from`/],
      ["to", /`to`/],
      ["Cc", /`cc`/],
      ["bCC", /`bcc`/],
      ["Reply-To", /`reply_to`/],
      ["Subject", /`subject`/],
      ["Sender", /raw MIME/],
      ["Date", /Postern/],
      ["Message-ID", /Postern/],
      ["MIME-Version", /Postern/],
      ["Content-Type", /Postern/],
      ["content-transfer-encoding", /Postern/],
      ["Return-Path", /servers/],
      ["Received", /servers/],
      ["DKIM-Signature", /keys/],
      ["Authentication-Results", /servers/],
      ["ARC-Seal", /servers/],
      ["Resent-To", /raw MIME/],
      ["X-Postern-Id", /Postern/],
      ["", /no header name/],
      ["Bcc ", /no header name/],
      [" Bcc", /no header name/],
      ["Bcc:", /no header name/],
      ["X-A\r\nBcc", /no header name/],
      ["X-A\n", /no header name/],
      ["X-Ü", /no header name/],
      ["\ufeffBcc", /no header name/],
      ["x".repeat(77), /76 characters/],
    ],
  );
});

describe("headerValueFault", () => {
  table(
    (value) => headerValueFault("X-Test", value),
    ["v", "a\tb", "ünïcode", "山".repeat(2000), "w".repeat(990), `${"w".repeat(900)} `.repeat(20)],
    [
      ["", /empty/],
      [" \t", /empty/],
      ["a\r\nBcc: x@y.z", /line break/],
      ["a\n b", /line break/],
      ["a\rb", /line break/],
      ["a\u0000b", /control/],
      ["a\u0085b", /control/],
      ["a\u007fb", /control/],
      ["a\udc00", /half a character/],
      ["w".repeat(991), /990 characters without a space/],
      [`a${" ".repeat(990)}b`, /990 characters without a space/],
    ],
  );
  it("demands ASCII where an encoded word would not be understood", () => {
    for (const name of ["List-Unsubscribe", "References", "in-reply-to", "Auto-Submitted"]) {
      assert.match(headerValueFault(name, "<https://exämple.com>") ?? "", /ASCII/, name);
    }
  });
});

describe("headersFaults", () => {
  it("finds nothing wrong with a one-click pair", () => {
    const headers = { "List-Unsubscribe": "<https://example.com/u?t=1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
    assert.deepEqual(headersFaults(headers), []);
  });
  it("names each header that is wrong", () => {
    const faults = headersFaults({ To: "x@y.z", "X-Fine": "v", "X-Bad": "a\nb" });
    assert.deepEqual(
      faults.map(({ name }) => name),
      ["To", "X-Bad"],
    );
  });
  it("refuses two names that differ only by case", () => assert.match(headersFaults({ "X-A": "1", "x-a": "2" })[0]?.fault ?? "", /twice/));
  it("refuses more than 100 headers", () => {
    const headers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-${index}`, "v"]));
    assert.deepEqual(headersFaults(headers(100)), []);
    assert.match(headersFaults(headers(101))[0]?.fault ?? "", /100/);
  });
  it("refuses more than 32 KiB of headers", () => assert.match(headersFaults({ "X-A": "ab ".repeat(11_000) })[0]?.fault ?? "", /32768/));
});

describe("subjectFault", () => {
  table(
    subjectFault,
    ["", "Hello", "Bestellung bestätigt 🎉", "=?utf-8?Q?literal?=", "s".repeat(998)],
    [
      ["a\r\nBcc: x@y.z", /one line/],
      ["a\nb", /one line/],
      ["a\u0000", /control/],
      ["\ud83c", /half a character/],
      ["s".repeat(999), /998/],
    ],
  );
});

describe("filenameFault", () => {
  table(
    filenameFault,
    ["report.pdf", "Rechnung März (2).pdf", "no-ending", "..hidden", 'with "quotes".txt', "a; filename=b.exe", "=?.txt", "é".repeat(127)],
    [
      ["", /empty/],
      ["  ", /empty/],
      ["../../etc/passwd", /path/],
      ["C:\\x.txt", /path/],
      ["..", /path/],
      ["a\r\nb", /line break/],
      ["a\tb", /control/],
      ["evil\u202Egpj.exe", /reading direction/],
      ["report.pdf          .exe", /spaces?/],
      ["report.pdf ", /space/],
      ["=?utf-8?Q?evil=2Eexe?=", /encoded word/],
      ["é".repeat(128), /255 octets/],
      ["a\ud800.txt", /half a character/],
    ],
  );
});

describe("contentTypeFault", () => {
  table(
    contentTypeFault,
    [
      "application/pdf",
      "image/svg+xml",
      "TEXT/Plain",
      "text/plain; charset=utf-8",
      'text/calendar; method=REQUEST; charset="utf-8"',
      "message/rfc822",
      "application/vnd.ms-excel.sheet.macroEnabled.12",
    ],
    [
      ["", /no media type/],
      ["pdf", /no media type/],
      ["a/b/c", /no media type/],
      ["text/plain\r\nBcc: x@y.z", /control character/],
      ["\r\ntext/plain", /control character/],
      ["text/plain;\r\n charset=utf-8", /control character/],
      ["text /plain", /no media type/],
      ["multipart/mixed; boundary=x", /multipart/],
      ["message/external-body; access-type=URL", /elsewhere/],
      ["message/partial", /elsewhere/],
      ["text/plain;", /malformed parameter/],
      ["text/plain; charset=a\r\nX: y", /control character/],
      ['text/plain; charset="a\\"b"', /malformed parameter/],
      ["text/plain; charset=é", /malformed parameter/],
      ["text/plain; name=evil.exe", /parameter name/],
      ["text/plain; boundary=x", /parameter boundary/],
      [`text/${"x".repeat(300)}`, /255/],
    ],
  );
});

describe("contentIdFault", () => {
  table(
    contentIdFault,
    ["logo", "logo.png@example.com", "a_b-c+d", "x".repeat(128)],
    [
      ["", /content id/],
      ["<logo>", /content id/],
      ["a b", /content id/],
      ["a\r\nb", /content id/],
      ["ü", /content id/],
      ["x".repeat(129), /content id/],
    ],
  );
});
