// Proves what the doctor says of DNS records, asked of a real DNS server: each fault with the record to publish.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, test } from "node:test";
import { checkDkim, dkimRecordOf } from "../../../src/cli/doctor/dkimCheck.ts";
import { checkDmarc, type SenderIdentity } from "../../../src/cli/doctor/dmarcCheck.ts";
import { createDns, isDnsServer } from "../../../src/cli/doctor/dns.ts";
import { type Finding, zoneLine } from "../../../src/cli/doctor/finding.ts";
import { checkReturnPath } from "../../../src/cli/doctor/returnPathCheck.ts";
import { checkSpf } from "../../../src/cli/doctor/spfCheck.ts";
import type { DkimKey } from "../../../src/domain/dkim.ts";
import type { RelayConfig } from "../../../src/domain/relay.ts";
import { dkimRecord } from "../../support/dkimVerifier.ts";
import { startDnsServer } from "../../support/dnsServer.ts";

const server = await startDnsServer();
after(server.stop);
const dns = createDns(server.address);

const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const rsaKey = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength }).privateKey.export(pkcs8).toString();
const rsa: DkimKey = { domain: "signed.example", selector: "r", privateKey: rsaKey(2048), subdomains: false };
const ed: DkimKey = { ...rsa, selector: "e", privateKey: generateKeyPairSync("ed25519").privateKey.export(pkcs8).toString() };

/** `ok`, or the verdict, what is said, and the value to publish. */
function told(findings: readonly Finding[]): string[][] {
  return findings.map(({ verdict, text, record }) => [verdict, text, ...(record ? [record.value] : [])]);
}

function only(findings: readonly Finding[]): Finding {
  assert.equal(findings.length, 1, JSON.stringify(findings));
  return findings[0] as Finding;
}

async function dkimWith(txt: string[], key = rsa): Promise<Finding> {
  server.set(dkimRecordOf(key).name, { txt });
  return only(await checkDkim(key, dns));
}

test("the record to publish is the one by which verifiers find the key", () => {
  for (const key of [rsa, ed]) assert.equal(dkimRecordOf(key).value, dkimRecord(key.privateKey));
});

test("a published key that is the configured one is fine, however it is split and spaced", async () => {
  const { value } = dkimRecordOf(rsa);
  assert.ok(value.length > 255);
  const spaced = value.replace("; p=", " ;  p = ").replace(/^v=DKIM1/, "v = DKIM1");
  for (const text of [
    value,
    value.replace("v=DKIM1; ", ""),
    value.replace("k=rsa; ", ""),
    `${value};`,
    spaced,
    `${value.slice(0, 300)} ${value.slice(300)}`,
  ]) {
    assert.deepEqual(
      told([await dkimWith([text, "some other text"])]),
      [["ok", "the published key is the configured one (rsa of 2048 bits)"]],
      text,
    );
  }
  assert.equal((await dkimWith([dkimRecordOf(ed).value], ed)).verdict, "ok");
});

test("a key that is missing, another, revoked, doubled or not for this use is a fault with the record to publish", async () => {
  const { name, value } = dkimRecordOf(rsa);
  const cases: [string[], RegExp][] = [
    [[], /does not exist/],
    [["hello"], /holds no DKIM key/],
    [["v=DKIM1; k=rsa; p="], /revoked/],
    [[dkimRecord(rsaKey(2048))], /another key is published/],
    [[value.slice(0, -8)], /another key is published/],
    [[dkimRecordOf(ed).value], /kind ed25519, and the configured one is rsa/],
    [[value, dkimRecord(rsaKey(2048))], /2 keys are published/],
    [[value.replace("DKIM1", "DKIM2")], /must be DKIM1/],
    [[value.replace("k=rsa", "h=sha1")], /does not allow sha256/],
    [[value.replace("k=rsa", "s=other")], /does not allow the key for email/],
  ];
  for (const [txt, expected] of cases) {
    const finding = await dkimWith(txt);
    assert.deepEqual([finding.verdict, finding.record], ["fault", { name, type: "TXT", value }], txt.join());
    assert.match(finding.text, expected);
  }
});

test("a key that is only being tested, or short, works but is warned of", async () => {
  assert.match((await dkimWith([`${dkimRecordOf(rsa).value}; t=y`])).text, /only tests DKIM/);
  const short = { ...rsa, privateKey: rsaKey(1024) };
  const finding = await dkimWith([dkimRecordOf(short).value], short);
  assert.deepEqual([finding.verdict, /1024 bits/.test(finding.text)], ["warning", true]);
});

