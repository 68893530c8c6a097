// What the logger writes, and what it never does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, type Log } from "../../src/telemetry/logger.ts";

const canary = "canary-5f1d";

function logging(format: "json" | "pretty" = "json", level: "debug" | "info" = "debug") {
  const lines: string[] = [];
  const log: Log = createLogger({ level, format, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "") as Record<string, unknown> };
}

const secrets: Record<string, Record<string, unknown>> = {
  "at the top": { password: canary, pass: canary, secret: canary, key: canary },
  "in a request's headers": {
    req: { headers: { authorization: canary, Cookie: canary, "X-Api-Key": canary, "proxy-authorization": canary } },
  },
  "in a list": { relays: [{ auth: { pass: canary } }] },
  "in another style of writing": { apiKey: canary, api_key: canary, access_token: canary, "Set-Cookie": [canary] },
  "as a whole object": { secret: { value: canary } },
  "very deep": { a: { b: { c: { d: { password: canary } } } } },
  "deeper than is written at all": { a: { b: { c: { d: { e: { f: { g: { password: canary } } } } } } } },
};

for (const format of ["json", "pretty"] as const) {
  for (const [where, fields] of Object.entries(secrets)) {
    test(`a secret ${where} is in no ${format} line, nor when it is bound to a child`, () => {
      const { log, lines } = logging(format);
      log.info(fields, "logged");
      log.child(fields).child({ relay: "ses" }).info({}, "bound");
      assert.equal(lines.length, 2);
      assert.ok(
        lines.every((line) => !line.includes(canary)),
        lines.join(),
      );
    });
  }
}

test("what merely sounds like a secret is written", () => {
  const { log, last } = logging();
  log.child({ key_id: "key_1" }).info({ keys: 3, passed: true });
  const { key_id, keys, passed } = last();
  assert.deepEqual({ key_id, keys, passed }, { key_id: "key_1", keys: 3, passed: true });
});

test("a line has an ISO time in UTC and its level as a word", () => {
  const { log, last } = logging();
  log.warn({ relay: "ses" }, "slow");
  const { time, level, relay, msg } = last();
  assert.equal(new Date(String(time)).toISOString(), time);
  assert.deepEqual({ level, relay, msg }, { level: "warn", relay: "ses", msg: "slow" });
});

test("lines below the level are not written", () => {
  const { log, lines } = logging("json", "info");
  log.debug({}, "hidden");
  assert.deepEqual(lines, []);
});

test("an error is written with its code and every cause, under any key and for an error alone", () => {
  const { log, last } = logging();
  const refused = Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
  const error = new Error("no connection", { cause: new Error("relay away", { cause: refused }) });
  for (const write of [() => log.error({ err: error }, "x"), () => log.error({ reason: error }, "x"), () => log.error(error)]) {
    write();
    const { err, reason } = last() as { err?: Described; reason?: Described };
    const { type, message, cause, stack } = err ?? reason ?? assert.fail("no error was written");
    assert.deepEqual([type, message, cause?.message, cause?.cause?.message], ["Error", "no connection", "relay away", "refused"]);
    assert.equal(cause?.cause?.code, "ECONNREFUSED");
    assert.match(stack ?? "", /logger\.test/);
  }
});

type Described = { type: string; message: string; stack?: string; code?: string; cause?: Described; errors?: Described[] };

test("the errors inside an AggregateError are written", () => {
  const { log, last } = logging();
  log.error({ err: new AggregateError([new Error("first"), new Error("second")], "all failed") });
  assert.deepEqual(
    (last().err as Described).errors?.map(({ message }) => message),
    ["first", "second"],
  );
});

test("what a client hangs on its error, such as a command with a message's body, is not written", () => {
  const { log, lines } = logging();
  log.error({ err: Object.assign(new Error("ERR"), { command: { name: "set", args: ["key", canary] }, config: { canary } }) });
  assert.doesNotMatch(lines.join(), new RegExp(canary));
});

test("errors and fields that contain themselves end somewhere", () => {
  const { log, lines } = logging();
  const error = new Error("loop");
  error.cause = error;
  const fields: Record<string, unknown> = {};
  fields.self = fields;
  log.error({ err: error, fields });
  assert.match(lines[0] ?? "", /\[too deep\]/);
});

test("a pretty line is written at once and without colours off a terminal", () => {
  const { log, lines } = logging("pretty");
  log.info({ relay: "ses" }, "connected");
  assert.match(lines[0] ?? "", /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: connected\n {4}relay: "ses"\n$/);
});
