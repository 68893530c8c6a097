// What one relay may be told in the file: limits, TLS, login, proxy, provider; what each becomes, and what each may get wrong.
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { after, before, test } from "node:test";
import wellKnown from "nodemailer/lib/well-known/services.json" with { type: "json" };
import { parse } from "yaml";
import { printableConfig } from "../../src/config/print.ts";
import { providers } from "../../src/config/providers.ts";
import type { Config } from "../../src/config.ts";
import { type Certificate, selfSignedCertificate } from "../support/certificate.ts";
import { configOf, faultsOf } from "./reading.ts";

type Relay = Config["relays"][number];

let own: Certificate;
let other: Certificate;
before(async () => {
  [own, other] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
});
after(() => Promise.all([own.remove(), other.remove()]));

const relayOf = (keys: string, files: Record<string, string> = {}): Relay => {
  const [relay] = configOf({ env: { RETURN_PATH_DOMAIN: "bounces.example" }, yaml: `relays: { a: { ${keys} } }`, files }).relays;
  assert.ok(relay);
  return relay;
};
const faultsIn = (keys: string, files: Record<string, string> = {}) =>
  faultsOf({ yaml: `relays: { a: { ${keys} } }`, files }).map((line) => line.replace("postern.yaml: relays.a", "a"));
const h = "host: h.example";

test("limits: rates alone or as a list, burst, counts, size, by recipient domain, and a warm-up", () => {
  assert.equal(relayOf(h).limits, undefined);
  assert.deepEqual(relayOf(`${h}, rate: 50/s`).limits, { rates: [{ count: 50, perMs: 1_000 }], burst: 0, domains: {} });
  const all = relayOf(
    `${h}, rate: [50/s, 2000/h], burst: 10, messages_per_connection: 20, recipients_per_transaction: 5, max_message_size: 10mb,
     domains: { Gmail.com.: { rate: 20/s, burst: 5, connections: 5 }, bücher.example: { connections: 1 } },
     warm_up: { since: 2026-11-20, daily: [50, 100, 500, 1000] }`,
  );
  assert.deepEqual(all.limits, {
    rates: [
      { count: 50, perMs: 1_000 },
      { count: 2_000, perMs: 3_600_000 },
    ],
    burst: 10,
    messagesPerConnection: 20,
    recipientsPerTransaction: 5,
    messageBytesMax: 10 * 1024 ** 2,
    domains: {
      "gmail.com": { rates: [{ count: 20, perMs: 1_000 }], burst: 5, connections: 5 },
      "xn--bcher-kva.example": { rates: [], burst: 0, connections: 1 },
    },
    warmUp: { since: Date.UTC(2026, 10, 20), daily: [50, 100, 500, 1_000] },
  });
});

test("the simple options stand in a URL's query as in the file", () => {
  const query =
    "rate=50/s,2000/h&burst=3&messages_per_connection=9&recipients_per_transaction=2&max_message_size=5mb&return_path=from" +
    "&min_tls_version=1.3&server_name=mail.example&auth=login&proxy=socks5://p.example:1081&ca_file=/ca.pem";
  const files = { "/ca.pem": own.cert };
  const [relay] = configOf({ env: { SMTP_URL: `smtp://u:p@h.example?${query}` }, files }).relays;
  const inFile = relayOf(
    `url: "smtp://u:p@h.example", rate: [50/s, 2000/h], burst: 3, messages_per_connection: 9, recipients_per_transaction: 2, max_message_size: 5mb,
     return_path: from, min_tls_version: TLSv1.3, server_name: mail.example, auth: { method: login }, proxy: "socks5://p.example:1081", ca_file: /ca.pem`,
    files,
  );
  assert.deepEqual({ ...relay, name: "a" }, inFile);
  assert.deepEqual(inFile.tlsOptions, { trustedCertificates: own.cert.trimEnd(), versionMin: "TLSv1.3", serverName: "mail.example" });
  assert.deepEqual(inFile.auth, { user: "u", pass: "p", method: "login" });
  assert.deepEqual(inFile.proxy, { kind: "socks5", host: "p.example", port: 1081 });
  assert.equal(inFile.returnPath, "from");
});

test("user, password, certificates and proxy may come from files", () => {
  const files = { "/run/user": "u\n", "/srv/pass": " p \r\n", "/cert": own.cert, "/key": own.key, "/proxy": "http://a:b%40@p.example\n" };
  const relay = relayOf(`${h}, user_file: /run/user, pass_file: pass, cert_file: /cert, key_file: /key, proxy_file: /proxy`, files);
  assert.deepEqual(relay.auth, { user: "u", pass: " p " });
  const { certificate = "", key = "" } = relay.tlsOptions?.clientCertificate ?? {};
  assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
  assert.deepEqual(relay.proxy, { kind: "http", host: "p.example", port: 80, auth: { user: "a", pass: "b@" } });
});

