// Proves that a reply, however a server or a report wrote it, becomes a code, an enhanced code of the same class, and one bounded line of text.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseReply } from "../../src/domain/replyParse.ts";

const cases: { guarantee: string; raw: string; code: number; enhanced?: string; text: string }[] = [
  { guarantee: "a plain reply", raw: "550 5.1.1 User unknown\r\n", code: 550, enhanced: "5.1.1", text: "User unknown" },
  { guarantee: "a reply of several lines", raw: "550-5.1.1 first\r\n550 5.1.1 second", code: 550, enhanced: "5.1.1", text: "first second" },
  {
    guarantee: "lines ended by a bare LF or CR",
    raw: "550-5.1.1 a\n550-5.1.1 b\r550 5.1.1 c",
    code: 550,
    enhanced: "5.1.1",
    text: "a b c",
  },
  {
    guarantee: "lines that repeat only the basic code",
    raw: "421-4.7.0 slow\r\n421 down",
    code: 421,
    enhanced: "4.7.0",
    text: "slow down",
  },
  { guarantee: "continued lines without a code", raw: "554 5.7.1 one\r\n   two", code: 554, enhanced: "5.7.1", text: "one two" },
  { guarantee: "no enhanced code", raw: "552 Too big", code: 552, text: "Too big" },
  { guarantee: "a code alone", raw: "550", code: 550, text: "" },
  { guarantee: "both codes alone", raw: "250 2.0.0\r\n", code: 250, enhanced: "2.0.0", text: "" },
  { guarantee: "an enhanced code after a hyphen", raw: "550-5.1.1", code: 550, enhanced: "5.1.1", text: "" },
  {
    guarantee: "an enhanced code in brackets later",
    raw: "553 Nobody here. (#5.1.1)",
    code: 553,
    enhanced: "5.1.1",
    text: "Nobody here. (#5.1.1)",
  },
  {
    guarantee: "an enhanced code after a hash",
    raw: "550 #5.1.0 Address rejected.",
    code: 550,
    enhanced: "5.1.0",
    text: "#5.1.0 Address rejected.",
  },
  { guarantee: "an enhanced code in a later line", raw: "550-Sorry\r\n550 5.1.1 gone", code: 550, enhanced: "5.1.1", text: "Sorry gone" },
  {
    guarantee: "an enhanced code at a sentence's end",
    raw: "550 Refused with 5.7.1.",
    code: 550,
    enhanced: "5.7.1",
    text: "Refused with 5.7.1.",
  },
  { guarantee: "an enhanced code of another class is text", raw: "554 4.4.7 Message expired", code: 554, text: "4.4.7 Message expired" },
  { guarantee: "class 3 does not exist", raw: "354 3.0.0 Go on", code: 354, text: "3.0.0 Go on" },
  {
    guarantee: "an address is no enhanced code",
    raw: "550 host 5.1.1.7 and 10.5.1.1 refused",
    code: 550,
    text: "host 5.1.1.7 and 10.5.1.1 refused",
  },
  {
    guarantee: "a web address holds no code",
    raw: "550 see https://e.com/5.1.1/x?c=5.1.2",
    code: 550,
    text: "see https://e.com/5.1.1/x?c=5.1.2",
  },
  { guarantee: "a version is no code", raw: "554 Filter 5.16.2 says no", code: 554, text: "Filter 5.16.2 says no" },
  { guarantee: "doubled codes", raw: "550 550 5.1.1 user unknown", code: 550, enhanced: "5.1.1", text: "user unknown" },
  { guarantee: "text that begins with a colon", raw: "550 : User unknown", code: 550, text: ": User unknown" },
  {
    guarantee: "a reply of several lines that a report folded into one",
    raw: "550-5.7.26 Unauthenticated 550-5.7.26 550-5.7.26 mail is 550 5.7.26 refused",
    code: 550,
    enhanced: "5.7.26",
    text: "Unauthenticated mail is refused",
  },
  { guarantee: "a Diagnostic-Code field", raw: "smtp; 550 5.1.1 User unknown", code: 550, enhanced: "5.1.1", text: "User unknown" },
  { guarantee: "sendmail's transcript", raw: "<<< 452 4.2.2 Full", code: 452, enhanced: "4.2.2", text: "Full" },
  {
    guarantee: "a quotation in a log line",
    raw: "host mx.example.com[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
    code: 550,
    enhanced: "5.1.1",
    text: "User unknown (in reply to RCPT TO command)",
  },
  {
    guarantee: "a quotation in quotes",
    raw: "Remote Server returned '550 5.1.10 not found'",
    code: 550,
    enhanced: "5.1.10",
    text: "not found'",
  },
  { guarantee: "no code at all", raw: "Connection timed out", code: 0, text: "Connection timed out" },
  { guarantee: "an enhanced code without a basic one", raw: "5.1.1 User unknown", code: 0, enhanced: "5.1.1", text: "User unknown" },
  { guarantee: "a number of four digits", raw: "5501 strange", code: 0, text: "5501 strange" },
  { guarantee: "a code outside of SMTP", raw: "999 strange", code: 0, text: "999 strange" },
  { guarantee: "nothing", raw: "", code: 0, text: "" },
  { guarantee: "empty lines", raw: "\r\n\r\n", code: 0, text: "" },
  { guarantee: "other scripts", raw: "550 5.1.1 受信者が見つかりません", code: 550, enhanced: "5.1.1", text: "受信者が見つかりません" },
  {
    guarantee: "control characters and reversed text",
    raw: "550 5.1.1 a\u0000b\u001b[31m\tc\u202ed\u2028e",
    code: 550,
    enhanced: "5.1.1",
    text: "ab[31m cd e",
  },
  { guarantee: "half a character", raw: "550 a\ud800b", code: 550, text: "ab" },
];

