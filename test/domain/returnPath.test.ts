import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { idOf } from "../../src/domain/ids.ts";
import { keptRecipientDigests, type ReturnPath, readReturnPath, returnPathKey, returnPathToken } from "../../src/domain/returnPath.ts";

const dayMs = 86_400_000;
const key = returnPathKey("a secret of 32 characters or more");
const now = Date.parse("2030-01-15T12:00:00Z");
const expiresAt = now + 10 * dayMs;
const message = { id: idOf("msg", randomBytes(16)), tenant: "shop", recipients: ["Ada@example.net"], expiresAt };

function valid(token: string, keys = [key], at = now): ReturnPath {
  const read = readReturnPath(keys, token, at);
  assert.ok(read.kind === "valid", read.kind);
  return read.returnPath;
}

test("a token says which message, tenant and only recipient it was made for, and no others", () => {
  const tenants = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);
  const address = fc.emailAddress();
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      tenants,
      tenants,
      address,
      address,
      (uuid, tenant, other, to, stranger) => {
        const id = idOf("msg", uuid);
        const token = returnPathToken(key, { id, tenant, recipients: [to], expiresAt });
        const path = valid(token);
        assert.equal(path.messageId, id);
        assert.equal(path.isTenant(tenant), true);
        assert.equal(path.isTenant(other), other === tenant);
        assert.equal(path.isRecipient(to), true);
        assert.equal(path.isRecipient(stranger), stranger.toLowerCase() === to.toLowerCase());
      },
    ),
  );
});

test("a token is 62 characters of lower-case base32 whatever it names, and reads the same in upper case", () => {
  const token = returnPathToken(key, { ...message, tenant: "t".repeat(63) });
  assert.match(token, /^[a-z2-7]{62}$/);
  assert.equal(valid(token.toUpperCase()).messageId, message.id);
});

test("the token of a message is the same each time", () => {
  assert.equal(returnPathToken(key, message), returnPathToken(key, message));
});

test("a token changed in any place by any character, cut short or drawn out is forged", () => {
  const token = returnPathToken(key, message);
  for (let at = 0; at < token.length; at++) {
    for (const character of "abcdefghijklmnopqrstuvwxyz234567") {
      if (character === token[at]) continue;
      const changed = token.slice(0, at) + character + token.slice(at + 1);
      assert.equal(readReturnPath([key], changed, now).kind, "forged", changed);
    }
    assert.equal(readReturnPath([key], token.slice(0, at), now).kind, "forged");
  }
  for (const text of [`${token}a`, `a${token}`, `${token}+tag`, "postmaster", "", "b".repeat(62)]) {
    assert.equal(readReturnPath([key], text, now).kind, "forged", text);
  }
});

test("random text is forged", () => {
  fc.assert(fc.property(fc.string(), (text) => readReturnPath([key], text, now).kind === "forged"));
  fc.assert(fc.property(fc.stringMatching(/^b[a-z2-7]{61}$/), (text) => readReturnPath([key], text, now).kind === "forged"));
});

test("a token holds until its day is over, and has expired from then on", () => {
  const token = returnPathToken(key, message);
  const { expiresAt: end } = valid(token);
  assert.ok(end >= expiresAt && end < expiresAt + dayMs);
  valid(token, [key], end - 1);
  assert.equal(readReturnPath([key], token, end).kind, "expired");
});

test("after a rotation old tokens are read by the old key, and forged once that is gone", () => {
  const token = returnPathToken(key, message);
  const newer = returnPathKey(randomBytes(32));
  assert.equal(valid(token, [newer, key]).isRecipient("ada@EXAMPLE.net"), true);
  assert.equal(readReturnPath([newer], token, now).kind, "forged");
});

test("another installation's key that happens to have the same id signs nothing for us", () => {
  const impostor = { id: key.id, secret: randomBytes(32) };
  assert.equal(readReturnPath([key], returnPathToken(impostor, message), now).kind, "forged");
  assert.equal(valid(returnPathToken(key, message), [impostor, key]).messageId, message.id);
});

test("of several recipients the token says nothing, and the digests that are kept tell each from strangers", () => {
  const recipients = ["one@example.net", "two@bücher.example", "three@example.net"];
  const path = valid(returnPathToken(key, { ...message, recipients }));
  assert.equal(path.isRecipient("one@example.net"), undefined);
  const kept = keptRecipientDigests(key, { id: message.id, recipients });
  assert.equal(kept.length, 3);
  assert.ok(kept.includes(path.recipientDigest("ONE@example.net")));
  assert.ok(kept.includes(path.recipientDigest("two@xn--bcher-kva.example")));
  assert.ok(!kept.includes(path.recipientDigest("four@example.net")));
  assert.deepEqual(keptRecipientDigests(key, { id: message.id, recipients: ["one@example.net"] }), []);
});

test("no two messages to the same recipient of the same tenant share a part of their tokens that could link them", () => {
  const tokens = Array.from({ length: 50 }, () => returnPathToken(key, { ...message, id: idOf("msg", randomBytes(16)) }));
  assert.equal(new Set(tokens.map((token) => token.slice(30, 45))).size, tokens.length);
});