const proxies: Record<string, Relay["proxy"]> = {
  "http://p.example:3128": { kind: "http", host: "p.example", port: 3128 },
  "HTTPS://[::1]/": { kind: "https", host: "::1", port: 443 },
  "socks://p.example": { kind: "socks5", host: "p.example", port: 1080 },
  "socks5h://u:p@p.example": { kind: "socks5", host: "p.example", port: 1080, auth: { user: "u", pass: "p" } },
  "socks4a://u@192.0.2.1:99": { kind: "socks4", host: "192.0.2.1", port: 99, auth: { user: "u", pass: "" } },
};

for (const [url, proxy] of Object.entries(proxies)) {
  test(`proxy ${url}`, () => assert.deepEqual(relayOf(`${h}, proxy: "${url}"`).proxy, proxy));
}

const serviceKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const serviceAccount = JSON.stringify({
  type: "service_account",
  client_email: "s@p.test",
  private_key: serviceKey,
  token_uri: "https://t.test/x",
});

test("xoauth2: what each issuer wants is filled in by provider or host, and may be said instead", () => {
  const google = relayOf("provider: gmail, user: a@b.example, auth: { method: xoauth2, client_id: c, client_secret: s, refresh_token: r }");
  assert.deepEqual(google.auth, {
    user: "a@b.example",
    method: "xoauth2",
    token: { kind: "refresh_token", url: "https://oauth2.googleapis.com/token", clientId: "c", clientSecret: "s", refreshToken: "r" },
  });
  assert.deepEqual([google.host, google.port, google.tls, google.returnPath], ["smtp.gmail.com", 587, "required", "from"]);

  const app = relayOf(
    "host: smtp.office365.com, user: a@b.example, auth: { method: xoauth2, client_id: c, client_secret: s, tenant: b.example }",
  );
  assert.deepEqual(app.auth?.token, {
    kind: "client_credentials",
    url: "https://login.microsoftonline.com/b.example/oauth2/v2.0/token",
    clientId: "c",
    clientSecret: "s",
    scope: "https://outlook.office365.com/.default",
  });
  assert.equal(app.port, 587);

  const person = relayOf("provider: office365, user: a@b.example, auth: { method: xoauth2, client_id: c, refresh_token: r, scope: x }");
  assert.deepEqual(person.auth?.token, {
    kind: "refresh_token",
    url: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    clientId: "c",
    refreshToken: "r",
    scope: "x",
  });

  const service = relayOf("provider: gmail, user: a@b.example, auth: { method: xoauth2, service_account_file: /sa.json }", {
    "/sa.json": serviceAccount,
  });
  assert.deepEqual(service.auth?.token, {
    kind: "service_account",
    url: "https://t.test/x",
    account: "s@p.test",
    privateKey: serviceKey,
    scope: "https://mail.google.com/",
  });

  const own = relayOf(
    `${h}, user: u, auth: { method: xoauth2, token_url: "http://127.0.0.1:9/t", client_id: c, client_secret_file: /s, refresh_token_file: /r }`,
    {
      "/s": "secret\n",
      "/r": "refresh\n",
    },
  );
  assert.deepEqual(own.auth?.token, {
    kind: "refresh_token",
    url: "http://127.0.0.1:9/t",
    clientId: "c",
    clientSecret: "secret",
    refreshToken: "refresh",
  });
});

test("a provider and a login are enough, and whatever is said beside it counts more", () => {
  const ses = relayOf("provider: ses, region: eu-west-1, user: u, pass: p");
  assert.deepEqual([ses.host, ses.port, ses.tls], ["email-smtp.eu-west-1.amazonaws.com", 587, "required"]);
  assert.deepEqual([ses.returnPath, ses.rewrites], ["from", ["date", "message-id"]]);
  assert.deepEqual(ses.limits, { rates: [], burst: 0, recipientsPerTransaction: 50, messageBytesMax: 40 * 1024 ** 2, domains: {} });
  const office = relayOf("provider: office365, user: u, pass: p");
  assert.deepEqual([office.connections, office.limits?.rates], [3, [{ count: 30, perMs: 60_000 }]]);
  const told = relayOf(
    "provider: office365, user: u, pass: p, host: proxy.internal, port: 25, connections: 7, rate: 1/s, tls: implicit, return_path: own",
  );
  assert.deepEqual(
    [told.host, told.port, told.connections, told.limits?.rates, told.tls, told.returnPath],
    ["proxy.internal", 25, 7, [{ count: 1, perMs: 1_000 }], "implicit", "own"],
  );
  assert.equal(told.limits?.recipientsPerTransaction, 500);
  const [url] = configOf({ env: { SMTP_URL: "smtp://u:p@email-smtp.eu-west-1.amazonaws.com:2587?provider=ses" } }).relays;
  assert.deepEqual([url?.host, url?.port, url?.returnPath], ["email-smtp.eu-west-1.amazonaws.com", 2587, "from"]);
  assert.equal(relayOf("provider: mailgun, region: eu, user: u, pass: p").host, "smtp.eu.mailgun.org");
  // Without a login a provider's port still takes no mail in clear.
  assert.equal(relayOf("provider: google_workspace").tls, "required");
});

