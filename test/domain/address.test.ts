// The rules for one mailbox: what is taken, in which form, and what is refused.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  checkAddress,
  checkDomain,
  checkDomainPattern,
  checkMailbox,
  domainOf,
  needsSmtpUtf8,
  parseMailbox,
  senderDomainAllowed,
} from "../../src/domain/address.ts";

const local64 = "l".repeat(64);
const label63 = "d".repeat(63);

const accepted: [string, { address: string; name?: string }][] = [
  ["a@b.c", { address: "a@b.c" }],
  ["  a@b.c ", { address: "a@b.c" }],
  ["<a@b.c>", { address: "a@b.c" }],
  ["Name <a@b.c>", { address: "a@b.c", name: "Name" }],
  ["Name<a@b.c>", { address: "a@b.c", name: "Name" }],
  ["John Q. Public <john@example.com>", { address: "john@example.com", name: "John Q. Public" }],
  ["Two   spaces <a@b.c>", { address: "a@b.c", name: "Two spaces" }],
  ["Jörg Müller <joerg@example.com>", { address: "joerg@example.com", name: "Jörg Müller" }],
  ["山田太郎 <taro@example.jp>", { address: "taro@example.jp", name: "山田太郎" }],
  ['"Last, First" <a@b.c>', { address: "a@b.c", name: "Last, First" }],
  ['"a@x.y" <a@b.c>', { address: "a@b.c", name: "a@x.y" }],
  ['"<x@y.z>" <a@b.c>', { address: "a@b.c", name: "<x@y.z>" }],
  ['"say \\"hi\\" \\\\ there" <a@b.c>', { address: "a@b.c", name: 'say "hi" \\ there' }],
  ['Ann "the boss" Lee <a@b.c>', { address: "a@b.c", name: "Ann the boss Lee" }],
  ['"" <a@b.c>', { address: "a@b.c" }],
  ["=?utf-8?Q?x?= <a@b.c>", { address: "a@b.c", name: "=?utf-8?Q?x?=" }],
  ["O'Neil <o'neil@example.com>", { address: "o'neil@example.com", name: "O'Neil" }],
  ["Case.Kept+Tag@EXAMPLE.Com", { address: "Case.Kept+Tag@example.com" }],
  ["!#$%&'*+-/?^_`{|}~=@b.c", { address: "!#$%&'*+-/?^_`{|}~=@b.c" }],
  ['"john"@example.com', { address: "john@example.com" }],
  ["a@münchen.de", { address: "a@xn--mnchen-3ya.de" }],
  ["a@MÜNCHEN.de", { address: "a@xn--mnchen-3ya.de" }],
  ["a@XN--MNCHEN-3YA.de", { address: "a@xn--mnchen-3ya.de" }],
  ["a@straße.de", { address: "a@xn--strae-oqa.de" }],
  ["a@ｅｘａｍｐｌｅ。com", { address: "a@example.com" }],
  ["jörg@example.com", { address: "jörg@example.com" }],
  [`${local64}@b.c`, { address: `${local64}@b.c` }],
  [`a@${label63}.com`, { address: `a@${label63}.com` }],
  ["a@1.2.3.de", { address: "a@1.2.3.de" }],
];

