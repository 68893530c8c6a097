// What compose makes of content: read back by another parser, it says the same and nothing more.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { compose } from "../../src/compose/compose.ts";
import type { Content } from "../../src/compose/content.ts";
import { checkMailbox, type Mailbox } from "../../src/domain/address.ts";
import { filenameFault, headersFaults, subjectFault } from "../../src/domain/header.ts";
import { assertWellFormed } from "./wellFormed.ts";

const plain: Content = {
  from: { address: "ann@example.com", name: "Ann" },
  to: [{ address: "bob@example.org" }],
  cc: [],
  replyTo: [],
  subject: "Hello",
  text: "Hello Bob\n",
  headers: {},
  attachments: [],
  messageId: "<0190-abc@example.com>",
  date: new Date("2026-01-02T03:04:05Z"),
};

async function composed(changes: Partial<Content>) {
  const content = { ...plain, ...changes };
  const { bytes, smtputf8 } = await compose(content);
  assertWellFormed(bytes);
  return { bytes, smtputf8, source: bytes.toString(), parsed: await PostalMime.parse(bytes) };
}

/** The media types of all parts in the order in which they stand. */
function mediaTypes(source: string): string[] {
  return [...source.matchAll(/^Content-Type: ([\w./-]+)/gm)].map((match) => match[1] ?? "");
}

describe("the bodies", () => {
  it("text alone is one text/plain part", async () => {
    const { source, parsed } = await composed({});
    assert.deepEqual(mediaTypes(source), ["text/plain"]);
    assert.equal(parsed.text, "Hello Bob\n");
  });

  it("html alone is one text/html part", async () => {
    const { source, parsed } = await composed({ text: undefined, html: "<p>Hello</p>" });
    assert.deepEqual(mediaTypes(source), ["text/html"]);
    assert.equal(parsed.html?.trim(), "<p>Hello</p>");
  });

  it("text and html are alternatives, html last", async () => {
    const { source, parsed } = await composed({ html: "<p>Hello</p>" });
    assert.deepEqual(mediaTypes(source), ["multipart/alternative", "text/plain", "text/html"]);
    assert.equal(parsed.text?.trimEnd(), "Hello Bob");
  });

  it("an attachment alone is a message", async () => {
    const { parsed } = await composed({ text: undefined, attachments: [{ filename: "a.pdf", content: Buffer.from("%PDF") }] });
    assert.equal(parsed.attachments[0]?.mimeType, "application/pdf");
  });

  it("an attachment with a content id is a message too", async () => {
    const { parsed } = await composed({
      text: undefined,
      attachments: [{ filename: "a.png", content: Buffer.from("png"), contentId: "logo" }],
    });
    assert.equal(parsed.attachments[0]?.contentId, "<logo>");
  });

  it("nothing at all is an empty text", async () => {
    const { source } = await composed({ text: undefined });
    assert.deepEqual(mediaTypes(source), ["text/plain"]);
  });

  it("an inline image stands beside the html, another file behind both", async () => {
    const { source, parsed } = await composed({
      html: '<img src="cid:logo">',
      attachments: [
        { filename: "logo.png", content: Buffer.from("png"), contentId: "logo" },
        { filename: "terms.pdf", content: Buffer.from("pdf") },
      ],
    });
    assert.deepEqual(mediaTypes(source), [
      "multipart/mixed",
      "multipart/alternative",
      "text/plain",
      "multipart/related",
      "text/html",
      "image/png",
      "application/pdf",
    ]);
    const [logo, terms] = parsed.attachments;
    assert.deepEqual([logo?.contentId, logo?.disposition, logo?.related], ["<logo>", "inline", true]);
    assert.deepEqual([terms?.filename, terms?.disposition], ["terms.pdf", "attachment"]);
  });

  it("line ends of every kind arrive as lines, and no dot or From is lost", async () => {
    const text = "a\rb\nc\r\nd\n.\n..\nFrom here\n";
    const { parsed } = await composed({ text });
    assert.equal(parsed.text?.replace(/\r\n/g, "\n"), "a\nb\nc\nd\n.\n..\nFrom here\n");
  });

  it("a text of one very long line arrives whole", async () => {
    for (const text of ["x".repeat(5000), "wörd ".repeat(2000), "山".repeat(3000), "x".repeat(200_000)]) {
      const { parsed } = await composed({ text, html: text });
      assert.equal(parsed.text?.trimEnd(), text.trimEnd());
      assert.equal(parsed.html?.trimEnd(), text.trimEnd());
    }
  });
});