test("the hosts of providers are those that nodemailer knows, where it knows them", () => {
  const known = new Set(Object.values(wellKnown as Record<string, { host?: string }>).map(({ host }) => host));
  const ours = Object.entries(providers).filter(([, { host }]) => !known.has(host.replace("{region}", "us-east-1")));
  // nodemailer has Mailjet's former one.
  assert.deepEqual(
    ours.map(([name]) => name),
    ["mailjet"],
  );
});

const rate = "must be a rate like 50/s or 100/15m, or a list of them that all hold, like [50/s, 2000/h]";
const login = "client_id: c, client_secret: s, refresh_token: r";
const cases: Record<string, [keys: string, ...lines: string[]]> = {
  "rates that are none": [
    `${h}, rate: [50/s, fast], burst: -1, domains: { a.example: { rate: 0/s } }`,
    `a.rate: ${rate}`,
    "a.burst: must be a whole number from 0 to 1000000",
    `a.domains."a.example".rate: ${rate}`,
  ],
  "a burst without a rate": [
    `${h}, burst: 5, domains: { a.example: { burst: 5 } }`,
    'a.domains."a.example".burst: needs a rate: set rate too',
    "a.burst: needs a rate: set rate too",
  ],
  "limits of domains that are none": [
    `${h}, domains: { a@b: { rate: 1/s }, A.example: { rate: 1/s }, a.example: { rate: 2/s }, c.example: {} }`,
    "a.domains.(a key that is not a plain word): is no domain like example.com",
    'a.domains."a.example": is the same domain as one before it: keep one',
    'a.domains."c.example": sets no limit: set rate or connections',
  ],
  "domains as a list": [
    `${h}, domains: [a.example]`,
    "a.domains: must be a mapping of recipient domains to limits, like { gmail.com: { rate: 20/s } }",
  ],
  "half a warm-up": [
    `${h}, warm_up: { since: 2026-11-20 }`,
    "a.warm_up: needs both since and daily, like { since: 2026-11-20, daily: [50, 100, 500] }",
  ],
  "a warm-up on no day": [
    `${h}, warm_up: { since: 2026-02-30, daily: [] }`,
    "a.warm_up.since: must be a date like 2026-11-20, the first day of the warm-up (UTC)",
    "a.warm_up.daily: needs at least one day",
  ],
  "a TLS version of the past": [`${h}, min_tls_version: 1.0`, "a.min_tls_version: must be 1.2 or 1.3"],
  "TLS options without TLS": [
    `${h}, tls: none, server_name: x.example`,
    "a.server_name: has no effect with tls none: leave one of the two out",
  ],
  "an authority that is none": [`${h}, ca: nonsense`, "a.ca: holds no certificate: it must be PEM, with -----BEGIN CERTIFICATE-----"],
  "a certificate without its key": [`${h}, cert_file: /cert`, "a.cert_file: needs the private key that belongs to it: set key_file too"],
  "a key without its certificate": [`${h}, key_file: /key`, "a.key_file: needs the certificate that belongs to it: set cert_file too"],
  "a key of another certificate": [
    `${h}, cert_file: /cert, key_file: /other`,
    "a.key_file: does not belong to the certificate; the certificate of the key itself must be the first in its file",
  ],
  "a key and a certificate the wrong way round": [
    `${h}, cert_file: /key, key_file: /cert`,
    "a.cert_file: holds no certificate: it must be PEM, with -----BEGIN CERTIFICATE-----",
    "a.key_file: holds no private key: it must be PEM, with -----BEGIN PRIVATE KEY-----",
  ],
  "a key with a passphrase": [
    `${h}, cert_file: /cert, key_file: /locked`,
    "a.key_file: is protected by a passphrase: take that off (openssl pkey -in KEY -out KEY)",
  ],
  "a file that is not there": [
    `${h}, user: u, pass_file: /none`,
    "a.pass_file: the file that it names cannot be read: there is no such file",
  ],
  "a password and its file": [`${h}, user: u, pass: p, pass_file: /key`, "a.pass_file: pass is set too: keep one of the two"],
  "a file that is empty": [
    `${h}, user: u, pass_file: /empty`,
    "a.pass_file: the file that it names is empty: fill it, or leave the key out",
  ],
  "an unknown method": [`${h}, user: u, pass: p, auth: digest-md5`, "a.auth: must be one of plain, login, cram-md5, xoauth2"],
  "a method and nobody to log in": [`${h}, auth: plain`, "a: auth has no user and no password: set user and pass"],
  "tokens for a method that takes none": [
    `${h}, user: u, pass: p, auth: { client_id: c }`,
    "a.auth.client_id: belongs to the method xoauth2: set that too",
  ],
  "xoauth2 by its name alone": [
    `${h}, user: u, auth: xoauth2`,
    "a.auth: xoauth2 needs more than its name: write { method: xoauth2, client_id: …, refresh_token: … } in the file",
  ],
  "xoauth2 with a password": [
    `provider: gmail, pass: p, auth: { method: xoauth2, ${login} }`,
    "a: xoauth2 needs the mailbox whose mail it is: set user",
    "a: xoauth2 takes no password: leave pass out, or use another method",
  ],
  "a token endpoint in clear": [
    `${h}, user: u, auth: { method: xoauth2, token_url: "http://login.example/t", ${login} }`,
    "a.auth.token_url: would send secrets in clear: use https://",
  ],
  "a token endpoint that is none": [
    `${h}, user: u, auth: { method: xoauth2, token_url: login.example, ${login} }`,
    "a.auth.token_url: must be an https:// URL",
  ],
  "an app of Microsoft's without its tenant": [
    "provider: office365, user: u, auth: { method: xoauth2, client_id: c, client_secret: s }",
    "a.auth.tenant: is needed without a refresh_token: set it to the id of your tenant",
  ],
  "a tenant elsewhere": [
    `provider: gmail, user: u, auth: { method: xoauth2, tenant: t, ${login} }`,
    "a.auth.tenant: belongs to Microsoft's tokens: leave it out",
  ],
  "a service account that is none": [
    "provider: gmail, user: u, auth: { method: xoauth2, service_account: '{}', client_id: c }",
    "a.auth.service_account: is not the JSON key file of a service account: it needs client_email and private_key",
    "a.auth.client_id: has no place beside a service_account: keep one of the two",
  ],
  "a login by token without TLS": [
    `${h}, user: u, tls: none, auth: { method: xoauth2, token_url: "https://t.example/", ${login} }`,
    "a: would send user and password without the protection of TLS (tls is none): set tls to required, or leave user and password out",
  ],
  "a proxy of another kind": [
    `${h}, proxy: "ftp://p.example"`,
    "a.proxy: must be a URL that begins with http://, https://, socks5://, socks5h://, socks://, socks4://, socks4a://",
  ],
  "a proxy with a path": [
    `${h}, proxy: "http://p.example/x"`,
    "a.proxy: must name one proxy as host, host:port or [IPv6]:port and have nothing behind it",
  ],
  "a password for SOCKS4": [`${h}, proxy: "socks4://u:p@p.example"`, "a.proxy: SOCKS4 takes no password: use socks5://, or leave it out"],
  "an unknown provider": ["provider: pigeon", `a.provider: must be one of ${Object.keys(providers).join(", ")}`],
  "a provider without its region": ["provider: ses", "a.region: is needed for this provider: set it, like eu-west-1"],
  "a region that is none": ["provider: ses, region: europe", "a.region: must be a region like eu-west-1"],
  "a region of another provider": ["provider: mailgun, region: eu-west-1", "a.region: must be one of eu, or be left out for this provider"],
  "a region where there are none": ["provider: postmark, region: eu", "a.region: this provider has no regions: leave it out"],
  "a region without a provider": [`${h}, region: eu`, "a.region: belongs to a provider without a host: leave it out"],
  "a return path that is neither": [`${h}, return_path: ours`, "a.return_path: must be one of own, from"],
  "an option in the query and beside it": [
    'url: "smtp://h.example?rate=1/s&auth=login", rate: 2/s, auth: plain, burst: 1',
    "a.rate: the query of the url says it: keep one of the two",
    "a.auth: the query of the url says it: keep one of the two",
    "a: auth has no user and no password: set user and pass",
  ],
};

