// Where a webhook may point. Customers choose the URL, so it must not become their way into the network that Postern stands in.
// What is checked here is text and addresses; whoever connects checks what a name resolved to with the same function.
import ipaddr from "ipaddr.js";

/** `public`: the internet alone; `loopback`: this machine too; `any`: every network that can be reached. */
export type WebhookTargets = "public" | "loopback" | "any";

const urlLengthMax = 2_048;

/** All that IANA has given out as global unicast addresses; the special ranges in it are known to ipaddr.js. */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");
/** Azure's platform address: public by its number, but it answers every virtual machine with that machine's own secrets. */
const azurePlatform = "168.63.129.16";

/**
 * Judges one IP address, in any spelling of its own family (`10.0.0.1`, `fe80::1%eth0`).
 * @returns why it is refused, as the end of a sentence, or undefined when a webhook may point there.
 * Not public are the ranges of RFC 6890 and its successors: private, loopback, link-local, CGNAT, multicast, reserved, and the IPv6
 * forms that carry an IPv4 address (mapped, NAT64, 6to4, Teredo), whatever that address is.
 */
export function refusedAddress(address: string, targets: WebhookTargets): string | undefined {
  if (targets === "any") return undefined;
  if (!ipaddr.isValid(address)) return "is no IP address";
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range === "loopback" && targets === "loopback") return undefined;
  const unassigned = parsed instanceof ipaddr.IPv6 && !parsed.match(globalUnicast);
  if (range === "unicast" && !unassigned && parsed.toString() !== azurePlatform) return undefined;
  return `is not a public address (${range === "unicast" ? "reserved" : range})`;
}

/** The IP address that a URL's host is, in normal form, or undefined when it is a name. `127.1` and `0x7f.1` have become `127.0.0.1`. */
export function addressIn(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return ipaddr.isValid(host) ? host : undefined;
}

/**
 * Checks a webhook's URL as far as that goes without asking the DNS.
 * @returns what is wrong with it and what would be right, as one sentence, or undefined when nothing is
 */
export function checkWebhookUrl(text: string, targets: WebhookTargets): string | undefined {
  if (text.length > urlLengthMax) return `The URL is longer than ${urlLengthMax} characters.`;
  // The parser would drop or turn round these without a word, and read another host than a person does.
  if (/[\s\p{Cc}\\]/u.test(text)) return "The URL holds a space, a control character or a backslash: percent-encode it.";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) return "This is not a URL: give one like https://example.com/hooks.";
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return `The URL begins with ${url.protocol}: only https: and http: are possible.`;
  if (url.username !== "" || url.password !== "") {
    return "The URL holds a user name or password: leave them out and check the signature that every request carries.";
  }
  const address = addressIn(url);
  const fault = address === undefined ? refusedName(url.hostname, targets) : refusedAddress(address, targets);
  return fault === undefined ? undefined : `The host ${url.hostname} ${fault}: use an address that the internet reaches.`;
}

/** Names that never leave the machine (RFC 6761 section 6.3). What any other name stands for shows when it is resolved. */
function refusedName(host: string, targets: WebhookTargets): string | undefined {
  const isLocal = /(^|\.)localhost\.?$/.test(host);
  return isLocal && targets === "public" ? "is this machine itself (loopback)" : undefined;
}
