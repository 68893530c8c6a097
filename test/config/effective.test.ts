// From variables and file to the effective configuration.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { printableConfig } from "../../src/config/print.ts";
import { readConfig } from "../../src/config.ts";
import { configOf, faultsOf } from "./reading.ts";

const minuteMs = 60_000;
const dayMs = 86_400_000;
const relay = { SMTP_URL: "smtp://smtp.example.com" };

test("no variable is needed: the defaults are the sandbox on loopback with an embedded Redis", () => {
  assert.deepEqual(configOf({ env: { PATH: "/usr/bin" } }), {
    role: "all",
    production: false,
    sandbox: true,
    http: { host: "127.0.0.1", port: 8080 },
    metrics: { port: 9464 },
    dataDir: "/srv/.postern",
    redis: { kind: "embedded" },
    embeddedRedisAllowed: true,
    relays: [],
    routes: [],
    retry: { expireAfterMs: 3 * dayMs, scheduleMs: [1_000, 2_000, 5_000] },
    timeouts: { connect: 30_000, command: 5 * minuteMs, afterDot: 10 * minuteMs, attempt: 30 * minuteMs, ownerLease: minuteMs },
    webhooks: { allowPrivate: false, timeoutMs: 15_000 },
    suppression: { hard_bounce: "forever", inactive_recipient: 30 * dayMs, complaint: "forever" },
    dkim: [],
    returnPathDomain: "sandbox.test",
    bounce: { host: "127.0.0.1", port: 0, addresses: [] },
    inbound: {},
    log: { level: "info", format: "json" },
    retention: { messageMs: 7 * dayMs, contentMs: 7 * dayMs, failedContentMs: 7 * dayMs },
    limits: { maxMessageSizeBytes: 25 * 1024 ** 2, maxBatchSizeBytes: 50 * 1024 ** 2, connections: 5_000, eventLoopDelayMs: 400 },
    quotas: { perKey: { requests: [] }, perTenant: { requests: [] }, keys: {}, tenants: {} },
    path: "/usr/bin",
  });
});

test("with a relay the defaults are those of the real thing", () => {
  const config = configOf({ env: relay });
  assert.equal(config.sandbox, false);
  assert.deepEqual(
    config.retry.scheduleMs,
    [1, 5, 15, 30, 60, 120].map((minutes) => minutes * minuteMs),
  );
  assert.deepEqual(config.retention, { messageMs: 7 * dayMs, contentMs: 0, failedContentMs: dayMs });
  assert.deepEqual(config.bounce, { host: "127.0.0.1", port: 2525, addresses: [] });
  assert.equal("returnPathDomain" in config, false);
  assert.equal("apiKey" in config, false);
});

test("each cause of suppressions has a life of its own, or none", () => {
  const { suppression } = configOf({
    env: relay,
    yaml: "suppression: { hard_bounce: 90d, inactive_recipient: off, mailbox_full: forever }",
  });
  assert.deepEqual(suppression, { hard_bounce: 90 * dayMs, mailbox_full: "forever", complaint: "forever" });
});

test("the public URL may be http on this machine alone", () => {
  for (const url of ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "https://mail.example.com:8443/a/b"]) {
    assert.equal(configOf({ env: { PUBLIC_URL: url } }).publicUrl, url);
  }
});

test("every variable is read", () => {
  const config = configOf({
    env: {
      HOST: "0.0.0.0",
      PORT: "0",
      METRICS_PORT: "0",
      REDIS_URL: "redis://redis",
      SMTP_URL: "smtp://smtp.example.com",
      POSTERN_SANDBOX: "no",
      POSTERN_ROLE: "Worker",
      POSTERN_API_KEY: "k".repeat(32),
      PUBLIC_URL: "HTTPS://Mail.Example.com/postern/",
      UNSUBSCRIBE_SECRETS: `${"n".repeat(32)}, ${"o".repeat(40)}`,
      RETURN_PATH_DOMAIN: "Bounces.Bücher.example.",
      BOUNCE_HOST: "::",
      BOUNCE_PORT: "25",
      LOG_LEVEL: "WARN",
      LOG_FORMAT: "pretty",
      MESSAGE_RETENTION: "30d",
      CONTENT_RETENTION: "1h",
      FAILED_CONTENT_RETENTION: "0",
      MAX_MESSAGE_SIZE: "10MB",
      MAX_BATCH_SIZE: "1048576",
      NODE_ENV: "production",
    },
  });
  assert.deepEqual([config.publicUrl, config.unsubscribeSecrets], ["https://mail.example.com/postern", ["n".repeat(32), "o".repeat(40)]]);
  const {
    role,
    production,
    sandbox,
    http,
    metrics,
    redis,
    embeddedRedisAllowed,
    apiKey,
    returnPathDomain,
    bounce,
    log,
    retention,
    limits,
  } = config;
  assert.deepEqual(
    { role, production, sandbox, http, metrics, redis, embeddedRedisAllowed, apiKey, returnPathDomain, bounce, log, retention, limits },
    {
      role: "worker",
      production: true,
      sandbox: false,
      http: { host: "0.0.0.0", port: 0 },
      metrics: { port: 0 },
      redis: { kind: "url", target: { kind: "single", host: "redis", port: 6379, database: 0, tls: false, verifyCertificate: true } },
      embeddedRedisAllowed: false,
      apiKey: "k".repeat(32),
      returnPathDomain: "bounces.xn--bcher-kva.example",
      bounce: { host: "::", port: 25, addresses: [] },
      log: { level: "warn", format: "pretty" },
      retention: { messageMs: 30 * dayMs, contentMs: 3_600_000, failedContentMs: 0 },
      limits: { maxMessageSizeBytes: 10 * 1024 ** 2, maxBatchSizeBytes: 1024 ** 2, connections: 5_000, eventLoopDelayMs: 400 },
    },
  );
});

