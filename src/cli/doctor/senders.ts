// Which domains mail is sent from, as far as the configuration tells, and with which signatures and return paths.
import type { Config } from "../../config.ts";
import type { RelayConfig } from "../../domain/relay.ts";
import { conditionValues } from "../../domain/routes.ts";
import type { SenderIdentity } from "./dmarcCheck.ts";

type Relevant = Pick<Config, "dkim" | "routes" | "relays" | "returnPathDomain">;

/** A relay's envelope sender is ours where there is a domain for it, unless the relay takes the message's own alone. */
const usesOwn = ({ returnPath }: RelayConfig, { returnPathDomain }: Relevant) => returnPathDomain !== undefined && returnPath !== "from";

/**
 * The sender domains: those of DKIM keys, those that routes name, and those asked for; each once.
 * @param asked canonical domains
 */
export function senderIdentities(config: Relevant, asked: readonly string[]): SenderIdentity[] {
  const routed = config.routes.flatMap((route) => conditionValues(route, "from_domain") ?? []).filter((domain) => !domain.startsWith("*."));
  const domains = new Set([...config.dkim.map(({ domain }) => domain), ...routed, ...asked]);
  return [...domains].map((fromDomain) => ({
    fromDomain,
    signingDomains: signingDomains(config, fromDomain),
    returnPathDomains: [...new Set(config.relays.map((relay) => (usesOwn(relay, config) ? (config.returnPathDomain ?? "") : fromDomain)))],
  }));
}

/** The domain's own keys, else those of the nearest domain above that sign for sub-domains too: as the signer chooses. */
function signingDomains({ dkim }: Relevant, fromDomain: string): string[] {
  for (let domain = fromDomain; ; domain = domain.slice(domain.indexOf(".") + 1)) {
    if (dkim.some((key) => key.domain === domain && (domain === fromDomain || key.subdomains))) return [domain];
    if (!domain.includes(".")) return [];
  }
}

/** The domains of envelope senders, and the relays that mail goes through with them. */
export function returnPathUses(config: Relevant, senders: readonly SenderIdentity[]): { domain: string; relays: RelayConfig[] }[] {
  const own = config.relays.filter((relay) => usesOwn(relay, config));
  const others = config.relays.filter((relay) => !own.includes(relay));
  return [
    ...(own.length > 0 && config.returnPathDomain !== undefined ? [{ domain: config.returnPathDomain, relays: own }] : []),
    ...(others.length > 0 ? senders.map(({ fromDomain }) => ({ domain: fromDomain, relays: others })) : []),
  ];
}
