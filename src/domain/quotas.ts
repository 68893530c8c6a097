// How much a caller may ask for: requests in a time, and messages open at once, for each key and for each tenant over all its keys.
import type { Caller } from "./keys.ts";
import type { Rate } from "./relay.ts";
import { formatDuration } from "./units.ts";

/** What is empty or absent has no limit. */
export type Quota = {
  /** All of them hold at once. Their periods are whole seconds, and no two are the same. */
  requests: readonly Rate[];
  /** Messages with an open recipient, those that are scheduled included. */
  queued?: number;
};

/** `keys` (by key id) and `tenants` (by name) say it for one alone, in the place of what holds for all. */
export type Quotas = {
  perKey: Quota;
  perTenant: Quota;
  keys: Readonly<Record<string, Quota>>;
  tenants: Readonly<Record<string, Quota>>;
};

/** Whom a quota belongs to. */
export const quotaHolders = ["key", "tenant"] as const;
export type QuotaHolder = (typeof quotaHolders)[number];

export const noQuotas: Quotas = { perKey: { requests: [] }, perTenant: { requests: [] }, keys: {}, tenants: {} };

/** What holds for one caller. */
export function quotasOf(quotas: Quotas, { keyId, tenant }: Pick<Caller, "keyId" | "tenant">): Record<QuotaHolder, Quota> {
  const own = (all: Readonly<Record<string, Quota>>, name: string) => (Object.hasOwn(all, name) ? all[name] : undefined);
  return { key: own(quotas.keys, keyId) ?? quotas.perKey, tenant: own(quotas.tenants, tenant) ?? quotas.perTenant };
}

/** One rate that a caller is held to, with a name of its own among them (`tenant-1h`). */
export type RequestPolicy = { name: string; holder: QuotaHolder; rate: Rate };

/** Every rate that a caller is held to; none: nothing has to be counted. */
export function requestPolicies(quotas: Record<QuotaHolder, Quota>): RequestPolicy[] {
  return quotaHolders.flatMap((holder) =>
    quotas[holder].requests.map((rate) => ({ name: `${holder}-${formatDuration(rate.perMs)}`, holder, rate })),
  );
}
