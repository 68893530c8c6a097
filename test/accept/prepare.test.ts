import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, prepare, prepareRaw } from "../../src/accept/prepare.ts";
import { rawRequest } from "../../src/accept/request.ts";
import type { Caller } from "../../src/domain/keys.ts";
import { isRefusal, type Refusal } from "../../src/domain/refusals.ts";
import { caller, now, request, settings } from "./accepting.ts";

async function drafted(changes: Record<string, unknown>, as: Caller = caller()): Promise<Draft> {
  const draft = await prepare(settings(), as, request(changes));
  assert.ok(!isRefusal(draft), JSON.stringify(draft));
  return draft;
}

async function refused(changes: Record<string, unknown>, as: Caller = caller(), with_ = settings()): Promise<Refusal> {
  const draft = await prepare(with_, as, request(changes));
  assert.ok(isRefusal(draft));
  return draft;
}

test("to, cc and bcc make the envelope; who is named twice gets one copy, as named first; bcc is not in the bytes", async () => {
  const { record, bytes } = await drafted({ to: ["a@x.example", "b@x.example"], cc: ["b@x.example"], bcc: ["c@x.example", "a@X.example"] });
  assert.deepEqual(record.recipients, [
    { address: "a@x.example", kind: "to" },
    { address: "b@x.example", kind: "to" },
    { address: "c@x.example", kind: "bcc" },
  ]);
  assert.ok(!bytes.toString().includes("c@x.example"));
});

test("recipients that route differently are dispatches of their own", async () => {
  const { dispatches, recipients, routing } = await drafted({ to: ["a@office.example", "b@x.example", "c@office.example"] });
  assert.deepEqual(
    dispatches.map((dispatch) => dispatch.relay),
    ["office", "main"],
  );
  assert.deepEqual(
    recipients.map((recipient) => recipient.dispatch),
    [0, 1, 0],
  );
  assert.deepEqual(routing[0], { recipient: "a@office.example", rule: 0, relays: ["office", "main"] });
});

test("more than fifty recipients in all are refused", async () => {
  const many = (count: number, at: string) => Array.from({ length: count }, (_, index) => `u${index}@${at}`);
  const refusal = await refused({ to: many(30, "a.example"), cc: many(21, "b.example") });
  assert.deepEqual(refusal.errors?.[0] && { ...refusal.errors[0], message: "" }, {
    pointer: "/to",
    code: "too_many_recipients",
    message: "",
  });
  await drafted({ to: many(30, "a.example"), cc: many(20, "b.example") });
});

test("nobody at all is refused", async () => {
  assert.equal((await refused({ to: [] })).errors?.[0]?.code, "no_recipients");
});

test("a key sends only from its domains: not from sub-domains, look-alikes or with tricks", async () => {
  const limited = caller({ domains: ["example.com"] });
  await drafted({ from: "a@example.com" }, limited);
  await drafted({ from: "a@EXAMPLE.com" }, limited);
  for (const from of ["a@sub.example.com", "a@example.org", "a@exаmple.com", "a@notexample.com"]) {
    assert.equal((await refused({ from }, limited)).refused, "sender_not_allowed", from);
  }
});

test("a relay may be named by operators and by keys that list it, and must exist", async () => {
  assert.equal((await refused({ relay: "office" })).refused, "forbidden");
  assert.equal((await drafted({ relay: "office" }, caller({ relays: ["office"] }))).dispatches[0]?.relay, "office");
  assert.equal((await drafted({ relay: "main" }, caller({ scopes: ["operator", "send"] }))).dispatches[0]?.relay, "main");
  assert.equal((await refused({ relay: "none" }, caller({ scopes: ["operator", "send"] }))).errors?.[0]?.code, "unknown_relay");
});

test("a message that no route matches is refused, not lost", async () => {
  const onlyOffice = settings({ routes: [{ to_domain: "office.example", relays: ["office"] }] });
  assert.equal((await refused({ to: "a@x.example" }, caller(), onlyOffice)).refused, "no_route");
});

test("send_at is refused when past or over 30 days ahead, and moves the deadline", async () => {
  const at = (ms: number) => new Date(now + ms).toISOString();
  assert.equal((await refused({ send_at: at(-60_000) })).errors?.[0]?.code, "invalid_send_at");
  assert.equal((await refused({ send_at: at(31 * 86_400_000) })).errors?.[0]?.code, "invalid_send_at");
  const draft = await drafted({ send_at: at(60_000), expires_after: "10m" });
  assert.equal(draft.sendAt, now + 60_000);
  assert.equal(draft.expiresAt, now + 660_000);
  assert.equal(draft.recipients[0]?.status, "scheduled");
  assert.equal((await drafted({})).expiresAt, now + 3_600_000);
});

test("a message over the size that is allowed is refused by its finished bytes", async () => {
  const small = settings({ maxMessageSizeBytes: 2_000 });
  assert.equal((await refused({ text: "x".repeat(3_000) }, caller(), small)).refused, "message_too_large");
});

test("a raw message keeps its bytes, and its From and Sender are held to the key's domains", async () => {
  const raw = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n")).toString("base64");
  const parse = (text: string) => rawRequest.parse({ envelope: { from: "a@example.com", to: ["x@example.net"] }, raw: raw(text) });
  const limited = caller({ domains: ["example.com"] });
  const fine = await prepareRaw(settings(), limited, parse("From: a@example.com\nSubject: hi\n\nbody\n"));
  assert.ok(!isRefusal(fine));
  assert.match(fine.bytes.toString(), /From: a@example\.com\r\nSubject: hi\r\n\r\nbody\r\n$/);
  const foreign = await prepareRaw(settings(), limited, parse("From: ceo@other.example\nSubject: hi\n\nbody\n"));
  assert.equal(isRefusal(foreign) && foreign.refused, "sender_not_allowed");
  const nobody = await prepareRaw(settings(), limited, parse("Subject: hi\n\nbody\n"));
  assert.equal(isRefusal(nobody) && nobody.errors?.[0] && "pointer" in nobody.errors[0] && nobody.errors[0].pointer, "/raw");
});