test("a long text is printed in strings of at most 255 octets, which together are the whole", () => {
  const record = dkimRecordOf(rsa);
  const line = zoneLine(record);
  const strings = [...line.matchAll(/"([^"]*)"/g)].map(([, text]) => text ?? "");
  assert.ok(strings.length === 2 && strings.every((text) => text.length <= 255));
  assert.equal(strings.join(""), record.value);
  assert.match(line, /^r\._domainkey\.signed\.example\. IN TXT \( "/);
  assert.equal(zoneLine({ name: "a.example", type: "TXT", value: 'say "hi"' }), 'a.example. IN TXT "say \\"hi\\""');
});

test("a DNS server that fails is a warning, and no fault of the domain", async () => {
  server.set(dkimRecordOf(rsa).name, "servfail");
  assert.deepEqual([(await checkDkim(rsa, dns))[0]?.verdict, (await checkDkim(rsa, dns))[0]?.text.includes("SERVFAIL")], ["warning", true]);
  server.set("broken.example", "servfail");
  server.set("_dmarc.broken.example", "servfail");
  const identity = { fromDomain: "broken.example", signingDomains: [], returnPathDomains: [] };
  for (const findings of [
    await checkSpf({ domain: "broken.example", relays: [], dns }),
    await checkDmarc(identity, dns),
    await checkReturnPath("broken.example", dns),
  ]) {
    assert.equal(only(findings).verdict, "warning");
  }
});

const relay = (host: string): RelayConfig => ({ name: "out", host, port: 587, tls: "required", verifyCertificate: true, connections: 1 });

async function spfWith(txt: string[], hosts = ["smtp.example.com"]): Promise<Finding[]> {
  server.set("from.example", { txt: ["google-site-verification=x", ...txt] });
  return checkSpf({ domain: "from.example", relays: hosts.map(relay), dns });
}

test("an SPF record that can be read, ends, and includes what the relays' providers ask for is fine", async () => {
  server.set("amazonses.com", { txt: ["v=spf1 ip4:192.0.2.0/24 -all"] });
  const text =
    "v=spf1 include:amazonses.com a:smtp.example.com ip4:198.51.100.7 ip6:2001:db8::/32 mx/24 exists:%{i}.x.example exp=e.example ~all";
  const finding = only(await spfWith([text], ["email-smtp.eu-west-1.amazonaws.com", "smtp.example.com"]));
  assert.deepEqual([finding.verdict, finding.text], ["ok", `one SPF record, 4 of at most 10 look-ups: ${text}`]);
});

test("no SPF record is a fault with one to publish: providers' includes, other relays' hosts and addresses", async () => {
  const hosts = ["smtp.sendgrid.net", "smtp.example.com", "192.0.2.1", "2001:db8::1"];
  const finding = only(await spfWith([], hosts));
  assert.deepEqual(
    [finding.verdict, finding.record?.value],
    ["fault", "v=spf1 include:sendgrid.net a:smtp.example.com ip4:192.0.2.1 ip6:2001:db8::1 ~all"],
  );
  assert.equal(only(await checkSpf({ domain: "nowhere.example", relays: [relay("smtp.example.com")], dns })).verdict, "fault");
});

test("an SPF record that counts for nothing, or lets everybody or nobody send, is a fault", async () => {
  const cases: [string[], RegExp, string?][] = [
    [["v=spf1 ip4:192.0.2.1 -all", "v=spf1 a ~all"], /2 SPF records/, "v=spf1 ip4:192.0.2.1 a ~all"],
    [["v=spf1 ipv4:192.0.2.1 -all"], /"ipv4:192.0.2.1" is no term/],
    [["v=spf1 ip4:192.0.2.300 -all"], /no term/],
    [["v=spf1 ip4:192.0.2.1/33 -all"], /no term/],
    [["v=spf1 include: -all"], /no term/],
    [["v=spf1 a redirect=x.example redirect=y.example"], /second redirect/],
    [["v=spf1 a +all"], /lets everybody send/],
    [["v=spf1 a all"], /lets everybody send/],
    [["v=spf1 -all"], /lets nobody send/, "v=spf1 a:smtp.example.com -all"],
    [["v=spf1 include:gone.example ~all"], /leads to gone\.example.*it has none/],
    [["v=spf1 a a a a a a a a a a a ~all"], /11 look-ups/],
  ];
  for (const [txt, expected, value] of cases) {
    const judged: Promise<Finding[]> = spfWith(txt);
    const finding = only(await judged);
    assert.equal(finding.verdict, "fault", txt.join());
    assert.match(finding.text, expected);
    assert.equal(finding.record?.value, value);
  }
});

test("look-ups of included records count too, and a circle of includes comes to an end", async () => {
  server.set("a.example", { txt: ["v=spf1 include:b.example a mx ptr exists:x.example -all"] });
  server.set("b.example", { txt: ["v=spf1 include:a.example a mx a:y.example redirect=c.example"] });
  server.set("c.example", { txt: ["v=spf1 ip4:192.0.2.1 -all"] });
  assert.match(only(await spfWith(["v=spf1 include:a.example ~all"])).text, /11 look-ups/);
});

test("an SPF record without the relay's provider, or without an end, is a warning with the record to publish", async () => {
  assert.deepEqual(told(await spfWith(["v=spf1 ip4:192.0.2.1 -all"], ["smtp.gmail.com"])), [
    [
      "warning",
      "the SPF record does not include _spf.google.com, which the provider of the relay out asks for",
      "v=spf1 include:_spf.google.com ip4:192.0.2.1 -all",
    ],
  ]);
  assert.equal(only(await spfWith(["v=spf1 ip4:192.0.2.1"])).record?.value, "v=spf1 ip4:192.0.2.1 ~all");
});

const from = (fromDomain: string, more: Partial<SenderIdentity> = {}): SenderIdentity => ({
  fromDomain,
  signingDomains: [],
  returnPathDomains: [],
  ...more,
});
const reports = "rua=mailto:d@example.org";

test("a sender domain without a DMARC record is a fault with one to publish, at the organizational domain", async () => {
  for (const domain of ["shop.co.uk", "news.shop.co.uk"]) {
    const finding = only(await checkDmarc(from(domain), dns));
    assert.deepEqual(
      [finding.verdict, finding.record],
      ["fault", { name: "_dmarc.shop.co.uk", type: "TXT", value: "v=DMARC1; p=none; rua=mailto:postmaster@shop.co.uk" }],
    );
  }
});

test("alignment goes by the policy's mode: relaxed by organizational domain, strict by the very one", async () => {
  const cases: [string, Partial<SenderIdentity>, Finding["verdict"], RegExp][] = [
    ["p=reject", { signingDomains: ["news.one.example"] }, "ok", /aligned by DKIM by news\.one\.example/],
    ["p=reject", { signingDomains: ["one.example"] }, "ok", /^policy quarantine/],
    ["p=reject; adkim=s", { signingDomains: ["one.example"] }, "fault", /adkim=s wants the very domain/],
    ["p=none; sp=none; adkim=s", { signingDomains: ["one.example"] }, "warning", /passes DMARC only if a relay signs/],
    ["p=reject", { returnPathDomains: ["bounces.one.example"] }, "ok", /SPF by the return path bounces\.one\.example/],
    ["p=reject; aspf=s", { returnPathDomains: ["bounces.one.example"] }, "warning", /not the very domain \(aspf=s\)/],
    ["p=reject", { returnPathDomains: ["two.example"] }, "warning", /of another domain/],
    ["p=reject", { signingDomains: ["two.example"] }, "fault", /mail is lost/],
  ];
  for (const [policy, more, verdict, expected] of cases) {
    server.set("_dmarc.one.example", { txt: [`v=DMARC1; ${policy.includes("sp=") ? policy : `${policy}; sp=quarantine`}; ${reports}`] });
    const finding = only(await checkDmarc(from("news.one.example", more), dns));
    assert.equal(finding.verdict, verdict, `${policy} ${JSON.stringify(more)}`);
    assert.match(finding.text, expected);
  }
});

test("a DMARC record that counts for nothing is a fault, one that nobody hears of a warning", async () => {
  const aligned = from("one.example", { signingDomains: ["one.example"] });
  const cases: [string[], Finding["verdict"], RegExp][] = [
    [[`v=DMARC1; p=none; ${reports}`, `v=DMARC1; p=reject; ${reports}`], "fault", /2 DMARC records/],
    [[`v=DMARC1; ${reports}`], "fault", /has no policy/],
    [["v=DMARC1; p=rejct"], "fault", /has no policy/],
    [["DMARC1; p=none"], "fault", /no DMARC record/],
  ];
  for (const [txt, verdict, expected] of cases) {
    server.set("_dmarc.one.example", { txt });
    const finding = only(await checkDmarc(aligned, dns));
    assert.equal(finding.verdict, verdict, txt.join());
    assert.match(finding.text, expected);
  }
  server.set("_dmarc.one.example", { txt: ["v=DMARC1; p=none;"] });
  assert.deepEqual(told(await checkDmarc(aligned, dns)), [
    ["ok", "policy none; aligned by DKIM by one.example"],
    ["warning", "nobody gets its reports (no rua=)", "v=DMARC1; p=none; rua=mailto:postmaster@one.example"],
  ]);
});

test("the return path's domain must have a mail exchanger with an address", async () => {
  server.set("mx.example", { a: ["192.0.2.9"] });
  const cases: [Parameters<typeof server.set>[1], Finding["verdict"], RegExp][] = [
    [{ mx: ["10 mx.example"] }, "ok", /bounces go to mx\.example \(192\.0\.2\.9\)/],
    [{ mx: ["10 gone.example"] }, "fault", /gone\.example, which has no address/],
    [{ mx: ["0 ."] }, "fault", /null MX/],
    [{ mx: ["10 192.0.2.9"] }, "fault", /must name a host/],
    [{ a: ["192.0.2.9"] }, "warning", /no MX record: bounces go to the domain's own address/],
    [{}, "fault", /no MX record/],
  ];
  for (const [entry, verdict, expected] of cases) {
    server.set("bounces.example", entry);
    const finding = only(await checkReturnPath("bounces.example", dns));
    assert.equal(finding.verdict, verdict, JSON.stringify(entry));
    assert.match(finding.text, expected);
  }
});

test("a DNS server is named by its address, with or without a port", () => {
  for (const good of ["1.1.1.1", "127.0.0.1:5353", "2606:4700::1111", "[::1]:53"]) assert.ok(isDnsServer(good), good);
  for (const bad of ["", "dns.example", "1.1.1.1:0", "1.1.1.1:65536", "1.1.1:53", "[::1]", "::1:x"]) assert.ok(!isDnsServer(bad), bad);
});
