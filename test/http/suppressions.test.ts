// Suppressions by the API: one by one, by the file, and what acceptance makes of them.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { assertProblem, bootstrapKey, mail, openApp, type TestApp } from "./appForTests.ts";

let redis: TestRedis;
const opened: TestApp[] = [];

before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const app of opened) await app.close();
  await redis.stop();
});

async function open(change?: Parameters<typeof openApp>[1]): Promise<TestApp> {
  const app = await openApp(redis, change);
  opened.push(app);
  return app;
}

const csvHeaders = { "content-type": "text/csv; charset=utf-8" };

function importFile(app: TestApp, file: string | Buffer) {
  return app.ask("POST", "/v1/suppressions/import", { body: file, headers: csvHeaders });
}

async function addresses(app: TestApp, query = ""): Promise<string[]> {
  const { body } = await app.ask("GET", `/v1/suppressions?limit=100${query}`);
  return body.data.map((it: { address: string }) => it.address);
}

describe("one by one", () => {
  test("an address is added, found, listed and lifted, in its tenant alone", async () => {
    const app = await open();
    const created = await app.ask("POST", "/v1/suppressions", { body: { address: "Ada@Example.NET" } });
    assert.equal(created.status, 201, created.text);
    assert.equal(created.headers.location, "/v1/suppressions/ada%40example.net");
    const { created_at, ...rest } = created.body;
    assert.ok(Date.parse(created_at) > 0);
    assert.deepEqual(rest, {
      ...{ address: "ada@example.net", list: null, reason: "manual", source: "api", category: null },
      ...{ expires_at: null, message_id: null, event_id: null },
    });
    assert.deepEqual((await app.ask("GET", String(created.headers.location))).body, created.body);
    assert.deepEqual((await app.ask("GET", "/v1/suppressions/ADA@example.net")).body, created.body);
    assert.deepEqual(await addresses(app), ["ada@example.net"]);

    const foreign = await app.key({ tenant: "acme" });
    assertProblem(await app.ask("GET", "/v1/suppressions/ada@example.net", { key: foreign }), 404, "not_found");
    assertProblem(await app.ask("DELETE", "/v1/suppressions/ada@example.net", { key: foreign }), 404, "not_found");
    assert.deepEqual((await app.ask("GET", "/v1/suppressions", { key: foreign })).body.data, []);
    assert.equal((await app.ask("GET", "/v1/suppressions/export", { key: foreign })).text.split("\r\n").length, 2);

    assert.equal((await app.ask("DELETE", "/v1/suppressions/ada@example.net")).status, 204);
    assertProblem(await app.ask("DELETE", "/v1/suppressions/ada@example.net"), 404, "not_found");
    const { body: log } = await app.ask("GET", "/v1/events");
    assert.deepEqual(
      log.data.map((event: { type: string; data: Record<string, unknown> }) => [event.type, event.data.recipient, event.data.suppression]),
      ["suppression.added", "suppression.removed"].map((type) => [
        type,
        "ada@example.net",
        { reason: "manual", source: "api", list: null, expires_at: null, message_id: null, imported: null },
      ]),
    );
  });

  test("added again it is answered as it stands, stronger or as it was", async () => {
    const app = await open();
    const add = async (body: object) => {
      const answer = await app.ask("POST", "/v1/suppressions", { body: { address: "ada@example.net", ...body } });
      return [answer.status, answer.body.reason, answer.body.expires_at];
    };
    const far = new Date(Date.now() + 86_400_000).toISOString();
    assert.deepEqual(await add({ expires_at: far }), [201, "manual", far]);
    assert.deepEqual(await add({ reason: "complaint" }), [200, "complaint", null]);
    assert.deepEqual(await add({ expires_at: far }), [200, "complaint", null]);
  });

  test("that of a list is named by the list, in whatever case, and lifted alone", async () => {
    const app = await open();
    const created = await app.ask("POST", "/v1/suppressions", { body: { address: "a/b@example.net", list: "News" } });
    assert.equal(created.headers.location, "/v1/suppressions/a%2Fb%40example.net?list=news");
    assert.equal((await app.ask("GET", String(created.headers.location))).body.list, "news");
    assertProblem(await app.ask("GET", "/v1/suppressions/a%2Fb%40example.net"), 404, "not_found");
    assert.deepEqual(await addresses(app, "&list=NEWS"), ["a/b@example.net"]);
    assert.deepEqual(await addresses(app, "&list=offers"), []);
    assert.equal((await app.ask("DELETE", "/v1/suppressions/a%2Fb%40example.net?list=NEWS")).status, 204);
  });

  test("what is faulty is refused with its place", async () => {
    const app = await open();
    const refused = async (method: string, path: string, body?: object) => {
      const answer = await app.ask(method, path, body === undefined ? {} : { body });
      const [fault] = assertProblem(answer, 422, "invalid_request").errors;
      return [fault.pointer ?? fault.parameter, fault.code];
    };
    assert.deepEqual(await refused("POST", "/v1/suppressions", { address: "nobody" }), ["/address", "invalid_address"]);
    assert.deepEqual(await refused("POST", "/v1/suppressions", { address: "a@b.example", list: "a b" }), ["/list", "invalid_list"]);
    assert.deepEqual(await refused("POST", "/v1/suppressions", { address: "a@b.example", reason: "spite" }), ["/reason", "invalid_value"]);
    assert.deepEqual(await refused("POST", "/v1/suppressions", { address: "a@b.example", expires_at: "2001-01-01T00:00:00Z" }), [
      "/expires_at",
      "invalid_expires_at",
    ]);
    assert.deepEqual(await refused("POST", "/v1/suppressions", { address: "a@b.example", note: "x" }), ["/note", "unknown_field"]);
    assert.deepEqual(await refused("GET", "/v1/suppressions/nobody"), ["address", "invalid_address"]);
    assert.deepEqual(await refused("GET", "/v1/suppressions?after=abc%20"), ["after", "invalid_format"]);
    assert.deepEqual(await refused("GET", "/v1/suppressions?after=17&address=a"), ["after", "invalid_format"]);
    assert.deepEqual(await refused("GET", "/v1/suppressions?after=aMTc"), ["after", "invalid_format"]);
  });

  test("only a key that may manage sees or changes them", async () => {
    const app = await open();
    const key = await app.key({ scopes: ["send", "read"] });
    for (const [method, path] of [
      ["GET", "/v1/suppressions"],
      ["GET", "/v1/suppressions/a@b.example"],
      ["GET", "/v1/suppressions/export"],
      ["DELETE", "/v1/suppressions/a@b.example"],
    ] as const) {
      assertProblem(await app.ask(method, path, { key }), 403, "forbidden");
      assertProblem(await app.ask(method, path, { key: null }), 401, "unauthorized");
    }
    assertProblem(await app.ask("POST", "/v1/suppressions", { key, body: { address: "a@b.example" } }), 403, "forbidden");
    assertProblem(await app.ask("POST", "/v1/suppressions/import", { key, body: "address\n", headers: csvHeaders }), 403, "forbidden");
  });
});

