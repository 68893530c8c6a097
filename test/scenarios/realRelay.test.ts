// The whole way with programs that are not ours at the far end: Postfix as the relay, smtp-sink behind it.
import assert from "node:assert/strict";
import { test } from "node:test";
import PostalMime from "postal-mime";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { allEvents, allSettled, expectedOf, sendEach, testMessage } from "../support/mailing.ts";
import { asRoot, startPostfix } from "../support/postfix.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

/** So many addresses that only this message has, at three domains. */
function recipientsOf(message: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `r${index}.m${message}@example${index % 3}.net`);
}

test(
  "200 messages to thousands of recipients reach the world through Postfix with STARTTLS and AUTH: each envelope exactly, each recipient once",
  asRoot,
  async (t) => {
    const atEnd = atEndOf(t);
    const sink = await startSink();
    atEnd(sink.stop);
    const postfix = await startPostfix({ deliverTo: sink, starttls: true, auth: { user: "app", pass: "p@ss word/1" } });
    atEnd(postfix.stop);
    const gateway = await startGateway({
      env: {
        REDIS_URL: redis.freshUrl(),
        SMTP_URL: `${postfix.url}?tls=required&connections=5`,
        NODE_EXTRA_CA_CERTS: postfix.certificate?.certificateFile ?? "",
      },
    });
    atEnd(() => gateway.stop());

    const envelopes = new Map<string, string[]>();
    const messages = Array.from({ length: 200 }, (_, number) => {
      const recipients = recipientsOf(number, 1 + ((number * 7) % 50));
      envelopes.set(`m${number}`, recipients);
      // Two thirds of the larger ones go to cc and bcc, which the envelope must not tell apart.
      const [to, cc, bcc] = [0, 1, 2].map((part) => recipients.filter((_, index) => index % 3 === part)) as [string[], string[], string[]];
      return { ...testMessage(`m${number}`, to), ...(cc.length > 0 && { cc }), ...(bcc.length > 0 && { bcc }) };
    });
    const accepted = await sendEach(gateway, messages);
    const settled = await allSettled(
      gateway,
      accepted.map(({ id }) => id),
    );

    const total = [...envelopes.values()].flat().length;
    assert.ok(total > 4_000, `${total} recipients`);
    const arrived = async () => (await sink.received()).reduce((sum, { to }) => sum + to.length, 0) >= total;
    await waitFor(arrived, { what: "Postfix to pass everything on", timeoutMs: 20_000, everyMs: 100 });
    const mails = await sink.received();
    assert.deepEqual(reconcile({ expected: envelopes, mails }), { lost: [], doubled: [], unexpected: [] });
    for (const { from, to, raw } of mails) {
      const testId = headerOf(raw, "x-test-id") ?? "";
      assert.equal(from, "app@example.com");
      assert.deepEqual(to.toSorted(), envelopes.get(testId)?.toSorted(), `the envelope of ${testId}`);
      assert.equal(headerOf(raw, "bcc"), undefined);
      assert.ok(
        raw
          .toString("latin1")
          .split("\r\n")
          .every((line) => line.length <= 998),
      );
    }
    // The ledger says the same, recipient by recipient, with Postfix' own words.
    for (const [number, { recipients }] of settled.entries()) {
      assert.deepEqual(recipients.map(({ address }) => address).toSorted(), envelopes.get(`m${number}`)?.toSorted());
      for (const { status, attempts, reply, possible_duplicate } of recipients) {
        assert.deepEqual([status, attempts, reply?.code, possible_duplicate], ["sent", 1, 250, false]);
        assert.match(reply?.text ?? "", /^Ok: queued as [0-9A-F]+$/);
      }
    }
    const sentEvents = (await allEvents(gateway)).filter(({ type }) => type === "message.sent");
    assert.deepEqual(sentEvents.map(({ data }) => data.recipient).toSorted(), [...envelopes.values()].flat().toSorted());
    const log = await postfix.log();
    assert.match(log, /TLS connection established from/);
    assert.match(log, /sasl_method=\w+, sasl_username=app/);
    t.diagnostic(`${total} recipients in ${mails.length} mails`);
  },
);

/** Contents that a careless gateway breaks the wire with. */
const hardContents: Record<string, { text?: string; html?: string; subject?: string }> = {
  "a line of 100,000 characters": { text: `${"word ".repeat(20_000)}end\n` },
  "a word of 100,000 characters": { text: `${"x".repeat(100_000)}\n`, html: `<p>${"y".repeat(100_000)}</p>` },
  "bare carriage returns and line feeds": { text: "one\rtwo\nthree\r\nfour\n\rfive" },
  "lines that begin with dots": { text: ".\n..\n.\r\n.end\n\n.\n" },
  "what looks like the end of a mail": { text: "before\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\n" },
  "letters of many scripts": { subject: `Grüße 你好 ${"🙂".repeat(80)}`, text: "Grüße, Ваш, 你好, 🙂\n", html: "<p>Grüße 🙂</p>" },
};

test("whatever is in the content, the wire gets one well-formed mail: no line over 998 octets, no bare CR or LF, and the text comes out as it went in", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const gateway = await startGateway({ env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url } });
  atEnd(() => gateway.stop());
  const contents = Object.entries(hardContents);
  const messages = contents.map(([, content], index) => testMessage(`hard-${index}`, "a@example.net", content));
  const accepted = await sendEach(gateway, messages);
  await allSettled(
    gateway,
    accepted.map(({ id }) => id),
  );
  assert.deepEqual(reconcile({ expected: expectedOf(messages), mails: relay.accepted }), { lost: [], doubled: [], unexpected: [] });
  for (const { raw } of relay.accepted) {
    const [name, content] = contents[Number(headerOf(raw, "x-test-id")?.slice("hard-".length))] ?? ["", {}];
    const wire = raw.toString("latin1");
    assert.ok(!/[^\r]\n|\r[^\n]|^\n|\r$/.test(wire), `${name}: a bare CR or LF`);
    assert.ok(
      wire.split("\r\n").every((line) => line.length <= 998),
      `${name}: a line is too long`,
    );
    const read = await PostalMime.parse(raw);
    const plain = (text: string | undefined) => text?.replace(/\r\n?|\n/g, "\n").trimEnd();
    if (content.text !== undefined) assert.equal(plain(read.text), plain(content.text), name);
    if (content.html !== undefined) assert.equal(plain(read.html), plain(content.html), name);
    if (content.subject !== undefined) assert.equal(read.subject, content.subject, name);
  }
});
