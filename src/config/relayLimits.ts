// What a relay takes: rates, sizes and counts, for all of it and by recipient domain, and its warm-up.
import { z } from "zod";
import type { Rate, RelayLimits } from "../domain/relay.ts";
import { parseRate } from "../domain/units.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Tree } from "./fields.ts";
import { anything, readDomain, scalar, size, wholeNumber } from "./values.ts";

const rateExpected = "must be a rate like 50/s or 100/15m, or a list of them that all hold, like [50/s, 2000/h]";

/** One rate or several: as a list, or as one text with commas, which a query can hold. */
const rates = z.unknown().transform((tree, context): Rate[] => {
  const texts = typeof tree === "string" ? tree.split(",") : tree;
  const read = Array.isArray(texts) ? texts.map((text) => (typeof text === "string" ? parseRate(text.trim()) : undefined)) : [];
  const good = read.filter((rate) => rate !== undefined);
  if (good.length > 0 && good.length === read.length) return good;
  context.addIssue({ code: "custom", message: rateExpected });
  return z.NEVER;
});

const burst = wholeNumber({ min: 0, max: 1_000_000 });

/** Limits that may stand in a URL's query too. */
export const limitsShape = {
  rate: rates,
  burst,
  messages_per_connection: wholeNumber({ min: 1, max: 1_000_000 }),
  recipients_per_transaction: wholeNumber({ min: 1, max: 10_000 }),
  max_message_size: size({ min: 1024, max: 1024 ** 3 }),
};

/** Limits with a structure of their own. */
export const structuredLimitsShape = { domains: anything, warm_up: anything };

const domainShape = { rate: rates, burst, connections: wholeNumber({ min: 1, max: 1_000 }) };

const warmUpShape = {
  since: scalar("a date like 2026-11-20, the first day of the warm-up (UTC)", (text) => {
    const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
    // Date.parse takes the 31st of February for the 3rd of March.
    return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text) ? time : undefined;
  }),
  daily: z
    .array(wholeNumber({ min: 1, max: 1_000_000_000 }), { error: "must be a list of messages a day, like [50, 100, 500, 1000]" })
    .min(1, { error: "needs at least one day" }),
};

type LimitFields = Fields<typeof limitsShape>;
type Given = { at: Place; faults: ConfigFault[] };

function readDomains(tree: Tree | undefined, { at, faults }: Given): RelayLimits["domains"] {
  const entries = entriesOf(tree);
  if (!entries) faults.push({ ...at, text: "must be a mapping of recipient domains to limits, like { gmail.com: { rate: 20/s } }" });
  const domains: Record<string, RelayLimits["domains"][string]> = {};
  for (const [name, limits] of entries ?? []) {
    const place = inside(at, name);
    const domain = readDomain(name);
    if (domain === undefined) {
      faults.push({ ...place, text: "is no domain like example.com" });
      continue;
    }
    if (Object.hasOwn(domains, domain)) faults.push({ ...place, text: "is the same domain as one before it: keep one" });
    const read = readFields({ shape: domainShape, tree: limits, at: place, faults });
    if (entriesOf(limits)?.size === 0) faults.push({ ...place, text: "sets no limit: set rate or connections" });
    if (read.burst !== undefined && read.rate === undefined) faults.push({ ...inside(place, "burst"), text: "needs a rate: set rate too" });
    const { rate = [], burst: more = 0, connections } = read;
    domains[domain] = { rates: rate, burst: more, ...(connections !== undefined && { connections }) };
  }
  return domains;
}

function readWarmUp(tree: Tree | undefined, { at, faults }: Given): RelayLimits["warmUp"] {
  if (tree === undefined || tree === "") return undefined;
  const before = faults.length;
  const { since, daily } = readFields({ shape: warmUpShape, tree, at, faults });
  if (since !== undefined && daily !== undefined) return { since, daily };
  if (faults.length === before)
    faults.push({ ...at, text: "needs both since and daily, like { since: 2026-11-20, daily: [50, 100, 500] }" });
  return undefined;
}

/** The limits of one relay; undefined if it has none. `provider`'s count where the configuration says nothing. */
export function settleLimits(
  fields: LimitFields & Fields<typeof structuredLimitsShape>,
  { at, placeOf, faults, provider }: Given & { placeOf: (key: string) => Place; provider: LimitFields },
): RelayLimits | undefined {
  const domains = readDomains(fields.domains, { at: inside(at, "domains"), faults });
  const warmUp = readWarmUp(fields.warm_up, { at: inside(at, "warm_up"), faults });
  const effective = { ...provider, ...fields };
  const {
    rate = [],
    burst: more = 0,
    messages_per_connection: messagesPerConnection,
    recipients_per_transaction: recipientsPerTransaction,
    max_message_size: messageBytesMax,
  } = effective;
  if (fields.burst !== undefined && rate.length === 0) faults.push({ ...placeOf("burst"), text: "needs a rate: set rate too" });
  const set = (Object.keys(limitsShape) as (keyof typeof limitsShape)[]).some((key) => effective[key] !== undefined);
  if (!set && Object.keys(domains).length === 0 && !warmUp) return undefined;
  return {
    rates: rate,
    burst: more,
    ...(messagesPerConnection !== undefined && { messagesPerConnection }),
    ...(recipientsPerTransaction !== undefined && { recipientsPerTransaction }),
    ...(messageBytesMax !== undefined && { messageBytesMax }),
    domains,
    ...(warmUp && { warmUp }),
  };
}
