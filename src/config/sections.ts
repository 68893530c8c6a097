// The sections of the file, each read key by key. A section that is missing has no keys; defaults are applied where all is known.
import { z } from "zod";
import type { RelayConfig } from "../domain/relay.ts";
import type { Route } from "../domain/routes.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { entriesOf, type Fields, readFields, type Tree } from "./fields.ts";
import { notYetSupported } from "./later.ts";
import { type Limits, readLimits } from "./limits.ts";
import { readRelay } from "./relays.ts";
import { domainPattern, duration, flag } from "./values.ts";
import { variableNames } from "./variables.ts";

const anything = z.custom<Tree>(() => true);
const fileShape = { relays: anything, routes: anything, retry: anything, timeouts: anything, webhooks: anything, limits: anything };

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
const webhookShape = { allow_private: flag };

const namedRelay = z.string({
  error: ({ input }) =>
    input instanceof Map ? "weighted relays are not supported yet in this version: name the relay alone" : "must be a relay's name",
});
const routeShape = {
  from_domain: domainPattern,
  to_domain: domainPattern,
  relays: z
    .array(namedRelay, { error: "must be a list of relays' names, like [ses, office]" })
    .min(1, { error: "needs at least one relay" }),
};

export type FileSections = {
  /** Every relay that the file names, faulty ones too: what a route may refer to. */
  relayNames: string[];
  relays: RelayConfig[];
  routes: { route: Route; at: Place }[];
  retry: Fields<typeof retryShape>;
  timeouts: Fields<typeof timeoutShape>;
  webhooks: Fields<typeof webhookShape>;
  limits: Limits;
};

function hint(key: string): string | undefined {
  const name = key.toUpperCase();
  const variable = variableNames.find((known) => known === name || known === `POSTERN_${name}`);
  return variable && `this is not set in the file but by the variable ${variable}`;
}

function readRoutes(tree: Tree | undefined, at: Place, faults: ConfigFault[]): FileSections["routes"] {
  if (tree === undefined || tree === "") return [];
  if (!Array.isArray(tree)) {
    faults.push({ ...at, text: "must be a list of rules, like [{ to_domain: example.com, relays: [office] }]" });
    return [];
  }
  return tree.flatMap((rule, index) => {
    const place = inside(at, index);
    const { relays, ...conditions } = readFields({ shape: routeShape, tree: rule, at: place, faults, later: notYetSupported.route });
    if (entriesOf(rule)?.has("relays") === false) faults.push({ ...place, text: "names no relays: set relays" });
    return relays ? [{ route: { ...conditions, relays }, at: place }] : [];
  });
}

/** Reads the file's sections, adding every fault; what is returned holds what was readable. */
export function readSections(tree: Tree | undefined, source: string, faults: ConfigFault[]): FileSections {
  const root: Place = { source, path: "" };
  const file = readFields({ shape: fileShape, tree, at: root, faults, later: notYetSupported.file, hint });
  const section = (key: keyof typeof fileShape) => ({ tree: file[key], at: inside(root, key), faults });

  const relayTrees = entriesOf(file.relays);
  if (!relayTrees)
    faults.push({ ...inside(root, "relays"), text: "must be a mapping of names to relays, like { office: { host: smtp.example.com } }" });
  const relays: RelayConfig[] = [];
  for (const [name, relay] of relayTrees ?? []) {
    const read = readRelay(name, relay, inside(inside(root, "relays"), name), faults);
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
  };
}
