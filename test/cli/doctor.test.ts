// Proves what `postern doctor` prints and with which exit code: the whole program, against real servers.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { dkimRecord } from "../support/dkimVerifier.ts";
import { startDnsServer } from "../support/dnsServer.ts";
import { runPostern } from "../support/postern.ts";
import { startRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const privateKey = generateKeyPairSync("ed25519").privateKey.export(pkcs8).toString();
const password = "s3cret-password";

type Finding = {
  area: string;
  subject: string;
  verdict: string;
  text: string;
  remedy: string | null;
  record: { zone_line: string } | null;
};
type Told = { ok: boolean; faults: number; warnings: number; findings: Finding[] };

test("a whole installation is examined, what is wrong is told with its remedy, and no secret is printed", async (t) => {
  const atEnd = atEndOf(t);
  const redis = await startRedis();
  atEnd(redis.stop);
  await redis.command("ACL", "SETUSER", "app", "on", ">r3dis-secret", "~*", "&*", "+@all");
  const relay = await startScriptedRelay({ starttls: true, auth: { user: "app", pass: password } });
  atEnd(relay.stop);
  const dns = await startDnsServer({
    "mail._domainkey.example.com": { txt: [dkimRecord(privateKey)] },
    "_dmarc.example.com": { txt: ["v=DMARC1; p=reject; rua=mailto:d@example.com"] },
    "bounces.example.com": { txt: ["v=spf1 a:smtp.example.com -all"], mx: ["10 mx.example.com"] },
    "mx.example.com": { a: ["192.0.2.25"] },
  });
  atEnd(dns.stop);
  const folder = await temporaryFolder({ name: "doctor" });
  atEnd(folder.remove);
  await writeFile(join(folder.path, "dkim.pem"), privateKey);
  const env = {
    REDIS_URL: `redis://app:r3dis-secret@127.0.0.1:${redis.port}`,
    RETURN_PATH_DOMAIN: "bounces.example.com",
    RELAY_PASSWORD: password,
  };
  const config = `
relays:
  office: { host: localhost, port: ${relay.port}, user: app, pass: "\${RELAY_PASSWORD}", tls: required, ca_file: ${relay.certificate?.certificateFile} }
dkim: [{ domain: example.com, selector: mail, key_file: ${join(folder.path, "dkim.pem")} }]
`;
  const run = (...args: string[]) => runPostern(["doctor", "--dns", dns.address, ...args], { env, config });

  const well = await run("--json");
  const { ok, findings } = JSON.parse(well.out) as Told;
  assert.deepEqual([well.code, ok, well.err], [0, true, ""], well.out);
  assert.deepEqual(
    [...new Set(findings.map(({ area, subject, verdict }) => `${verdict} ${area} ${subject}`))],
    [
      `ok redis redis://********@127.0.0.1:${redis.port}/0`,
      "ok relay office",
      "ok dkim mail._domainkey.example.com",
      "ok spf bounces.example.com",
      "ok dmarc example.com",
      "ok return_path bounces.example.com",
    ],
  );
  assert.deepEqual(relay.accepted, []);

  // Each of three things goes wrong by itself, and is told by itself.
  await redis.command("CONFIG", "SET", "appendonly", "no");
  dns.set("mail._domainkey.example.com", { txt: ["v=DMARC1; p=none"] });
  const ill = await run("--from", "other.example");
  assert.equal(ill.code, 1, ill.out);
  assert.match(ill.out, /^FAULT {4}redis \S+: it forgets: .*\n +→ set appendonly yes/m);
  assert.ok(ill.out.includes(`mail._domainkey.example.com. IN TXT "${dkimRecord(privateKey)}"`), ill.out);
  assert.match(ill.out, /^FAULT {4}dmarc other\.example: there is no DMARC record/m);
  assert.match(ill.out, /^3 faults, 0 warnings\.$/m);

  for (const said of [well, ill]) assert.doesNotMatch(said.out + said.err, /s3cret|r3dis|PRIVATE KEY/);
});

test("a Redis that is away leaves the other checks their say", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const dns = await startDnsServer();
  atEnd(dns.stop);
  const { code, out } = await runPostern(["doctor", "--dns", dns.address], {
    env: { REDIS_URL: "redis://127.0.0.1:1", SMTP_URL: `smtp://127.0.0.1:${relay.port}` },
  });
  assert.equal(code, 1);
  assert.match(out, /^FAULT {4}redis \S+: cannot be used: .*ECONNREFUSED.*\n +→ start Redis/m);
  assert.match(out, /^ok {7}relay default: 127\.0\.0\.1:\d+ answers/m);
  assert.match(out, /^skipped {2}dmarc: no sender domain is known: name one with --from/m);
});

test("wrong options and a wrong configuration are wrong usage", async () => {
  const options = await runPostern(["doctor", "--dns", "dns.example", "--from", "no_domain"], { env: { SMTP_URL: "smtp://127.0.0.1:1" } });
  assert.deepEqual([options.code, options.out], [2, ""]);
  assert.match(options.err, /^--dns: must be the IP address .*\n--from: no_domain has /);
  const configuration = await runPostern(["doctor"], { env: { REDIS_URL: "redis://127.0.0.1:1" } });
  assert.equal(configuration.code, 2);
  assert.match(configuration.err, /^SMTP_URL: no relay is configured/);
});