for (const { guarantee, raw, ...reply } of cases) {
  test(`reads ${guarantee}`, () => {
    assert.deepEqual(parseReply(raw), reply);
  });
}

test("bounds the text to 1,000 characters and never cuts one in half", () => {
  const { text } = parseReply(`550 5.1.1 ${"x".repeat(999)}😀${"y".repeat(5_000)}`);
  assert.equal(text, "x".repeat(999));
});

test("takes whatever a hostile server sends, fast, and gives one clean bounded line", () => {
  const hostile = ["550", " ", "-", "5.1.1", "\r\n", "\r", "\t", "\u0000", "\ud83d", "(#5.7.1)", "smtp;", "<<< ", ": 550 ", "x"];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: "binary" })), { maxLength: 60 }), (parts) => {
      const { code, enhanced, text } = parseReply(parts.join(""));
      assert.ok(code === 0 || (code >= 200 && code <= 599));
      assert.ok(text.length <= 1_000);
      assert.doesNotMatch(text, /[\p{Cc}\p{Cs}\u2028\u2029]/u);
      if (enhanced !== undefined) assert.match(enhanced, code === 0 ? /^[245]\.\d{1,3}\.\d{1,3}$/ : new RegExp(`^${String(code)[0]}\\.`));
    }),
  );
  for (const part of hostile) {
    const startedAt = performance.now();
    parseReply(`550 5.1.1 ${part.repeat(1_000_000)}`);
    assert.ok(performance.now() - startedAt < 1_000, `a million times ${JSON.stringify(part)} took too long`);
  }
});

test("reads back every reply that follows the standard", () => {
  const word = fc.stringMatching(/^[A-Za-z][A-Za-z,]{0,20}$/);
  fc.assert(
    fc.property(
      fc.constantFrom(250, 421, 450, 550, 554),
      fc.nat({ max: 7 }),
      fc.nat({ max: 999 }),
      fc.array(word, { minLength: 1, maxLength: 5 }),
      (code, subject, detail, lines) => {
        const enhanced = `${String(code)[0]}.${subject}.${detail}`;
        const raw = lines.map((line, i) => `${code}${i === lines.length - 1 ? " " : "-"}${enhanced} ${line}`).join("\r\n");
        assert.deepEqual(parseReply(raw), { code, enhanced, text: lines.join(" ") });
      },
    ),
  );
});
