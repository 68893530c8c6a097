// Input that wants to be read differently further down the way: in every field that takes it, at every place in it, it is refused with a
// pointer to the field, and nothing is stored.
import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, test } from "node:test";
import fc from "fast-check";
import { sharedRedis } from "../support/redis.ts";
import { type AskOptions, assertProblem, mail, openApp } from "./appForTests.ts";

const gateway = await openApp(await sharedRedis());
after(() => gateway.close());

async function refused(path: string, options: AskOptions, status: number, code: string) {
  const before = await gateway.stored();
  const problem = assertProblem(await gateway.ask("POST", path, options), status, code);
  assert.equal(await gateway.stored(), before, "something was stored");
  return problem as { detail: string; errors: { pointer?: string; header?: string; code: string; message: string }[] };
}

const label = "d".repeat(63);
const addresses: Record<string, string> = {
  "a CRLF and another command": "ada@example.net\r\nRCPT TO:<eve@example.org>",
  "a CRLF and another header": "ada@example.net>\r\nBcc: eve@example.org",
  "a line feed": "ada@example.net\n",
  "a NUL": "ada\u0000@example.net",
  "a NUL in the domain": "ada@example.net\u0000.example.org",
  "two addresses": "ada@example.net,eve@example.org",
  "two addresses and a semicolon": "ada@example.net;eve@example.org",
  "a group": "friends: ada@example.net, eve@example.org;",
  "an empty group": "undisclosed-recipients:;",
  "an SMTP parameter": "ada@example.net> NOTIFY=NEVER",
  "an SMTP parameter and brackets": "<ada@example.net> ORCPT=rfc822;eve@example.org",
  "a source route": "<@relay.example.org:ada@example.net>",
  "two @": "ada@example.net@example.org",
  "a percent hack in quotes": '"eve@example.org"@example.net',
  "a local part of 65 octets": `${"l".repeat(65)}@example.net`,
  "a local part of 65 octets and fewer characters": `${"ü".repeat(32)}x@example.net`,
  "255 octets in all": `${"l".repeat(60)}@${label}.${label}.${label}.xy`,
  "a label of 64 octets": `ada@${label}d.example.net`,
  "an encoded word": "=?utf-8?q?eve=40example.org=2C?=@example.net",
  "an address literal": "ada@[127.0.0.1]",
  "an IPv6 literal": "ada@[IPv6:::1]",
  "an IP address": "ada@127.0.0.1",
  "an IP address in hexadecimal": "ada@0x7f.0x1",
  "a port": "ada@example.net:25",
  "a trailing dot": "ada@example.net.",
  "no dot": "ada@localhost",
  "a percent sign in the domain": "ada@ex%61mple.net",
  "a soft hyphen in the domain": "ada@exam\u00adple.net",
  "an invisible character": "ada\u200b@example.net",
  "characters that turn the direction": "\u202eada@example.net",
  "a comment": "ada(eve)@example.net",
  "nothing before the @": "@example.net",
  nothing: "",
};

const raw = Buffer.from("From: a@example.com\r\nTo: b@example.net\r\n\r\nhi\r\n").toString("base64");
const good = "good@example.net";
/** Every place that an address can come in by: the path, the body with the address at its place, and the pointer. */
const places: [path: string, body: (address: string) => Record<string, unknown>, pointer: string][] = [
  ["/v1/messages", (address) => mail({ from: address }), "/from"],
  ["/v1/messages", (address) => mail({ from: { address } }), "/from"],
  ["/v1/messages", (address) => mail({ to: address }), "/to"],
  ["/v1/messages", (address) => mail({ to: [good, { address, name: "Ada" }] }), "/to/1"],
  ["/v1/messages", (address) => mail({ cc: [address] }), "/cc/0"],
  ["/v1/messages", (address) => mail({ bcc: [good, good, address] }), "/bcc/2"],
  ["/v1/messages", (address) => mail({ reply_to: address }), "/reply_to"],
  ["/v1/messages/raw", (address) => ({ raw, envelope: { from: address, to: [good] } }), "/envelope/from"],
  ["/v1/messages/raw", (address) => ({ raw, envelope: { from: "a@example.com", to: [good, address] } }), "/envelope/to/1"],
];