const wholeFile = `
relays:
  ses: { url: "smtp://\${SES_USER}:\${SES_PASS}@email-smtp.eu-west-1.amazonaws.com:587", connections: 20, tls: required }
  office: { host: smtp.example.com, port: 25, connections: 5, tls: opportunistic }
  spare: { host: spare.example.com }
routes:
  - { from_domain: News.Example.com, relays: [ses] }
  - { to_domain: "*.Bücher.example", relays: [office] }
  - { relays: [ses, office] }
retry: { expire_after: 12h, schedule: [10s, 1m] }
timeouts: { connect: 1s, command: 2s, after_dot: 3s, attempt: 4s, owner_lease: 5s }
limits: {}
webhooks: { allow_private: true, timeout: 5s }
dkim: []
`;

test("the whole file is read, with variables in it", () => {
  const config = configOf({ env: { SES_USER: "AKIA", SES_PASS: "a/b+c=d:e@f" }, yaml: wholeFile });
  const shared = { verifyCertificate: true };
  assert.deepEqual(config.relays, [
    {
      name: "ses",
      host: "email-smtp.eu-west-1.amazonaws.com",
      port: 587,
      tls: "required",
      auth: { user: "AKIA", pass: "a/b+c=d:e@f" },
      connections: 20,
      ...shared,
    },
    { name: "office", host: "smtp.example.com", port: 25, tls: "opportunistic", connections: 5, ...shared },
    { name: "spare", host: "spare.example.com", port: 25, tls: "opportunistic", connections: 10, ...shared },
  ]);
  assert.deepEqual(config.routes, [
    { from_domain: "news.example.com", relays: ["ses"] },
    { to_domain: "*.xn--bcher-kva.example", relays: ["office"] },
    { relays: ["ses", "office"] },
  ]);
  assert.deepEqual(config.retry, { expireAfterMs: 43_200_000, scheduleMs: [10_000, 60_000] });
  assert.deepEqual(config.timeouts, { connect: 1_000, command: 2_000, afterDot: 3_000, attempt: 4_000, ownerLease: 5_000 });
  assert.deepEqual(config.webhooks, { allowPrivate: true, timeoutMs: 5_000 });
  assert.equal(config.sandbox, false);
});

test("SMTP_URL becomes the relay default, last in every route that does not name it already", () => {
  const yaml =
    "relays: { ses: { host: ses.example } }\nroutes:\n  - { to_domain: a.example, relays: [default, ses] }\n  - { relays: [ses] }";
  const { relays, routes } = configOf({ env: relay, yaml });
  assert.deepEqual(
    relays.map(({ name }) => name),
    ["ses", "default"],
  );
  assert.deepEqual(
    routes.map((route) => route.relays),
    [
      ["default", "ses"],
      ["ses", "default"],
    ],
  );
});

test("conditions are one value or a list, relays are in order or weighted, and that of SMTP_URL stands behind the weighted ones too", () => {
  const yaml = `
relays: { ses: { host: ses.example }, office: { host: office.example } }
routes:
  - { to_domain: [Example.COM, "*.Bücher.example"], tag: [a, b:c], lane: Broadcast, tenant: acme, key: [key_0123456789abcdef, The shop], relays: [office] }
  - { relays: { office: 1, ses: 3 } }
  - { lane: broadcast, relays: { default: 1, ses: 0 } }
`;
  assert.deepEqual(configOf({ env: relay, yaml }).routes, [
    {
      to_domain: ["example.com", "*.xn--bcher-kva.example"],
      tag: ["a", "b:c"],
      lane: "broadcast",
      tenant: "acme",
      key: ["key_0123456789abcdef", "The shop"],
      relays: ["office", "default"],
    },
    { relays: ["office", "ses", "default"], weights: { office: 1, ses: 3 } },
    { lane: "broadcast", relays: ["default", "ses"], weights: { default: 1, ses: 0 } },
  ]);
});

