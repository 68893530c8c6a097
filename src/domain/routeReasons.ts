// Why a message takes the way that it takes, in words for people.
import { domainOf } from "./address.ts";
import type { RelayKnowledge } from "./dispatchPlan.ts";
import { conditionNames, fulfilled, type Route, type RoutedMessage, type Routing, weightOf } from "./routes.ts";
import { formatSize } from "./units.ts";

/** Why these relays, in this order, may carry a recipient's mail. Rules are counted from 0. */
export function whyRouted(routes: readonly Route[], message: RoutedMessage, recipient: string, { rule }: Routing): string {
  const route = rule === undefined ? undefined : routes[rule];
  if (!route) return "the message names its relay, and no other may carry it";
  const reasons = conditionNames.flatMap((name) => {
    const value = fulfilled(route, name, message, recipient);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  const held = reasons.length > 0 ? `rule ${rule} is the first that holds: ${reasons.join(", ")}` : `rule ${rule} holds for everything`;
  if (!route.weights) return held;
  const weights = route.relays.map((relay) => `${relay} ${weightOf(route, relay)}`).join(", ");
  return `${held}; its weights (${weights}) give this message its order of relays`;
}

/**
 * Why a dispatch goes to its relay first, and why its recipients are by themselves.
 * @param relays as the route names them
 * @param bytes size of the message
 */
export function whyDispatched(
  { relay, relays, bytes, recipients }: { relay: string; relays: readonly string[]; bytes: number; recipients: readonly string[] },
  { limitsOf, available }: RelayKnowledge,
): string {
  const down = (name: string) => !(available?.(name) ?? true);
  const passedOver = relays.slice(0, relays.indexOf(relay)).map((name) => {
    const bytesMax = limitsOf?.(name)?.messageBytesMax ?? Number.POSITIVE_INFINITY;
    return bytes > bytesMax ? `${name} takes only ${formatSize(bytesMax)} a message` : `${name} is not available at the moment`;
  });
  const reasons = [...passedOver, passedOver.length > 0 ? `${relay} is next` : `${relay} comes first`];
  if (down(relay)) reasons.push("none is available at the moment");
  const limits = limitsOf?.(relay);
  const domain = domainOf(recipients[0] ?? "");
  if (limits && Object.hasOwn(limits.domains, domain)) reasons.push(`${relay} has limits of its own for ${domain}`);
  const recipientsMax = limits?.recipientsPerTransaction;
  if (recipientsMax !== undefined && recipients.length >= recipientsMax)
    reasons.push(`${relay} takes ${recipientsMax} recipients at a time`);
  return reasons.join("; ");
}