describe("by the file", () => {
  test("rows are taken, faulty ones reported by line and column, and an import again changes nothing", async () => {
    const app = await open();
    const file = [
      "\ufeffEmail,Reason,LIST,expires_at,created_at,Comment",
      "ada@example.net,complaint,,,2020-05-01T12:00:00+02:00,x",
      'bob@example.net,,news,2999-01-01T00:00:00Z,,"He said ""no"", twice',
      'and again"',
      "",
      "nobody,bounce",
      "carl@example.net,spite",
      "dora@example.net,bounce,,2001-01-01T00:00:00Z",
      "emil@example.net,bounce,,soon",
      "fay@example.net,,a b",
      ",bounce",
      '"gus@example.net"',
      "ADA@example.net,manual",
      "",
    ].join("\r\n");
    const { status, body, text } = await importFile(app, file);
    assert.equal(status, 200, text);
    const { errors, ...counts } = body;
    assert.deepEqual(counts, { added: 3, strengthened: 0, unchanged: 1, failed: 6, complete: true, ignored_columns: ["Comment"] });
    assert.deepEqual(
      errors.map(({ line, column, code }: Record<string, unknown>) => [line, column, code]),
      [
        [6, "address", "invalid_address"],
        [7, "reason", "invalid_value"],
        [8, "expires_at", "invalid_expires_at"],
        [9, "expires_at", "invalid_time"],
        [10, "list", "invalid_list"],
        [11, "address", "required"],
      ],
    );
    assert.deepEqual(await addresses(app), ["gus@example.net", "bob@example.net", "ada@example.net"]);
    const ada = (await app.ask("GET", "/v1/suppressions/ada@example.net")).body;
    assert.deepEqual([ada.reason, ada.source, ada.created_at], ["complaint", "import", "2020-05-01T10:00:00.000Z"]);
    assert.equal((await app.ask("GET", "/v1/suppressions/bob@example.net?list=news")).body.expires_at, "2999-01-01T00:00:00.000Z");
    const again = await importFile(app, file);
    assert.deepEqual([again.body.added, again.body.unchanged, again.body.failed], [0, 4, 6]);
    const { body: log } = await app.ask("GET", "/v1/events");
    assert.deepEqual(
      log.data.map((event: { data: Record<string, unknown> }) => [event.data.recipient, event.data.suppression]),
      [[null, { reason: null, source: "import", list: null, expires_at: null, message_id: null, imported: 3 }]],
    );
  });

  test("any line ends are taken, mixed too, and a last line without one", async () => {
    const app = await open();
    const { body } = await importFile(app, "address\na@example.net\r\nb@example.net\rc@example.net\n\nbad\r\nd@example.net");
    assert.deepEqual([body.added, body.errors[0].line, body.complete], [4, 6, true]);
  });

  test("a file without a header is refused whole, and nothing of it is stored", async () => {
    const app = await open();
    const utf16 = Buffer.from("address\r\na@example.net\r\n", "utf16le");
    for (const file of [
      "ada@example.net\r\nbob@example.net\r\n",
      "reason,list\r\nbounce,news\r\n",
      "address;reason\r\na@b.example;x",
      "\r\n",
      "",
      '"',
      utf16,
    ]) {
      const { errors } = assertProblem(await importFile(app, file), 422, "invalid_request");
      assert.equal(errors[0].code, "no_header", String(file));
    }
    assert.deepEqual(await addresses(app), []);
    assertProblem(await app.ask("POST", "/v1/suppressions/import"), 422, "invalid_request");
    assertProblem(await app.ask("POST", "/v1/suppressions/import", { body: {} }), 415, "unsupported_media_type");
    assertProblem(await app.ask("POST", "/v1/messages", { body: "address", headers: csvHeaders }), 415, "unsupported_media_type");
  });

  test("a quote that is never closed, or a row without end, ends the import and says so; what came before is stored", async () => {
    const app = await open();
    const rest = Array.from({ length: 5_000 }, (_, index) => `user${index}@example.net,bounce`).join("\n");
    const unclosed = await importFile(app, `address,reason\nada@example.net,bounce\nbob@example.net,"bounce\n${rest}`);
    assert.deepEqual([unclosed.body.added, unclosed.body.failed, unclosed.body.complete], [1, 1, false]);
    assert.deepEqual([unclosed.body.errors[0].line, unclosed.body.errors[0].code], [3, "malformed_csv"]);
    const short = await importFile(app, 'address\ncarl@example.net\ndora@example.net,"x');
    assert.deepEqual([short.body.added, short.body.errors[0].line, short.body.complete], [1, 3, false]);
    const wide = await importFile(app, `address\nemil@example.net\n${"x,".repeat(40_000)}\nfay@example.net\n`);
    assert.deepEqual([wide.body.added, wide.body.errors[0].line, wide.body.complete], [1, 3, false]);
  });

  test("more faulty rows than anybody reads are counted, and the first thousand are listed", async () => {
    const app = await open();
    const { body } = await importFile(app, `address\n${"nobody\n".repeat(1_500)}ada@example.net\n`);
    assert.deepEqual([body.failed, body.errors.length, body.added], [1_500, 1_000, 1]);
  });

  test("octets that are no UTF-8 are a fault of their line, not somebody else's address", async () => {
    const app = await open();
    const { body } = await importFile(app, Buffer.from("address\nj\xf6rg@example.net\nada@example.net\n", "latin1"));
    assert.deepEqual([body.added, body.errors[0].line, body.errors[0].code], [1, 2, "invalid_encoding"]);
  });

  test("an export is taken back as it was, and no cell of it begins a formula", async () => {
    const app = await open();
    const file = [
      "address,list,reason,category,created_at,expires_at",
      "=cmd|'/c+calc'!a1@example.net,,bounce,invalid_recipient,2020-01-01T00:00:00.000Z,",
      "+1@example.net,news,unsubscribe,,2020-01-02T00:00:00.000Z,",
      "'=x@example.net,,complaint,,2020-01-03T00:00:00.000Z,2999-01-01T00:00:00.000Z",
      "o'neil@example.net,,manual,,2020-01-04T00:00:00.000Z,",
      "'quoted'@example.net,,manual,,2020-01-05T00:00:00.000Z,",
      "-@example.net,,manual,,2020-01-06T00:00:00.000Z,",
    ];
    assert.equal((await importFile(app, file.join("\n").replace("\n'=x", "\n''=x"))).body.added, 6);
    const exported = await app.ask("GET", "/v1/suppressions/export");
    assert.match(String(exported.headers["content-type"]), /^text\/csv; charset=utf-8/);
    assert.match(String(exported.headers["content-disposition"]), /attachment; filename="suppressions.csv"/);
    const lines = exported.text.split("\r\n");
    assert.equal(lines[0], "address,list,reason,category,created_at,expires_at,source,message_id");
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(",")[0]),
      [
        "'=cmd|'/c+calc'!a1@example.net",
        "'+1@example.net",
        "''=x@example.net",
        "o'neil@example.net",
        "'quoted'@example.net",
        "'-@example.net",
        "",
      ],
    );
    const other = await app.key({ tenant: "acme" });
    const back = await app.ask("POST", "/v1/suppressions/import", { key: other, body: exported.text, headers: csvHeaders });
    assert.deepEqual([back.body.added, back.body.failed, back.body.ignored_columns], [6, 0, ["source", "message_id"]]);
    assert.equal((await app.ask("GET", "/v1/suppressions/export", { key: other })).text, exported.text);
  });

  test("an export of many slices is whole", async () => {
    const app = await open();
    const many = Array.from({ length: 2_345 }, (_, index) => `user${index}@example.net`);
    assert.equal((await importFile(app, `address\r\n${many.join("\r\n")}`)).body.added, 2_345);
    const lines = (await app.ask("GET", "/v1/suppressions/export")).text.trim().split("\r\n");
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(",")[0]),
      many,
    );
  });

  test("while the store is away half-way, an import says how far it came, and an export ends without a proper end", async () => {
    const away = Object.assign(new Error("Connection is closed."), {});
    const app = await open(({ suppressions }) => {
      let slices = 0;
      return {
        suppressions: {
          ...suppressions,
          addTogether: async (tenant, rows) => {
            slices += 1;
            if (slices > 2) throw away;
            return suppressions.addTogether(tenant, rows);
          },
          all: async function* (tenant) {
            yield* suppressions.all(tenant);
            throw away;
          },
        },
      };
    });
    const many = Array.from({ length: 1_000 }, (_, index) => `user${index}@example.net`).join("\n");
    const problem = assertProblem(await importFile(app, `address\n${many}`), 503, "unavailable");
    assert.match(problem.detail, /at least 500 rows are stored/);
    const url = await app.app.listen({ host: "127.0.0.1", port: 0 });
    const response = await fetch(`${url}/v1/suppressions/export`, {
      headers: { authorization: `Bearer ${bootstrapKey}` },
    });
    await assert.rejects(response.text());
  });

  test("a file may take longer to arrive than any other request", async () => {
    const app = await open();
    const url = new URL(await app.app.listen({ host: "127.0.0.1", port: 0 }));
    app.app.server.requestTimeout = 200;
    const begin = (path: string, contentType: string, chunk: string) => {
      const sent = request({
        ...{ host: url.hostname, port: url.port, method: "POST", path },
        headers: { "content-type": contentType, authorization: `Bearer ${bootstrapKey}` },
      });
      const status = new Promise<number | undefined>((resolve, reject) => {
        sent.once("response", (response) => resolve(response.resume().statusCode)).once("error", reject);
      });
      sent.write(chunk);
      return { sent, status };
    };
    const file = begin("/v1/suppressions/import", "text/csv", "address\n");
    const other = begin("/v1/suppressions", "application/json", "{");
    assert.equal(await other.status, 408, "whose time was over later than the file's");
    file.sent.end("ada@example.net\n");
    assert.equal(await file.status, 200);
    assert.deepEqual(await addresses(app), ["ada@example.net"]);
  });

  test("a file that is cut off half-way leaves what was read, and no request waits for the rest", async () => {
    const app = await open();
    const url = new URL(await app.app.listen({ host: "127.0.0.1", port: 0 }));
    const upload = request({
      ...{ host: url.hostname, port: url.port, method: "POST", path: "/v1/suppressions/import" },
      headers: { ...csvHeaders, authorization: `Bearer ${bootstrapKey}` },
    });
    upload.on("error", () => undefined);
    upload.write(`address\n${Array.from({ length: 400 }, (_, index) => `user${index}@example.net`).join("\n")}`);
    await waitFor(async () => (await addresses(app)).length > 0, { what: "the first slice" });
    upload.destroy();
    await waitFor(() => app.observed.some(({ route }) => route === "/v1/suppressions/import"), { what: "the end of the request" });
    assert.equal((await addresses(app)).length, 100);
  });
});

