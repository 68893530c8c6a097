// SMTP_URL and REDIS_URL: what each way of writing means.
import assert from "node:assert/strict";
import { test } from "node:test";
import { showRedisTarget } from "../../src/config/redis.ts";
import type { Config } from "../../src/config.ts";
import { configOf, faultsOf } from "./reading.ts";

type Relay = Partial<Config["relays"][number]>;

const smtp: Record<string, Relay> = {
  "smtp://h.example": { host: "h.example", port: 25, tls: "opportunistic", connections: 10, verifyCertificate: true },
  "SMTP://H.Example:2525/": { host: "h.example", port: 2525, tls: "opportunistic" },
  "smtp://u:p@h.example": { port: 587, tls: "required", auth: { user: "u", pass: "p" } },
  "smtp://u:p@h.example:25": { port: 25, tls: "required" },
  "smtp://u:p@h.example:465": { port: 465, tls: "implicit" },
  "smtps://u:p@h.example": { port: 465, tls: "implicit" },
  "smtps://h.example:587?tls=required": { port: 587, tls: "implicit" },
  "smtp://h.example:465?tls=required": { port: 465, tls: "required" },
  "smtp://h.example?tls=none": { tls: "none" },
  "smtp://u:p@h.example?tls=implicit&connections=3": { port: 587, tls: "implicit", connections: 3 },
  "smtp://u:p@h.example?verify=false": { tls: "required", verifyCertificate: false },
  "smtp://[::1]:25": { host: "::1", port: 25 },
  "smtp://192.0.2.1": { host: "192.0.2.1" },
  "smtp://mail_relay:25": { host: "mail_relay" },
  "smtp://bücher.example": { host: "xn--bcher-kva.example" },
  "smtp://u%40example.com:p%2Fq%3F%25@h.example": { auth: { user: "u@example.com", pass: "p/q?%" } },
  "smtp://u@example.com:BEa/+x=:@y@h.example:587": { host: "h.example", port: 587, auth: { user: "u@example.com", pass: "BEa/+x=:@y" } },
};

for (const [url, expected] of Object.entries(smtp)) {
  test(`SMTP_URL ${url}`, () => {
    const relay: Relay = configOf({ env: { SMTP_URL: url } }).relays[0] ?? {};
    const { name, ...same } = configOf({ yaml: `relays: { x: { url: "${url}" } }` }).relays[0] ?? {};
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, relay[key as keyof Relay]])), expected);
    assert.equal("auth" in relay, url.includes("@"));
    assert.deepEqual({ ...same, name: "default" }, relay);
    assert.equal(name, "x");
  });
}

const plain = { tls: false, verifyCertificate: true };
const overTls = { tls: true, verifyCertificate: true };
const three = [
  { host: "a", port: 6379 },
  { host: "b", port: 7001 },
  { host: "::1", port: 7002 },
];

