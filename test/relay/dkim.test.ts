// DKIM: what is signed verifies by two independent implementations, and what is changed afterwards does not.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import fc from "fast-check";
import type { DkimKey } from "../../src/domain/dkim.ts";
import { createDkimSigner } from "../../src/relay/dkim.ts";
import { type DnsTable, dkimRecord, hasPythonDkim, type Verdict, verifyByMailauth, verifyByPython } from "../support/dkimVerifier.ts";

const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const rsaKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export(pkcs8).toString();
const edKey = generateKeyPairSync("ed25519").privateKey.export(pkcs8).toString();

const rsa: DkimKey = { domain: "example.com", selector: "r2026", privateKey: rsaKey, subdomains: false };
const ed: DkimKey = { domain: "example.com", selector: "e2026", privateKey: edKey, subdomains: false };
const dns: DnsTable = {
  "r2026._domainkey.example.com": dkimRecord(rsaKey),
  "e2026._domainkey.example.com": dkimRecord(edKey),
};
const both = createDkimSigner({ keys: [rsa, ed] });
const withPython = hasPythonDkim() || process.env.CI ? test : test.skip;

const header = [
  "From: Äpp <app@example.com>",
  "To: one@two.test,",
  "\tthree@four.test",
  "Subject:  folded",
  "  and   spaced\t",
  "Date: Mon, 23 Nov 2026 10:00:00 +0000",
  "Message-ID: <1@example.com>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Transfer-Encoding: 8bit",
  "List-Unsubscribe: <https://example.com/u>",
  "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
];
const message = Buffer.from(`${[...header, "", "Grüße  \t und\ttabs ", "", " ", ".dot", "", "  ", "", ""].join("\r\n")}`, "utf8");

async function signed(bytes: Buffer, sign = both, fromDomain = "example.com", except: string[] = []): Promise<Buffer> {
  // As SMTP sends it: ended by a line end (RFC 5321, section 4.1.1.4).
  const end = bytes.subarray(-2).toString("latin1") === "\r\n" ? "" : "\r\n";
  return Buffer.concat([await sign({ bytes, fromDomain, except }), bytes, Buffer.from(end)]);
}

async function assertAllPass(bytes: Buffer, count: number): Promise<Verdict[]> {
  const verdicts = await verifyByMailauth(bytes, dns);
  assert.deepEqual(
    verdicts.map(({ result }) => result),
    Array.from({ length: count }, () => "pass"),
    bytes.toString("latin1").slice(0, 2_000),
  );
  return verdicts;
}

test("every key of the sender's domain signs, RSA and Ed25519, and mailauth verifies both", async () => {
  const verdicts = await assertAllPass(await signed(message), 2);
  assert.deepEqual(
    verdicts.map(({ domain, selector, algorithm }) => [domain, selector, algorithm]),
    [
      ["example.com", "r2026", "rsa-sha256"],
      ["example.com", "e2026", "ed25519-sha256"],
    ],
  );
});

withPython("python3-dkim verifies both signatures", async () => {
  assert.deepEqual(await verifyByPython(await signed(message), dns), [true, true]);
});

const awkward: Record<string, Buffer> = {
  "no body": Buffer.from("From: a@example.com\r\nSubject: x\r\n\r\n"),
  "a body of empty lines": Buffer.from("From: a@example.com\r\n\r\n\r\n \t\r\n\r\n"),
  "a body without a line end": Buffer.from("From: a@example.com\r\n\r\nhello"),
  "a body that ends in white space": Buffer.from("From: a@example.com\r\n\r\nhello \t"),
  "an empty subject and odd spaces": Buffer.from("From:  a@example.com \r\nSubject:\r\nTo:\t\r\n b@c.test\r\n\r\nhello\r\n"),
  "8-bit bytes that are no UTF-8": Buffer.from("From: a@example.com\r\nSubject: \xff\xe4\r\n\r\n\xe4\xa0  \xff\r\n", "latin1"),
  "two fields of one name": Buffer.from("From: a@example.com\r\nTo: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\n\r\nhello\r\n"),
};

for (const [name, bytes] of Object.entries(awkward)) {
  test(`${name}: signed so that mailauth verifies it`, async () => {
    await assertAllPass(await signed(bytes), 2);
  });
}

withPython("bytes that are white space in other character sets are none: python3-dkim takes them as they are", async () => {
  const bytes = Buffer.from(
    "From: a@example.com\r\nSubject: voil\xc3\xa0\r\nTo: \x85a@b.test\xa0\r\n\r\n\xa0 \x85\r\n\xc3\xa0\r\n",
    "latin1",
  );
  assert.deepEqual(await verifyByPython(await signed(bytes), dns), [true, true]);
});

withPython("what is awkward is signed so that python3-dkim verifies it", async () => {
  for (const [name, bytes] of Object.entries(awkward)) {
    assert.deepEqual(await verifyByPython(await signed(bytes), dns), [true, true], name);
  }
});

test("bodies of any spaces, tabs, line ends and lengths verify", async () => {
  const piece = fc.constantFrom(" ", "\t", "\r\n", "a", "é", ".", "  ", " \r\n", "\r\n\r\n");
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
      await assertAllPass(await signed(Buffer.from(`From: a@example.com\r\n\r\n${pieces.join("")}`)), 2);
    }),
    { numRuns: 100 },
  );
});

test("white space that is cut by the end of a chunk is one run all the same", async () => {
  const line = `${"x".repeat(70)} \t \r\n`;
  const body = line.repeat(Math.ceil((600 * 1024) / line.length));
  for (const shift of [0, 1, 2, 3, 70, 71, 72, 73, 74]) {
    await assertAllPass(await signed(Buffer.from(`From: a@example.com\r\n\r\n${"y".repeat(shift)}\r\n${body}`)), 2);
  }
});

