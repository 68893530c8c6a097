// Who may be written to: return paths of ours, postmaster, and the addresses that reports are sent to. Everybody else is refused at RCPT.
import { addressKey, domainOf } from "../domain/address.ts";
import type { ReadReturnPath, ReturnPath } from "../domain/returnPath.ts";

/** `returnPath`: the token and what it says; without it the report's own content has to say what it is about. */
export type Addressee =
  | { kind: "taken"; returnPath?: { token: string; path: ReturnPath } }
  | { kind: "refused"; code: number; text: string };

export type AddresseeOptions = {
  /** Of the return paths; canonical. */
  domain: string;
  /** Further addresses, canonical. */
  addresses: readonly string[];
  readReturnPath(localPart: string): ReadReturnPath;
};

/** Makes the judge of recipients. It looks nothing up: what is forged costs a hash. */
export function createAddressees({ domain, addresses, readReturnPath }: AddresseeOptions): (address: string) => Addressee {
  // RFC 5321, section 4.5.1: postmaster is taken with and without a domain.
  const known = new Set(["postmaster", `postmaster@${domain}`, ...addresses.map(addressKey)]);
  return (address) => {
    const key = addressKey(address);
    if (known.has(key)) return { kind: "taken" };
    if (domainOf(key) !== domain) return { kind: "refused", code: 550, text: "5.7.1 This server takes reports on its own mail only" };
    const token = key.slice(0, key.lastIndexOf("@"));
    const read = readReturnPath(token);
    if (read.kind === "valid") return { kind: "taken", returnPath: { token, path: read.returnPath } };
    const text = read.kind === "expired" ? "5.1.1 This return path has expired" : "5.1.1 There is no such return path";
    return { kind: "refused", code: 550, text };
  };
}
