// No secret is ever shown: not by a fault, however the value is broken, and not by the printed configuration.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { printableConfig } from "../../src/config/print.ts";
import { configOf, faultsOf, type Given } from "./reading.ts";

const canary = "CANARY5f1d";

/** Ways in which a URL with a password goes wrong. */
const brokenUrls = [
  `smtp://u:${canary}`,
  `smtp:/u:${canary}@h`,
  `u:${canary}@h`,
  canary,
  `smtp://u:x?${canary}@h`,
  `smtp://u:x#${canary}@h`,
  `smtp://u:%${canary}@h`,
  `smtp://u:x ${canary}@h`,
  `smtp://u:${canary}@`,
  `smtp://u:${canary}@h:99999`,
  `smtp://u:${canary}@h/${canary}`,
  `smtp://u:${canary}@h?tls=none`,
  `smtp://u:${canary}@h?tls=${canary}&connections=${canary}`,
  `smtp://u:${canary}%00@h`,
  `smtp://${canary}@h`,
  `https://u:${canary}@h`,
];

const variables = [
  "HOST",
  "PORT",
  "METRICS_PORT",
  "REDIS_URL",
  "POSTERN_CONFIG",
  "POSTERN_SANDBOX",
  "POSTERN_ROLE",
  "POSTERN_API_KEY",
  "POSTERN_EMBEDDED_REDIS",
  "RETURN_PATH_SECRETS",
  "BOUNCE_PORT",
  "BOUNCE_TLS_CERT",
  "BOUNCE_TLS_KEY",
  "LOG_LEVEL",
  "LOG_FORMAT",
  "MESSAGE_RETENTION",
  "CONTENT_RETENTION",
  "MAX_MESSAGE_SIZE",
  "MAX_BATCH_SIZE",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
];

const broken: Record<string, Given> = {
  ...Object.fromEntries(brokenUrls.map((url) => [`SMTP_URL=${url}`, { env: { SMTP_URL: url } }])),
  ...Object.fromEntries(
    brokenUrls.map((url) => [`REDIS_URL=${url.replace("smtp", "redis")}/x`, { env: { REDIS_URL: `${url.replace("smtp", "redis")}/x` } }]),
  ),
  ...Object.fromEntries(brokenUrls.map((url) => [`url: ${url}`, { env: { URL: url }, yaml: "relays: { a: { url: '${URL}' } }" }])),
  ...Object.fromEntries(variables.map((name) => [`${name}=${canary}`, { env: { [name]: canary } }])),
  ...Object.fromEntries(variables.map((name) => [`${name}_FILE=…${canary}`, { env: { [`${name}_FILE`]: `smtp://u:${canary}@h` } }])),
  ...Object.fromEntries(
    variables.map((name) => [`${name}_FILE with ${canary}`, { env: { [`${name}_FILE`]: "/f" }, files: { "/f": `smtp:/u:${canary}@h` } }]),
  ),
  "a password that begins like an alias": { yaml: `relays: { a: { host: h, user: u, pass: *${canary} } }` },
  "a password that begins like a tag": { yaml: `relays: { a: { host: h, user: u, pass: !${canary} } }` },
  "a password that begins with a reserved character": { yaml: `relays:\n  a: { host: h, user: u, pass: @${canary} }` },
  "a password that begins like a directive": { yaml: `relays:\n  a:\n    pass: %${canary}` },
  "a password with a bracket": { yaml: `relays: { a: { host: h, user: u, pass: ${canary}}x } }` },
  "a password with a quote": { yaml: `relays: { a: { host: h, user: u, pass: "${canary}\\q" } }` },
  "a password with a colon": { yaml: `relays:\n  a:\n    pass: x: ${canary}` },
  "a password with a variable that is not closed": { yaml: `relays: { a: { host: h, user: u, pass: 'x\${${canary}' } }` },
  "a url where a relay should be": { yaml: `relays:\n  a: smtp://u:${canary}@h` },
  "a url where a key should be": { yaml: `relays:\n  a:\n    smtp://u:${canary}@h: 25` },
  "a url where a section should be": { yaml: `smtp://u:${canary}@h: 25` },
  "a url where a relay's name should be": { yaml: `routes: [{ relays: ["smtp://u:${canary}@h"] }]` },
  "a secret where a number should be": {
    env: { S: canary },
    yaml: "relays: { a: { host: h, port: '${S}', connections: '${S}', tls: '${S}' } }",
  },
  "a secret where a duration should be": { env: { S: canary }, yaml: "retry: { expire_after: '${S}', schedule: ['${S}'] }" },
};

