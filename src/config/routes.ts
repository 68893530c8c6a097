// The file's `routes`: each rule with its conditions and its relays, and what the relays of all rules must agree with.
import { z } from "zod";
import { tenantPattern } from "../domain/keys.ts";
import { lanes, tagPattern } from "../domain/message.ts";
import type { RelayConfig } from "../domain/relay.ts";
import { shadowsOf } from "../domain/routeCoverage.ts";
import type { Route } from "../domain/routes.ts";
import { type ConfigFault, inside, nearest, type Place } from "./faults.ts";
import { entriesOf, readFields, type Tree } from "./fields.ts";
import { domainPattern, oneOf, oneOrMore, scalar, wholeNumber } from "./values.ts";

/** A rule and where it stands. */
export type ReadRoute = { route: Route; at: Place };

const relaysRule = "must be a list of relays' names, like [ses, office], or of their weights, like { ses: 3, office: 1 }";
const weightMax = 1_000;

const namesOfRelays = z
  .array(
    z.string({
      error: ({ input }) =>
        input instanceof Map
          ? "must be a relay's name: with weights the whole list is a mapping, like { ses: 3, office: 1 }"
          : "must be a relay's name",
    }),
    { error: relaysRule },
  )
  .min(1, { error: "needs at least one relay" });

const weightsOfRelays = z.map(z.string(), wholeNumber({ min: 0, max: weightMax })).superRefine((weights, context) => {
  if (weights.size === 0) context.addIssue({ code: "custom", message: "needs at least one relay" });
  else if ([...weights.values()].every((weight) => weight === 0))
    context.addIssue({ code: "custom", message: "needs at least one relay with a weight above 0" });
});

const routeShape = {
  from_domain: oneOrMore(domainPattern),
  to_domain: oneOrMore(domainPattern),
  tag: oneOrMore(scalar("a tag: 1 to 64 of A-Z a-z 0-9 _ . : -", (text) => (tagPattern.test(text) ? text : undefined))),
  lane: oneOrMore(oneOf(lanes)),
  tenant: oneOrMore(
    scalar("a tenant's name: 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit", (text) =>
      tenantPattern.test(text) ? text : undefined,
    ),
  ),
  key: oneOrMore(scalar("a key's id or name, of 1 to 100 characters", (text) => (/^\P{Cc}{1,100}$/u.test(text) ? text : undefined))),
  relays: z.custom<Tree>(() => true),
};

function readRelays(tree: Tree, at: Place, faults: ConfigFault[]): Pick<Route, "relays" | "weights"> | undefined {
  const read = tree instanceof Map ? weightsOfRelays.safeParse(tree) : namesOfRelays.safeParse(tree);
  for (const { path, message } of read.error?.issues ?? []) {
    faults.push({ ...path.reduce<Place>((place, step) => inside(place, step as string | number), at), text: message });
  }
  if (!read.success) return undefined;
  if (Array.isArray(read.data)) return { relays: read.data };
  return { relays: [...read.data.keys()], weights: Object.fromEntries(read.data) };
}

/** Reads the rules, adding every fault; what is returned holds those that name relays. */
export function readRoutes(tree: Tree | undefined, at: Place, faults: ConfigFault[]): ReadRoute[] {
  if (tree === undefined || tree === "") return [];
  if (!Array.isArray(tree)) {
    faults.push({ ...at, text: "must be a list of rules, like [{ to_domain: example.com, relays: [office] }]" });
    return [];
  }
  return tree.flatMap((rule, index) => {
    const place = inside(at, index);
    const { relays, ...conditions } = readFields({ shape: routeShape, tree: rule, at: place, faults });
    if (entriesOf(rule)?.has("relays") === false) faults.push({ ...place, text: "names no relays: set relays" });
    const read = relays === undefined ? undefined : readRelays(relays, inside(place, "relays"), faults);
    return read ? [{ route: { ...conditions, ...read }, at: place }] : [];
  });
}

/** Adds a fault for each relay that a rule names and that is unknown, or named before. */
export function checkRelaysOfRoutes(routes: readonly ReadRoute[], known: readonly string[], faults: ConfigFault[]): void {
  for (const { route, at } of routes) {
    for (const [index, name] of route.relays.entries()) {
      const place = inside(inside(at, "relays"), route.weights ? name : index);
      const meant = nearest(name, known);
      const advice = meant ? `did you mean ${meant}?` : known.length > 0 ? `there are ${known.join(", ")}` : "there is none at all";
      if (!known.includes(name)) faults.push({ ...place, text: `no relay has this name: ${advice}` });
      else if (route.relays.indexOf(name) < index)
        faults.push({ ...place, text: "names a relay that the rule names before: leave it out" });
    }
  }
}

/**
 * The rules as they are used: the relay of SMTP_URL is last in each that does not name it; without rules all relays, in order, carry
 * everything.
 */
export function settleRoutes(rules: readonly ReadRoute[], relays: readonly RelayConfig[], smtpRelay: RelayConfig | undefined): Route[] {
  if (rules.length === 0) return relays.length === 0 ? [] : [{ relays: relays.map(({ name }) => name) }];
  return rules.map(({ route }) => {
    const last = smtpRelay && !route.relays.includes(smtpRelay.name) ? [smtpRelay.name] : [];
    return { ...route, relays: [...route.relays, ...last] };
  });
}

/** What is allowed and yet can hardly be meant: rules that never match, relays that no rule uses. In the order of the file. */
export function routeWarnings(rules: readonly ReadRoute[], relayNames: readonly string[], root: Place): ConfigFault[] {
  if (rules.length === 0) return [];
  const warnings: ConfigFault[] = [];
  const used = new Set<string>();
  const routes = rules.map(({ route }) => route);
  for (const [index, { route, at }] of rules.entries()) {
    const shadows = shadowsOf(routes, index);
    if (shadows === undefined) for (const relay of route.relays) used.add(relay);
    else warnings.push({ ...at, text: shadowed(shadows.map((shadow) => rules[shadow]?.at.path ?? "")) });
  }
  const unused = relayNames.filter((name) => !used.has(name));
  return [
    ...unused.map((name) => ({
      ...inside(inside(root, "relays"), name),
      text: "no rule of routes that can match uses this relay: only messages that name it go there",
    })),
    ...warnings,
  ];
}

function shadowed(by: readonly string[]): string {
  const takes = by.length === 1 ? `${by[0]} takes` : `${by.slice(0, -1).join(", ")} and ${by.at(-1)} together take`;
  return `can never match, because ${takes} everything that it would: move it up, or leave it out`;
}