const refused: [string, RegExp][] = [
  ["", /is empty/],
  ["   ", /is empty/],
  ["a", /has no @/],
  ["@b.c", /nothing before the @/],
  ["a@", /no domain/],
  ["a@b.c,d@e.f", /list/],
  ["a@b.c;d@e.f", /list/],
  ["a@b.c d@e.f", /malformed|domain|local/],
  ["A <a@b.c>, B <d@e.f>", /list/],
  ["Group: a@b.c, d@e.f;", /list/],
  ["Group: <a@b.c>", /double quotes/],
  ["a@x> NOTIFY=NEVER", /not one mailbox/],
  ["<a@x> NOTIFY=NEVER", /not one mailbox/],
  ["A <a@b.c> trailing", /not one mailbox/],
  ["A <a@b.c", /not one mailbox/],
  ["a@b.c>", /not one mailbox/],
  ["<<a@b.c>>", /local part|double quotes|domain/],
  ["A <>", /is empty/],
  ["Last, First <a@b.c>", /double quotes/],
  ["x@y.z <a@b.c>", /double quotes/],
  ["Ann (boss) <a@b.c>", /double quotes/],
  ['"unclosed <a@b.c>', /double quotes/],
  ["a(comment)@b.c", /local part/],
  ["a@b.c (comment)", /domain/],
  ["<@relay.example:a@b.c>", /local part/],
  ["a@b@c.d", /local part/],
  ["a@b.c\r\nBcc: x@y.z", /control character/],
  ["a@b.c\n", /control character/],
  ["a\u0000@b.c", /control character/],
  ["A\r\nBcc: x@y.z <a@b.c>", /control character/],
  ["A\u0085B <a@b.c>", /control character/],
  ["a b@c.d", /local part/],
  [".a@b.c", /local part/],
  ["a.@b.c", /local part/],
  ["a..b@c.d", /local part/],
  ["a\u00a0b@c.d", /local part/],
  ["a\u200bb@c.d", /local part/],
  ["a\ud800@c.d", /local part/],
  ['"a b"@c.d', /quoted local part/],
  ['"a@b"@c.d', /quoted local part/],
  ['"a\\"b"@c.d', /quoted local part/],
  ['""@c.d', /nothing before/],
  ["=?utf-8?q?x=40y.z?=@b.c", /encoded word/],
  [`${local64}l@b.c`, /64 octets/],
  [`${"ü".repeat(33)}@b.c`, /64 octets/],
  ["a@[127.0.0.1]", /address literal/],
  ["a@[IPv6:::1]", /address literal/],
  ["a@127.0.0.1", /IP address/],
  ["a@１２７.0.0.1", /IP address/],
  ["a@x.0x7f", /IP address/],
  ["a@b.c:25", /port/],
  ["a@b.c.", /ends in a dot/],
  ["a@b。c。", /malformed domain/],
  ["a@localhost", /without a dot/],
  ["a@b..c", /malformed domain/],
  ["a@.b.c", /malformed domain/],
  ["a@-b.c", /malformed domain/],
  ["a@b-.c", /malformed domain/],
  ["a@b_c.d", /character in its domain/],
  ["a@b/c.d", /character in its domain/],
  ["a@ex%41mple.com", /character in its domain/],
  ["a@exam\u00adple.com", /character in its domain/],
  ["a@exam\u200bple.com", /character in its domain/],
  ["a@\u200b.com", /character in its domain/],
  ["a@℀.com", /internationalised/],
  ["a@xn--a.com", /internationalised/],
  ["a@x\ud800.com", /internationalised/],
  [`a@${label63}d.com`, /63 octets/],
  [`a@${"ä".repeat(63)}.com`, /internationalised|63 octets/],
  [`a@${`${label63}.`.repeat(4)}com`, /253 octets/],
  [`${local64}@${`${label63}.`.repeat(2)}${"d".repeat(59)}.com`, /254 octets/],
  [`${"n".repeat(257)} <a@b.c>`, /256 characters/],
  ["n".repeat(1_000_000), /longer than 1024/],
  [`"${"\\".repeat(900)} <a@b.c>`, /double quotes/],
];

