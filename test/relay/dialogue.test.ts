import assert from "node:assert/strict";
import { test } from "node:test";
import { startDeadline } from "../../src/relay/deadline.ts";
import { featuresOf, noFeatures } from "../../src/relay/features.ts";
import { createReplyReader, replyOf } from "../../src/relay/replies.ts";
import { startTranscript } from "../../src/relay/transcript.ts";
import { openTestRelay, sendOnce } from "./openTestRelay.ts";
import { startRawRelay } from "./rawRelay.ts";

function read(bytes: Buffer, chunkSize: number): string[] {
  const replies: string[] = [];
  const take = createReplyReader((raw) => replies.push(raw));
  for (let offset = 0; offset < bytes.length; offset += chunkSize) take(bytes.subarray(offset, offset + chunkSize));
  return replies;
}

test("replies are read alike however the bytes are cut into chunks; an unfinished one is not read at all", () => {
  const wire = Buffer.from("250-5.1.1 Bücher\r\n250-\r\n250 5.1.1 done\r\n\r\n354 go\n550 no\r\n421-leaving\r\n250 cut o");
  const expected = ["250-5.1.1 Bücher\n250-\n250 5.1.1 done", "354 go", "550 no"];
  for (let size = 1; size <= wire.length; size++) assert.deepEqual(read(wire, size), expected, `chunks of ${size}`);
});

test("bytes that are not UTF-8 are kept one by one", () => {
  assert.deepEqual(read(Buffer.from("550 J\xf6rg\r\n", "latin1"), 100), ["550 Jörg"]);
});

test("a reply's code is its first three digits, whatever it quotes", () => {
  assert.deepEqual(replyOf("550-5.1.1 host mx.test said: 250 fine\n550 5.1.1 (really)"), {
    code: 550,
    enhanced: "5.1.1",
    text: "host mx.test said: 250 fine (really)",
  });
  assert.equal(replyOf("450").code, 450);
});

test("a relay's features are read from the keywords of EHLO, not from its greeting; a limit of 0, or none that is a number, is none", () => {
  const all = {
    pipelining: true,
    size: true,
    sizeMax: 5,
    eightBitMime: true,
    smtpUtf8: true,
    startTls: true,
    authMethods: ["PLAIN", "LOGIN"],
  };
  assert.deepEqual(
    featuresOf("250-relay.test\n250-SIZE 5\n250-PIPELINING\n250-8bitmime\n250-SMTPUTF8\n250-STARTTLS\n250 AUTH=PLAIN LOGIN"),
    all,
  );
  for (const none of ["250 8BITMIME", "250-SMTPUTF8 greets\n250 HELP", "502 no"]) assert.deepEqual(featuresOf(none), noFeatures, none);
  for (const unlimited of ["250-SMTPUTF8 greets\n250 SIZE 0", "250-relay.test\n250-SIZE many\n250 SIZE"]) {
    assert.deepEqual(featuresOf(unlimited), { ...noFeatures, size: true }, unlimited);
  }
});

test("a transcript stays within 200 lines of 500 characters, keeps its beginning and its end, and says how much is missing", () => {
  const transcript = startTranscript(performance.now());
  for (let i = 0; i < 1_000; i++) transcript.add(i % 2 ? "server" : "client", `${i} ${"x".repeat(600)}`);
  const lines = transcript.lines();
  assert.equal(lines.length, 200);
  assert.ok(lines.every(({ line }) => line.length <= 500));
  assert.match(lines[0]?.line ?? "", /^0 x/);
  assert.match(lines.at(-1)?.line ?? "", /^999 x/);
  assert.equal(lines[100]?.line, "… 801 lines left out …");
});

test("a relay that answers with a novel fills the transcript, not the memory: it is cut off", async (t) => {
  const server = await startRawRelay({
    RCPT: (client) => {
      for (let i = 0; i < 2_000; i++) client.write(`250-${"x".repeat(100)}\r\n`);
      return undefined;
    },
  });
  t.after(server.stop);
  const sent = await sendOnce(openTestRelay(t, { port: server.port }));
  assert.equal(sent.outcomes[0]?.kind, "not_sent");
  assert.ok(sent.transcript.length <= 200);
});

test("a deadline expires by its step, by its total, moves with progress, and not after it was stopped", async () => {
  const expired = (options: { stepMs: number; totalMs: number }, during?: (deadline: ReturnType<typeof startDeadline>) => void) =>
    new Promise<{ limit: string; afterMs: number }>((resolve) => {
      const startedAt = performance.now();
      const onExpired = (limit: string) => resolve({ limit, afterMs: performance.now() - startedAt });
      during?.(startDeadline({ ...options, endsAt: startedAt + options.totalMs, onExpired }));
      if (!during) startDeadline({ ...options, endsAt: startedAt + options.totalMs, onExpired });
    });
  const [step, total, moved, shorter] = await Promise.all([
    expired({ stepMs: 50, totalMs: 500 }),
    expired({ stepMs: 500, totalMs: 50 }),
    expired({ stepMs: 100, totalMs: 5_000 }, (deadline) => setTimeout(() => deadline.progress(), 60)),
    expired({ stepMs: 5_000, totalMs: 60_000 }, (deadline) => deadline.progress(50)),
  ]);
  assert.equal(step.limit, "step");
  assert.equal(total.limit, "total");
  assert.ok(step.afterMs >= 49 && total.afterMs >= 49);
  assert.ok(moved.afterMs >= 155, String(moved.afterMs));
  assert.ok(shorter.afterMs >= 49 && shorter.afterMs < 2_000);
  const stopped = startDeadline({ stepMs: 10, totalMs: 10, endsAt: performance.now() + 10, onExpired: () => assert.fail("expired") });
  stopped.stop();
  stopped.progress(5);
  await new Promise((resolve) => setTimeout(resolve, 40));
});