for (const [name, [keys, ...lines]] of Object.entries(cases)) {
  test(`${name}: refused, with the place and the way out`, () => {
    const locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIC\n-----END ENCRYPTED PRIVATE KEY-----\n";
    const files = { "/cert": own.cert, "/key": own.key, "/other": other.key, "/locked": locked, "/empty": "\n" };
    assert.deepEqual(faultsIn(keys, files), lines);
  });
}

test("a file's content is quoted by no fault, and nothing secret is printed", () => {
  const secret = "CANARY-secret-1";
  const files = { "/s": secret, "/cert": own.cert, "/key": own.key, "/sa": serviceAccount };
  const keys: string[] = [
    `${h}, ca_file: /s, cert_file: /s, key_file: /s, proxy_file: /s, min_tls_version: ${secret}`,
    `${h}, user_file: /s, auth: { method: ${secret}, client_id: ${secret}, token_url: ${secret}, service_account_file: /s }`,
    `provider: ${secret}, region: ${secret}, rate: ${secret}, domains: { x: ${secret} }, warm_up: ${secret}`,
  ];
  for (const text of keys) assert.ok(!faultsIn(text, files).join("\n").includes(secret), text);
  const yaml = `relays:
  a: { ${h}, user: ${secret}, pass: ${secret}, cert_file: /cert, key_file: /key, proxy: "http://${secret}:${secret}@p.example:3128", auth: cram-md5, rate: [50/s, 30/m], burst: 2, warm_up: { since: 2026-11-20, daily: [5] }, domains: { gmail.com: { rate: 1/s } }, max_message_size: 5mb }
  b: { provider: gmail, user: ${secret}, auth: { method: xoauth2, client_id: ${secret}, client_secret: ${secret}, refresh_token: ${secret} } }
  c: { provider: gmail, user: ${secret}, auth: { method: xoauth2, service_account_file: /sa } }
dkim: [{ domain: example.com, selector: mail, key_file: /key2 }]`;
  const printed = printableConfig(configOf({ yaml, files: { ...files, "/key2": serviceKey } }));
  assert.ok(!printed.includes(secret) && !printed.includes("PRIVATE KEY") && !printed.includes("s@p.test"), printed);
  const { relays, dkim } = parse(printed);
  assert.deepEqual(relays.a, {
    host: "h.example",
    port: 587,
    user: "********",
    pass: "********",
    auth: "cram-md5",
    connections: 10,
    tls: "required",
    verify: true,
    cert: "(PEM)",
    key: "********",
    proxy: "http://********@p.example:3128",
    rate: ["50/s", "30/m"],
    burst: 2,
    max_message_size: "5mb",
    domains: { "gmail.com": { rate: ["1/s"], burst: 0 } },
    warm_up: { since: "2026-11-20", daily: [5] },
  });
  assert.equal(relays.c.auth.service_account, "********");
  assert.deepEqual(dkim, [{ domain: "example.com", selector: "mail", key: "********", subdomains: false }]);
});

