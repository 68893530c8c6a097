// The section `limits`: what it may say, and what of it comes to hold for whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { printableConfig } from "../../src/config/print.ts";
import { quotasOf, requestPolicies } from "../../src/domain/quotas.ts";
import { configOf, faultsOf } from "./reading.ts";

const second = 1_000;
const hour = 3_600_000;
const key = "key_0123456789abcdef";

const section = `limits:
  per_key: { requests: 100/s, queued: 10000 }
  per_tenant: { requests: [500/s, 100000/h], queued: 100000 }
  keys: { ${key}: { requests: none }, bootstrap: { queued: none } }
  tenants: { acme: { queued: 5 }, constructor: { requests: 1/15m } }
  connections: 200
  event_loop_delay: 1s
`;

test("without the section nobody has a limit, and a process has those of its own", () => {
  const { quotas, limits } = configOf({});
  assert.deepEqual(quotasOf(quotas, { keyId: key, tenant: "acme" }), { key: { requests: [] }, tenant: { requests: [] } });
  assert.deepEqual([limits.connections, limits.eventLoopDelayMs], [5_000, 400]);
});

test("what is said of one key or tenant takes the place of what holds for all; what is not said of it holds on", () => {
  const { quotas, limits } = configOf({ yaml: section });
  const perKey = { requests: [{ count: 100, perMs: second }], queued: 10_000 };
  const rates = [
    { count: 500, perMs: second },
    { count: 100_000, perMs: hour },
  ];
  const cases: [keyId: string, tenant: string, expected: unknown][] = [
    ["key_0000000000000000", "default", { key: perKey, tenant: { requests: rates, queued: 100_000 } }],
    [key, "acme", { key: { requests: [], queued: 10_000 }, tenant: { requests: rates, queued: 5 } }],
    [
      "bootstrap",
      "constructor",
      { key: { requests: perKey.requests }, tenant: { requests: [{ count: 1, perMs: hour / 4 }], queued: 100_000 } },
    ],
    ["toString", "valueOf", { key: perKey, tenant: { requests: rates, queued: 100_000 } }],
  ];
  for (const [keyId, tenant, expected] of cases) assert.deepEqual(quotasOf(quotas, { keyId, tenant }), expected);
  assert.deepEqual([limits.connections, limits.eventLoopDelayMs], [200, second]);
});

test("every rate that a caller is held to has a name of its own", () => {
  const { quotas } = configOf({ yaml: section });
  assert.deepEqual(
    requestPolicies(quotasOf(quotas, { keyId: "key_0000000000000000", tenant: "default" })).map(({ name }) => name),
    ["key-1s", "tenant-1s", "tenant-1h"],
  );
});

test("what is printed of the section is a section that means the same", () => {
  const { quotas, limits } = configOf({ yaml: section });
  const printed = parse(printableConfig(configOf({ yaml: section }))).limits;
  const again = configOf({ yaml: stringify({ limits: printed }) });
  assert.deepEqual([again.quotas, again.limits], [quotas, limits]);
});

const rate = "must be a rate like 50/s, 2000/h or 100/15m with a period of whole s, a list of rates, or none";
const count = "must be a whole number from 1 to 1000000000, or none";
const faults: [what: string, limits: string, ...lines: string[]][] = [
  ["a rate without a period", "{ per_key: { requests: 100 } }", `per_key.requests: ${rate}`],
  ["a period of part of a second", "{ per_key: { requests: 100/1500ms } }", `per_key.requests: ${rate}`],
  ["nothing allowed at all", "{ per_key: { requests: 0/s, queued: 0 } }", `per_key.requests: ${rate}`, `per_key.queued: ${count}`],
  [
    "a bad rate in a list",
    "{ per_tenant: { requests: [1/s, 5/x, {}] } }",
    `per_tenant.requests[1]: ${rate}`,
    `per_tenant.requests[2]: ${rate}`,
  ],
  ["an empty list of rates", "{ per_tenant: { requests: [] } }", `per_tenant.requests: ${rate}`],
  [
    "one period twice",
    "{ per_tenant: { requests: [60/m, 1/60s] } }",
    "per_tenant.requests[1]: has the period of another one: keep the lower rate",
  ],
  ["a quota that is a number", "{ per_key: 5 }", "per_key: must be a mapping of keys to values"],
  ["an unknown key", "{ per_key: { request: 1/s } }", "per_key.request: unknown key: did you mean requests?"],
  ["tenants as a list", "{ tenants: [acme] }", "tenants: must be a mapping, like { acme: { requests: 10/s } }"],
  [
    "a tenant's name that is none",
    "{ tenants: { Acme: {} } }",
    "tenants[0]: is no tenant's name: write 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit",
  ],
  [
    "a key by its name",
    "{ keys: { newsletter: { queued: 3 } } }",
    "keys[0]: is no key's id: write it as postern keys list shows it, like key_0123456789abcdef",
  ],
  ["no connections", "{ connections: 0 }", "connections: must be a whole number from 1 to 1000000"],
  [
    "a delay that every process has",
    "{ event_loop_delay: 1ms }",
    "event_loop_delay: must be a duration with a unit, like 250ms, 30s, 10m, 72h or 7d, from 20ms up to 1m",
  ],
];

for (const [what, limits, ...lines] of faults) {
  test(`${what}: refused, with the place and the way out`, () => {
    assert.deepEqual(
      faultsOf({ yaml: `limits: ${limits}` }),
      lines.map((line) => `postern.yaml: limits.${line}`),
    );
  });
}

test("a whole key text in the place of its id is not repeated", () => {
  const text = `${key}_${"S3cret".repeat(6)}`;
  const [line = ""] = faultsOf({ yaml: `limits: { keys: { ${text}: { queued: 3 } } }` });
  assert.match(line, /is no key's id/);
  assert.doesNotMatch(line, /S3cret/);
});
