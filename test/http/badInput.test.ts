// Every kind of input that is refused: with which status and code, where the fault is said to be, and that nothing was stored.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { sharedRedis } from "../support/redis.ts";
import { type AskOptions, assertProblem, mail, openApp } from "./appForTests.ts";

const gateway = await openApp(await sharedRedis());
after(() => gateway.close());

async function refused(path: string, options: AskOptions, status: number, code: string, method = "POST") {
  const before = await gateway.stored();
  const problem = assertProblem(await gateway.ask(method, path, options), status, code);
  assert.equal(await gateway.stored(), before, "something was stored");
  return problem;
}

const unreadable: Record<string, string | Buffer> = {
  "malformed JSON": '{"from": ',
  "an empty body": "",
  NaN: '{"from": NaN}',
  "1e400": '{"expires_after": 1e400}',
  "a doubled member": '{"subject": "a", "subject": "b"}',
  "the name __proto__": '{"__proto__": {"from": "a@example.com"}}',
  "constructor.prototype": '{"constructor": {"prototype": {}}}',
  "more than 32 levels": `${"[".repeat(40)}${"]".repeat(40)}`,
  "half a character": '{"subject": "\\ud83d"}',
  "bytes that are no UTF-8": Buffer.from('{"subject": "\xe4"}', "latin1"),
  "compressed bytes": gzipSync(JSON.stringify(mail())),
};

test("JSON that is refused is a 400 without a pointer, and nothing is stored", async (t) => {
  for (const path of ["/v1/messages", "/v1/messages/batch", "/v1/messages/raw"]) {
    for (const [name, body] of Object.entries(unreadable)) {
      await t.test(`${name} to ${path}`, async () => {
        const problem = await refused(path, { body }, 400, "malformed_json");
        assert.equal(problem.errors, undefined);
      });
    }
    await t.test(`no body at all to ${path}`, () => refused(path, {}, 400, "malformed_json"));
  }
});

test("a content type other than JSON is a 415 that names what is taken", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json", "message/rfc822", "nonsense"]) {
    const problem = await refused(
      "/v1/messages",
      { body: JSON.stringify(mail()), headers: { "content-type": type } },
      415,
      "unsupported_media_type",
    );
    assert.match(problem.detail, /application\/json/);
  }
  const raw = await refused("/v1/messages/raw", { body: "x", headers: { "content-type": "text/plain" } }, 415, "unsupported_media_type");
  assert.match(raw.detail, /message\/rfc822/);
});

test("a body or a message that is too large is a 413", async () => {
  const large = "x".repeat(3 * 1024 * 1024);
  await refused("/v1/messages", { body: mail({ text: large }) }, 413, "body_too_large");
  await refused("/v1/messages/batch", { body: { messages: [mail({ text: large })] } }, 413, "body_too_large");
  await refused("/v1/messages", { body: mail({ text: "x\n".repeat(600 * 1024) }) }, 413, "message_too_large");
});

type Case = [name: string, changes: Record<string, unknown>, pointer: string, code: string];

