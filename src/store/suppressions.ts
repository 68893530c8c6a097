// Suppressions in the store: what callers add, lift, look up, list and move by the million. What bounces suppresses by itself in the
// ledger's scripts.
import { type Suppression, type SuppressionReason, suppressionKey } from "../domain/suppression.ts";
import type { Connection } from "./connection.ts";
import { loadScript, runScript } from "./scripts.ts";

/** A suppression to add. `expires_at` absent: for good. */
export type SuppressionInput = Pick<Suppression, "address" | "list" | "reason" | "source" | "category" | "expires_at"> & {
  created_at?: number;
};

/** What came of it: a suppression only ever becomes stronger. */
export type SuppressionOutcome = "added" | "strengthened" | "unchanged";

export type SuppressionFilter = {
  reason?: SuppressionReason;
  list?: string;
  /** What the address begins with; the page is then in the order of the addresses, else newest first. */
  addressPrefix?: string;
};

export type SuppressionPage = { suppressions: Suppression[]; nextCursor?: string };

/** A filtered page looks at no more rows than this; it may then be short and still have a cursor. */
const scanLimit = 10_000;
const scanStep = 500;
const sweepStep = 500;

const scripts = {
  add: loadScript("suppression-add"),
  remove: loadScript("suppression-remove"),
  sweep: loadScript("suppression-sweep"),
};

/** A row's name in the store, and where it stands in the order that is walked. */
type Place = { name: string; cursor: string };