for (const [what, address] of Object.entries(addresses)) {
  test(`an address with ${what} is a 422 that points to it, wherever it comes in`, async () => {
    for (const [path, body, pointer] of places) {
      // In a string around brackets the text is a mailbox; in an object and in an envelope it is an address alone.
      const { errors } = await refused(path, { body: body(address) }, 422, "invalid_request");
      assert.deepEqual(
        errors.map((fault) => [fault.pointer, fault.code]),
        [[pointer, "invalid_address"]],
      );
      if (address.length > 3) assert.ok(!errors[0]?.message.includes(address), "the address is not repeated");
    }
    const item = { messages: [mail({ to: address })] };
    const { status, body } = await gateway.ask("POST", "/v1/messages/batch", { body: item });
    assert.deepEqual([status, body.data[0].error.status, body.data[0].error.errors[0].pointer], [200, 422, "/to"]);
  });
}

test("an international domain is canonical from then on, and a look-alike of an allowed one is another domain", async () => {
  const key = await gateway.key({ domains: ["example.com", "xn--bcher-kva.example"] });
  const allowed = ["a@EXAMPLE.com", "a@ｅｘａｍｐｌｅ。com", "a@Bücher.example", "a@XN--BCHER-KVA.example", "a@bu\u0308cher.example"];
  for (const from of allowed) {
    const { status, body } = await gateway.ask("POST", "/v1/messages", { key, body: mail({ from, to: "b@Bücher.example" }) });
    assert.equal(status, 202, from);
    assert.match(body.from, /@(example\.com|xn--bcher-kva\.example)$/);
    assert.equal(body.recipients[0].address, "b@xn--bcher-kva.example");
  }
  const foreign = [
    ...["a@ехample.com", "a@examрle.com", "a@exämple.com", "a@example.co", "a@example.com.evil.example", "a@evil-example.com"],
    ...[
      "a@sub.example.com",
      "a@com",
      "a@exampleXcom",
      "a@example.com.com",
      "a@bücher.example.com",
      "a@bucher.example",
      "a@xn--bcher-kva.example.net",
    ],
  ];
  for (const from of foreign) {
    const before = await gateway.stored();
    const { status, body } = await gateway.ask("POST", "/v1/messages", { key, body: mail({ from }) });
    assert.ok(
      (status === 403 && body.code === "sender_not_allowed") || (status === 422 && body.code === "invalid_request"),
      `${from}: ${status}`,
    );
    assert.equal(body.errors[0].pointer, "/from");
    assert.equal(await gateway.stored(), before);
  }
  // In a raw message each of its senders is held to it too.
  const whole = (header: string) => ({
    raw: Buffer.from(`${header}\r\nTo: b@example.net\r\n\r\nhi\r\n`).toString("base64"),
    envelope: { from: "a@example.com", to: [good] },
  });
  for (const header of [
    "From: a@evil.example",
    "From: a@example.com, b@evil.example\r\nSender: a@example.com",
    "From: a@example.com\r\nSender: b@evil.example",
  ]) {
    const problem = await refused("/v1/messages/raw", { key, body: whole(header) }, 403, "sender_not_allowed");
    assert.equal(problem.errors[0]?.pointer, "/raw");
  }
  assert.equal((await gateway.ask("POST", "/v1/messages/raw", { key, body: whole("From: a@example.com") })).status, 202);
});

const control = fc.constantFrom(
  "\r\n",
  "\n",
  "\r",
  "\u0000",
  "\u0001",
  "\u0008",
  "\u000b",
  "\u000c",
  "\u001b",
  "\u007f",
  "\u0085",
  "\u009f",
);
/** A good text with something put in somewhere. */
const spoilt = (text: string) => fc.tuple(fc.nat(text.length), control).map(([at, what]) => text.slice(0, at) + what + text.slice(at));