const invalid: Case[] = [
  ["no sender", { from: undefined }, "/from", "required"],
  ["a sender of a wrong type", { from: 5 }, "/from", "invalid_type"],
  ["two senders", { from: ["a@example.com", "b@example.com"] }, "/from", "invalid_type"],
  ["null for a sender", { from: null }, "/from", "invalid_type"],
  ["no recipient", { to: undefined }, "/to", "required"],
  ["an empty list of recipients", { to: [] }, "/to", "no_recipients"],
  ["no address", { to: "Ada" }, "/to", "invalid_address"],
  ["an address in a list", { to: ["ada@example.net", "nobody"] }, "/to/1", "invalid_address"],
  ["an address as an object", { to: { address: "nobody" } }, "/to", "invalid_address"],
  ["an unknown field of an address", { to: [{ address: "ada@example.net", nick: "a" }] }, "/to/0/nick", "unknown_field"],
  ["two addresses in one string", { to: "ada@example.net, bob@example.net" }, "/to", "invalid_address"],
  ["a line break in an address", { to: "ada@example.net\r\nRCPT TO:<eve@example.org>" }, "/to", "invalid_address"],
  ["a line break in a name", { to: { address: "ada@example.net", name: "Ada\r\nBcc: eve@example.org" } }, "/to", "invalid_address"],
  ["a line break in a sender", { from: "Shop\r\nBcc: eve@example.org <shop@example.com>" }, "/from", "invalid_address"],
  ["51 recipients", { to: Array.from({ length: 51 }, (_, i) => `a${i}@example.net`) }, "/to", "too_big"],
  [
    "51 recipients with cc",
    { to: Array.from({ length: 50 }, (_, i) => `a${i}@example.net`), cc: "b@example.net" },
    "/to",
    "too_many_recipients",
  ],
  ["a bad copy", { cc: "nobody" }, "/cc", "invalid_address"],
  ["a bad blind copy", { bcc: ["nobody"] }, "/bcc/0", "invalid_address"],
  ["a bad reply-to", { reply_to: { address: 5 } }, "/reply_to/address", "invalid_type"],
  ["a line break in the subject", { subject: "Hello\r\nBcc: eve@example.org" }, "/subject", "invalid_subject"],
  ["a subject of a wrong type", { subject: 5 }, "/subject", "invalid_type"],
  ["a text of a wrong type", { text: ["a"] }, "/text", "invalid_type"],
  ["an html of a wrong type", { html: false }, "/html", "invalid_type"],
  ["nothing to send", { text: undefined }, "", "no_content"],
  ["a header of ours", { headers: { Bcc: "eve@example.org" } }, "/headers/Bcc", "invalid_header"],
  ["a line break in a header's name", { headers: { "X-A\r\nBcc": "eve@example.org" } }, "/headers/X-A\r\nBcc", "invalid_header"],
  ["a line break in a header's value", { headers: { "X-A": "b\r\nBcc: eve@example.org" } }, "/headers/X-A", "invalid_header"],
  ["a header's value of a wrong type", { headers: { "X-A": 5 } }, "/headers/X-A", "invalid_type"],
  ["a name with a slash and a tilde", { metadata: { "a/b~": 5 } }, "/metadata/a~1b~0", "invalid_type"],
  ["headers as a list", { headers: [] }, "/headers", "invalid_type"],
  ["an attachment without a name", { attachments: [{ content: "QQ==" }] }, "/attachments/0/filename", "required"],
  [
    "a line break in a file's name",
    { attachments: [{ filename: "a\r\nX: y", content: "QQ==" }] },
    "/attachments/0/filename",
    "invalid_filename",
  ],
  ["an attachment that is not base64", { attachments: [{ filename: "a", content: "%" }] }, "/attachments/0/content", "invalid_base64"],
  [
    "a bad content type",
    { attachments: [{ filename: "a", content: "QQ==", content_type: "x\r\ny" }] },
    "/attachments/0/content_type",
    "invalid_content_type",
  ],
  [
    "a bad content id",
    { attachments: [{ filename: "a", content: "QQ==", content_id: "a b>" }] },
    "/attachments/0/content_id",
    "invalid_content_id",
  ],
  [
    "an unknown field of an attachment",
    { attachments: [{ filename: "a", content: "QQ==", path: "/etc/passwd" }] },
    "/attachments/0/path",
    "unknown_field",
  ],
  ["a bad tag", { tags: ["good", "no good"] }, "/tags/1", "invalid_format"],
  ["eleven tags", { tags: Array.from({ length: 11 }, (_, i) => `t${i}`) }, "/tags", "too_big"],
  ["metadata of a wrong type", { metadata: { a: 1 } }, "/metadata/a", "invalid_type"],
  ["metadata without a name", { metadata: { "": "a" } }, "/metadata/", "invalid_key"],
  ["large metadata", { metadata: { a: "x".repeat(5_000) } }, "/metadata", "too_large"],
  ["a time that is none", { send_at: "tomorrow" }, "/send_at", "invalid_format"],
  ["a time that is past", { send_at: "2001-01-01T00:00:00Z" }, "/send_at", "invalid_send_at"],
  ["a time too far ahead", { send_at: "2999-01-01T00:00:00Z" }, "/send_at", "invalid_send_at"],
  ["a duration that is none", { expires_after: "soon" }, "/expires_after", "invalid_duration"],
  ["a duration of a wrong type", { expires_after: 5 }, "/expires_after", "invalid_type"],
  ["an unknown lane", { lane: "fast" }, "/lane", "invalid_value"],
  ["an unknown way with doubt", { on_doubt: "guess" }, "/on_doubt", "invalid_value"],
  ["a relay that is not there", { relay: "third" }, "/relay", "unknown_relay"],
  ["an unknown field", { subjcet: "Hello" }, "/subjcet", "unknown_field"],
];

