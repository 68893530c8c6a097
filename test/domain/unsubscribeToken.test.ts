import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readUnsubscribeToken, unsubscribeToken } from "../../src/domain/unsubscribeToken.ts";

const now = Date.parse("2030-01-01T00:00:00Z");
const claim = { tenant: "acme", list: "news", address: "ada@example.net", messageId: `msg_${"0".repeat(26)}` };
const secret = "k".repeat(32);

test("a token says what it was made of, in characters that a URL takes as they are", () => {
  for (const address of ["ada@example.net", "o'neil+a/b=c@example.net", "änne@xn--bcher-kva.example", `${"ü".repeat(32)}@example.net`]) {
    const token = unsubscribeToken({ ...claim, address }, now + 1_000, secret);
    assert.match(token, /^[A-Za-z0-9_.-]{1,923}$/);
    assert.deepEqual(readUnsubscribeToken(token, [secret], now), { kind: "valid", claim: { ...claim, address } });
  }
});

test("an old secret's token is good while that secret is among them", () => {
  const token = unsubscribeToken(claim, now + 1_000, secret);
  assert.equal(readUnsubscribeToken(token, ["new".repeat(20), secret], now).kind, "valid");
  assert.equal(readUnsubscribeToken(token, ["new".repeat(20)], now).kind, "forged");
  assert.equal(readUnsubscribeToken(token, [], now).kind, "forged");
});

test("past its time a token is expired, and a forged one is forged, expired or not", () => {
  const token = unsubscribeToken(claim, now, secret);
  assert.equal(readUnsubscribeToken(token, [secret], now - 1).kind, "valid");
  assert.equal(readUnsubscribeToken(token, [secret], now).kind, "expired");
  assert.equal(readUnsubscribeToken(token, ["x".repeat(32)], now).kind, "forged");
});

test("no change of any character leaves a token good for anything else", () => {
  const token = unsubscribeToken(claim, now + 1_000, secret);
  for (let index = 0; index < token.length; index++) {
    const changed = `${token.slice(0, index)}${token[index] === "A" ? "B" : "A"}${token.slice(index + 1)}`;
    const reading = readUnsubscribeToken(changed, [secret], now);
    // The last characters of a part carry bits that nobody reads.
    if (reading.kind === "valid") assert.deepEqual(reading.claim, claim);
    else assert.equal(reading.kind, "forged");
  }
  assert.equal(readUnsubscribeToken(token.slice(0, -1), [secret], now).kind, "forged");
});

test("whatever text comes for a token is forged", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (text) => readUnsubscribeToken(text, [secret], now).kind === "forged"),
  );
});
