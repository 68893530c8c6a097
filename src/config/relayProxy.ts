// A relay's proxy, as a URL like other tools take it.
import type { RelayProxy } from "../domain/relay.ts";
import type { ConfigFault, Place } from "./faults.ts";
import { takeAddress, takeUrl } from "./url.ts";

/** Ports where a URL names none; `h` and `a` mean that the proxy resolves names, which it always does here. */
const schemes: Readonly<Record<string, { kind: RelayProxy["kind"]; port: number }>> = {
  http: { kind: "http", port: 80 },
  https: { kind: "https", port: 443 },
  socks5: { kind: "socks5", port: 1080 },
  socks5h: { kind: "socks5", port: 1080 },
  socks: { kind: "socks5", port: 1080 },
  socks4: { kind: "socks4", port: 1080 },
  socks4a: { kind: "socks4", port: 1080 },
};

/** The proxy of a URL; undefined, with every fault added, if it is faulty. */
export function readProxy(text: string, at: Place, faults: ConfigFault[]): RelayProxy | undefined {
  const complain = (problem: string) => void faults.push({ ...at, text: problem });
  const taken = takeUrl(text.trim(), ["http", "https", "socks5", "socks5h", "socks", "socks4", "socks4a"]);
  if ("faults" in taken) {
    for (const problem of taken.faults) complain(problem);
    return undefined;
  }
  const { scheme, hosts, path, query, user, pass } = taken.value;
  const address = takeAddress(hosts);
  const { kind, port } = schemes[scheme] ?? {};
  if (!address || !kind || !port || !(path === "" || path === "/") || query.size > 0) {
    complain("must name one proxy as host, host:port or [IPv6]:port and have nothing behind it");
    return undefined;
  }
  if (user === undefined && pass !== undefined) complain("has a password but no user: give both or neither");
  // SOCKS4 knows a user's name alone.
  if (kind === "socks4" && pass !== undefined) complain("SOCKS4 takes no password: use socks5://, or leave it out");
  // Each has one octet for its length (RFC 1929, section 2).
  if (kind === "socks5" && [user, pass].some((part) => Buffer.byteLength(part ?? "") > 255))
    complain("SOCKS5 takes a user and a password of at most 255 bytes");
  return { kind, host: address.host, port: address.port ?? port, ...(user !== undefined && { auth: { user, pass: pass ?? "" } }) };
}