describe("parseMailbox", () => {
  for (const [text, mailbox] of accepted) it(`takes ${text.slice(0, 60)}`, () => assert.deepEqual(parseMailbox(text), mailbox));
  for (const [text, fault] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 60))} and says why`, () => {
      const result = parseMailbox(text);
      assert.ok("fault" in result, `taken as ${JSON.stringify(result)}`);
      assert.match(result.fault, fault);
    });
  }

  it("reads back every name that it took, when the name is quoted", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) => {
        const direct = checkMailbox({ address: "a@b.c", name });
        const quoted = parseMailbox(`"${name.replace(/["\\]/g, "\\$&")}" <a@b.c>`);
        if ("fault" in direct) assert.ok("fault" in quoted);
        else assert.deepEqual(quoted, direct);
      }),
    );
  });

  it("gives back, for whatever text, nothing or one canonical address that it takes again unchanged", () => {
    const soup = fc.array(
      fc.constantFrom(
        "a",
        "B",
        "@",
        ".",
        "<",
        ">",
        '"',
        "\\",
        ",",
        ";",
        ":",
        "(",
        ")",
        " ",
        "\r",
        "\n",
        "ü",
        "。",
        "=?",
        "xn--",
        "[",
        "1",
        "-",
      ),
      {
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          soup.map((parts) => parts.join("")),
          soup.map((parts) => `a@${parts.join("")}.c`),
        ),
        (text) => {
          const result = parseMailbox(text);
          if ("fault" in result) return;
          assert.doesNotMatch(result.address, /[\s<>(),;:"\\[\]\p{C}]/u);
          assert.equal(result.address.split("@").length, 2);
          assert.match(domainOf(result.address), /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/);
          assert.deepEqual(checkAddress(result.address), { address: result.address });
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("answers hostile input in linear time", () => {
    const started = performance.now();
    for (const text of [
      "(".repeat(1000),
      `${'"\\'.repeat(500)}`,
      `${"a.".repeat(500)}@b.c`,
      `a@${"a.".repeat(500)}`,
      `${"<".repeat(1000)}>`,
    ])
      parseMailbox(text);
    assert.ok(performance.now() - started < 500);
  });
});

describe("checkMailbox", () => {
  it("drops a name that is only space", () => assert.deepEqual(checkMailbox({ address: "a@b.c", name: " " }), { address: "a@b.c" }));
  it("refuses a name with a line break", () => assert.ok("fault" in checkMailbox({ address: "a@b.c", name: "A\nB" })));
  it("refuses half a character in a name", () => assert.ok("fault" in checkMailbox({ address: "a@b.c", name: "A\ud83d" })));
  it("takes no mailbox with a name for an address", () => assert.ok("fault" in checkMailbox({ address: "A <a@b.c>" })));
});

describe("needsSmtpUtf8", () => {
  it("is so for a local part outside ASCII alone", () => {
    assert.equal(needsSmtpUtf8("jörg@example.com"), true);
    const ascii = checkAddress("joerg@münchen.de");
    assert.ok("address" in ascii);
    assert.equal(needsSmtpUtf8(ascii.address), false);
  });
});

describe("senderDomainAllowed", () => {
  const cases: [string, string[], boolean][] = [
    ["a@example.com", ["example.com"], true],
    ["a@example.com", ["EXAMPLE.com"], true],
    ["a@example.com", ["other.org", "example.com"], true],
    ["a@sub.example.com", ["example.com"], false],
    ["a@sub.example.com", ["*.example.com"], true],
    ["a@a.b.example.com", ["*.example.com"], true],
    ["a@example.com", ["*.example.com"], false],
    ["a@notexample.com", ["*.example.com"], false],
    ["a@example.com.evil.org", ["example.com", "*.example.com"], false],
    ["a@xn--mnchen-3ya.de", ["münchen.de"], true],
    ["a@xn--pple-43d.com", ["apple.com"], false],
    ["a@example.com", [], false],
    ["a@example.com", ["", "*", "*.", "*.com.", "com", "*.*.com"], false],
  ];
  for (const [address, allowed, expected] of cases) {
    it(`${expected ? "lets" : "does not let"} ${address} send with ${JSON.stringify(allowed)}`, () => {
      assert.equal(senderDomainAllowed(address, allowed), expected);
    });
  }
});

describe("checkDomainPattern", () => {
  it("gives the canonical entry", () => {
    assert.deepEqual(checkDomainPattern("*.München.de"), { pattern: "*.xn--mnchen-3ya.de" });
    assert.deepEqual(checkDomainPattern("Example.com"), { pattern: "example.com" });
  });
  it("refuses an asterisk anywhere else", () => {
    for (const entry of ["*", "*.com.", "a.*.com", "*example.com", "*.*.com"]) assert.ok("fault" in checkDomainPattern(entry), entry);
  });
});

describe("checkDomain", () => {
  it("maps to the same name twice", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }), (label) => {
        const first = checkDomain(`${label}.com`);
        if ("domain" in first) assert.deepEqual(checkDomain(first.domain), first);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("plain addresses", () => {
  it("come out of the short way as they would out of the long one", () => {
    const piece = fc.constantFrom("a", "z", "Z", "1", "-", "_", ".", "+", "@", "xn--", "com", "example", "ü", " ", "'", "l".repeat(20));
    const texts = fc.array(piece, { minLength: 1, maxLength: 14 }).map((pieces) => pieces.join(""));
    const usual = fc.tuple(texts, texts).map(([local, domain]) => `${local}@${domain}.com`);
    let short = 0;
    fc.assert(
      fc.property(fc.oneof(texts, usual), (text) => {
        const at = text.lastIndexOf("@");
        // In capitals its domain goes the long way.
        const long = `${text.slice(0, at + 1)}${text.slice(at + 1).toUpperCase()}`;
        assert.deepEqual(checkAddress(text), checkAddress(long));
        if (at > 0 && "address" in checkAddress(text)) short += 1;
      }),
      { numRuns: 5_000 },
    );
    assert.ok(short > 50, `only ${short} were addresses at all`);
  });
});