const forgeries: Record<string, (text: string) => string> = {
  "a changed body": (text) => text.replace(".dot", ".dog"),
  "a changed subject": (text) => text.replace("folded", "forged"),
  "a second From above": (text) => text.replace("From: ", "From: evil@evil.test\r\nFrom: "),
  "a second From below": (text) => text.replace("MIME-Version", "From: evil@evil.test\r\nMIME-Version"),
  "a second Subject": (text) => text.replace("From: ", "Subject: buy\r\nFrom: "),
  "a second To": (text) => text.replace("From: ", "To: x@y.test\r\nFrom: "),
  "a second Date": (text) => text.replace("From: ", "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nFrom: "),
  "a second Message-ID": (text) => text.replace("From: ", "Message-ID: <2@x.test>\r\nFrom: "),
  "a second Content-Type": (text) => text.replace("From: ", "Content-Type: text/html\r\nFrom: "),
  "an added Reply-To": (text) => text.replace("From: ", "Reply-To: evil@evil.test\r\nFrom: "),
  "an added Cc": (text) => text.replace("From: ", "Cc: evil@evil.test\r\nFrom: "),
  "a changed List-Unsubscribe": (text) => text.replace("example.com/u", "evil.test/u"),
  "a second List-Unsubscribe-Post": (text) => text.replace("From: ", "List-Unsubscribe-Post: x\r\nFrom: "),
};

for (const [name, forge] of Object.entries(forgeries)) {
  test(`${name} breaks both signatures`, async () => {
    const good = (await signed(message)).toString("latin1");
    const forged = forge(good);
    assert.notEqual(forged, good);
    const verdicts = await verifyByMailauth(Buffer.from(forged, "latin1"), dns);
    assert.equal(verdicts.length, 2);
    assert.ok(!verdicts.some(({ result }) => result === "pass"), JSON.stringify(verdicts));
  });
}

test("fields that a relay replaces are left out, and may be replaced", async () => {
  const bytes = await signed(message, both, "example.com", ["date", "message-id"]);
  const replaced = bytes
    .toString("latin1")
    .replace(/^Date: .*$/m, "Date: Wed, 25 Nov 2026 10:00:00 +0000")
    .replace("<1@example.com>", "<x@ses>");
  await assertAllPass(Buffer.from(replaced, "latin1"), 2);
});

test("only the keys of the sender's domain sign; the domain above does for its sub-domains where that is asked for", async () => {
  const key = (domain: string, subdomains: boolean): DkimKey => ({ domain, selector: "s", privateKey: edKey, subdomains });
  const sign = createDkimSigner({ keys: [key("example.com", true), key("strict.test", false), key("news.example.com", false)] });
  const signedFor = async (fromDomain: string) =>
    [...(await sign({ bytes: message, fromDomain, except: [] })).toString().matchAll(/d=([^;]+);/g)].map((match) => match[1]);
  assert.deepEqual(await signedFor("example.com"), ["example.com"]);
  assert.deepEqual(await signedFor("a.b.example.com"), ["example.com"]);
  assert.deepEqual(await signedFor("news.example.com"), ["news.example.com"]);
  assert.deepEqual(await signedFor("deep.news.example.com"), ["example.com"]);
  assert.deepEqual(await signedFor("strict.test"), ["strict.test"]);
  assert.deepEqual(await signedFor("sub.strict.test"), []);
  assert.deepEqual(await signedFor("notexample.com"), []);
  assert.deepEqual(await signedFor("com"), []);
});

test("no line of the signature is longer than mail allows, whatever the names", async () => {
  const key = {
    domain: `${"d".repeat(60)}.${"e".repeat(60)}.example`,
    selector: `${"s".repeat(60)}.${"t".repeat(60)}`,
    privateKey: rsaKey,
    subdomains: false,
  };
  const field = await createDkimSigner({ keys: [key] })({ bytes: message, fromDomain: key.domain, except: [] });
  const lines = field.toString("latin1").split("\r\n");
  assert.equal(lines.pop(), "");
  assert.ok(
    lines.every((line, index) => line.length < 150 && (index === 0 ? line.startsWith("DKIM-Signature: ") : /^ \S/.test(line))),
    lines.join("\n"),
  );
});

test("25 MB are signed while the event loop goes on, and verify", async (t) => {
  const line = `${"QUJD".repeat(19)}\r\n`;
  const bytes = Buffer.concat([message, Buffer.from(line.repeat(Math.ceil((25 * 1024 ** 2) / line.length)))]);
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const startedAt = performance.now();
  const fields = await both({ bytes, fromDomain: "example.com", except: [] });
  const tookMs = performance.now() - startedAt;
  isOver = true;
  t.diagnostic(`signed in ${tookMs.toFixed(0)} ms, the event loop went around ${turns} times`);
  assert.ok(turns > 50, `${turns} turns`);
  await assertAllPass(Buffer.concat([fields, bytes]), 2);
});

test("a thousand signatures are made side by side, and the event loop goes on", async (t) => {
  const sign = createDkimSigner({ keys: [rsa] });
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 1_000 }, () => sign({ bytes: message, fromDomain: "example.com", except: [] })));
  const tookMs = performance.now() - startedAt;
  delay.disable();
  const used = process.cpuUsage(cpu);
  t.diagnostic(
    `${(tookMs / 1_000).toFixed(2)} ms each, ${((used.user + used.system) / 1e6).toFixed(2)} ms of CPU, event loop at most ${(delay.max / 1e6).toFixed(0)} ms`,
  );
  // On the event loop's own thread they would hold it for all the time that they take.
  assert.ok(delay.max / 1e6 < Math.max(tookMs * 0.8, 500), `${delay.max / 1e6} of ${tookMs} ms`);
});