describe("at acceptance", () => {
  async function suppress(app: TestApp, address: string, changes: object = {}): Promise<void> {
    const { status } = await app.ask("POST", "/v1/suppressions", { body: { address, ...changes } });
    assert.equal(status, 201);
  }

  test("a suppressed recipient ends as suppressed with the reason and the way out, and the others are sent", async () => {
    const app = await open();
    await suppress(app, "ada@example.net", { reason: "complaint" });
    const { status, body } = await app.ask("POST", "/v1/messages", { body: mail({ to: ["Ada@example.net", "bob@example.net"] }) });
    assert.equal(status, 202);
    assert.equal(body.status, "in_progress");
    const [ada, bob] = body.recipients;
    assert.deepEqual([ada.status, ada.attempts, ada.suppression.reason, ada.suppression.list], ["suppressed", 0, "complaint", null]);
    assert.match(ada.advice, /reported earlier mail as spam.*DELETE \/v1\/suppressions\/\{address\}/);
    assert.deepEqual([bob.status, bob.suppression], ["queued", null]);
    assert.deepEqual((await app.ask("GET", `/v1/messages/${body.id}`)).body, body);
    assert.equal(app.woken.length, 1);
    const { body: log } = await app.ask("GET", `/v1/messages/${body.id}/events`);
    assert.deepEqual(
      log.data.map((event: { type: string }) => event.type),
      ["message.accepted", "message.suppressed"],
    );
    const { data } = log.data[1];
    assert.deepEqual([data.recipient, data.status, data.suppression.reason], ["Ada@example.net", "suppressed", "complaint"]);
    assert.equal(data.advice, ada.advice);
  });

  test("a message whose recipients are all suppressed is stored and settled, and wakes nobody", async () => {
    const app = await open();
    await suppress(app, "ada@example.net");
    const sendAt = new Date(Date.now() + 3_600_000).toISOString();
    const { status, body } = await app.ask("POST", "/v1/messages", { body: mail({ send_at: sendAt }) });
    assert.deepEqual([status, body.status], [202, "suppressed"]);
    assert.equal(app.woken.length, 0);
    const { redis: client, keys } = app.connection;
    assert.equal(await client.zcard(keys.open), 0);
    for (const key of [keys.message(body.id), keys.bytes(body.id)]) assert.ok((await client.pttl(key)) > 0, key);
    assert.equal((await app.ask("GET", "/v1/messages?status=suppressed")).body.data.length, 1);
    const { body: log } = await app.ask("GET", `/v1/messages/${body.id}/events`);
    assert.deepEqual(
      log.data.map((event: { type: string }) => event.type),
      ["message.accepted", "message.suppressed"],
    );
  });

  test("the first answer is given again, though the suppression was lifted since; a large message too is stored but once", async () => {
    const app = await open();
    await suppress(app, "ada@example.net");
    const options = { body: mail({ text: "x".repeat(600_000) }), headers: { "idempotency-key": "k" } };
    const first = await app.ask("POST", "/v1/messages", options);
    assert.equal(first.body.status, "suppressed");
    await app.ask("DELETE", "/v1/suppressions/ada@example.net");
    const second = await app.ask("POST", "/v1/messages", options);
    assert.deepEqual([second.headers["idempotent-replayed"], second.body], ["true", first.body]);
    assert.equal(await app.stored(), 1);
    assert.deepEqual([app.accepted.length, app.woken.length], [1, 0]);
  });

  test("all three doors send in spite of a suppression, for a key that may manage and no other", async () => {
    const app = await open();
    await suppress(app, "ada@example.net");
    const asked = mail({ bypass_suppressions: true });
    const raw = {
      envelope: { from: "shop@example.com", to: ["ada@example.net"] },
      raw: Buffer.from("From: shop@example.com\r\n\r\nHello\r\n").toString("base64"),
      bypass_suppressions: true,
    };
    assert.equal((await app.ask("POST", "/v1/messages", { body: asked })).body.status, "in_progress");
    assert.equal((await app.ask("POST", "/v1/messages/raw", { body: raw })).body.status, "in_progress");
    const batch = await app.ask("POST", "/v1/messages/batch", { body: { messages: [asked, mail()] } });
    const statuses = batch.body.data.map(async ({ id }: { id: string }) => (await app.ask("GET", `/v1/messages/${id}`)).body.status);
    assert.deepEqual(await Promise.all(statuses), ["in_progress", "suppressed"]);

    const key = await app.key({ scopes: ["send"] });
    for (const [path, body] of [
      ["/v1/messages", asked],
      ["/v1/messages/raw", raw],
    ] as const) {
      const { errors } = assertProblem(await app.ask("POST", path, { key, body }), 403, "forbidden");
      assert.deepEqual(errors[0].pointer, "/bypass_suppressions");
    }
    const refused = await app.ask("POST", "/v1/messages/batch", { key, body: { messages: [asked] } });
    assert.equal(refused.body.data[0].error.code, "forbidden");
    assert.equal((await app.ask("POST", "/v1/messages", { key, body: mail({ bypass_suppressions: false }) })).body.status, "suppressed");
  });

  test("nobody is kept from mail by another tenant's suppression", async () => {
    const app = await open();
    const foreign = await app.key({ tenant: "acme" });
    assert.equal((await app.ask("POST", "/v1/suppressions", { key: foreign, body: { address: "ada@example.net" } })).status, 201);
    assert.equal((await app.ask("POST", "/v1/messages", { body: mail() })).body.status, "in_progress");
    assert.equal((await app.ask("POST", "/v1/messages", { key: foreign, body: mail() })).body.status, "suppressed");
  });
});
