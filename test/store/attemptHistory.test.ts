import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type AttemptHistory, packAttempt, unpackAttempt } from "../../src/store/attemptHistory.ts";

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("ok", "2.0.0 ok", "a\r\nb", "250", " ", ""));
const reply = fc.record(
  { code: fc.constantFrom(0, 250, 421, 550), enhanced: fc.constantFrom("2.0.0", "5.1.1", "4.7.650"), text },
  { requiredKeys: ["code", "text"] },
);
const line = fc.oneof(
  text,
  reply.map((it) => `${it.code} ${it.enhanced === undefined ? "" : `${it.enhanced} `}${it.text}`),
);
const milliseconds = fc.nat({ max: 100_000 });
const addresses = ["a@x.example", "b@x.example", "c@x.example"];

const attempts: fc.Arbitrary<AttemptHistory> = fc
  .record({
    attempt: fc.integer({ min: 1, max: 200 }),
    relay: fc.constantFrom("default", "other"),
    started_at: fc.integer({ min: 0, max: 4e12 }).map((ms) => new Date(ms).toISOString()),
    duration_ms: milliseconds,
    remote_address: fc.option(fc.constantFrom("192.0.2.1:25", "[2001:db8::1]:587")),
    connection_reused: fc.option(fc.boolean()),
    tls: fc.option(fc.constant({ version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" })),
    timings: fc.option(
      fc.record({
        connect_ms: fc.option(milliseconds),
        ...{ envelope_ms: milliseconds, body_ms: milliseconds, reply_ms: milliseconds, total_ms: milliseconds },
      }),
    ),
    recipients: fc.array(
      fc.record({
        address: fc.constantFrom(...addresses),
        outcome: fc.constantFrom("accepted", "refused", "in_doubt"),
        reply: fc.option(reply),
        fault: fc.option(fc.record({ phase: fc.constantFrom("connect", "after_dot"), text })),
      }),
      { maxLength: 4 },
    ),
    transcript: fc.array(fc.record({ from: fc.constantFrom("client" as const, "server" as const), at_ms: milliseconds, line })),
  })
  // Generated records have no prototype.
  .map((it) => JSON.parse(JSON.stringify(it)) as AttemptHistory);

/** Often quoted by the transcript. */
const quoting = attempts.map((it) => ({
  ...it,
  transcript: [
    ...it.transcript,
    ...it.recipients.flatMap(({ reply: said }) =>
      said ? [{ from: "server" as const, at_ms: 7, line: `${said.code} ${said.enhanced ? `${said.enhanced} ` : ""}${said.text}` }] : [],
    ),
  ],
}));

test("an attempt is read as it was written", () => {
  fc.assert(
    fc.property(fc.oneof(attempts, quoting), (attempt) => {
      const recipients = attempt.recipients.map(({ address }) => addresses.indexOf(address ?? ""));
      const line = packAttempt(attempt, recipients);
      assert.ok(!line.includes("\n"));
      assert.deepEqual(unpackAttempt(line, addresses), attempt);
      assert.deepEqual(unpackAttempt(packAttempt(attempt, []), []), attempt, "by its own addresses");
    }),
  );
});

test("what a reply says stands there once", () => {
  const said = { code: 250, enhanced: "2.0.0", text: "Ok: queued as ABC" };
  const attempt: AttemptHistory = {
    ...{ attempt: 1, relay: "default", started_at: "2026-01-02T03:04:05.678Z", duration_ms: 12, remote_address: null },
    ...{ connection_reused: true, tls: null, timings: null },
    recipients: [{ address: "b@x.example", outcome: "accepted", reply: said, fault: null }],
    transcript: [{ from: "server", at_ms: 3, line: "250 2.0.0 Ok: queued as ABC" }],
  };
  const line = packAttempt(attempt, [1]);
  assert.equal(line.split("queued as ABC").length, 2);
  assert.ok(!line.includes("b@x.example"));
  assert.deepEqual(unpackAttempt(line, addresses), attempt);
});
