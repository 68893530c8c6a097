// The encoders by themselves, over whatever octets; and what must never get into a header.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeWords } from "postal-mime";
import { base64Length, lineOctets, writeBase64 } from "../../src/compose/base64.ts";
import { compose } from "../../src/compose/compose.ts";
import type { Content } from "../../src/compose/content.ts";
import { encodeWords } from "../../src/compose/encodedWords.ts";
import { writeField } from "../../src/compose/fields.ts";
import { boundaryWord, textPart } from "../../src/compose/parts.ts";
import { encodeQuotedPrintable } from "../../src/compose/quotedPrintable.ts";
import { verifyHeader } from "../../src/compose/verifyHeader.ts";

const octets = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc
    .array(fc.constantFrom(0x20, 0x09, 0x0a, 0x0d, 0x3d, 0x2e, 0x41, 0xc3, 0xe5, 0xf0, 0x80, 0), { maxLength: 400 })
    .map((it) => Uint8Array.from(it)),
);

describe("quoted-printable", () => {
  it("gives back every octet, in lines of at most 76 that end in no space", () => {
    fc.assert(
      fc.property(octets, (given) => {
        const encoded = encodeQuotedPrintable(Buffer.from(given)).toString("latin1");
        for (const line of encoded.split("\r\n")) assert.match(line, /^(?!.{77})(?:[\t\x20-<>-~]|=[0-9A-F]{2})*=?$(?<![ \t])/);
        const unfolded = encoded.replaceAll("=\r\n", "").replaceAll("\r\n", "\n");
        const decoded = unfolded.replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
        assert.deepEqual(Buffer.from(decoded, "latin1"), Buffer.from(given));
      }),
      { numRuns: 2000 },
    );
  });

  it("parts no character by a soft line break", () => {
    for (let before = 60; before < 80; before++) {
      for (const character of ["é", "山", "🎉"]) {
        const encoded = encodeQuotedPrintable(Buffer.from(`${"x".repeat(before)}${character.repeat(40)}`)).toString("latin1");
        for (const line of encoded.split("=\r\n")) {
          const decoded = decodeURIComponent(line.replaceAll("=", "%"));
          assert.doesNotMatch(decoded, /\ufffd/);
        }
      }
    }
  });
});

describe("base64", () => {
  it("is Node's own in lines of 76, however long the source", () => {
    const source = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 89) % 256));
    for (let length = 0; length <= source.length; length++) {
      const target = Buffer.alloc(base64Length(length) + 2, "#");
      const end = writeBase64(source.subarray(0, length), target, 1);
      const lines = source.toString("base64", 0, length).match(/.{1,76}/g) ?? [];
      assert.equal(target.toString("latin1"), `#${lines.join("\r\n")}#`);
      assert.equal(end, base64Length(length) + 1);
    }
  });

  it("of a file of several slices is one run of lines, and others get their turn meanwhile", async () => {
    const content = Buffer.alloc(lineOctets * 16_384 * 3 + 1, "abcdefg");
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const { bytes } = await compose({ ...plain, text: undefined, attachments: [{ filename: "a.bin", content }] });
    clearInterval(timer);
    const body = bytes.toString("latin1", bytes.indexOf("\r\n\r\n") + 4);
    assert.equal(body, `${(content.toString("base64").match(/.{1,76}/g) ?? []).join("\r\n")}\r\n`);
    assert.ok(turns > 0);
  });
});

