// The section `limits`: what callers may ask for, and what one process takes on. Without it callers have no limit.
import { z } from "zod";
import { keyIdPattern, tenantPattern } from "../domain/keys.ts";
import type { Quota, Quotas } from "../domain/quotas.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Tree } from "./fields.ts";
import { duration, rates, scalar, wholeNumber } from "./values.ts";

const queuedMax = 1_000_000_000;
const queued = scalar(`a whole number from 1 to ${queuedMax}, or none`, (text) => {
  if (text === "none") return "none";
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return value >= 1 && value <= queuedMax ? value : undefined;
});
/** Callers are told the period in seconds. */
const quotaShape = { requests: rates({ periodMultipleMs: 1_000 }), queued };

const processShape = {
  connections: wholeNumber({ min: 1, max: 1_000_000 }),
  event_loop_delay: duration({ minMs: 20, maxMs: 60_000 }),
};
const anything = z.custom<Tree>(() => true);
const shape = { per_key: anything, per_tenant: anything, keys: anything, tenants: anything, ...processShape };

export type Limits = { quotas: Quotas; process: Fields<typeof processShape> };

/** What is not said is as in `base`; `none` lifts a limit. */
function readQuota(tree: Tree | undefined, at: Place, faults: ConfigFault[], base: Quota): Quota {
  const { requests = base.requests, queued: most = base.queued } = readFields({ shape: quotaShape, tree, at, faults });
  return { requests, ...(most !== undefined && most !== "none" && { queued: most }) };
}

type Names = { pattern: RegExp; fault: string; example: string };
const keyIds: Names = {
  pattern: keyIdPattern,
  fault: "is no key's id: write it as postern keys list shows it, like key_0123456789abcdef",
  example: "{ key_0123456789abcdef: { requests: 10/s } }",
};
const tenantNames: Names = {
  pattern: tenantPattern,
  fault: "is no tenant's name: write 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit",
  example: "{ acme: { requests: 10/s } }",
};

/** Quotas by name, each in the place of what holds for all. */
function readNamed(tree: Tree | undefined, at: Place, faults: ConfigFault[], base: Quota, names: Names): Quotas["keys"] {
  const entries = entriesOf(tree);
  if (!entries) faults.push({ ...at, text: `must be a mapping, like ${names.example}` });
  return Object.fromEntries(
    [...(entries ?? [])].map(([name, quota], index) => {
      const known = names.pattern.test(name);
      // A whole key's text in the place of its id is a secret: its place is its number.
      const place = inside(at, known ? name : index);
      if (!known) faults.push({ ...place, text: names.fault });
      return [name, readQuota(quota, place, faults, base)];
    }),
  );
}

/** Reads the section, adding every fault. */
export function readLimits(tree: Tree | undefined, at: Place, faults: ConfigFault[]): Limits {
  const { per_key, per_tenant, keys, tenants, ...process } = readFields({ shape, tree, at, faults });
  const perKey = readQuota(per_key, inside(at, "per_key"), faults, { requests: [] });
  const perTenant = readQuota(per_tenant, inside(at, "per_tenant"), faults, { requests: [] });
  const named = {
    keys: readNamed(keys, inside(at, "keys"), faults, perKey, keyIds),
    tenants: readNamed(tenants, inside(at, "tenants"), faults, perTenant, tenantNames),
  };
  return { quotas: { perKey, perTenant, ...named }, process };
}
