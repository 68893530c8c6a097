// Every fault is one line that says where, what and the way out; all of them come at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, type Given } from "./reading.ts";

const relay = { SMTP_URL: "smtp://smtp.example.com" };
const oneRelay = "relays: { ses: { host: ses.example } }\n";
const office = (keys: string) => `relays: { office: { host: o.example, ${keys} } }`;

const wholeNumber = "must be a whole number from 0 to 65535";
const durationFrom1ms = "must be a duration with a unit, like 250ms, 30s, 10m, 72h or 7d, from 1ms up to 3650d";
const withoutTls = (tls: string) =>
  `would send user and password without the protection of TLS (tls is ${tls}): set tls to required, or leave user and password out`;
const noServer = "must name one server as host, host:port or [IPv6]:port and have nothing but a query behind it";
const hostRule = "must be a host name or an IP address, without brackets and without a port";

const publicUrlRule = "must be an https URL of at most 200 characters, like https://mail.example.com (http only for localhost)";

const cases: Record<string, [given: Given, ...lines: string[]]> = {
  "a port that is no number": [{ env: { PORT: "80a" } }, `PORT: ${wholeNumber}`],
  "a port out of range": [{ env: { METRICS_PORT: "65536" } }, `METRICS_PORT: ${wholeNumber}`],
  "a port that Kubernetes set for a service": [{ env: { BOUNCE_PORT: "tcp://10.0.0.1:25" } }, `BOUNCE_PORT: ${wholeNumber}`],
  "a host with a port": [{ env: { HOST: "127.0.0.1:80" } }, `HOST: ${hostRule}`],
  "a host in brackets": [{ env: { HOST: "[::1]" } }, `HOST: ${hostRule}`],
  "an address that is none": [{ env: { HOST: "127.0.0.256" } }, `HOST: ${hostRule}`],
  "an unknown role": [{ env: { POSTERN_ROLE: "web" } }, "POSTERN_ROLE: must be one of all, api, worker"],
  "an unknown level": [{ env: { LOG_LEVEL: "loud" } }, "LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent"],
  "a flag that is neither": [{ env: { POSTERN_SANDBOX: "treu" } }, "POSTERN_SANDBOX: must be true or false"],
  "a flag named like what every object has": [{ env: { POSTERN_SANDBOX: "constructor" } }, "POSTERN_SANDBOX: must be true or false"],
  "a short key": [
    { env: { POSTERN_API_KEY: "k".repeat(31) } },
    "POSTERN_API_KEY: must have 32 characters or more: make one with openssl rand -hex 32",
  ],
  "a key that fits in no header": [
    { env: { POSTERN_API_KEY: `${"k".repeat(40)}é` } },
    "POSTERN_API_KEY: must be printable ASCII without spaces at its ends: make one with openssl rand -hex 32",
  ],
  "a public URL without TLS": [{ env: { PUBLIC_URL: "http://mail.example.com" } }, `PUBLIC_URL: ${publicUrlRule}`],
  "a public URL with a query": [{ env: { PUBLIC_URL: "https://mail.example.com/?x=1" } }, `PUBLIC_URL: ${publicUrlRule}`],
  "a public URL with a login": [{ env: { PUBLIC_URL: "https://me:secret@mail.example.com" } }, `PUBLIC_URL: ${publicUrlRule}`],
  "a public URL that fits on no line": [
    { env: { PUBLIC_URL: `https://mail.example.com/${"x".repeat(200)}` } },
    `PUBLIC_URL: ${publicUrlRule}`,
  ],
  "a short secret among those that sign links": [
    { env: { UNSUBSCRIBE_SECRETS: `${"k".repeat(32)},short` } },
    "UNSUBSCRIBE_SECRETS: must be one or more secrets of 32 characters or more, separated by commas: make one with openssl rand -hex 32",
  ],
  "a suppression after what is no fault of the recipient": [
    { yaml: "suppression: { policy: forever, mailbox_ful: 7d, hard_bounce: always, complaint: 0 }" },
    "postern.yaml: suppression.policy: unknown key: only what is the recipient's own fault suppresses by itself: hard_bounce, inactive_recipient, mailbox_full, complaint",
    "postern.yaml: suppression.mailbox_ful: unknown key: did you mean mailbox_full?",
    "postern.yaml: suppression.hard_bounce: must be forever, off, or a duration like 30d",
    "postern.yaml: suppression.complaint: must be forever, off, or a duration like 30d",
  ],
  "a retention without unit": [{ env: { MESSAGE_RETENTION: "7" } }, `MESSAGE_RETENTION: ${durationFrom1ms}`],
  "no retention of messages": [{ env: { MESSAGE_RETENTION: "0" } }, `MESSAGE_RETENTION: ${durationFrom1ms}`],
  "a size beyond all reason": [
    { env: { MAX_MESSAGE_SIZE: "1gb" } },
    "MAX_MESSAGE_SIZE: must be a size like 500kb or 25mb, from 1kb to 256mb",
  ],
  "a return path that is an address": [
    { env: { RETURN_PATH_DOMAIN: "bounces@example.com" } },
    "RETURN_PATH_DOMAIN: must be a domain like example.com",
  ],
  "a variable and its twin": [{ env: { PORT: "1", PORT_FILE: "/run/port" } }, "PORT: PORT_FILE is set too: keep one of the two"],
  "a twin without its file": [
    { env: { PORT_FILE: "/run/none" } },
    "PORT_FILE: the file that it names cannot be read: there is no such file",
  ],
  "a twin with an empty file": [
    { env: { POSTERN_API_KEY_FILE: "/run/key" }, files: { "/run/key": "\n" } },
    "POSTERN_API_KEY_FILE: the file that it names is empty: fill it, or unset the variable",
  ],
  "a fault in a twin's file": [{ env: { PORT_FILE: "/run/port" }, files: { "/run/port": "x" } }, `PORT_FILE: ${wholeNumber}`],

  "a Redis without a relay": [
    { env: { REDIS_URL: "redis://redis" } },
    "SMTP_URL: no relay is configured, so that mail has nowhere to go: set it, or relays in the file, or POSTERN_SANDBOX=true to only catch mail",
  ],
  "neither a relay nor the sandbox": [
    { env: { POSTERN_SANDBOX: "false" } },
    "SMTP_URL: no relay is configured, so that mail has nowhere to go: set it, or relays in the file, or POSTERN_SANDBOX=true to only catch mail",
  ],
  "the sandbox off loopback": [
    { env: { HOST: "0.0.0.0" } },
    "HOST: would open the sandbox to the network: set SMTP_URL or relays in the file, or POSTERN_SANDBOX=true if that is wanted",
  ],
  "the embedded Redis in production": [
    { env: { ...relay, NODE_ENV: "production" } },
    "REDIS_URL: is needed with NODE_ENV=production: set it, or POSTERN_EMBEDDED_REDIS=true to keep all mail in a Redis that Postern runs itself",
  ],
  "the embedded Redis in production by half": [
    { env: { ...relay, NODE_ENV: "production", POSTERN_EMBEDDED_REDIS: "false" } },
    "REDIS_URL: is needed with NODE_ENV=production: set it, or POSTERN_EMBEDDED_REDIS=true to keep all mail in a Redis that Postern runs itself",
  ],
  "one port for two listeners": [
    { env: { ...relay, PORT: "9464", BOUNCE_PORT: "9464", RETURN_PATH_DOMAIN: "b.example", HOST: "10.0.0.1", BOUNCE_HOST: "0.0.0.0" } },
    "METRICS_PORT: is the same port as PORT: give each its own",
    "BOUNCE_PORT: is the same port as PORT: give each its own",
  ],

  "a URL of another kind": [
    { env: { SMTP_URL: "https://smtp.example.com" } },
    "SMTP_URL: must be a URL that begins with smtp://, smtps://",
  ],
  "no URL at all": [{ env: { SMTP_URL: "smtp.example.com:25" } }, "SMTP_URL: must be a URL that begins with smtp://, smtps://"],
  "a URL without a host": [{ env: { SMTP_URL: "smtp://" } }, `SMTP_URL: ${noServer}`],
  "a URL with a port out of range": [{ env: { SMTP_URL: "smtp://h:70000" } }, `SMTP_URL: ${noServer}`],
  "a URL with two servers": [{ env: { SMTP_URL: "smtp://a:25,b:25" } }, `SMTP_URL: ${noServer}`],
  "a URL with a path": [{ env: { SMTP_URL: "smtp://h/inbox" } }, `SMTP_URL: ${noServer}`],
  "a user without a password": [{ env: { SMTP_URL: "smtp://u@h" } }, "SMTP_URL: has a user but no password: give both or neither"],
  "a password without a user": [{ env: { SMTP_URL: "smtp://:p@h" } }, "SMTP_URL: has a password but no user: give both or neither"],
  "a line break in a password": [
    { env: { SMTP_URL: "smtp://u:p%0d%0aQUIT@h" } },
    "SMTP_URL: the password holds a control character, such as a line break: remove it",
  ],
  "a bare % in a password": [
    { env: { SMTP_URL: "smtp://u:50%@h" } },
    "SMTP_URL: holds a % that begins no percent-encoding: write it as %25 if it belongs to the password",
  ],
  "a login without TLS": [{ env: { SMTP_URL: "smtp://u:p@h?tls=none" } }, `SMTP_URL: ${withoutTls("none")}`],
  "a login with TLS at the network's mercy": [
    { env: { SMTP_URL: "smtp://u:p@h?tls=opportunistic" } },
    `SMTP_URL: ${withoutTls("opportunistic")}`,
  ],
  "smtps without TLS": [
    { env: { SMTP_URL: "smtps://h?tls=none" } },
    "SMTP_URL: smtps:// is TLS from the first byte, tls none is not: write smtp:// or leave tls out",
  ],
  "an option twice": [{ env: { SMTP_URL: "smtp://h?tls=required&tls=none" } }, "SMTP_URL: sets an option twice: keep one of them"],
  "our own return path without a domain for it": [
    { env: { SMTP_URL: "smtp://h?return_path=own" } },
    "SMTP_URL?return_path: needs a domain of our own: set RETURN_PATH_DOMAIN, or leave it out",
  ],
  "addresses for reports without a listener": [
    { env: relay, yaml: "reports: { addresses: [fbl@example.com] }" },
    "postern.yaml: reports.addresses: has no effect without the listener for reports: set RETURN_PATH_DOMAIN",
  ],
  "an address for reports that is none": [
    { env: { ...relay, RETURN_PATH_DOMAIN: "b.example" }, yaml: "reports: { addresses: [fbl] }" },
    "postern.yaml: reports.addresses[0]: must be an address like fbl@example.com",
  ],
  "a certificate without its key": [
    { env: { ...relay, BOUNCE_TLS_CERT: "-----BEGIN CERTIFICATE-----" } },
    "BOUNCE_TLS_CERT: is set without BOUNCE_TLS_KEY: give both or neither",
  ],
  "the name of a certificate's file in place of the certificate": [
    { env: { ...relay, BOUNCE_TLS_CERT: "/run/tls.crt", BOUNCE_TLS_KEY: "-----BEGIN PRIVATE KEY-----" } },
    "BOUNCE_TLS_CERT: must be a certificate in PEM: name its file by the variable's _FILE twin",
  ],
  "a certificate that is damaged": [
    { env: { ...relay, BOUNCE_TLS_CERT: "-----BEGIN CERTIFICATE-----", BOUNCE_TLS_KEY: "-----BEGIN PRIVATE KEY-----" } },
    "BOUNCE_TLS_CERT: and BOUNCE_TLS_KEY do not belong together, or one of them is damaged or has a passphrase",
  ],
  "a short secret for return paths": [
    { env: { ...relay, RETURN_PATH_SECRETS: `${"s".repeat(32)},short` } },
    "RETURN_PATH_SECRETS: must be one or more secrets of 32 characters or more, separated by commas: make one with openssl rand -hex 32",
  ],
  "options that are wrong or unknown": [
    { env: { SMTP_URL: "smtp://h?connections=0&tls=yes&verfy=false&rate=50&return_path=mine" } },
    "SMTP_URL?connections: must be a whole number from 1 to 1000",
    "SMTP_URL?tls: must be one of required, opportunistic, implicit, none",
    "SMTP_URL?verfy: unknown key: did you mean verify?",
    "SMTP_URL?rate: must be a rate like 50/s or 100/15m, or a list of them that all hold, like [50/s, 2000/h]",
    "SMTP_URL?return_path: must be one of own, from",
  ],

  "a file that is not there": [
    { env: { POSTERN_CONFIG: "p.yaml" } },
    "POSTERN_CONFIG: the file that it names cannot be read: there is no such file",
  ],
  "a list at the top of the file": [{ yaml: "- a" }, "postern.yaml: must be a mapping of keys to values at the top"],
  "an unclosed bracket": [
    { yaml: "routes: [1,\n" },
    "postern.yaml: line 2 is not YAML: the indentation, or a bracket that is not closed, is wrong here",
  ],
  "an unclosed quote": [
    { yaml: "a: 1\nb: 'x" },
    "postern.yaml: line 2 is not YAML: a quote, a bracket, a comma or a colon is missing here",
  ],
  "a tab": [{ yaml: "retry:\n\texpire_after: 1h" }, "postern.yaml: line 2 is not YAML: a tab indents this line: use spaces"],
  "a second document": [
    { yaml: "a: 1\n---\nb: 1" },
    "postern.yaml: line 2 is not YAML: a second document begins here (---): the file must hold one",
  ],
  "a variable in braces without quotes": [
    { env: { P: "x" }, yaml: "relays: { a: { pass: ${P} } }" },
    "postern.yaml: line 1 is not YAML: this does not belong here: quote a value that holds ${NAME}, a bracket, a comma or a colon",
  ],
  "a key twice": [
    { yaml: "relays:\n  a: { host: a.example }\n  b: { host: b.example }\n  a: { host: c.example }" },
    "postern.yaml: relays.a: stands there twice (again on line 4): keep one",
  ],
  "a section twice": [{ yaml: "retry: {}\nretry: {}" }, "postern.yaml: retry: stands there twice (again on line 2): keep one"],
  "a key that is a list": [{ yaml: "? [a]\n: b" }, "postern.yaml: line 1: a key must be a plain word"],
  "an alias without anchor": [{ yaml: "relays: *all" }, "postern.yaml: relays: begins with * but no anchor has that name: quote the value"],
  "a tag": [{ yaml: office("user: u, pass: !ecret x") }, "postern.yaml: relays.office.pass: begins with ! (a tag): quote the value"],
  "an alias to what it stands in": [
    { yaml: "relays: &a { b: *a }" },
    "postern.yaml: is nested too deep, or repeats itself through aliases: write it out plainly",
  ],
  "aliases of aliases of aliases": [
    { yaml: `routes:\n  - &a0 [x]\n${Array.from({ length: 20 }, (_, i) => `  - &a${i + 1} [*a${i}, *a${i}, *a${i}]`).join("\n")}` },
    "postern.yaml: is nested too deep, or repeats itself through aliases: write it out plainly",
  ],
  "brackets without end": [
    { yaml: "[".repeat(200_000) },
    "postern.yaml: is nested too deep, or repeats itself through aliases: write it out plainly",
  ],
  "indentation without end": [
    { yaml: Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n") },
    "postern.yaml: is nested too deep, or repeats itself through aliases: write it out plainly",
  ],
  "a huge file": [{ yaml: `# ${"x".repeat(300_000)}` }, "postern.yaml: is larger than 256 kB: this is not a configuration file of Postern"],
  "a missing variable": [
    { yaml: 'relays: { ses: { url: "smtp://${SES_USER}:${SES_PASS}@h:587" } }' },
    "postern.yaml: relays.ses.url: the variable SES_USER is not set: set it, or write $${ for a literal ${; the variable SES_PASS is not set: set it, or write $${ for a literal ${",
  ],
  "a variable named like what every object has": [
    { yaml: office("user: u, pass: '${constructor}'") },
    "postern.yaml: relays.office.pass: the variable constructor is not set: set it, or write $${ for a literal ${",
  ],
  "a variable with a default": [
    { yaml: office("user: u, pass: '${PASS:-x}'") },
    "postern.yaml: relays.office.pass: holds ${ without a variable's name and }: write ${NAME}, or $${ for a literal ${",
  ],

  "an unknown key near a known one": [{ yaml: "timeout: {}" }, "postern.yaml: timeout: unknown key: did you mean timeouts?"],
  "an unknown key near none": [
    { yaml: "zzz: 1" },
    "postern.yaml: zzz: unknown key: known are relays, routes, retry, timeouts, webhooks, limits, durability, suppression, reports, inbound, dkim",
  ],
  "a variable's key in the file": [
    { yaml: "redis_url: redis://redis\nsandbox: true" },
    "postern.yaml: redis_url: unknown key: this is not set in the file but by the variable REDIS_URL",
    "postern.yaml: sandbox: unknown key: this is not set in the file but by the variable POSTERN_SANDBOX",
  ],
  "keys of every object": [
    { yaml: "__proto__: { relays: {} }\nconstructor: 1" },
    "postern.yaml: __proto__: unknown key: known are relays, routes, retry, timeouts, webhooks, limits, durability, suppression, reports, inbound, dkim",
    "postern.yaml: constructor: unknown key: known are relays, routes, retry, timeouts, webhooks, limits, durability, suppression, reports, inbound, dkim",
  ],
  "unknown keys deep inside": [
    {
      yaml: `${office("conections: 2")}\nretry: { shedule: [1s] }\ntimeouts: { after-dot: 1s }\nroutes: [{ relay: [office], relays: [office] }]`,
    },
    "postern.yaml: relays.office.conections: unknown key: did you mean connections?",
    "postern.yaml: routes[0].relay: unknown key: did you mean relays?",
    "postern.yaml: retry.shedule: unknown key: did you mean schedule?",
    "postern.yaml: timeouts.after-dot: unknown key: did you mean after_dot?",
  ],
  "relays as a list": [
    { yaml: "relays: [a]" },
    "postern.yaml: relays: must be a mapping of names to relays, like { office: { host: smtp.example.com } }",
  ],
  "a relay that is text": [{ env: relay, yaml: "relays: { a: smtp }" }, "postern.yaml: relays.a: must be a mapping of keys to values"],
  "a relay without a server": [{ yaml: "relays: { a: { port: 25 } }" }, "postern.yaml: relays.a: names no server: set url, or host"],
  "relays with names that do not do": [
    { yaml: `relays: { Office: { host: a.example }, "my relay": { host: a.example }, ${"a".repeat(33)}: { host: a.example } }` },
    "postern.yaml: relays.Office: a relay's name is 1 to 32 of a-z, 0-9 and -: rename it",
    'postern.yaml: relays."my relay": a relay\'s name is 1 to 32 of a-z, 0-9 and -: rename it',
    `postern.yaml: relays.${"a".repeat(33)}: a relay's name is 1 to 32 of a-z, 0-9 and -: rename it`,
  ],
  "a relay twice described": [
    { yaml: 'relays: { a: { url: "smtp://u:p@h?connections=1", host: h, pass: p, connections: 2 } }' },
    "postern.yaml: relays.a.host: the url says it: keep one of the two",
    "postern.yaml: relays.a.pass: the url says it: keep one of the two",
    "postern.yaml: relays.a.connections: the query of the url says it: keep one of the two",
  ],
  "a login without TLS in the file": [
    { yaml: office("user: u, pass: p, tls: none") },
    `postern.yaml: relays.office: ${withoutTls("none")}`,
  ],
  "a login in the url, no TLS beside it": [
    { yaml: 'relays: { a: { url: "smtp://u:p@h", tls: opportunistic } }' },
    `postern.yaml: relays.a: ${withoutTls("opportunistic")}`,
  ],
  "SMTP_URL and a relay of its name": [
    { env: relay, yaml: "relays: { default: { host: a.example } }" },
    "SMTP_URL: becomes the relay default, which the file names too: rename the one in the file",
  ],
  "routes to nowhere": [
    { yaml: `${oneRelay}routes: [{ relays: [sess] }, { relays: [ses, ses] }, { relays: [] }, {}, x]` },
    "postern.yaml: routes[2].relays: needs at least one relay",
    "postern.yaml: routes[3]: names no relays: set relays",
    "postern.yaml: routes[4]: must be a mapping of keys to values",
    "postern.yaml: routes[0].relays[0]: no relay has this name: did you mean ses?",
    "postern.yaml: routes[1].relays[1]: names a relay that the rule names before: leave it out",
  ],
  "routes without relays": [
    { yaml: "routes: [{ relays: [ses] }]" },
    "postern.yaml: routes[0].relays[0]: no relay has this name: there is none at all",
  ],
  "conditions that can hold for nothing": [
    {
      yaml: `${oneRelay}routes: [{ tag: "a b", lane: fast, tenant: [acme, Acme, [x]], key: "", to_domain: [], from_domain: { a: b }, relays: [ses] }]`,
    },
    "postern.yaml: routes[0].tag: must be a tag: 1 to 64 of A-Z a-z 0-9 _ . : -",
    "postern.yaml: routes[0].lane: must be one of transactional, broadcast",
    "postern.yaml: routes[0].tenant[1]: must be a tenant's name: 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit",
    "postern.yaml: routes[0].tenant[2]: must be a tenant's name: 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit",
    "postern.yaml: routes[0].key: must be a key's id or name, of 1 to 100 characters",
    "postern.yaml: routes[0].to_domain: needs at least one value: fill it, or leave the key out",
    "postern.yaml: routes[0].from_domain: must be a domain like example.com, or *.example.com for its sub-domains",
  ],
  "weights that are none": [
    {
      yaml: `${oneRelay}routes: [{ relays: { ses: 1.5 } }, { relays: { ses: -1 } }, { relays: { ses: 0 } }, { relays: {} }, { relays: { sess: 1, ses: } }]`,
    },
    "postern.yaml: routes[0].relays.ses: must be a whole number from 0 to 1000",
    "postern.yaml: routes[1].relays.ses: must be a whole number from 0 to 1000",
    "postern.yaml: routes[2].relays: needs at least one relay with a weight above 0",
    "postern.yaml: routes[3].relays: needs at least one relay",
    "postern.yaml: routes[4].relays.ses: must be a whole number from 0 to 1000",
  ],
  "weights of relays that are not there, or in a list, or beside it": [
    {
      yaml: `${oneRelay}routes: [{ relays: { sess: 1 } }, { relays: [{ ses: 3 }] }, { relays: [ses], weights: { ses: 1 } }, { relays: ses }]`,
    },
    "postern.yaml: routes[1].relays[0]: must be a relay's name: with weights the whole list is a mapping, like { ses: 3, office: 1 }",
    "postern.yaml: routes[2].weights: unknown key: known are from_domain, to_domain, tag, lane, tenant, key, relays",
    "postern.yaml: routes[3].relays: must be a list of relays' names, like [ses, office], or of their weights, like { ses: 3, office: 1 }",
    "postern.yaml: routes[0].relays.sess: no relay has this name: did you mean ses?",
  ],
  "routes as a mapping": [
    { yaml: "routes: { a: b }" },
    "postern.yaml: routes: must be a list of rules, like [{ to_domain: example.com, relays: [office] }]",
  ],
  "domains that are none": [
    { yaml: `${oneRelay}routes: [{ from_domain: "*", to_domain: a@b.example, relays: [ses] }]` },
    "postern.yaml: routes[0].from_domain: must be a domain like example.com, or *.example.com for its sub-domains",
    "postern.yaml: routes[0].to_domain: must be a domain like example.com, or *.example.com for its sub-domains",
  ],
  "a schedule that is none": [
    { yaml: "retry: { schedule: [], expire_after: [1h] }" },
    "postern.yaml: retry.schedule: needs at least one duration",
    `postern.yaml: retry.expire_after: ${durationFrom1ms}`,
  ],
  "steps that are no durations": [
    { yaml: "retry: { schedule: [1m, 5, 0s] }" },
    `postern.yaml: retry.schedule[1]: ${durationFrom1ms}`,
    `postern.yaml: retry.schedule[2]: ${durationFrom1ms}`,
  ],
  "timeouts that no timer can hold": [
    { yaml: "timeouts: { attempt: 30d, owner_lease: 10ms }" },
    "postern.yaml: timeouts.attempt: must be a duration with a unit, like 250ms, 30s, 10m, 72h or 7d, from 1ms up to 1d",
    "postern.yaml: timeouts.owner_lease: must be a duration with a unit, like 250ms, 30s, 10m, 72h or 7d, from 1s up to 1d",
  ],
};

for (const [name, [given, ...lines]] of Object.entries(cases)) {
  test(`${name}: refused, with the place and the way out`, () => {
    assert.deepEqual(faultsOf(given), lines);
  });
}

test("faults of variables, URLs, file, sections and the rules between them come all at once", () => {
  const yaml = "relays:\n  a: { host: x.example }\n  a: { url: 'smtp://u:${NONE}@h', rate: fast }\nroutes: [{ relays: [b] }]\nretries: {}";
  const lines = faultsOf({ env: { PORT: "x", NODE_ENV: "production", SMTP_URL: "smtp://u:p@h/x?tls=no" }, yaml });
  const starts = lines.map((line) =>
    line
      .split(": ")
      .slice(0, line.startsWith("postern") ? 2 : 1)
      .join(": "),
  );
  assert.deepEqual(starts, [
    "PORT",
    "SMTP_URL?tls",
    "SMTP_URL",
    "postern.yaml: relays.a",
    "postern.yaml: relays.a.url",
    "postern.yaml: retries",
    "postern.yaml: relays.a.rate",
    "REDIS_URL",
    "postern.yaml: routes[0].relays[0]",
  ]);
});

test("a value that could not be read is reported once, not again for what it then lacks", () => {
  const lines = faultsOf({ yaml: office("user: '${U}', pass: '${P}', tls: none") });
  assert.deepEqual(
    lines.map((line) => line.slice(0, 34)),
    ["postern.yaml: relays.office.user: t", "postern.yaml: relays.office.pass: t"].map((line) => line.slice(0, 34)),
  );
});
