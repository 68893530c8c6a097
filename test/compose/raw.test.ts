// Raw messages: what is refused and why, and for the others every byte that goes in and comes out.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { type FinishedRaw, finishRaw, type RawFault } from "../../src/compose/raw.ts";
import { checkAddress } from "../../src/domain/address.ts";
import { assertWellFormed } from "./wellFormed.ts";

const defaults = { messageId: "<new@example.com>", date: new Date("2026-01-02T03:04:05Z") };
const addedMessageId = "Message-ID: <new@example.com>\r\n";
const addedDate = "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n";
const whole = "From: a@b.c\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <id@b.c>\r\n";

function finish(raw: string | Buffer): FinishedRaw {
  const result = finishRaw(typeof raw === "string" ? Buffer.from(raw) : raw, defaults);
  if ("faults" in result) assert.fail(JSON.stringify(result.faults));
  assertWellFormed(result.bytes);
  return result;
}

function faultsOf(raw: string | Buffer): RawFault[] {
  const result = finishRaw(typeof raw === "string" ? Buffer.from(raw) : raw, defaults);
  assert.ok("faults" in result, "was taken");
  return result.faults;
}

/** What goes in, and exactly what comes out. */
const pairs: [string, string, string][] = [
  ["a complete message is not touched", `${whole}\r\nHello\r\n`, `${whole}\r\nHello\r\n`],
  [
    "odd but lawful spelling is not touched",
    `fROM:a@b.c\r\n${whole.slice(13)}X-A:  b \r\n\t c\r\n\r\n\r\n.\r\n`,
    `fROM:a@b.c\r\n${whole.slice(13)}X-A:  b \r\n\t c\r\n\r\n\r\n.\r\n`,
  ],
  ["LF line ends become CRLF", `${whole}\nHello\n\nBob\n`.replaceAll("\r", ""), `${whole}\r\nHello\r\n\r\nBob\r\n`],
  ["Date and Message-ID are added at the top", "From: a@b.c\r\n\r\nx\r\n", `${addedMessageId}${addedDate}From: a@b.c\r\n\r\nx\r\n`],
  [
    "Date alone is added",
    "From: a@b.c\r\nMessage-Id: <id@b.c>\r\n\r\nx\r\n",
    `${addedDate}From: a@b.c\r\nMessage-Id: <id@b.c>\r\n\r\nx\r\n`,
  ],
  [
    "Bcc is removed, folded lines too",
    `Bcc: x@y.z,\r\n q@y.z\r\n${whole}bcc: z@y.z\r\nTo: t@b.c\r\n\r\nx\r\n`,
    `${whole}To: t@b.c\r\n\r\nx\r\n`,
  ],
  [
    "Resent-Bcc, Return-Path and X-Postern-* are removed",
    `Return-Path: <x@y.z>\r\n${whole}X-Postern-Id: 1\r\nResent-Bcc: x@y.z\r\n\r\nx\r\n`,
    `${whole}\r\nx\r\n`,
  ],
  ["Bcc in the body stays", `${whole}\r\nBcc: x@y.z\r\n`, `${whole}\r\nBcc: x@y.z\r\n`],
  ["a message without a body gets its blank line", whole, `${whole}\r\n`],
  ["a message with an empty body stays", `${whole}\r\n`, `${whole}\r\n`],
  ["a header that is cut off gets its line end and blank line", whole.slice(0, -2), `${whole}\r\n`],
  ["a last line without its end gets one", `${whole}\r\nHello`, `${whole}\r\nHello\r\n`],
  ["a line of 998 octets is taken", `${whole}\r\n${"x".repeat(998)}\r\n`, `${whole}\r\n${"x".repeat(998)}\r\n`],
];