const texts: [field: string, text: string, body: (text: string) => Record<string, unknown>, pointer: (text: string) => string][] = [
  ["a subject", "Your order", (subject) => mail({ subject }), () => "/subject"],
  ["a sender's name", "Shop", (name) => mail({ from: { address: "a@example.com", name } }), () => "/from"],
  ["a recipient's name", "Ada L", (name) => mail({ to: [{ address: good, name }] }), () => "/to/0"],
  ["a name in a string", "Ada L", (name) => mail({ cc: `${name} <ada@example.net>` }), () => "/cc"],
  ["a quoted name in a string", "Ada L", (name) => mail({ reply_to: `"${name}" <ada@example.net>` }), () => "/reply_to"],
  ["a header's name", "X-Order", (name) => mail({ headers: { [name]: "1" } }), (name) => `/headers/${name}`],
  ["a header's value", "one two", (value) => mail({ headers: { "X-Order": value } }), () => "/headers/X-Order"],
  ["a file's name", "report.pdf", (filename) => mail({ attachments: [{ filename, content: "QQ==" }] }), () => "/attachments/0/filename"],
  [
    "a content type",
    "text/plain; charset=utf-8",
    (content_type) => mail({ attachments: [{ filename: "a", content: "QQ==", content_type }] }),
    () => "/attachments/0/content_type",
  ],
  [
    "a content id",
    "image1",
    (content_id) => mail({ attachments: [{ filename: "a", content: "QQ==", content_id }] }),
    () => "/attachments/0/content_id",
  ],
  ["a tag", "order", (tag) => mail({ tags: ["a", tag] }), () => "/tags/1"],
  ["base64", "QUFBQUFB", (content) => mail({ attachments: [{ filename: "a", content }] }), () => "/attachments/0/content"],
];

for (const [field, text, body, pointer] of texts) {
  test(`a control character anywhere in ${field} is a 422 that points to it`, async () => {
    await fc.assert(
      fc.asyncProperty(spoilt(text), async (bad) => {
        // Base64 may be broken into lines.
        fc.pre(field !== "base64" || !/^[A-Z\r\n]+$/.test(bad));
        const { errors } = await refused("/v1/messages", { body: body(bad) }, 422, "invalid_request");
        assert.deepEqual(
          errors.map((fault) => fault.pointer),
          [pointer(bad)],
        );
      }),
      { numRuns: 15 },
    );
  });
}

test("half a character is refused before anything else is looked at, in whatever field", async () => {
  for (const [, text, body] of texts) {
    for (const half of ["\\ud83d", "\\ude00"]) {
      const json = JSON.stringify(body(`${text}HALF`)).replace("HALF", half);
      assert.equal((await refused("/v1/messages", { body: json }, 400, "malformed_json")).errors, undefined);
    }
  }
});

const ours = [
  ...[
    "From",
    "To",
    "Cc",
    "Bcc",
    "Reply-To",
    "Subject",
    "Sender",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Apparently-To",
    "Return-Path",
    "Received",
  ],
  ...[
    "Received-SPF",
    "Delivered-To",
    "Authentication-Results",
    "DKIM-Signature",
    "DomainKey-Signature",
    "Content-Type",
    "Content-Transfer-Encoding",
  ],
  ...["Content-Disposition", "Resent-To", "Resent-Bcc", "ARC-Seal", "ARC-Message-Signature", "X-Postern-Tenant"],
];

test("a header of ours, in any case, is a 422 that says whose it is", async () => {
  for (const name of ours) {
    for (const written of [name, name.toLowerCase(), name.toUpperCase()]) {
      const { errors } = await refused("/v1/messages", { body: mail({ headers: { [written]: "x@example.org" } }) }, 422, "invalid_request");
      assert.deepEqual([errors[0]?.pointer, errors[0]?.code, errors.length], [`/headers/${written}`, "invalid_header", 1]);
    }
  }
  const disguised = ["Bcc ", " Bcc", "Bcc:", "B cc", "Bcc\t", "Bcc\u00a0", "Ｂcc", "X-A: b\r\nBcc"];
  for (const name of disguised)
    await refused("/v1/messages", { body: mail({ headers: { [name]: "eve@example.org" } }) }, 422, "invalid_request");
  for (const value of [{ value: "eve@example.org" }, ["a", "b"], 5, null, true]) {
    const { errors } = await refused("/v1/messages", { body: mail({ headers: { "X-A": value } }) }, 422, "invalid_request");
    assert.deepEqual([errors[0]?.pointer, errors[0]?.code], ["/headers/X-A", "invalid_type"]);
  }
});