test("routes are printed as the file would say them", () => {
  const yaml =
    "relays: { b: { host: b.example }, 1: { host: a.example } }\nroutes: [{ to_domain: a.example, relays: { b: 2, 1: 0 } }, { relays: [b] }]";
  const printed = printableConfig(configOf({ yaml }));
  assert.match(printed, /routes:\n {2}- to_domain: a\.example\n {4}relays:\n {6}b: 2\n {6}"1": 0\n {2}- relays:\n {6}- b\n/);
});

test("without routes one route holds all relays in the file's order, names of digits too, and that of SMTP_URL last", () => {
  const { routes } = configOf({
    env: relay,
    yaml: "relays: { b: { host: b.example }, 10: { host: c.example }, 2: { host: d.example } }\nroutes: []",
  });
  assert.deepEqual(routes, [{ relays: ["b", "10", "2", "default"] }]);
});

test("a blank file, a blank section and a file of comments are as good as none", () => {
  for (const yaml of ["", "# nothing yet\n", "---\n", "relays:\nroutes:\nretry:\nlimits:\n"])
    assert.equal(configOf({ yaml }).sandbox, true);
});

test("an empty variable counts as not set", () => {
  const config = configOf({ env: { SMTP_URL: "", SMTP_URL_FILE: "", PORT: "", POSTERN_SANDBOX: "", POSTERN_API_KEY: "" } });
  assert.equal(config.sandbox, true);
  assert.equal(config.http.port, 8080);
});

test("a _FILE twin gives the file's content without its trailing newline, whatever the line ending", () => {
  for (const ending of ["", "\n", "\r\n"]) {
    const files = { "/run/key": `${"k".repeat(40)}${ending}`, "/srv/secrets/smtp": `smtp://u:pq@h.example${ending}` };
    const config = configOf({ env: { POSTERN_API_KEY_FILE: "/run/key", SMTP_URL_FILE: "secrets/smtp" }, files });
    assert.equal(config.apiKey, "k".repeat(40));
    assert.deepEqual(config.relays[0]?.auth, { user: "u", pass: "pq" });
  }
});

test("a variable in the file may come from its _FILE twin", () => {
  const yaml = "relays: { a: { host: a.example, user: u, pass: '${PASS}' } }";
  assert.deepEqual(configOf({ env: { PASS_FILE: "/run/pass" }, yaml, files: { "/run/pass": " p \n" } }).relays[0]?.auth, {
    user: "u",
    pass: " p ",
  });
});

test("POSTERN_CONFIG names the file, from the working directory or absolute, and ./postern.yaml is then not read", () => {
  const files = { "/etc/p.yaml": "relays: { a: { host: a.example } }", "/srv/x/p.yaml": "relays: { b: { host: b.example } }" };
  const yaml = "nonsense: true";
  assert.equal(configOf({ env: { POSTERN_CONFIG: "/etc/p.yaml" }, yaml, files }).relays[0]?.name, "a");
  assert.equal(configOf({ env: { POSTERN_CONFIG: "x/p.yaml" }, yaml, files }).relays[0]?.name, "b");
});

test("text in the file stays text: leading zeros, words and what looks like a number survive in a password", () => {
  for (const [written, meant] of [
    ["0123", "0123"],
    ["no", "no"],
    ["1e3", "1e3"],
    ["null", "null"],
    ["'$${X}$Y$'", "${X}$Y$"],
    ["' a '", " a "],
  ]) {
    const config = configOf({ yaml: `relays: { a: { host: a.example, user: u, pass: ${written} } }` });
    assert.equal(config.relays[0]?.auth?.pass, meant);
  }
});

test("what a variable puts in is not looked through again and cannot add keys", () => {
  const yaml = "relays: { a: { host: a.example, user: u, pass: '${PASS}' } }";
  const pass = "${PASS}, tls: none }";
  assert.deepEqual(configOf({ env: { PASS: pass }, yaml }).relays[0]?.auth?.pass, pass);
});

test("an anchor and its alias repeat a value", () => {
  const { relays } = configOf({ yaml: "relays:\n  a: &a { host: a.example, connections: 3 }\n  b: *a" });
  assert.deepEqual(
    relays.map(({ host, connections }) => [host, connections]),
    [
      ["a.example", 3],
      ["a.example", 3],
    ],
  );
});

