// Which relays may carry a recipient's mail, in order of preference.

/**
 * One rule. A condition that is absent holds for everything. A domain is canonical (lower case, ASCII form);
 * `*.example.com` stands for every sub-domain of example.com at any depth, but not for example.com itself.
 */
export type Route = { from_domain?: string; to_domain?: string; relays: string[] };

function holds(pattern: string | undefined, domain: string): boolean {
  if (pattern === undefined) return true;
  return pattern.startsWith("*.") ? domain.length > pattern.length - 1 && domain.endsWith(pattern.slice(1)) : domain === pattern;
}

/**
 * The first rule whose conditions all hold, by its index, and that rule's relays; undefined if none does.
 * @param domains canonical domains of the sender (header `from`) and of the recipient
 */
export function routeRecipient(
  routes: readonly Route[],
  domains: { fromDomain: string; toDomain: string },
): { rule: number; relays: string[] } | undefined {
  for (const [rule, route] of routes.entries()) {
    if (holds(route.from_domain, domains.fromDomain) && holds(route.to_domain, domains.toDomain)) return { rule, relays: route.relays };
  }
  return undefined;
}
