// Mail addresses as reports write them: bracketed, commented, encoded, cut short. What comes out was written by a stranger:
// it is good for finding a recipient of ours, not for sending to.

/** One address in running text. Sources for larger expressions; every repetition is bounded. */
export const addressSource = String.raw`(?:"[^"\s<>]{1,62}"|[^\s<>()\[\]\\,;:"'@（）：。，]{1,64})@[^\s<>()\[\]\\,;:"'@*=|（）：。，]{1,255}`;

const inText = new RegExp(addressSource, "g");
const inBrackets = /<([^<>\s@]{1,64}@[^<>\s@]{1,255}|"[^"<>]{1,64}"@[^<>\s@]{1,255})>/;

/** The domain in lower case, the dot of a sentence's end taken off; undefined where it is no address of a mailbox. */
export function tidyAddress(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  const local = address
    .slice(0, at)
    .replace(/^[*•·'`]{1,3}/, "")
    .replace(/^mailto:/i, "");
  const domain = address
    .slice(at + 1)
    .replace(/[.…!?'`)\]}>]{1,5}$/, "")
    .toLowerCase();
  const whole = local.startsWith('"') ? local.endsWith('"') && local.length > 2 : /^[^\s@|/][^\s@]{0,63}$/.test(local);
  return whole && domain !== "" && !/\s/.test(domain) ? `${local}@${domain}` : undefined;
}

/** The first address in a text, the bracketed one first; undefined if there is none. Only the first 1,000 characters count. */
export function firstAddress(text: string): string | undefined {
  const bounded = text.slice(0, 1_000);
  const found = inBrackets.exec(bounded)?.[1] ?? bounded.match(inText)?.[0];
  return found === undefined ? undefined : tidyAddress(found);
}

/** Every address in a text in order, each once. Only the first 20,000 characters count. */
export function addressesIn(text: string): string[] {
  const found = (text.slice(0, 20_000).match(inText) ?? []).map(tidyAddress);
  return [...new Set(found.filter((address) => address !== undefined))];
}

/** Undoes xtext (RFC 3461, section 4). */
export function decodeXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Undoes the forms of an address in UTF-8 that are limited to ASCII: `\x{4E00}` (RFC 6533, section 3). */
function decodeUnitext(text: string): string {
  return text.replace(/\\x\{([0-9A-F]{2,6})\}/gi, (whole, hex: string) => {
    const codePoint = Number.parseInt(hex, 16);
    return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : whole;
  });
}

/**
 * The address in a Final-Recipient or Original-Recipient field (RFC 3464, section 2.3.1: `rfc822; user@example.com`;
 * RFC 6533: `utf-8; …`), also where the type is missing or the address is bracketed; undefined if there is none.
 */
export function typedAddress(value: string): string | undefined {
  const [, type = "", rest = value] = /^\s{0,10}([\w-]{1,40})\s{0,10};\s{0,10}(.{0,2000})$/s.exec(value) ?? [];
  const bounded = rest.slice(0, 1_000).trim();
  const text = /^utf-?8$/i.test(type) ? decodeUnitext(bounded) : bounded;
  const plain = /^<?("[^"]{1,64}"@[^\s<>()@]{1,255})/.exec(text)?.[1];
  if (plain) return tidyAddress(plain);
  return firstAddress(text) ?? (text.includes("+40") ? firstAddress(decodeXtext(text)) : undefined);
}
