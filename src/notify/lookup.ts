// Resolving an endpoint's name for its connection. Every address is judged here, and the connection is made to the very addresses that
// were judged: a name that answers otherwise the next time (DNS rebinding) gains nothing.
import type { LookupAddress } from "node:dns";
import { Resolver, lookup as systemLookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { refusedAddress, type WebhookTargets } from "../domain/webhookUrl.ts";

/** All addresses of a name; rejects if it has none. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** The error's code when a name leads where no webhook may go. */
export const refusedCode = "ERR_ADDRESS_REFUSED";

const dnsTimeoutMs = 2_000;

/**
 * Public names are asked of the DNS directly: the system's own lookup blocks one of a few threads that the whole process shares, and
 * customers' name servers may be as slow as they like. Where private targets are allowed, their names may stand in a hosts file.
 */
export function resolverFor(targets: WebhookTargets): Resolve {
  return targets === "public" ? resolveByDns : (hostname) => systemLookup(hostname, { all: true });
}

async function resolveByDns(hostname: string): Promise<LookupAddress[]> {
  const resolver = new Resolver({ timeout: dnsTimeoutMs, tries: 2 });
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const found: LookupAddress[] = [];
  if (four.status === "fulfilled") found.push(...four.value.map((address) => ({ address, family: 4 })));
  if (six.status === "fulfilled") found.push(...six.value.map((address) => ({ address, family: 6 })));
  if (found.length === 0 && four.status === "rejected") throw four.reason;
  return found;
}

/** A `lookup` for `net.connect` that fails with `refusedCode` unless every address of the name may be reached. */
export function guardedLookup(targets: WebhookTargets, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    const answer = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => {
      const [first] = addresses;
      if (error || !first) callback(error ?? withCode(`${hostname} has no address`, "ENOTFOUND"), []);
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    };
    resolve(hostname).then(
      (addresses) => {
        const refused = addresses.find(({ address }) => refusedAddress(address, targets) !== undefined);
        answer(
          refused ? withCode(`${hostname} leads to an address that ${refusedAddress(refused.address, targets)}`, refusedCode) : null,
          addresses,
        );
      },
      (error: NodeJS.ErrnoException) => answer(error, []),
    );
  };
}

function withCode(message: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