describe("attachments", () => {
  it("arrive octet for octet", async () => {
    const content = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) % 256));
    for (const contentType of [undefined, "text/plain; charset=utf-8", "text/csv", "image/png", "application/octet-stream"]) {
      const { parsed } = await composed({ attachments: [{ filename: "data.bin", content, contentType }] });
      assert.deepEqual(Buffer.from(parsed.attachments[0]?.content as ArrayBuffer), content, contentType);
    }
  });

  it("may be empty", async () => {
    const { parsed } = await composed({ attachments: [{ filename: "empty.txt", content: Buffer.alloc(0) }] });
    assert.equal(parsed.attachments[0]?.filename, "empty.txt");
  });

  it("keep the parameters of their type", async () => {
    const contentType = "text/calendar; method=REQUEST; charset=utf-8";
    const { parsed } = await composed({ attachments: [{ filename: "i.ics", content: Buffer.from("BEGIN:VCALENDAR"), contentType }] });
    assert.equal(parsed.attachments[0]?.method, "REQUEST");
  });

  it("that are mail stand unencoded, their lines ended by CRLF", async () => {
    const content = Buffer.from("From: a@b.c\nSubject: inner\n\nHello\n");
    const { source } = await composed({ attachments: [{ filename: "mail.eml", content }] });
    assert.match(source, /Content-Type: message\/rfc822/);
    assert.match(source, /Subject: inner\r\n\r\nHello\r\n/);
  });

  it("that are mail but cannot stand unencoded go as octets", async () => {
    for (const content of [
      Buffer.from("Subject: é\n\nx"),
      Buffer.from(`Subject: x\n\n${"x".repeat(999)}`),
      Buffer.from("a: b\r\n\nx\r\n"),
      Buffer.from("a\0"),
    ]) {
      const { parsed, source } = await composed({ attachments: [{ filename: "mail.eml", content }] });
      assert.doesNotMatch(source, /message\/rfc822/);
      assert.equal(parsed.attachments[0]?.filename, "mail.eml");
      assert.deepEqual(Buffer.from(parsed.attachments[0]?.content as ArrayBuffer), content);
    }
  });

  it("whose ending stands for a multipart type are octets", async () => {
    const { parsed } = await composed({ attachments: [{ filename: "a.gzip", content: Buffer.from([31, 139]) }] });
    assert.equal(parsed.attachments[0]?.mimeType, "application/octet-stream");
  });
});