test("the sandbox: off with a relay or a Redis of one's own, on and off by POSTERN_SANDBOX", () => {
  const redis = { REDIS_URL: "redis://redis" };
  const on = { POSTERN_SANDBOX: "true" };
  assert.equal(configOf({ yaml: "relays: { a: { host: a.example } }" }).sandbox, false);
  assert.equal(configOf({ env: { ...relay, ...on } }).sandbox, true);
  assert.equal(configOf({ env: { ...redis, ...on } }).sandbox, true);
  assert.equal(configOf({ env: { ...on, HOST: "0.0.0.0" } }).sandbox, true);
  assert.equal(configOf({ env: { ...relay, POSTERN_SANDBOX: "false" } }).sandbox, false);
});

test("the sandbox's defaults give way to what is set", () => {
  const config = configOf({
    env: { MESSAGE_RETENTION: "1h", CONTENT_RETENTION: "0", RETURN_PATH_DOMAIN: "b.example", BOUNCE_PORT: "2526" },
    yaml: "retry: { schedule: [1h] }",
  });
  assert.deepEqual(config.retention, { messageMs: 3_600_000, contentMs: 0, failedContentMs: 3_600_000 });
  assert.deepEqual([config.returnPathDomain, config.bounce.port, config.retry.scheduleMs], ["b.example", 2526, [3_600_000]]);
});

test("every name of loopback may hold the sandbox", () => {
  for (const HOST of ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"])
    assert.equal(configOf({ env: { HOST } }).sandbox, true, HOST);
});

test("the embedded Redis runs in production only by explicit wish", () => {
  const config = configOf({
    env: { ...relay, NODE_ENV: "production", POSTERN_EMBEDDED_REDIS: "true", POSTERN_DATA_DIR: "/var/lib/postern" },
  });
  assert.deepEqual([config.redis, config.dataDir, config.embeddedRedisAllowed], [{ kind: "embedded" }, "/var/lib/postern", true]);
});

test("logs are pretty on a terminal and JSON elsewhere, unless LOG_FORMAT says so", () => {
  assert.equal(configOf({ isTerminal: true }).log.format, "pretty");
  assert.equal(configOf({ isTerminal: false }).log.format, "json");
  assert.equal(configOf({ isTerminal: true, env: { LOG_FORMAT: "json" } }).log.format, "json");
});

test("the command line's role wins over POSTERN_ROLE", () => {
  assert.equal(configOf({ role: "api", env: { ...relay, REDIS_URL: "redis://127.0.0.1", POSTERN_ROLE: "worker" } }).role, "api");
});

test("an embedded Redis serves one process alone: a role of its own needs REDIS_URL", () => {
  for (const role of ["api", "worker"] as const) assert.match(faultsOf({ role, env: relay }).join(), /^REDIS_URL: is needed in the role/);
});

test("one port may serve two listeners that never run in one role or are on different hosts", () => {
  assert.deepEqual(faultsOf({ role: "worker", env: { ...relay, REDIS_URL: "redis://127.0.0.1", PORT: "9464" } }), []);
  assert.deepEqual(faultsOf({ env: { ...relay, PORT: "2525" } }), []);
  assert.deepEqual(faultsOf({ env: { ...relay, RETURN_PATH_DOMAIN: "b.example", PORT: "2525", BOUNCE_HOST: "127.0.0.2" } }), []);
  assert.deepEqual(faultsOf({ env: { PORT: "0", METRICS_PORT: "0" } }), []);
});

test("the configuration is frozen to its last leaf", () => {
  const config = configOf({ env: relay });
  const all = [config, config.http, config.relays, config.relays[0], config.routes[0]?.relays, config.retry.scheduleMs];
  assert.ok(all.every((value) => value !== undefined && Object.isFrozen(value)));
});

test("real files are read, and a directory in a file's place is told as such", () => {
  const cwd = mkdtempSync(join(tmpdir(), "postern-config-"));
  try {
    writeFileSync(join(cwd, "postern.yaml"), "\ufeffrelays: { a: { host: a.example } }\r\n");
    const result = readConfig({ env: {}, cwd });
    assert.ok(result.ok && result.config.relays[0]?.name === "a");
    assert.deepEqual(readConfig({ env: { POSTERN_CONFIG: ".", POSTERN_API_KEY_FILE: "." }, cwd }), {
      ok: false,
      faults: [
        "POSTERN_API_KEY_FILE: the file that it names cannot be read: it is a directory",
        "POSTERN_CONFIG: the file that it names cannot be read: it is a directory",
      ],
    });
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