describe("encoded words", () => {
  it("give back every text, none longer than 75 characters, whole characters in each", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }), (text) => {
        const words = encodeWords(text).split(" ");
        for (const word of words) {
          assert.match(word, /^=\?UTF-8\?[QB]\?[A-Za-z0-9!*+\-/=_]+\?=$/);
          assert.ok(word.length <= 75);
        }
        assert.equal(words.map(decodeWords).join(""), text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a text", () => {
  const encodingOf = (text: string) => /Encoding: (.+)\r\n$/.exec(textPart("plain", text).header)?.[1];

  it("stands as it is while it is printable ASCII in lines of at most 998", () => {
    for (const text of ["", "Hello\n", "\ta \n\n.\nFrom x", "x".repeat(998), `${"x".repeat(998)}\r\n${"x".repeat(998)}`]) {
      assert.equal(encodingOf(text), "7bit", text);
    }
  });

  it("is quoted-printable or base64, whichever is shorter, where it cannot", () => {
    for (const text of [
      "x".repeat(999),
      `a\n${"x".repeat(999)}\n`,
      "Grüße aus Köln, und bis übermorgen.\n",
      "a\0b and more of it",
      "bell \x07, delete \x7f",
    ]) {
      assert.equal(encodingOf(text), "quoted-printable", text);
    }
    for (const text of ["Спасибо за ваш заказ.\n", "ご注文ありがとうございます。\n", "🎉".repeat(20)])
      assert.equal(encodingOf(text), "base64", text);
  });

  it("has CRLF for each line end of whatever kind, in every encoding", () => {
    for (const encoded of ["", "é", "山山山山"]) {
      const [piece = ""] = textPart("plain", `a${encoded}\rb\nc\r\nd\n\re`).body;
      const body = typeof piece === "object" && "base64" in piece ? piece.base64.toString() : piece.toString();
      assert.equal(body.split("\r\n").length, 6);
      assert.doesNotMatch(body, /\r(?!\n)|(?<!\r)\n/);
    }
  });
});

describe("a boundary", () => {
  it("that stands in a part as it will be sent is not taken", () => {
    const candidates = ["first", "second", "third"];
    const parts = [textPart("plain", "--=_mixed_first\n"), { header: "", body: [Buffer.from("--=_alternative_second")] }];
    assert.equal(
      boundaryWord(parts, () => candidates.shift() ?? "none"),
      "third",
    );
  });
});

const plain: Content = {
  from: { address: "ann@example.com", name: "Ann" },
  to: [{ address: "bob@example.org" }, { address: "cy@example.org", name: 'Cy "C", of' }],
  cc: [],
  replyTo: [],
  subject: "Hello",
  text: "Hello",
  headers: { "X-A": "1" },
  attachments: [],
  messageId: "<1@example.com>",
  date: new Date(0),
};

describe("a header", () => {
  const header = [
    ...["From: Ann <ann@example.com>", 'To: bob@example.org, "Cy \\"C\\", of"\r\n <cy@example.org>', "Subject: Hello", "X-A: 1"],
    ...["Message-ID: <1@example.com>", "Date: Thu, 01 Jan 1970 00:00:00 +0000", "MIME-Version: 1.0", "Content-Type: text/plain", ""],
  ].join("\r\n");

  it("is written field by field: none holds a line break, a NUL, or two fields", () => {
    for (const [name, value] of [
      ["X-A", "a\r\nBcc: b"],
      ["X-A", "a\rb"],
      ["X-A", "a\nb"],
      ["X-A", "a\0"],
      ["X-A: b\r\nBcc", "c"],
      ["X A", "b"],
      ["", "b"],
    ]) {
      assert.throws(() => writeField(name ?? "", value ?? ""), /composed header/);
    }
  });

  it("that says what the content says passes the last look", () => {
    verifyHeader(header, plain);
  });

  it("that differs from the content in anything that counts does not", () => {
    const changes: [string, string][] = [
      ["ann@", "eve@"],
      ["bob@example.org, ", ""],
      ["bob@example.org, ", "bob@example.org, eve@example.org, "],
      ["bob@example.org", "eve@example.org <bob@example.org>"],
      ["bob@example.org,", "bob@example.org;"],
      ['"Cy \\"C\\", of"', '"Cy", "C" of'],
      ["Subject: Hello\r\n", "Subject: Hello\r\nBcc: eve@example.org\r\n"],
      ["Subject: Hello\r\n", "Subject: Hello\nBcc: eve@example.org\r\n"],
      ["Subject: Hello\r\n", "Subject: Hello\rBcc: eve@example.org\r\n"],
      ["Subject: Hello\r\n", "Subject: Hello\r\n\r\n"],
      ["Subject: Hello\r\n", "Subject: Hello\r\n \r\n"],
      ["Subject: Hello\r\n", ""],
      ["X-A", "X-B"],
      ["<1@example.com>", "<2@example.com>"],
      ["Content-Type: text/plain\r\n", "Content-Type: text/plain\r\nBcc: eve@example.org\r\n"],
      ["Content-Type: text/plain\r\n", "Content-Type: text/plain\r\nContent-type: text/html\r\n"],
      ["Content-Type: text/plain\r\n", ""],
      ["Content-Type: text/plain\r\n", "Content-Type: text/plain"],
    ];
    for (const [from, to] of changes) {
      assert.ok(header.includes(from));
      assert.throws(() => verifyHeader(header.replace(from, to), plain), /composed header/, JSON.stringify(to));
    }
  });
});