test("a file with all sections together is good", () => {
  const yaml = `
relays:
  ses: { url: "smtp://\${SES_USER}:\${SES_PASS}@email-smtp.eu-west-1.amazonaws.com:587", connections: 20, rate: 50/s, tls: required, return_path: from }
  office: { host: smtp.example.com, port: 25, connections: 5, tls: opportunistic }
routes:
  - { from_domain: news.example.com, relays: [ses] }
  - { to_domain: example.com, relays: [office] }
  - { relays: [ses, office] }
retry: { expire_after: 72h, schedule: [1m, 5m, 15m, 30m, 1h, 2h] }
timeouts: { connect: 30s, command: 5m, after_dot: 10m, attempt: 30m, owner_lease: 60s }
limits: {}
webhooks: { allow_private: false, timeout: 15s }
dkim:
  - { domain: example.com, selector: mail, key_file: /run/secrets/dkim.pem }
`;
  const env = { SES_USER: "AKIA", SES_PASS: "a/b+c=d:e@f" };
  const { relays, dkim } = configOf({ yaml, env, files: { "/run/secrets/dkim.pem": serviceKey } });
  assert.deepEqual(
    relays.map(({ name, limits, returnPath }) => [name, limits?.rates, returnPath]),
    [
      ["ses", [{ count: 50, perMs: 1_000 }], "from"],
      ["office", undefined, undefined],
    ],
  );
  assert.deepEqual(dkim, [{ domain: "example.com", selector: "mail", privateKey: serviceKey.trimEnd(), subdomains: false }]);
});
