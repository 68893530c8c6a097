import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, prepare, prepareRaw } from "../../src/accept/prepare.ts";
import { rawRequest } from "../../src/accept/request.ts";
import type { Caller } from "../../src/domain/keys.ts";
import { isRefusal, type Refusal } from "../../src/domain/refusals.ts";
import { type Route, relaysFor } from "../../src/domain/routes.ts";
import { caller, now, relayLimits, request, settings } from "./accepting.ts";

async function drafted(changes: Record<string, unknown>, as: Caller = caller(), with_ = settings()): Promise<Draft> {
  const draft = await prepare(with_, as, request(changes));
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

test("recipients travel together only if they share the whole list of relays, not just the first", async () => {
  const routes: Route[] = [
    { to_domain: "a.example", relays: ["main", "office"] },
    { to_domain: ["b.example", "c.example"], relays: ["main"] },
  ];
  const to = ["1@a.example", "2@b.example", "3@a.example", "4@c.example"];
  const { dispatches, recipients } = await drafted({ to }, caller(), settings({ routes }));
  assert.deepEqual(
    [dispatches.map(({ relay }) => relay), recipients.map(({ dispatch }) => dispatch)],
    [
      ["main", "main"],
      [0, 1, 0, 1],
    ],
  );
});

test("a raw message goes by the domain of its header From, as its record will be asked again", async () => {
  const routes: Route[] = [{ from_domain: "news.example.com", relays: ["office"] }, { relays: ["main"] }];
  const raw = Buffer.from("From: a@news.example.com\r\n\r\nhi\r\n").toString("base64");
  const draft = await prepareRaw(
    settings({ routes }),
    caller(),
    rawRequest.parse({ envelope: { from: "bounces@example.com", to: "x@example.net" }, raw }),
  );
  assert.ok(!isRefusal(draft));
  assert.equal(draft.dispatches[0]?.relay, "office");
  assert.deepEqual(relaysFor(routes, draft.record, "x@example.net"), { rule: 0, relays: ["office"] });
});

test("what is stored of a message is all that its route can be found by again", async () => {
  const conditions: Omit<Route, "relays">[] = [
    { tag: "b" },
    { lane: "broadcast" },
    { tenant: "acme" },
    { key: "key_0123456789abcdef" },
    { key: "shop" },
    { from_domain: "example.com" },
  ];
  const as = caller({ keyId: "key_0123456789abcdef", keyName: "shop", tenant: "acme" });
  for (const condition of conditions) {
    const routes: Route[] = [{ ...condition, relays: ["office"] }, { relays: ["main"] }];
    const { record, dispatches } = await drafted({ tags: ["a", "b"], lane: "broadcast" }, as, settings({ routes }));
    assert.equal(dispatches[0]?.relay, "office", JSON.stringify(condition));
    assert.equal(relaysFor(routes, JSON.parse(JSON.stringify(record)), "one@example.net")?.rule, 0, JSON.stringify(condition));
  }
});

test("a message that names its relay keeps the name, and no other relay may carry it", async () => {
  const { record, routing } = await drafted({ relay: "office", to: ["a@x.example", "b@office.example"] }, caller({ relays: ["office"] }));
  assert.equal(record.relay, "office");
  assert.deepEqual(
    routing.map(({ rule, relays }) => [rule, relays]),
    [
      [undefined, ["office"]],
      [undefined, ["office"]],
    ],
  );
  assert.equal("relay" in (await drafted({})).record, false);
});

test("a relay that takes no message so large is left out, and where none does the message is refused in words", async () => {
  const small =
    (...names: string[]) =>
    (relay: string) =>
      names.includes(relay) ? relayLimits({ messageBytesMax: 2_048 }) : undefined;
  const large = { to: ["a@office.example", "b@x.example"], text: "x".repeat(3_000) };
  const passedOver = await drafted(large, caller(), settings({ limitsOf: small("office") }));
  assert.deepEqual(
    passedOver.dispatches.map(({ relay }) => relay),
    ["main", "main"],
  );
  assert.deepEqual(passedOver.routing[0]?.relays, ["office", "main"]);
  assert.equal((await drafted({ ...large, text: "x" }, caller(), settings({ limitsOf: small("office") }))).dispatches[0]?.relay, "office");
  const none = await refused(large, caller(), settings({ limitsOf: small("office", "main") }));
  assert.equal(none.refused, "message_too_large");
  assert.match(
    none.detail,
    /^The finished message has \d+ bytes, too many for every relay that may carry it to office\.example: office takes 2kb, main takes 2kb\.$/,
  );
  const named = await refused({ ...large, relay: "office" }, caller({ relays: ["office"] }), settings({ limitsOf: small("office") }));
  assert.equal(named.refused, "message_too_large");
});

test("of several relays one that is available takes the dispatch; where none is, the first", async () => {
  const upOnly = (...names: string[]) => settings({ available: (relay: string) => names.includes(relay) });
  const to = { to: "a@office.example" };
  for (const [up, relay] of [
    [["office", "main"], "office"],
    [["main"], "main"],
    [[], "office"],
  ] as const) {
    const draft = await drafted(to, caller(), upOnly(...up));
    assert.deepEqual([draft.dispatches[0]?.relay, draft.routing[0]?.relays], [relay, ["office", "main"]]);
  }
  assert.equal((await drafted({ relay: "office" }, caller({ relays: ["office"] }), upOnly("main"))).dispatches[0]?.relay, "office");
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