describe("the header", () => {
  it("holds Message-ID and Date as given, on one line each", async () => {
    const messageId = `<${"x".repeat(120)}@example.com>`;
    const { source } = await composed({ messageId });
    assert.ok(source.includes(`\r\nMessage-ID: ${messageId}\r\n`));
    assert.ok(source.includes("\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n"));
  });

  it("leaves out what is empty", async () => {
    const { parsed } = await composed({ subject: "" });
    const names = parsed.headers.map(({ key }) => key);
    assert.deepEqual(names.sort(), ["content-transfer-encoding", "content-type", "date", "from", "message-id", "mime-version", "to"]);
  });

  it("passes a one-click pair through unencoded, however long", async () => {
    const list = `<https://example.com/unsubscribe?token=${"t".repeat(300)}>, <mailto:leave@example.com?subject=${"s".repeat(60)}>`;
    const { source } = await composed({ headers: { "List-Unsubscribe": list, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" } });
    assert.ok(source.replace(/\r\n(?=[ \t])/g, "").includes(`\r\nList-Unsubscribe: ${list}\r\n`));
    assert.ok(source.includes("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
  });

  it("shows a subject that looks encoded as it was written", async () => {
    for (const subject of ["=?utf-8?Q?x?=", "Re: =?UTF-8?B?eA==?= y", "=?"]) {
      assert.equal((await composed({ subject })).parsed.subject, subject);
    }
  });

  it("needs SMTPUTF8 for a local part outside ASCII, and not for names or domains", async () => {
    const umlaut = await composed({ to: [{ address: "jörg@example.com", name: "Jörg" }] });
    assert.equal(umlaut.smtputf8, true);
    assert.equal(umlaut.parsed.to?.[0]?.address, "jörg@example.com");
    const names = await composed({ to: [{ address: "joerg@xn--mnchen-3ya.de", name: "Jörg" }], subject: "Grüße" });
    assert.equal(names.smtputf8, false);
    assert.match(names.source, /^\p{ASCII}*$/u);
  });

  it("takes fifty recipients", async () => {
    const to = Array.from({ length: 50 }, (_, index) => ({ address: `r${index}@example.org`, name: `Recipient, Nº ${index}` }));
    assert.deepEqual((await composed({ to })).parsed.to, to);
  });

  it("throws rather than sends when unchecked values would change who is named", async () => {
    const hostile: Partial<Content>[] = [
      { to: [{ address: "a@b.c, d@e.f" }] },
      { to: [{ address: "a@b.c\r\nBcc: d@e.f" }] },
      { from: { address: "a@b.c>, <d@e.f", name: "x" } },
      { headers: { "X-A": "b\r\nBcc: d@e.f" } },
      { headers: { Bcc: "d@e.f", bcc: "d@e.f" } },
      { headers: { To: "d@e.f" } },
      { headers: { "X-A: b\r\nBcc": "d@e.f" } },
      { headers: { "X-A": "b\r\n\r\nbody" } },
      { messageId: "<a@b.c>\r\nBcc: d@e.f" },
    ];
    for (const changes of hostile) {
      await assert.rejects(compose({ ...plain, ...changes }), /composed header/, JSON.stringify(changes));
    }
  });
});

const bits = fc.constantFrom(
  ..."aB1 ,;:<>()[]@\"\\=?_.-'%&",
  ...[
    "é",
    "山",
    "🎉",
    "\u200d",
    "\u202e",
    "\u00a0",
    "\t",
    "=?utf-8?Q?=41?=",
    "=?utf-8?b?QQ==?=",
    "Bcc: x@y.z",
    "<x@y.z>",
    "  ",
    "--",
    "%0d%0a",
    "''",
    "utf-8''",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
  ],
);
const hostileText = fc.oneof(
  fc.array(bits, { maxLength: 60 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 120 }),
  fc.string({ unit: "grapheme", maxLength: 120 }),
);
const domain = fc.constantFrom("example.com", "sub.example.org", "xn--mnchen-3ya.de");
const localPart = fc.stringMatching(/^[a-zA-Z0-9!#$%&'*+/=^_`{|}~-]{1,20}(?:\.[a-zA-Z0-9-]{1,20})?$/);
const mailbox = fc.tuple(localPart, domain, fc.option(hostileText, { nil: undefined })).map(([local, host, name]): Mailbox => {
  const checked = checkMailbox({ address: `${local}@${host}`, name });
  return "fault" in checked ? { address: `${local}@${host}` } : checked;
});
const mailboxes = fc.array(mailbox, { maxLength: 5 });

/** What postal-mime calls a mailbox without a name. */
const asParsed = ({ address, name }: Mailbox) => ({ address, name: name ?? "" });

describe("for whatever hostile content", () => {
  it("recipients, names and subject come back the same, with no header more", async () => {
    const subjects = hostileText.filter((text) => subjectFault(text) === undefined);
    await fc.assert(
      fc.asyncProperty(mailbox, mailboxes, mailboxes, mailboxes, subjects, async (from, to, cc, replyTo, subject) => {
        const { parsed } = await composed({ from, to, cc, replyTo, subject });
        assert.deepEqual(parsed.from, asParsed(from));
        assert.deepEqual(parsed.to ?? [], to.map(asParsed));
        assert.deepEqual(parsed.cc ?? [], cc.map(asParsed));
        assert.deepEqual(parsed.replyTo ?? [], replyTo.map(asParsed));
        assert.equal(parsed.subject ?? "", subject);
        const given = { to: to.length, cc: cc.length, "reply-to": replyTo.length, subject: subject.length };
        const expected = ["from", "message-id", "date", "mime-version", "content-type", "content-transfer-encoding"];
        for (const [name, count] of Object.entries(given)) if (count > 0) expected.push(name);
        assert.deepEqual(parsed.headers.map(({ key }) => key).sort(), expected.sort());
      }),
      { numRuns: 700 },
    );
  });

  it("custom headers that pass the check come back the same, and alone", async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, hostileText, async (first, second) => {
        const headers = Object.fromEntries(
          Object.entries({ "X-First": first, "X-Second": second }).filter(([name, value]) => headersFaults({ [name]: value }).length === 0),
        );
        const { parsed, source } = await composed({ headers });
        for (const [name, value] of Object.entries(headers)) {
          const found = parsed.headers.filter(({ key }) => key === name.toLowerCase());
          assert.equal(found.length, 1);
          if (/^\p{ASCII}*$/u.test(value)) {
            const unfolded = source.replace(/\r\n(?=[ \t])/g, "");
            assert.ok(unfolded.includes(`\r\n${name}: ${value.trim()}\r\n`), JSON.stringify(value));
          }
        }
        assert.equal(parsed.headers.length, 7 + Object.keys(headers).length + 1);
      }),
      { numRuns: 500 },
    );
  });

  it("file names that pass the check come back the same", async () => {
    const filenames = hostileText.filter((text) => filenameFault(text) === undefined);
    await fc.assert(
      fc.asyncProperty(filenames, fc.uint8Array({ maxLength: 50 }), fc.boolean(), async (filename, octets, isInline) => {
        const attachment = { filename, content: Buffer.from(octets), ...(isInline && { contentId: "x" }), contentType: "image/png" };
        const { parsed } = await composed({ html: "<p>x</p>", attachments: [attachment] });
        assert.equal(parsed.attachments.length, 1);
        assert.equal(parsed.attachments[0]?.filename, filename);
        assert.deepEqual(Buffer.from(parsed.attachments[0]?.content as ArrayBuffer), attachment.content);
      }),
      { numRuns: 500 },
    );
  });

  it("texts come back the same but for their line ends", async () => {
    const normal = (text: string | undefined) => (text ?? "").replace(/\r\n?|\n/g, "\n").replace(/\n+$/, "");
    const texts = fc.oneof(
      hostileText,
      fc.array(fc.oneof(hostileText, fc.constantFrom("\n", "\r", "\r\n", ".\n")), { maxLength: 30 }).map((parts) => parts.join("")),
    );
    await fc.assert(
      fc.asyncProperty(
        texts.filter((text) => text !== "" && !/[\p{Cs}\0]/u.test(text)),
        async (text) => {
          assert.equal(normal((await composed({ text })).parsed.text), normal(text));
        },
      ),
      { numRuns: 500 },
    );
  });
});