test("a field that breaks a rule is a 422 with its own pointer", async (t) => {
  for (const [name, changes, pointer, code] of invalid) {
    await t.test(name, async () => {
      const problem = await refused("/v1/messages", { body: mail(changes) }, 422, "invalid_request");
      assert.deepEqual(
        problem.errors.map((fault: { pointer: string; code: string }) => [fault.pointer, fault.code]),
        [[pointer, code]],
        JSON.stringify(problem.errors),
      );
      assert.ok(problem.errors[0].message.length > 5);
      assert.doesNotMatch(problem.errors[0].message, /Invalid input|expected/);
    });
  }
});

test("every fault of a request is named at once", async () => {
  const problem = await refused("/v1/messages", { body: { from: "nobody", cc: [5], nonsense: 1, tags: "a" } }, 422, "invalid_request");
  assert.deepEqual(problem.errors.map((fault: { pointer: string }) => fault.pointer).sort(), [
    "/cc/0",
    "/from",
    "/nonsense",
    "/tags",
    "/to",
  ]);
});

test("a body that is no object is a 422 for the whole", async () => {
  for (const body of ["[]", "null", '"text"', "5"]) {
    const problem = await refused("/v1/messages", { body }, 422, "invalid_request");
    assert.deepEqual(problem.errors[0].pointer, "");
  }
});

test("a raw message's faults are named where they came in", async (t) => {
  const message = "From: a@example.com\r\nTo: b@example.net\r\n\r\nhi\r\n";
  const raw = Buffer.from(message).toString("base64");
  const envelope = { from: "a@example.com", to: ["b@example.net"] };
  const json: [unknown, string][] = [
    [{ envelope, raw: "%" }, "/raw"],
    [{ envelope, raw: Buffer.from("no header at all").toString("base64") }, "/raw"],
    [{ envelope: { ...envelope, to: [] }, raw }, "/envelope/to"],
    [{ envelope: { ...envelope, from: "nobody" }, raw }, "/envelope/from"],
    [{ raw }, "/envelope"],
    [{ envelope, raw, subject: "x" }, "/subject"],
  ];
  for (const [body, pointer] of json) {
    await t.test(`JSON: ${pointer}`, async () => {
      const problem = await refused("/v1/messages/raw", { body }, 422, "invalid_request");
      assert.equal(problem.errors[0].pointer, pointer);
    });
  }
  const asMessage = (headers: Record<string, string>, body = message) =>
    refused("/v1/messages/raw", { body, headers: { "content-type": "message/rfc822", ...headers } }, 422, "invalid_request");
  await t.test("message: no sender", async () => {
    const { errors } = await asMessage({ "x-envelope-to": "b@example.net" });
    assert.equal(errors[0].header, "x-envelope-from");
  });
  await t.test("message: no recipient", async () => {
    const { errors } = await asMessage({ "x-envelope-from": "a@example.com" });
    assert.equal(errors[0].header, "x-envelope-to");
  });
  await t.test("message: one of two recipients is none", async () => {
    const { errors } = await asMessage({ "x-envelope-from": "a@example.com", "x-envelope-to": "b@example.net, nobody" });
    assert.equal(errors[0].header, "x-envelope-to");
  });
  await t.test("message: its own fault", async () => {
    const { errors } = await asMessage({ "x-envelope-from": "a@example.com", "x-envelope-to": "b@example.net" }, "no header at all");
    assert.equal(errors[0].pointer, "");
  });
});

