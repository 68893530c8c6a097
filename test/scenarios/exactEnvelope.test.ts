// Whatever a request says, and whatever it tries: the envelope at the far end is its recipients, exactly, and every line there is one that
// SMTP can carry. Generated requests, through the whole gateway, to a relay that keeps every byte and to a program that is not ours.
import assert from "node:assert/strict";
import { test } from "node:test";
import { domainToASCII } from "node:url";
import fc from "fast-check";
import type { MessageView } from "../../src/domain/messageView.ts";
import { assertWellFormed } from "../compose/wellFormed.ts";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { allSettled, inParallel, postPatiently } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();
const count = 160;

/** Repeats a run: the seed that it printed. */
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

type Box = { address: string; name?: string };

const plainLocal = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,8})?$/);
const utf8Local = fc.constantFrom("jörg", "用户", "δοκιμή", "jörg.müller+x");
const domain = fc.constantFrom("example.net", "a-b.example.org", "bücher.example", "例え.example", "EXAMPLE.Net", "x.co");
const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 400 }),
  fc
    .array(
      fc.constantFrom(
        ".",
        "..",
        "\r\n.\r\n",
        "\n.\n",
        "\r.\r",
        "\n",
        "\r\n",
        "\r",
        "From x",
        " ",
        "\t",
        "=",
        "é",
        "😀",
        "x".repeat(1_500),
        "\r\n.\r\nRCPT TO:<eve@example.org>\r\n",
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join("")),
);
const line = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 200 }),
  fc.constantFrom("=?utf-8?q?a?=", "a ".repeat(300), "ü".repeat(300), 'x" <eve@example.org>', "a, b@example.org", "Group: x;"),
);
const headerLine = line.map((text) => text.replace(/\p{C}/gu, "").trim() || "x");
const displayName = headerLine.map((text) => [...text].slice(0, 100).join("").trim() || "x");

/** A request whose mailboxes are written in any way; `utf8`: with local parts beyond ASCII among them. */
function requests(fromDomain: string, utf8: boolean): fc.Arbitrary<Record<string, unknown>> {
  const local = utf8 ? fc.oneof({ weight: 4, arbitrary: plainLocal }, { weight: 1, arbitrary: utf8Local }) : plainLocal;
  const address = fc.tuple(local, domain).map(([before, behind]) => `${before}@${behind}`);
  const box = fc.oneof(
    address,
    fc.record({ address, name: displayName }),
    fc.tuple(displayName, address).map(([name, it]) => `"${name.replace(/["\\]/g, "\\$&")}" <${it}>`),
  );
  const boxes = fc.array(box, { maxLength: 5 });
  const attachment = fc.record({
    filename: fc.constantFrom("a.bin", "Übersicht.pdf", "x".repeat(200), "report.txt", "mail.eml", "名前.txt"),
    content: fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes).toString("base64")),
  });
  return fc
    .record(
      {
        from: fc.constantFrom(`app@${fromDomain}`, `Größe <app@${fromDomain}>`),
        to: fc.array(box, { minLength: 1, maxLength: 6 }),
        cc: boxes,
        bcc: boxes,
        reply_to: fc.array(box, { maxLength: 2 }),
        subject: headerLine,
        text: anyText,
        html: anyText,
        headers: fc.dictionary(fc.stringMatching(/^X-[A-Z][a-z]{1,20}$/), headerLine, { maxKeys: 4 }),
        attachments: fc.array(attachment, { maxLength: 2 }),
      },
      { requiredKeys: ["from", "to", "text"] },
    )
    .map((request) => request as Record<string, unknown>);
}

function addressOf(box: unknown): string {
  const text = typeof box === "string" ? (/<([^<>]*)>$/.exec(box)?.[1] ?? box) : (box as Box).address;
  const at = text.lastIndexOf("@");
  return `${text.slice(0, at)}@${domainToASCII(text.slice(at + 1))}`;
}

/** Everybody who is named as a recipient, once each. */
function recipientsOf(request: Record<string, unknown>): string[] {
  return [...new Set(["to", "cc", "bcc"].flatMap((field) => ((request[field] ?? []) as unknown[]).map(addressOf)))].sort();
}

const isUtf8 = (address: string) => /\P{ASCII}/u.test(address);