test("a run of characters that no line can hold is a 422, one at which it can be folded is not", async () => {
  const value = (text: string) => mail({ headers: { "X-A": text } });
  const { errors } = await refused("/v1/messages", { body: value("x".repeat(998 - 4)) }, 422, "invalid_request");
  assert.deepEqual([errors[0]?.pointer, errors[0]?.code], ["/headers/X-A", "invalid_header"]);
  assert.match(errors[0]?.message ?? "", /fold/);
  for (const text of ["x".repeat(998 - 5), `${"x".repeat(900)} ${"y".repeat(900)}`, "ü".repeat(900)]) {
    assert.equal((await gateway.ask("POST", "/v1/messages", { body: value(text) })).status, 202);
  }
  const whole = (line: string) => ({
    envelope: { from: "a@example.com", to: [good] },
    raw: Buffer.from(`From: a@example.com\r\n${line}\r\n`).toString("base64"),
  });
  for (const line of [`X-A: ${"x".repeat(994)}\r\n`, `\r\n${"x".repeat(999)}\r\n`, `\r\n${"ü".repeat(500)}\r\n`]) {
    const problem = await refused("/v1/messages/raw", { body: whole(line) }, 422, "invalid_request");
    assert.deepEqual([problem.errors[0]?.pointer, problem.errors[0]?.code], ["/raw", "line_too_long"]);
  }
  for (const line of [`X-A: ${"x".repeat(993)}\r\n`, `\r\n${"x".repeat(998)}\r\n`]) {
    assert.equal((await gateway.ask("POST", "/v1/messages/raw", { body: whole(line) })).status, 202);
  }
});

test("a raw message with bare line ends, a NUL or a smuggled end of data is a 422", async () => {
  const envelope = { from: "a@example.com", to: [good] };
  const bodies: Record<string, string> = {
    bare_carriage_return: "one\rtwo\r\n",
    mixed_line_ends: "one\ntwo\r\n",
    nul_octet: "one\u0000two\r\n",
  };
  const smuggled = [
    "\n.\nMAIL FROM:<eve@example.org>\r\n",
    "\r.\rMAIL FROM:<eve@example.org>\r\n",
    "\r\n.\nMAIL FROM:<eve@example.org>\r\n",
    "\n.\r\nQUIT\r\n",
  ];
  const send = (text: string) =>
    refused(
      "/v1/messages/raw",
      { body: { envelope, raw: Buffer.from(`From: a@example.com\r\n\r\n${text}`).toString("base64") } },
      422,
      "invalid_request",
    );
  for (const [code, text] of Object.entries(bodies)) {
    const { errors } = await send(text);
    assert.equal(errors[0]?.code, code);
  }
  for (const text of smuggled) {
    const { errors } = await send(`x${text}`);
    assert.equal(errors[0]?.pointer, "/raw");
  }
});

test("a file is given by its content alone: no path, no link, however it is dressed", async () => {
  for (const name of ["path", "href", "raw", "encoding", "headers", "httpHeaders", "contentType"]) {
    for (const attachment of [
      { filename: "a", [name]: "/etc/passwd" },
      { filename: "a", content: "QQ==", [name]: "https://example.org/a" },
    ]) {
      const { errors } = await refused("/v1/messages", { body: mail({ attachments: [attachment] }) }, 422, "invalid_request");
      assert.ok(errors.some((fault) => fault.pointer === `/attachments/0/${name}` && fault.code === "unknown_field"));
    }
  }
  for (const content of [{ path: "/etc/passwd" }, ["QQ=="], 5, null]) {
    const { errors } = await refused("/v1/messages", { body: mail({ attachments: [{ filename: "a", content }] }) }, 422, "invalid_request");
    assert.deepEqual([errors[0]?.pointer, errors[0]?.code], ["/attachments/0/content", "invalid_type"]);
  }
  for (const field of ["text", "html", "subject"]) {
    const { errors } = await refused("/v1/messages", { body: mail({ [field]: { path: "/etc/passwd" } }) }, 422, "invalid_request");
    assert.deepEqual([errors[0]?.pointer, errors[0]?.code], [`/${field}`, "invalid_type"]);
  }
});

test("base64 that two decoders could read differently is a 422", async () => {
  for (const content of ["QQ=", "QQ", "Q===", "QQ==QQ==", "Q-_=", "QQ= =", " QQ==", "QQ==\t", "=", "Q", "QUI", "ä"]) {
    const { errors } = await refused("/v1/messages", { body: mail({ attachments: [{ filename: "a", content }] }) }, 422, "invalid_request");
    assert.deepEqual([errors[0]?.pointer, errors[0]?.code], ["/attachments/0/content", "invalid_base64"], content);
    const problem = await refused(
      "/v1/messages/raw",
      { body: { envelope: { from: "a@example.com", to: [good] }, raw: content } },
      422,
      "invalid_request",
    );
    assert.deepEqual([problem.errors[0]?.pointer, problem.errors[0]?.code], ["/raw", "invalid_base64"], content);
  }
});

