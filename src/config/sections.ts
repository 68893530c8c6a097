// The sections of the file, each read key by key. A section that is missing has no keys; defaults are applied where all is known.
import { z } from "zod";
import type { DkimKey } from "../domain/dkim.ts";
import type { InboundConfig } from "../domain/notification.ts";
import type { RelayConfig } from "../domain/relay.ts";
import { readDkimKeys } from "./dkim.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Tree } from "./fields.ts";
import { readInbound } from "./inbound.ts";
import { type Limits, readLimits } from "./limits.ts";
import { readRelay } from "./relays.ts";
import { type ReadRoute, readRoutes } from "./routes.ts";
import { causeHint, suppressionShape } from "./suppression.ts";
import { anything, duration, flag, mailAddress, wholeNumber } from "./values.ts";
import { type ReadFile, variableNames } from "./variables.ts";

const fileShape = {
  relays: anything,
  routes: anything,
  retry: anything,
  timeouts: anything,
  webhooks: anything,
  limits: anything,
  durability: anything,
  suppression: anything,
  reports: anything,
  inbound: anything,
  dkim: anything,
};

const dayMs = 86_400_000;
const someTime = duration({ minMs: 1 });
/** A timer of Node holds 24 days at most; a session that needs more than one is not alive. */
const timeout = duration({ minMs: 1, maxMs: dayMs });

const retryShape = {
  expire_after: someTime,
  schedule: z
    .array(someTime, { error: "must be a list of durations, like [1m, 5m, 15m]" })
    .min(1, { error: "needs at least one duration" }),
};
const timeoutShape = {
  connect: timeout,
  command: timeout,
  after_dot: timeout,
  attempt: timeout,
  // Owners beat a few times within a lease: a shorter one would be lost by a slow moment.
  owner_lease: duration({ minMs: 1_000, maxMs: dayMs }),
};
const durabilityShape = {
  wait_replicas: wholeNumber({ min: 0, max: 100 }),
  wait_fsync: flag,
  // A request is answered within two seconds, whatever happens.
  wait_timeout: duration({ minMs: 10, maxMs: 1_500 }),
};
const webhookShape = {
  allow_private: flag,
  timeout: duration({ minMs: 1_000, maxMs: 60_000 }),
};
const reportShape = {
  addresses: z.array(mailAddress, { error: "must be a list of addresses, like [fbl@example.com]" }),
};

export type FileSections = {
  /** Every relay that the file names, faulty ones too: what a route may refer to. */
  relayNames: string[];
  relays: RelayConfig[];
  routes: ReadRoute[];
  retry: Fields<typeof retryShape>;
  timeouts: Fields<typeof timeoutShape>;
  webhooks: Fields<typeof webhookShape>;
  limits: Limits;
  suppression: Fields<typeof suppressionShape>;
  durability: { given: Fields<typeof durabilityShape>; at: Place };
  reports: Fields<typeof reportShape>;
  inbound: InboundConfig;
  /** The file's path, for faults that show only together with other settings. */
  source: string;
  dkim: DkimKey[];
};

function hint(key: string): string | undefined {
  const name = key.toUpperCase();
  const variable = variableNames.find((known) => known === name || known === `POSTERN_${name}`);
  return variable && `this is not set in the file but by the variable ${variable}`;
}

/** Reads the file's sections, adding every fault; what is returned holds what was readable. `readFile` takes a path as the file gives it. */
export function readSections(tree: Tree | undefined, source: string, faults: ConfigFault[], readFile: ReadFile): FileSections {
  const root: Place = { source, path: "" };
  const file = readFields({ shape: fileShape, tree, at: root, faults, hint });
  const section = (key: keyof typeof fileShape) => ({ tree: file[key], at: inside(root, key), faults });

  const relayTrees = entriesOf(file.relays);
  if (!relayTrees)
    faults.push({ ...inside(root, "relays"), text: "must be a mapping of names to relays, like { office: { host: smtp.example.com } }" });
  const relays: RelayConfig[] = [];
  for (const [name, relay] of relayTrees ?? []) {
    const read = readRelay(name, relay, { at: inside(inside(root, "relays"), name), faults, readFile });
    if (read) relays.push(read);
  }
  return {
    relayNames: [...(relayTrees?.keys() ?? [])],
    relays,
    routes: readRoutes(file.routes, inside(root, "routes"), faults),
    retry: readFields({ shape: retryShape, ...section("retry") }),
    timeouts: readFields({ shape: timeoutShape, ...section("timeouts") }),
    webhooks: readFields({ shape: webhookShape, ...section("webhooks") }),
    limits: readLimits(file.limits, inside(root, "limits"), faults),
    suppression: readFields({ shape: suppressionShape, ...section("suppression"), hint: causeHint }),
    durability: { given: readFields({ shape: durabilityShape, ...section("durability") }), at: inside(root, "durability") },
    reports: readFields({ shape: reportShape, ...section("reports") }),
    inbound: readInbound(file.inbound, { at: inside(root, "inbound"), faults, readFile }),
    source,
    dkim: readDkimKeys(file.dkim, { at: inside(root, "dkim"), faults, readFile }),
  };
}