describe("a raw message", () => {
  for (const [guarantee, input, output] of pairs) it(guarantee, () => assert.equal(finish(input).bytes.toString(), output));

  it("loses no bytes of an 8-bit body, and says that it has one", () => {
    const body = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1).filter((octet) => octet !== 10 && octet !== 13));
    const raw = Buffer.concat([Buffer.from(`${whole}\r\n`), body, Buffer.from("\r\n")]);
    const result = finish(raw);
    assert.deepEqual(result.bytes, raw);
    assert.deepEqual([result.eightBit, result.smtputf8], [true, false]);
  });

  it("says that it needs SMTPUTF8 when its header holds UTF-8", () => {
    const result = finish(`${whole}Subject: Grüße\r\n\r\nx\r\n`);
    assert.deepEqual([result.eightBit, result.smtputf8, result.subject], [false, true, "Grüße"]);
  });

  it("needs no SMTPUTF8 for UTF-8 in a field that is removed", () =>
    assert.equal(finish(`${whole}Bcc: jörg@b.c\r\n\r\nx\r\n`).smtputf8, false));

  it("tells its facts", () => {
    const raw = `From: "A, B" <a@B.C>, =?utf-8?Q?J=C3=B6rg?= <c@d.e>\r\nSender: (boss) s@b.c\r\nTo: Team: t@b.c, u@b.c;, v@b.c\r\nCc: <w@B.c>\r\nMessage-ID:\r\n <id@b.c>\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?= to\r\n you\r\n\r\nx\r\n`;
    const { bytes: _, ...facts } = finish(raw);
    assert.deepEqual(facts, {
      from: ["a@b.c", "c@d.e"],
      sender: "s@b.c",
      to: ["t@b.c", "u@b.c", "v@b.c"],
      cc: ["w@b.c"],
      subject: "Grüße to you",
      messageId: "<id@b.c>",
      eightBit: false,
      smtputf8: false,
    });
  });

  for (const [field, address] of [
    ["a@b.c (Cron Daemon)", "a@b.c"],
    ["root (at, host) <a@b.c>", "a@b.c"],
    ["John Q. Public\r\n <a@b.c>", "a@b.c"],
    ['"x\\"y, z@q.r" <a@b.c>', "a@b.c"],
    ["Jörg <jörg@bücher.de>", "jörg@xn--bcher-kva.de"],
  ]) {
    it(`is from ${address} if it says ${JSON.stringify(field)}`, () => assert.deepEqual(finish(`From: ${field}\r\n\r\n`).from, [address]));
  }
});

describe("a raw message is refused", () => {
  const refused: [string, string | Buffer, RawFault["code"], RegExp][] = [
    ["if it is empty", "", "empty_message", /empty/],
    ["for a NUL", `${whole}\r\na\0b\r\n`, "nul_octet", /base64/],
    ["for a bare CR in the body", `${whole}\r\na\rb\r\n`, "bare_carriage_return", /Line 5/],
    ["for a bare CR in the header", "From: a@b.c\rBcc: x@y.z\r\n\r\n", "bare_carriage_return", /Line 1/],
    ["for a CR at its very end", `${whole}\r\na\r`, "bare_carriage_return", /Line 5/],
    ["for CR CR LF", `${whole}\r\na\r\r\n`, "bare_carriage_return", /Line 5/],
    ["for an LF among CRLFs", `${whole}\r\na\n.\r\nb\r\n`, "mixed_line_ends", /Line 5/],
    ["for a CRLF among LFs", `${whole}\r\na\n`.replaceAll("\r", "").concat("b\r\n"), "mixed_line_ends", /Line 6/],
    ["for a line of 999 octets", `${whole}\r\n${"x".repeat(999)}\r\n`, "line_too_long", /Line 5/],
    ["for a last line of 999 octets without an end", `${whole}\r\n${"x".repeat(999)}`, "line_too_long", /Line 5/],
    ["for a line of 999 octets between LFs", `From: a@b.c\n\n${"é".repeat(500)}\n`, "line_too_long", /Line 3/],
    ["if it begins with a blank line", `\r\n${whole}`, "malformed_header", /blank line/],
    ["if it begins with a folded line", ` x\r\n${whole}`, "malformed_header", /Line 1/],
    ["for an mbox separator", `From a@b.c Thu Jan  1 00:00:00 2026\r\n${whole}`, "malformed_header", /mbox/],
    ["without a blank line before the body", `${whole}Hello there\r\n`, "malformed_header", /Line 4/],
    ["for a space before a colon", `${whole}Bcc : x@y.z\r\n\r\n`, "malformed_header", /Line 4/],
    ["for a byte order mark", `\ufeff${whole}\r\n`, "malformed_header", /Line 1/],
    ["for a header line of spaces", `${whole}X-A: b\r\n \t\r\nBcc: x@y.z\r\n\r\n`, "malformed_header", /Line 5/],
    ["for a header that is too large", `${whole}${"X-A: b\r\n".repeat(40_000)}\r\n`, "header_too_large", /262144/],
    ["for Latin-1 in its header", Buffer.from(`${whole}Subject: Gr\xfc\xdfe\r\n\r\n`, "latin1"), "header_encoding", /2047/],
    ["for a control character in its header", `${whole}Subject: a\u000bb\r\n\r\n`, "control_character", /line 4/],
    ["without From", "To: a@b.c\r\n\r\nx\r\n", "missing_from", /add one/],
    ["for two From fields", `${whole}from: x@y.z\r\n\r\n`, "duplicate_header", /Line 4/],
    ["for two Subject fields", `${whole}Subject: a\r\nSubject: b\r\n\r\n`, "duplicate_header", /Line 5/],
    ["for two Content-Type fields", `${whole}Content-Type: text/plain\r\nContent-type: text/html\r\n\r\n`, "duplicate_header", /Line 5/],
    ["for an empty From", "From: \r\n\r\n", "invalid_from", /no address/],
    ["for a From without an address", "From: Ann\r\n\r\n", "invalid_from", /no @/],
    ["for a group in From", "From: Team: a@b.c;\r\n\r\n", "invalid_from", /cannot be used/],
    ["for two addresses without a comma in From", "From: a@b.c <x@y.z>\r\n\r\n", "invalid_from", /cannot be used/],
    ["for an address literal in From", "From: a@[127.0.0.1]\r\n\r\n", "invalid_from", /literal/],
    ["for an unclosed quote in From", 'From: "a <a@b.c>\r\n\r\n', "invalid_from", /does not close/],
    ["for a From that another parser reads differently", "From: a (b (c) <x@y.z>) <a@b.c>\r\n\r\n", "invalid_from", /different addresses/],
    ["for an unclosed comment in From", "From: a@b.c (\r\n\r\n", "invalid_from", /does not close/],
    ["for a From behind an encoded word", "From: =?utf-8?Q?x=40y.z?= \r\n\r\n", "invalid_from", /cannot be used/],
    ["for several authors without a Sender", "From: a@b.c, x@y.z\r\n\r\n", "missing_sender", /Sender/],
    ["for several Senders", "From: a@b.c\r\nSender: a@b.c, x@y.z\r\n\r\n", "invalid_sender", /exactly one/],
    ["for an empty Sender", "From: a@b.c\r\nSender:\r\n\r\n", "invalid_sender", /exactly one/],
    ["for a Message-ID without brackets", "From: a@b.c\r\nMessage-ID: id@b.c\r\n\r\n", "invalid_message_id", /angle brackets/],
    ["for an empty Message-ID", "From: a@b.c\r\nMessage-ID:\r\n\r\n", "invalid_message_id", /angle brackets/],
    ["for two ids in its Message-ID", "From: a@b.c\r\nMessage-ID: <a@b.c> <d@b.c>\r\n\r\n", "invalid_message_id", /angle brackets/],
  ];
  for (const [reason, raw, code, text] of refused) {
    it(reason, () => {
      const faults = faultsOf(raw);
      const fault = faults.find((candidate) => candidate.code === code);
      assert.ok(fault, JSON.stringify(faults));
      assert.match(fault.message, text);
    });
  }

  it("with every fault of its header at once", () => {
    const codes = faultsOf("From: x\r\nSubject: a\r\nSubject: b\r\nMessage-ID: y\r\n\r\n").map(({ code }) => code);
    assert.deepEqual(codes.sort(), ["duplicate_header", "invalid_from", "invalid_message_id"]);
  });
});

