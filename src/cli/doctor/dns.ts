// Asks DNS, and makes of every end of that a value: what was found, that there is nothing, or that nobody could tell.

import { Resolver } from "node:dns/promises";
import { isIP, isIPv6 } from "node:net";

/** `none`: the name or the record does not exist. `failed`: nobody knows; `why` completes "DNS …". */
export type Found<Value> = { kind: "found"; values: Value[] } | { kind: "none" } | { kind: "failed"; why: string };

export type Dns = {
  /** Each record's text, its strings joined without anything between them (RFC 7208, section 3.3; RFC 6376, section 3.6.2.2). */
  txt(name: string): Promise<Found<string>>;
  mx(name: string): Promise<Found<{ exchange: string; priority: number }>>;
  /** IPv4 and IPv6 addresses. */
  addresses(name: string): Promise<Found<string>>;
};

const timeoutMs = 3_000;
const tries = 2;

const failures: Readonly<Record<string, string>> = {
  ESERVFAIL: "answered with a failure (SERVFAIL): the zone may be broken, or its DNSSEC signatures",
  EREFUSED: "refused to answer",
  ETIMEOUT: "did not answer in time",
  ECONNREFUSED: "cannot be reached",
};

/**
 * Makes what asks.
 * @param server `host[:port]` to ask, an IP address (IPv6 with a port in brackets); default: those of this machine
 */
export function createDns(server?: string): Dns {
  const resolver = new Resolver({ timeout: timeoutMs, tries });
  if (server !== undefined) resolver.setServers([server]);

  async function ask<Value>(question: () => Promise<Value[]>): Promise<Found<Value>> {
    try {
      const values = await question();
      return values.length === 0 ? { kind: "none" } : { kind: "found", values };
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      if (code === "ENOTFOUND" || code === "ENODATA") return { kind: "none" };
      return { kind: "failed", why: failures[code] ?? `could not be asked (${code || message})` };
    }
  }

  return {
    txt: (name) => ask(async () => (await resolver.resolveTxt(name)).map((strings) => strings.join(""))),
    mx: (name) => ask(() => resolver.resolveMx(name)),
    async addresses(name) {
      const [four, six] = await Promise.all([ask(() => resolver.resolve4(name)), ask(() => resolver.resolve6(name))]);
      const values = [four, six].flatMap((found) => (found.kind === "found" ? found.values : []));
      if (values.length > 0) return { kind: "found", values };
      return four.kind === "failed" ? four : six.kind === "failed" ? six : { kind: "none" };
    },
  };
}

/** Whether a text names a DNS server as `createDns` takes it. */
export function isDnsServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, six, four, port] = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? [];
  return (six !== undefined ? isIPv6(six) : isIP(four ?? "") === 4) && Number(port) > 0 && Number(port) <= 65_535;
}