test("attachments that are too large when they are decoded, together with all else, are a 413", async () => {
  const attachments = [1, 2, 3].map((index) => ({ filename: `${index}`, content: Buffer.alloc(350_000, "a").toString("base64") }));
  const { detail } = await refused("/v1/messages", { body: mail({ attachments }) }, 413, "message_too_large");
  assert.match(detail, /1mb/);
});

test("a body without a content type, and one that says that it is compressed, are refused before they are read", async () => {
  for (const type of ["", "application/json;", "application", "*/*", "text/json", "application/jsonp"]) {
    const answer = await gateway.ask("POST", "/v1/messages", { body: JSON.stringify(mail()), headers: { "content-type": type } });
    if (type === "application/json;") assert.equal(answer.status, 202, answer.text);
    else assertProblem(answer, 415, "unsupported_media_type");
  }
});

test("a revoked key is a 401, and another tenant's message a 404 for every operation on it", async () => {
  const key = await gateway.key({ tenant: "acme" });
  const { id } = (await gateway.ask("POST", "/v1/messages", { key, body: mail() })).body;
  const other = await gateway.key({ tenant: "rival" });
  const operations: [method: string, path: string, body?: unknown][] = [
    ["GET", `/v1/messages/${id}`],
    ["GET", `/v1/messages/${id}/events`],
    ["GET", `/v1/messages/${id}/attempts`],
    ["GET", `/v1/messages/${id}/content`],
    ["POST", `/v1/messages/${id}/cancel`],
    ["POST", `/v1/messages/${id}/retry`],
    ["PATCH", `/v1/messages/${id}`, { send_at: new Date(Date.now() + 3_600_000).toISOString() }],
  ];
  for (const [method, path, body] of operations) {
    assertProblem(await gateway.ask(method, path, { key: other, ...(body !== undefined && { body }) }), 404, "not_found");
  }
  assert.equal((await gateway.ask("GET", `/v1/messages/${id}`, { key })).body.status, "in_progress");
  const keyId = /^key_[0-9a-z]{16}/.exec(key)?.[0];
  assert.equal((await gateway.ask("DELETE", `/v1/keys/${keyId}`, { key })).status, 204);
  for (const [method, path, body] of operations) {
    assertProblem(await gateway.ask(method, path, { key, ...(body !== undefined && { body }) }), 401, "unauthorized");
  }
});

const many = (count: number, member: (index: number) => string) => Array.from({ length: count }, (_, index) => member(index)).join();
const within = (field: string, value: string) => JSON.stringify(mail({ [field]: undefined })).replace("{", `{"${field}":${value},`);
const object = (count: number, value: string) => `{${many(count, (index) => `"key ${index}":${value}`)}}`;
const list = (count: number, value: string) => `[${many(count, () => value)}]`;
/** Just below what the parser lets through, and far above it. */
const huge: [what: string, body: string, code: "body_too_large" | "invalid_request"][] = [
  ["a million members", object(1_000_000, "1"), "body_too_large"],
  ["objects with many members each", list(140, object(1_000, "1")), "body_too_large"],
  ["unknown members", object(1_000, "1"), "invalid_request"],
  ["headers", within("headers", object(1_000, '"1"')), "invalid_request"],
  ["metadata of a wrong type", within("metadata", object(1_000, "1")), "invalid_request"],
  ["recipients", within("to", list(149_000, '"x"')), "invalid_request"],
  ["recipients as objects", within("to", list(48_000, '{"a":1}')), "invalid_request"],
  ["copies as lists", within("cc", list(73_000, "[]")), "invalid_request"],
  ["tags", within("tags", list(149_000, '" "')), "invalid_request"],
  ["attachments", within("attachments", list(73_000, "{}")), "invalid_request"],
];

test("whatever there is a million of in a body, no other request waits for longer than a moment", async (t) => {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  for (const [what, body, code] of huge) {
    const bytes = Buffer.from(body);
    const path = bytes.length < 2 * 1024 * 1024 ? "/v1/messages" : "/v1/messages/batch";
    delays.reset();
    delays.enable();
    const problem = await refused(path, { body: bytes }, code === "body_too_large" ? 413 : 422, code);
    delays.disable();
    assert.ok((problem.errors?.length ?? 0) <= 100);
    const tookMs = Math.round(delays.max / 1e6);
    t.diagnostic(`${what}: ${tookMs} ms`);
    // Far above what it takes on a quiet machine, far below what a caller would take for an outage.
    assert.ok(tookMs < 1_500, `${what} held up the loop for ${tookMs} ms`);
  }
});
