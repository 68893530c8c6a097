// Which relays may carry a recipient's mail, in order of preference. It needs nothing but what the ledger keeps of a message,
// so that the answer can be found again at any later time, by the routes as they are then.
import { createHash } from "node:crypto";
import { domainOf } from "./address.ts";
import { isKeyId } from "./keys.ts";
import type { Lane, MessageRecord } from "./message.ts";

type OneOrMore<Value> = Value | readonly Value[];

/** What a rule may ask of a message and its recipient. A condition that is absent holds for everything; of a list one value is enough. */
export type RouteConditions = {
  /**
   * The domain of the header `from`, or of the recipient. Canonical (lower case, ASCII form); `*.example.com` stands for every sub-domain
   * of example.com at any depth, but not for example.com itself.
   */
  from_domain?: OneOrMore<string>;
  to_domain?: OneOrMore<string>;
  /** One of the message's tags. */
  tag?: OneOrMore<string>;
  lane?: OneOrMore<Lane>;
  tenant?: OneOrMore<string>;
  /**
   * The key that the message came with: its id, or the name that it was given. What reads as an id is never taken for a name.
   * A name is free for every tenant to give, so it says whose mail it is only together with `tenant`.
   */
  key?: OneOrMore<string>;
};

/** One rule. */
export type Route = RouteConditions & {
  relays: readonly string[];
  /** By relay: its share of the messages. A relay without a share, or with 0, only stands in for the others. Absent: `relays` in their order. */
  weights?: Readonly<Record<string, number>>;
};

/** What the choice of relays needs of a message. `relay`: the one that the message names. */
export type RoutedMessage = Pick<MessageRecord, "id" | "tenant" | "key_id" | "key_name" | "from" | "lane" | "tags" | "relay">;

/** The relays that may carry a recipient's mail, first choice first, and the rule that says so; no rule: the message names its relay. */
export type Routing = { rule: number | undefined; relays: readonly string[] };

/**
 * The relays for one recipient: those of the first rule whose conditions all hold, or the one that the message names, to which there is
 * no alternative. Undefined if no rule holds. The same message and routes always give the same answer.
 * @param recipient canonical address
 */
export function relaysFor(routes: readonly Route[], message: RoutedMessage, recipient: string): Routing | undefined {
  if (message.relay !== undefined) return { rule: undefined, relays: [message.relay] };
  const rule = routes.findIndex((route) => conditionNames.every((name) => conditionHolds(route, name, message, recipient)));
  const route = routes[rule];
  return route && { rule, relays: inOrder(route, message.id) };
}

export const conditionNames = ["from_domain", "to_domain", "tag", "lane", "tenant", "key"] as const;

export type ConditionName = (typeof conditionNames)[number];

/** The values of a rule's condition, undefined where the rule has no such condition. */
export function conditionValues(route: RouteConditions, name: ConditionName): readonly string[] | undefined {
  const values = route[name];
  return values === undefined || typeof values !== "string" ? values : [values];
}

/** The value of a condition that a message and its recipient fulfil; undefined if there is none. */
export function fulfilled(route: RouteConditions, name: ConditionName, message: RoutedMessage, recipient: string): string | undefined {
  return conditionValues(route, name)?.find((value) => fulfils(value, name, message, recipient));
}

function conditionHolds(route: RouteConditions, name: ConditionName, message: RoutedMessage, recipient: string): boolean {
  return route[name] === undefined || fulfilled(route, name, message, recipient) !== undefined;
}

function fulfils(value: string, name: ConditionName, message: RoutedMessage, recipient: string): boolean {
  switch (name) {
    case "from_domain":
      return domainMatches(value, domainOf(message.from));
    case "to_domain":
      return domainMatches(value, domainOf(recipient));
    case "tag":
      return message.tags.includes(value);
    case "lane":
      return value === message.lane;
    case "tenant":
      return value === message.tenant;
    case "key":
      return value === message.key_id || (value === message.key_name && !isKeyId(value));
  }
}

function domainMatches(pattern: string, domain: string): boolean {
  return pattern.startsWith("*.") ? domain.length > pattern.length - 1 && domain.endsWith(pattern.slice(1)) : domain === pattern;
}

/**
 * A rule's relays in the order in which they are tried for a message. With weights each comes first for its share of all messages, and
 * second for its share of those whose first choice is another one, and so on: so a failing relay's mail is spread by the weights too.
 * (Weighted rendezvous hashing: a relay that is added or taken away moves no message between the others.)
 */
function inOrder(route: Route, messageId: string): readonly string[] {
  if (route.weights === undefined) return route.relays;
  const ranked = route.relays.map((relay) => ({ relay, rank: lot(messageId, relay, weightOf(route, relay)) }));
  return ranked.sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank)).map(({ relay }) => relay);
}

/** A relay's weight in a weighted rule. */
export function weightOf({ weights = {} }: Route, relay: string): number {
  return Object.hasOwn(weights, relay) ? (weights[relay] ?? 0) : 0;
}

const lots = 2 ** 48;

/** A relay's draw for a message: exponentially distributed with the weight as its rate, so that the least of several is fairly each one's. */
function lot(messageId: string, relay: string, weight: number): number {
  if (weight <= 0) return Number.POSITIVE_INFINITY;
  const drawn = createHash("sha256").update(`${messageId}\0${relay}`).digest().readUIntBE(0, 6);
  return -Math.log((drawn + 0.5) / lots) / weight;
}