describe("for whatever octets", () => {
  const soup = fc.constantFrom(
    "From: a@b.c",
    "From: ",
    "Bcc: x@y.z",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    "a",
    ":",
    "<",
    ">",
    "@b.c",
    ",",
    "(",
    '"',
    "é",
    "\0",
    "x".repeat(500),
    "Sender: s@b.c",
    "To: t@b.c",
  );
  const raws = fc.oneof(
    fc.array(soup, { maxLength: 25 }).map((parts) => Buffer.from(parts.join(""))),
    fc.array(soup, { maxLength: 25 }).map((parts) => Buffer.from(`From: a@b.c\r\n${parts.join("")}`)),
    fc
      .array(soup, { maxLength: 12 })
      .map((parts) => Buffer.from(`From: a@b.c\r\n${parts.filter((part) => !/[\r\n\0]/.test(part)).join("")}: x\r\n\r\n${parts.length}`)),
    fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets)),
  );

  it("a message that is taken is well formed, has no Bcc, and another parser reads the same From", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(raws, async (raw) => {
        const result = finishRaw(raw, defaults);
        if ("faults" in result) return assert.ok(result.faults.length > 0);
        taken++;
        assertWellFormed(result.bytes);
        const parsed = await PostalMime.parse(result.bytes);
        assert.ok(!parsed.headers.some(({ key }) => key === "bcc"));
        assert.equal(parsed.headers.filter(({ key }) => key === "from").length, 1);
        assert.deepEqual(checkAddress(parsed.from?.address ?? ""), { address: result.from[0] });
        assert.equal(parsed.messageId, result.messageId);
        // What came out goes through again unchanged.
        assert.deepEqual(finish(result.bytes).bytes, result.bytes);
      }),
      { numRuns: 3000 },
    );
    assert.ok(taken > 100, `only ${taken} were taken`);
  });

  it("ten megabytes are judged within a second", () => {
    const raw = Buffer.from(`${whole}\r\n${"A line of some seventy characters, as most mail programs write them.\r\n".repeat(150_000)}`);
    const started = performance.now();
    finishRaw(raw, defaults);
    finishRaw(Buffer.from("\r".repeat(5_000_000)), defaults);
    finishRaw(Buffer.from(`From: ${"(".repeat(900)}\r\n${" (((((\r\n".repeat(20_000)}\r\n`), defaults);
    assert.ok(performance.now() - started < 1000, `took ${performance.now() - started} ms`);
  });
});