/** The suppressions of all tenants on one shard. Every function rejects while Redis is away. */
export function createSuppressions({ redis, keys, clock }: Connection) {
  const logKeys = [keys.suppressions, keys.events, keys.sequence];

  /** The rows of these names that still count, in their order; what is gone meanwhile is left out. */
  async function load(tenant: string, names: readonly string[]): Promise<Map<string, Suppression>> {
    if (names.length === 0) return new Map();
    const found = await redis.hmget(keys.suppressionRows(tenant), ...names);
    const now = clock.now();
    return new Map(
      names.flatMap((name, index) => {
        const suppression = found[index] ? read(name, found[index]) : undefined;
        return suppression && (suppression.expires_at ?? Number.POSITIVE_INFINITY) > now ? [[name, suppression] as const] : [];
      }),
    );
  }

  /** The next names behind a cursor: newest first, or with a prefix in the order of the addresses. */
  async function walk(tenant: string, count: number, prefix: string | undefined, cursor: string | undefined): Promise<Place[]> {
    if (prefix === undefined) {
      const max = cursor === undefined ? "+inf" : `(${cursor}`;
      const flat = await redis.zrevrangebyscore(keys.suppressionsByTime(tenant), max, "-inf", "WITHSCORES", "LIMIT", 0, count);
      return flat.flatMap((name, index) => (index % 2 === 0 ? [{ name, cursor: flat[index + 1] as string }] : []));
    }
    const begin = suppressionKey(prefix);
    const min = cursor === undefined ? `[${begin}` : `(${Buffer.from(cursor.slice(1), "base64url")}`;
    // No text in UTF-8 has this octet.
    const max = Buffer.concat([Buffer.from(`(${begin}`), Buffer.from([0xff])]);
    const names = await redis.zrangebylex(keys.suppressionsByAddress(tenant), min, max, "LIMIT", 0, count);
    return names.map((name) => ({ name, cursor: `a${Buffer.from(name).toString("base64url")}` }));
  }

  async function add(tenant: string, rows: readonly SuppressionInput[], events: "each" | "together"): Promise<SuppressionOutcome[]> {
    const outcomes = await runScript(redis, scripts.add, logKeys, [tenant, JSON.stringify(rows), events]);
    return (outcomes as Buffer[]).map((outcome) => String(outcome) as SuppressionOutcome);
  }

  async function get(tenant: string, address: string, list?: string): Promise<Suppression | undefined> {
    const name = nameOf(address, list);
    return (await load(tenant, [name])).get(name);
  }

  return {
    /** The suppression of all mail to an address, or with a list that of the list; undefined if there is none. */
    get,

    /** Suppresses an address. Returns what then stands; undefined only if that was lifted at the same moment. */
    async add(tenant: string, input: SuppressionInput): Promise<{ outcome: SuppressionOutcome; suppression: Suppression | undefined }> {
      const [outcome] = await add(tenant, [input], "each");
      return { outcome: outcome as SuppressionOutcome, suppression: await get(tenant, input.address, input.list) };
    },

    /** Suppresses a slice of a file's addresses; one event tells how many changed. */
    addTogether: (tenant: string, rows: readonly SuppressionInput[]) => add(tenant, rows, "together"),

    /** Lifts a suppression. False if there is none. */
    async remove(tenant: string, address: string, list?: string): Promise<boolean> {
      return Number(await runScript(redis, scripts.remove, logKeys, [tenant, address, list ?? ""])) === 1;
    },

    /** A page of a tenant's suppressions. `cursor` is one that a page with the same filter returned (`isCursorOf`). */
    async list(tenant: string, filter: SuppressionFilter, limit: number, cursor?: string): Promise<SuppressionPage> {
      const suppressions: Suppression[] = [];
      const step = filter.reason === undefined && filter.list === undefined ? limit + 1 : scanStep;
      let behind = cursor;
      for (let scanned = 0; scanned < scanLimit; scanned += step) {
        const places = await walk(tenant, step, filter.addressPrefix, behind);
        const found = await load(
          tenant,
          places.map(({ name }) => name),
        );
        for (const { name, cursor: place } of places) {
          const suppression = found.get(name);
          if (suppression && matches(suppression, filter)) {
            // One more than asked for is looked for, so that the last page is known to be the last.
            if (suppressions.length === limit) return { suppressions, ...(behind !== undefined && { nextCursor: behind }) };
            suppressions.push(suppression);
          }
          behind = place;
        }
        if (places.length < step) return { suppressions };
      }
      return { suppressions, ...(behind !== undefined && { nextCursor: behind }) };
    },

    /** All of a tenant's suppressions, oldest first, slice by slice; what is added meanwhile comes too. */
    async *all(tenant: string): AsyncGenerator<Suppression[]> {
      for (let min = "-inf"; ; ) {
        const flat = await redis.zrangebyscore(keys.suppressionsByTime(tenant), min, "+inf", "WITHSCORES", "LIMIT", 0, scanStep);
        if (flat.length === 0) return;
        const found = await load(
          tenant,
          flat.filter((_, index) => index % 2 === 0),
        );
        yield [...found.values()];
        min = `(${flat.at(-1)}`;
      }
    },

    /** Takes away what has run out, a slice at a time. Returns how many went; fewer than the slice: there is no more. */
    async sweep(tenant: string): Promise<{ gone: number; more: boolean }> {
      const gone = Number(await runScript(redis, scripts.sweep, [keys.suppressions], [tenant, sweepStep]));
      return { gone, more: gone === sweepStep };
    },
  };
}

export type Suppressions = ReturnType<typeof createSuppressions>;

/** Whether a cursor belongs to a list with that prefix, or to one without. */
export function isCursorOf(cursor: string, addressPrefix: string | undefined): boolean {
  return (addressPrefix === undefined ? /^\d{1,17}$/ : /^a[A-Za-z0-9_-]{1,512}$/).test(cursor);
}

/** The row's name, as the scripts make it (suppression.lua, suppression_name). */
function nameOf(address: string, list: string | undefined): string {
  return list === undefined ? suppressionKey(address) : `${suppressionKey(address)}/${list}`;
}

function read(name: string, rowJson: string): Suppression {
  const slash = name.indexOf("/", name.lastIndexOf("@"));
  const named = slash < 0 ? { address: name } : { address: name.slice(0, slash), list: name.slice(slash + 1) };
  return { ...named, ...(JSON.parse(rowJson) as Omit<Suppression, "address" | "list">) };
}

function matches({ reason, list }: Suppression, filter: SuppressionFilter): boolean {
  return (filter.reason === undefined || reason === filter.reason) && (filter.list === undefined || list === filter.list);
}