const redis: [url: string, target: unknown, shown: string][] = [
  ["redis://h", { kind: "single", host: "h", port: 6379, database: 0, ...plain }, "redis://h:6379/0"],
  ["redis://h:7000/", { kind: "single", host: "h", port: 7000, database: 0, ...plain }, "redis://h:7000/0"],
  [
    "rediss://user:p%40/+ss@h.example:6380/3?verify=false",
    {
      kind: "single",
      host: "h.example",
      port: 6380,
      database: 3,
      username: "user",
      password: "p@/+ss",
      tls: true,
      verifyCertificate: false,
    },
    "rediss://********@h.example:6380/3?verify=false",
  ],
  ["redis://:pass@h", { kind: "single", host: "h", port: 6379, database: 0, password: "pass", ...plain }, "redis://********@h:6379/0"],
  ["unix:///run/redis.sock", { kind: "socket", path: "/run/redis.sock" }, "unix:///run/redis.sock"],
  [
    "redis+unix://:pass@/run/my%20redis.sock",
    { kind: "socket", path: "/run/my redis.sock", password: "pass" },
    "unix://********@/run/my redis.sock",
  ],
  [
    "redis+sentinel://:pass@a,b:7001,[::1]:7002/primary/2?sentinel_password=s%26t",
    {
      kind: "sentinel",
      sentinels: [{ host: "a", port: 26379 }, ...three.slice(1)],
      masterName: "primary",
      database: 2,
      password: "pass",
      sentinelPassword: "s&t",
      ...plain,
    },
    "redis+sentinel://********@a:26379,b:7001,[::1]:7002/primary/2?sentinel_password=********",
  ],
  [
    "rediss+sentinel://a",
    { kind: "sentinel", sentinels: [{ host: "a", port: 26379 }], masterName: "mymaster", database: 0, ...overTls },
    "rediss+sentinel://a:26379/mymaster/0",
  ],
  ["redis://a,b:7001,[::1]:7002", { kind: "cluster", nodes: three, ...plain }, "redis://a:6379,b:7001,[::1]:7002"],
  [
    "rediss://u:p,q@a,rediss://b:7001,rediss://u:p,q@[::1]:7002/0",
    { kind: "cluster", nodes: three, username: "u", password: "p,q", ...overTls },
    "rediss://********@a:6379,b:7001,[::1]:7002",
  ],
  [
    "rediss://nodes.example?cluster=true&verify=false",
    { kind: "cluster", nodes: [{ host: "nodes.example", port: 6379 }], tls: true, verifyCertificate: false },
    "rediss://nodes.example:6379?cluster=true&verify=false",
  ],
  ["redis://h/1?cluster=false", { kind: "single", host: "h", port: 6379, database: 1, ...plain }, "redis://h:6379/1"],
];

for (const [url, target, shown] of redis) {
  test(`REDIS_URL ${url}`, () => {
    const config = configOf({ env: { REDIS_URL: url, SMTP_URL: "smtp://h.example" } });
    assert.deepEqual(config.redis, { kind: "url", target });
    assert.equal(config.redis.kind === "url" && showRedisTarget(config.redis.target), shown);
  });
}

const server = "REDIS_URL: must name each server as host, host:port or [IPv6]:port, with commas between them";
const refused: [url: string, ...lines: string[]][] = [
  [
    "h:6379",
    "REDIS_URL: must be a URL that begins with redis://, rediss://, redis+sentinel://, rediss+sentinel://, unix://, redis+unix://",
  ],
  ["redis://", server],
  ["redis://a,,b", server],
  ["redis://a:0", server],
  ["redis://h/x", "REDIS_URL: must end with the number of a database, like /0, or without one"],
  ["redis://h/0/1", "REDIS_URL: must end with the number of a database, like /0, or without one"],
  ["redis+sentinel://h/m/x", "REDIS_URL: must end with the number of a database, like /mymaster/0, or without one"],
  ["redis://a/1?cluster=true", "REDIS_URL: names a database: a cluster has only one, so leave the number out"],
  ["redis://a,b/1", "REDIS_URL: names a database: a cluster has only one, so leave the number out"],
  ["redis://a,rediss://b", "REDIS_URL: mixes redis:// and rediss://: all nodes of a cluster need the same"],
  [
    "redis://:x@a,redis://:y@b",
    "REDIS_URL: holds more than one login: all nodes of a cluster share one, so give it once, at the first node",
  ],
  ["unix://run/redis.sock", "REDIS_URL: must name the socket by its whole path, like unix:///run/redis/redis.sock"],
  ["redis://h?verify=false", "REDIS_URL?verify: unknown key: known are cluster"],
  ["rediss://h?verfy=false", "REDIS_URL?verfy: unknown key: did you mean verify?"],
  ["redis+sentinel://h?sentinel_password=", "REDIS_URL?sentinel_password: is empty: fill it in or leave it out"],
  ["redis://a b", "REDIS_URL: holds white space: write it percent-encoded (%20) if it belongs to the password"],
];

for (const [url, ...lines] of refused) {
  test(`REDIS_URL ${url} is refused`, () => {
    assert.deepEqual(faultsOf({ env: { REDIS_URL: url, SMTP_URL: "smtp://h.example" } }), lines);
  });
}