for (const [name, given] of Object.entries(broken)) {
  test(`no fault shows the secret: ${name}`, () => {
    const lines = faultsOf(given);
    // POSTERN_CONFIG and POSTERN_DATA_DIR take any text; every other case must be refused, or it would prove nothing.
    assert.ok(lines.length > 0);
    for (const line of lines) {
      assert.ok(!line.includes(canary), line);
      assert.doesNotMatch(line, /[\n\r]/);
    }
  });
}

test("the printed configuration masks every secret and says the rest", () => {
  const config = configOf({
    env: {
      SMTP_URL: `smtp://${canary}:${canary}@smtp.example.com?connections=7`,
      REDIS_URL: `rediss+sentinel://${canary}:${canary}@a,b/main?sentinel_username=${canary}&sentinel_password=${canary}`,
      POSTERN_API_KEY: canary.repeat(4),
      PUBLIC_URL: "https://mail.example.com",
      UNSUBSCRIBE_SECRETS: `${canary.repeat(8)},${canary.repeat(9)}`,
      RETURN_PATH_DOMAIN: "bounces.example.com",
      RETURN_PATH_SECRETS: canary.repeat(4),
    },
    yaml: `reports: { addresses: [fbl@example.com] }\nrelays: { 7: { host: office.example, port: 465, user: ${canary}, pass: ${canary} } }\nroutes: [{ to_domain: example.com, relays: [7] }]`,
  });
  const text = printableConfig(config);
  assert.ok(!text.includes(canary), text);
  const { environment, ...file } = parse(text);
  assert.deepEqual(environment, {
    HOST: "127.0.0.1",
    PORT: 8080,
    METRICS_PORT: 9464,
    REDIS_URL: "rediss+sentinel://********@a:26379,b:26379/main/0?sentinel_username=********&sentinel_password=********",
    POSTERN_DATA_DIR: "/srv/.postern",
    POSTERN_EMBEDDED_REDIS: true,
    POSTERN_SANDBOX: false,
    POSTERN_ROLE: "all",
    POSTERN_API_KEY: "********",
    PUBLIC_URL: "https://mail.example.com",
    UNSUBSCRIBE_SECRETS: "********",
    RETURN_PATH_DOMAIN: "bounces.example.com",
    RETURN_PATH_SECRETS: "********",
    BOUNCE_HOST: "127.0.0.1",
    BOUNCE_PORT: 2525,
    LOG_LEVEL: "info",
    LOG_FORMAT: "json",
    MESSAGE_RETENTION: "7d",
    CONTENT_RETENTION: "0",
    FAILED_CONTENT_RETENTION: "1d",
    MAX_MESSAGE_SIZE: "25mb",
    MAX_BATCH_SIZE: "50mb",
  });
  assert.deepEqual(file, {
    relays: {
      7: { host: "office.example", port: 465, user: "********", pass: "********", connections: 10, tls: "implicit", verify: true },
      default: { host: "smtp.example.com", port: 587, user: "********", pass: "********", connections: 7, tls: "required", verify: true },
    },
    routes: [{ to_domain: "example.com", relays: ["7", "default"] }],
    retry: { expire_after: "3d", schedule: ["1m", "5m", "15m", "30m", "1h", "2h"] },
    timeouts: { connect: "30s", command: "5m", after_dot: "10m", attempt: "30m", owner_lease: "1m" },
    webhooks: { allow_private: false, timeout: "15s" },
    limits: {
      per_key: { requests: "none", queued: "none" },
      per_tenant: { requests: "none", queued: "none" },
      keys: {},
      tenants: {},
      connections: 5_000,
      event_loop_delay: "400ms",
    },
    suppression: { hard_bounce: "forever", inactive_recipient: "30d", mailbox_full: "off", complaint: "forever" },
    reports: { addresses: ["fbl@example.com"] },
  });
});

test("what is printed of the file's part is a file that means the same", () => {
  const yaml =
    "relays: { a: { host: a.example, tls: none, verify: false }, b: { url: 'smtps://b.example' } }\nretry: { schedule: [1500ms] }\nwebhooks: { allow_private: true }\nsuppression: { hard_bounce: 90d, complaint: off, mailbox_full: 7d }";
  const config = configOf({ yaml });
  const { environment: _environment, ...file } = parse(printableConfig(config));
  assert.deepEqual(configOf({ yaml: JSON.stringify(file) }), config);
});