test("a query that breaks a rule names its parameter", async () => {
  const queries: [path: string, parameter: string][] = [
    ["/v1/messages?limit=0", "limit"],
    ["/v1/messages?limit=101", "limit"],
    ["/v1/messages?limit=ten", "limit"],
    ["/v1/messages?limit=1&limit=2", "limit"],
    ["/v1/messages?after=nonsense", "after"],
    ["/v1/messages?status=gone", "status"],
    ["/v1/messages?created_after=yesterday", "created_after"],
    ["/v1/messages?recipient=nobody", "recipient"],
    ["/v1/messages?color=red", "color"],
    ["/v1/events?type=message.eaten", "type"],
    ["/v1/events?type=message.sent,", "type"],
    ["/v1/events?after=msg_1", "after"],
    ["/v1/events/stream?after=nonsense", "after"],
    ["/v1/keys?after=key_1", "after"],
    ["/v1/webhooks?after=1", "after"],
  ];
  for (const [path, parameter] of queries) {
    const problem = assertProblem(await gateway.ask("GET", path), 422, "invalid_request");
    assert.deepEqual(
      problem.errors.map((fault: { parameter: string }) => fault.parameter),
      [parameter],
      path,
    );
  }
  const dryRun = await refused("/v1/messages?dry_run=perhaps", { body: mail() }, 422, "invalid_request");
  assert.equal(dryRun.errors[0].parameter, "dry_run");
});

test("a header that breaks a rule is named", async () => {
  for (const key of ["", "x".repeat(256), "ä"]) {
    const problem = await refused("/v1/messages", { body: mail(), headers: { "idempotency-key": key } }, 422, "invalid_request");
    assert.equal(problem.errors[0].header, "idempotency-key");
  }
});

test("no key, a wrong key and a key without the scope are told apart, before the body is looked at", async () => {
  const body = "no JSON";
  const without = await gateway.ask("POST", "/v1/messages", { key: null, body });
  assertProblem(without, 401, "unauthorized");
  assert.match(String(without.headers["www-authenticate"]), /^Bearer/);
  const good = await gateway.key({ scopes: ["read"] });
  const wrong = [
    `${good.slice(0, -1)}!`,
    good.replace(/.$/, (last) => (last === "a" ? "b" : "a")),
    "Basic x",
    `key_${"0".repeat(16)}_${"0".repeat(32)}`,
  ];
  for (const key of wrong) assertProblem(await gateway.ask("POST", "/v1/messages", { key, body }), 401, "unauthorized");
  assertProblem(await gateway.ask("POST", "/v1/messages", { key: good, body }), 403, "forbidden");
  assert.equal((await gateway.ask("GET", "/v1/messages", { key: good })).status, 200);
});

test("a sender outside the key's domains is a 403 that names the field", async () => {
  const key = await gateway.key({ domains: ["example.com", "*.example.org"] });
  for (const from of ["a@example.net", "a@sub.example.com", "a@example.org"]) {
    const problem = await refused("/v1/messages", { key, body: mail({ from }) }, 403, "sender_not_allowed");
    assert.equal(problem.errors[0].pointer, "/from");
  }
  assert.equal((await gateway.ask("POST", "/v1/messages", { key, body: mail({ from: "a@news.example.org" }) })).status, 202);
  const relay = await refused(
    "/v1/messages",
    { key: await gateway.key({ scopes: ["send"] }), body: mail({ relay: "first" }) },
    403,
    "forbidden",
  );
  assert.equal(relay.errors[0].pointer, "/relay");
});

test("in a batch each message is judged alone, with pointers of its own", async () => {
  const { status, body } = await gateway.ask("POST", "/v1/messages/batch", {
    body: { messages: [mail(), mail({ to: "nobody" }), "text", mail({ nonsense: 1 }), mail()] },
  });
  assert.equal(status, 200);
  assert.deepEqual(
    body.data.map((item: { index: number }) => item.index),
    [0, 1, 2, 3, 4],
  );
  assert.deepEqual(
    body.data.map((item: { error?: { status: number; errors: { pointer: string }[] } }) => item.error?.errors[0]?.pointer),
    [undefined, "/to", "", "/nonsense", undefined],
  );
  for (const index of [1, 2, 3]) {
    const { error } = body.data[index];
    assert.deepEqual([error.status, error.code, error.type], [422, "invalid_request", "urn:postern:problem:invalid_request"]);
    assert.ok(error.request_id && error.title && error.detail);
  }
  const bad = [{ messages: [] }, { messages: Array.from({ length: 501 }, () => mail()) }, { messages: {} }, {}];
  for (const it of bad) {
    const problem = await refused("/v1/messages/batch", { body: it }, 422, "invalid_request");
    assert.equal(problem.errors[0].pointer, "/messages");
  }
});

test("of very many faults the first hundred are named", async () => {
  const body = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`key number ${index}`, 1]));
  const problem = await refused("/v1/messages", { body }, 422, "invalid_request");
  assert.equal(problem.errors.length, 100);
});
