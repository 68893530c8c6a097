// Our composer against nodemailer's: two parsers read the same message out of both, whatever it says; and what SMTP and the RFCs
// demand of the bytes is looked at in ours.
import assert from "node:assert/strict";
import { isAscii, isUtf8 } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type AddressObject, simpleParser } from "mailparser";
import PostalMime, { decodeWords } from "postal-mime";
import { compose } from "../../src/compose/compose.ts";
import type { Content } from "../../src/compose/content.ts";
import { checkMailbox, type Mailbox } from "../../src/domain/address.ts";
import { contentTypeFault, filenameFault, headersFaults, subjectFault } from "../../src/domain/header.ts";
import { composeByNodemailer } from "./mailComposer.ts";
import { assertWellFormed } from "./wellFormed.ts";

const words = fc.constantFrom(
  ...[
    "order",
    "Hello",
    "a",
    ".",
    "..",
    "...",
    "=",
    "=3D",
    "=?",
    "?=",
    "=?utf-8?Q?x?=",
    "--",
    "--=_mixed_",
    "From ",
    "From:",
    "\\",
    '"',
    ",",
  ],
  ...["(", ")", "<a@b.c>", ";", ":", "@", "%", "&amp;", "<p>", "</p>", "_", "~", "\u007f", "\u0001", "\f", "\u0085", "\u2028"],
  ...[
    "Grüße",
    "Straße",
    "naïve",
    "заказ",
    "Ελλάδα",
    "ご注文",
    "한국어",
    "مرحبا",
    "שלום",
    "ไทย",
    "हिन्दी",
    "🎉",
    "👨‍👩‍👧‍👦",
    "e\u0301",
    "𝔘𝔫𝔦",
    "x".repeat(75),
  ],
  ...[
    "x".repeat(76),
    "x".repeat(77),
    "é".repeat(40),
    "山".repeat(30),
    "x".repeat(998),
    "x".repeat(999),
    "y".repeat(2100),
    "ö".repeat(1300),
  ],
);
const gaps = fc.oneof(
  { weight: 6, arbitrary: fc.constant(" ") },
  fc.constantFrom("", "  ", "\t", " \t ", "\n", "\r\n", "\r", " \n", "\t\r\n", "\n\n", "\r\n\r\n", "\n\r", "\r\r\n", "\n ", "\n.\n"),
);
const prose = fc.array(fc.tuple(words, gaps), { maxLength: 60 }).map((pairs) => pairs.flat().join(""));
/** A byte order mark at the beginning of an encoded word is dropped by readers, and each composer begins its words elsewhere. */
const unmarked = (it: string) => it.replaceAll("\ufeff", "");
const text = fc.oneof(
  { weight: 5, arbitrary: prose },
  fc
    .string({ unit: "grapheme", maxLength: 300 })
    .filter((it) => !it.includes("\0"))
    .map(unmarked),
  fc.constantFrom("", " ", "\n", "\r\n", ".", "\t", "a ", "a \n", "a\t\r\n"),
);
const oneLine = fc.oneof(
  prose.map((it) => it.replace(/[\r\n]/g, " ").slice(0, 900)),
  fc.string({ unit: "grapheme", maxLength: 120 }).map(unmarked),
);
const domain = fc.constantFrom(
  "example.com",
  "sub.example.org",
  "xn--mnchen-3ya.de",
  "münchen.de",
  "例え.jp",
  `${"d".repeat(60)}.${"e".repeat(60)}.example`,
);
const localPart = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+/=^_`{|}~-]{1,20}(?:\.[a-zA-Z0-9-]{1,20})?$/),
  fc.constantFrom("jörg", "用户", "x".repeat(64)),
);
const mailbox = fc.tuple(localPart, domain, fc.option(oneLine, { nil: undefined })).map(([local, host, name]): Mailbox => {
  const checked = checkMailbox({ address: `${local}@${host}`, name });
  return "fault" in checked ? { address: `${local}@example.com` } : checked;
});
const attachment = fc
  .record({
    filename: oneLine,
    content: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
      fc.nat(4000).map((length) => Buffer.alloc(length, length)),
      text.map((it) => Buffer.from(it)),
    ),
    contentType: fc.option(
      fc.constantFrom(
        "image/png",
        "application/pdf",
        "text/csv; charset=utf-8",
        'application/x; profile="a b; c"',
        "message/rfc822",
        "Image/GIF",
      ),
      { nil: undefined },
    ),
    contentId: fc.option(fc.constantFrom("logo", "a.b+c@x"), { nil: undefined }),
  })
  .map((it) => ({ ...it, filename: filenameFault(it.filename) === undefined ? it.filename : "report 2026.pdf" }))
  .filter(({ contentType }) => contentType === undefined || contentTypeFault(contentType) === undefined);
const headers = fc
  .tuple(oneLine, oneLine)
  .map(([first, second]) => ({
    "X-First": first,
    Comments: second,
    "List-Unsubscribe": "<https://example.com/u?t=1>, <mailto:leave@example.com>",
    "X-Postern-Return-Path": "bounce+abc@example.com",
  }))
  .map((all) => Object.fromEntries(Object.entries(all).filter(([name, value]) => headersFaults({ [name]: value }).length === 0)));

const content: fc.Arbitrary<Content> = fc.record({
  from: mailbox,
  to: fc.oneof({ weight: 9, arbitrary: fc.array(mailbox, { maxLength: 4 }) }, fc.array(mailbox, { minLength: 30, maxLength: 50 })),
  cc: fc.array(mailbox, { maxLength: 2 }),
  replyTo: fc.array(mailbox, { maxLength: 2 }),
  subject: oneLine.filter((it) => subjectFault(it) === undefined),
  text: fc.option(text, { nil: undefined }),
  html: fc.option(text, { nil: undefined }),
  headers,
  attachments: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(attachment, { maxLength: 3 })),
  messageId: fc.constantFrom("<msg_1@example.com>", `<${"x".repeat(150)}@example.com>`),
  date: fc
    .date({ min: new Date("1990-01-01"), max: new Date("2090-01-01"), noInvalidDate: true })
    .map((it) => new Date(it.setMilliseconds(0))),
});

const octetsOf = (value: string | ArrayBuffer | Uint8Array) =>
  Buffer.from(typeof value === "string" ? Buffer.from(value) : new Uint8Array(value)).toString("base64");
/** Lines as such, and none that are empty at the end: what readers leave of line ends depends on the encoding. */
const bodyOf = (value: string | false | undefined) => (value || "").replace(/\r\n/g, "\n").replace(/\n+$/, "");

/** What postal-mime reads. Content-Type and such are about the encoding. */
async function readByPostalMime(bytes: Buffer) {
  const parsed = await PostalMime.parse(bytes);
  const { from, to, cc, replyTo, subject, messageId, date } = parsed;
  return {
    ...{ from, to, cc, replyTo, subject, messageId, date },
    names: parsed.headers.map(({ key }) => key).filter((key) => !key.startsWith("content-")),
    custom: parsed.headers.filter(({ key }) => /^(?:x-|list-|comments)/.test(key)).map(({ value }) => decodeWords(value)),
    text: bodyOf(parsed.text),
    html: bodyOf(parsed.html),
    attachments: parsed.attachments.map(({ filename, mimeType, disposition, contentId, related, content }) => {
      return { filename, mimeType, disposition, contentId, related, octets: octetsOf(content) };
    }),
  };
}

/** What mailparser reads; it leaves fields encoded that it does not know. */
async function readByMailparser(bytes: Buffer) {
  const options = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, keepCidLinks: true };
  // biome-ignore lint/nursery/useAwaitThenable: it returns a promise; an overload with a callback hides it.
  const parsed = await simpleParser(bytes, options);
  const people = (field: AddressObject | AddressObject[] | undefined) =>
    [field ?? []].flat().flatMap(({ value }) => value.map(({ address, name }) => ({ address, name })));
  const { subject, messageId, date } = parsed;
  return {
    ...{ subject, messageId, date },
    ...{ from: people(parsed.from), to: people(parsed.to), cc: people(parsed.cc), replyTo: people(parsed.replyTo) },
    text: bodyOf(parsed.text),
    html: bodyOf(parsed.html),
    attachments: parsed.attachments.map(({ filename, contentType, contentDisposition, cid, content: octets }) => {
      return { filename, contentType, contentDisposition, cid, octets: octetsOf(octets) };
    }),
  };
}

/** What the RFCs demand of the bytes, whatever they say. */
function assertStrict(bytes: Buffer, smtputf8: boolean): void {
  assertWellFormed(bytes);
  const source = bytes.toString();
  const headerEnd = source.indexOf("\r\n\r\n");
  const header = source.slice(0, headerEnd);
  assert.ok(isAscii(bytes.subarray(smtputf8 ? Buffer.byteLength(header) : 0)), "not 7-bit clean");
  for (const [word] of source.matchAll(/=\?UTF-8\?[QB]\?[^\s?]*\?=/g))
    assert.ok(word.length <= 75, "RFC 2047 section 2: a word of 75 characters");
  for (const [, payload = ""] of header.matchAll(/=\?UTF-8\?B\?([^\s?]*)\?=/g)) {
    assert.ok(isUtf8(Buffer.from(payload, "base64")), "RFC 2047 section 5: whole characters in each word");
  }
  for (const part of source.split(/\r\n--=_/)) {
    const fieldsEnd = part.indexOf("\r\n\r\n");
    const [fields, body] = [part.slice(0, fieldsEnd), part.slice(fieldsEnd + 4)];
    const encoding = /^Content-Transfer-Encoding: (.+)$/m.exec(fields)?.[1];
    if (encoding === "base64") assert.match(body, /^(?:[A-Za-z0-9+/]{76}\r\n)*[A-Za-z0-9+/]{0,76}={0,2}(?:\r\n)?$/);
    if (encoding !== "quoted-printable") continue;
    for (const line of body.split("\r\n")) {
      assert.ok(line.length <= 76 && /^(?:[\t\x20-<>-~]|=[0-9A-F]{2})*=?$/.test(line) && !/[ \t]$/.test(line), "RFC 2045 section 6.7");
    }
  }
  const boundaries = [...source.matchAll(/boundary="([^"]+)"/g)].map((match) => match[1] ?? "");
  for (const boundary of boundaries) {
    assert.ok(boundary.length <= 70, "RFC 2046 section 5.1.1");
    assert.equal(boundaries.filter((other) => other.startsWith(boundary)).length, 1, "one boundary begins with another");
  }
}

describe("for whatever content", () => {
  it("postal-mime reads the same out of our bytes as out of nodemailer's, and ours keep the rules", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(content, async (given) => {
        const { bytes, smtputf8 } = await compose(given);
        assertStrict(bytes, smtputf8);
        assert.deepEqual(await readByPostalMime(bytes), await readByPostalMime(await composeByNodemailer(given)));
      }),
      { numRuns: 700, includeErrorInReport: true },
    );
  });

  it("mailparser reads the same out of our bytes as out of nodemailer's", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(content, async (given) => {
        const { bytes } = await compose(given);
        assert.deepEqual(await readByMailparser(bytes), await readByMailparser(await composeByNodemailer(given)));
      }),
      { numRuns: 250, includeErrorInReport: true },
    );
  });
});