test("for every accepted message the envelope at the far end is the request's recipients, exactly, and every line can be carried", async (t) => {
  t.diagnostic(`seed ${seed}`);
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const old = await startScriptedRelay({ extensions: ["PIPELINING", "8BITMIME", "SIZE 52428800"] });
  atEnd(old.stop);
  const sink = await startSink();
  atEnd(sink.stop);
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl() },
    config: `
relays:
  exact: { url: "${relay.url}" }
  old: { url: "${old.url}" }
  sink: { url: "${sink.url}" }
routes:
  - { from_domain: old.example, relays: [old] }
  - { from_domain: sink.example, relays: [sink] }
  - { relays: [exact] }
`,
  });
  atEnd(() => gateway.stop());

  const samples = [
    ...fc.sample(requests("exact.example", true), { numRuns: count / 2, seed }),
    ...fc.sample(requests("old.example", true), { numRuns: count / 4, seed }),
    ...fc.sample(requests("sink.example", false), { numRuns: count / 4, seed }),
  ].map((request, index) => ({ ...request, headers: { ...(request.headers as object), "X-Test-Id": `m${index}` } }));
  const answers = await inParallel(samples.length, 8, (index) => postPatiently<MessageView>(gateway, "/v1/messages", samples[index]));
  const accepted = new Map<string, { request: Record<string, unknown>; id: string }>();
  for (const [index, { status, body }] of answers.entries()) {
    const request = samples[index] as Record<string, unknown>;
    if (status === 202) accepted.set(`m${index}`, { request, id: body.id });
    else assert.equal(status, 422, `${status}: ${JSON.stringify(body)} for ${JSON.stringify(request)}`);
  }
  const refused = answers.filter(({ status }) => status !== 202);
  assert.ok(
    accepted.size > samples.length * 0.8,
    `${refused.length} were refused, with ${JSON.stringify(refused.map(({ body }) => (body as unknown as { errors: unknown }).errors))}`,
  );

  const ids = [...accepted.values()].map(({ id }) => id);
  const settled = new Map((await allSettled(gateway, ids, 60_000)).map((message) => [message.id, message]));
  let unreachable = 0;
  const wanted = new Map<string, string[]>();
  for (const [testId, { request, id }] of accepted) {
    const recipients = recipientsOf(request);
    const { recipients: said = [] } = settled.get(id) as MessageView;
    assert.deepEqual(said.map(({ address }) => address).sort(), recipients, `what is said of ${testId}`);
    const isOld = String(request.from).includes("old.example");
    const visible = ["to", "cc", "reply_to"].flatMap((field) => ((request[field] ?? []) as unknown[]).map(addressOf));
    const reached = recipients.filter((address) => !isOld || !(isUtf8(address) || visible.some(isUtf8)));
    for (const { address, status, reply, advice } of said) {
      if (reached.includes(address)) assert.equal(status, "sent", `${testId} to ${address}: ${JSON.stringify(reply)}`);
      else {
        // Without SMTPUTF8 (RFC 6531 section 3.2) such an address, or a header with one, cannot go on.
        assert.deepEqual([status, reply?.enhanced], ["failed", "5.6.7"], address);
        assert.match(reply?.text ?? "", /SMTPUTF8/);
        assert.ok(advice);
        unreachable += 1;
      }
    }
    if (reached.length > 0) wanted.set(testId, reached);
  }
  assert.ok(unreachable > 0, "the relay without SMTPUTF8 was put to the test");

  const arrived = async () => [...relay.accepted, ...old.accepted, ...(await sink.received())];
  await waitFor(async () => new Set((await arrived()).map(({ raw }) => headerOf(raw, "x-test-id"))).size >= wanted.size, {
    what: "all mails",
  });
  const envelopes = new Map<string, string[]>();
  for (const { from, to, raw } of await arrived()) {
    assertWellFormed(raw);
    const testId = headerOf(raw, "x-test-id") ?? "";
    const request = accepted.get(testId)?.request ?? {};
    assert.equal(from, addressOf(request.from));
    envelopes.set(testId, [...(envelopes.get(testId) ?? []), ...to]);
    const [head = ""] = raw.toString("latin1").split("\r\n\r\n", 1);
    assert.doesNotMatch(head, /^bcc:/im);
  }
  assert.deepEqual(new Set(envelopes.keys()), new Set(wanted.keys()));
  for (const [testId, to] of envelopes) assert.deepEqual(to.sort(), wanted.get(testId), testId);
  t.diagnostic(
    `${accepted.size} of ${samples.length} accepted, ${[...wanted.values()].flat().length} recipients reached, ${unreachable} not, for want of SMTPUTF8`,
  );
});
