// Mail addresses: what a mailbox in a request may look like, and the one canonical form that the rest of the house uses.
// Strict on purpose: one string is one mailbox. Groups, lists, comments, routes and domain literals are refused, so that
// no parser further down the way can read another recipient into what was accepted here.
import { isAscii } from "./ascii.ts";

/** A checked mailbox: the address with its domain as lowercase A-labels, the name as plain text (not as RFC 2047 words). */
export type Mailbox = { address: string; name?: string };

/** Why a value was refused: a clause that fits behind the name of its field and says the way out. */
export type Fault = { fault: string };

const addressOctetsMax = 254;
const localPartOctetsMax = 64;
const domainOctetsMax = 253;
const nameCharactersMax = 256;
/** A mailbox's text: name, address, and room for quoting each character of the name. */
const mailboxCharactersMax = 1024;

/** Dot-atom text (RFC 5322 section 3.2.3) with the non-ASCII characters that RFC 6532 section 3.2 adds. */
const dotAtom = /^[\w!#$%&'*+\-/=?^`{|}~\u0080-\u{10ffff}]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\u0080-\u{10ffff}]+)*$/u;
/** Characters that are invisible, unassigned or space: nothing that two people would type alike. */
const invisible = /[\p{C}\p{Z}]/u;
/** The letters, digits and hyphens of a host name's label (RFC 1035 section 2.3.1, RFC 1123 section 2.1). */
const hostLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** ASCII that no domain holds. A URL would decode some of it ("%41") or end its host there. */
const foreignToDomains = /[^A-Za-z0-9.\-\u0080-\u{10ffff}]/u;
/** Characters that IDNA mapping drops in silence; the joiners (200C, 200D) are left to its contextual rules. */
const mappedToNothing = /[^\P{Default_Ignorable_Code_Point}\u200c\u200d]/u;
/** One piece of a display name: a quoted string, or text without the specials of RFC 5322 section 3.2.3 but the dot. */
const namePiece = /"((?:[^"\\]|\\.)*)"|([^()<>[\]:;@\\,"]+)/uy;

/** A label outside ASCII and its A-label: in such company newer versions of Node check the A-labels of a name too, which they else take as they are. */
const company = { label: "ü", ascii: "xn--tda" };

/** The A-labels of a name outside ASCII by the mapping of UTS #46, as browsers do it; empty if it is no valid name. */
function toAscii(domain: string): string {
  try {
    return new URL(`http://${domain}.${company.label}`).hostname.slice(0, -company.ascii.length - 1);
  } catch {
    return "";
  }
}

/**
 * The canonical form of a domain: lowercase A-labels (RFC 5890), at least two of them.
 * @param text a domain as a caller wrote it, in ASCII or not
 */
export function checkDomain(text: string): { domain: string } | Fault {
  if (text === "") return { fault: "has no domain behind the @" };
  if (text.startsWith("[")) return { fault: "has an address literal for a domain; use a domain name" };
  if (text.includes(":")) return { fault: "has a colon in its domain; leave the port away" };
  if (text.endsWith(".")) return { fault: "has a domain that ends in a dot; leave the dot away" };
  if (foreignToDomains.test(text) || mappedToNothing.test(text)) return { fault: "has a character in its domain that no domain may hold" };
  const isPlain = /^[a-z0-9.-]*$/i.test(text) && !/xn--/i.test(text);
  const domain = isPlain ? text.toLowerCase() : toAscii(text);
  if (domain === "") return { fault: "has a domain that is no valid internationalised name (RFC 5891)" };
  const labels = domain.split(".");
  if (labels.some((label) => label.length > 63)) return { fault: "has a domain with a label of more than 63 octets" };
  if (!labels.every((label) => hostLabel.test(label))) {
    return { fault: "has a malformed domain; its labels are letters, digits and inner hyphens, with one dot between them" };
  }
  if (domain.length > domainOctetsMax) return { fault: `has a domain of more than ${domainOctetsMax} octets` };
  if (labels.length < 2) return { fault: "has a domain without a dot; use a full domain name like example.com" };
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return { fault: "has an IP address for a domain; use a domain name" };
  return { domain };
}

/** The local part as it stands in an envelope: quotes that quote nothing special fall away (RFC 5321 section 4.1.2). */
function checkLocalPart(text: string): { localPart: string } | Fault {
  const quoted = /^"(.*)"$/su.exec(text);
  const localPart = quoted?.[1] ?? text;
  if (localPart === "") return { fault: "has nothing before the @" };
  if (localPart.includes("=?")) return { fault: "has an encoded word in its address; write the address itself as plain text" };
  if (invisible.test(localPart) || !dotAtom.test(localPart)) {
    return {
      fault: quoted
        ? "has a quoted local part with characters that need the quotes; such addresses are not supported"
        : 'has a malformed local part (before the @): spaces, ()<>[]:;@\\," and leading, trailing or doubled dots are not allowed',
    };
  }
  if (Buffer.byteLength(localPart) > localPartOctetsMax) {
    return { fault: `has a local part (before the @) of more than ${localPartOctetsMax} octets` };
  }
  return { localPart };
}

/** The usual kind: whatever is checked below lets it pass as it is. Most of a message's checks would go into the two addresses that it has. */
const plainAddress = /^[\w+-]+(?:\.[\w+-]+)*@(?:(?!xn--)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/;
/** So short that no part of it can be too long. */
const plainMax = 60;

/**
 * One bare address, `local@domain`. The local part is kept as given, case too; the domain becomes canonical.
 * Lengths: RFC 5321 section 4.5.3.1 and its erratum 1690. A local part outside ASCII (RFC 6531) is allowed: see `needsSmtpUtf8`.
 */
export function checkAddress(text: string): { address: string } | Fault {
  if (text.length <= plainMax && plainAddress.test(text)) return { address: text };
  if (text === "") return { fault: "is empty; write an address like name@example.com" };
  if (/\p{Cc}/u.test(text)) return { fault: "contains a control character or a line break; remove it" };
  if (text.length > mailboxCharactersMax) return { fault: `is longer than an address may be (${addressOctetsMax} octets)` };
  const at = text.lastIndexOf("@");
  if (at < 0) return { fault: "has no @; write an address like name@example.com" };
  if (/[,;]/.test(text)) return { fault: "holds a comma or semicolon; give several addresses as a list, each a string of its own" };
  const local = checkLocalPart(text.slice(0, at));
  if ("fault" in local) return local;
  const domain = checkDomain(text.slice(at + 1));
  if ("fault" in domain) return domain;
  const address = `${local.localPart}@${domain.domain}`;
  if (Buffer.byteLength(address) > addressOctetsMax) return { fault: `is longer than ${addressOctetsMax} octets` };
  return { address };
}

/** What is wrong with a display name, a plain text of Unicode characters; undefined if nothing. */
export function displayNameFault(name: string): string | undefined {
  if (/\p{Cc}/u.test(name)) return "has a control character or a line break in its name; remove it";
  if (/\p{Cs}/u.test(name)) return "has half a character (a lone surrogate) in its name; remove it";
  if (name.length > nameCharactersMax) return `has a name of more than ${nameCharactersMax} characters; shorten it`;
  return undefined;
}

/** A mailbox that came as two fields. A name that is empty or only space counts as none. */
export function checkMailbox(parts: { address: string; name?: string | undefined }): Mailbox | Fault {
  const checked = checkAddress(parts.address);
  if ("fault" in checked) return checked;
  const name = parts.name ?? "";
  const fault = displayNameFault(name);
  if (fault !== undefined) return { fault };
  const trimmed = name.trim();
  return trimmed === "" ? checked : { address: checked.address, name: trimmed };
}

/** The name before the `<` as plain text: quoted strings and words in any order, which is the phrase of RFC 5322 section 3.2.5. */
function parseDisplayName(text: string): { name: string } | Fault {
  const pieces: string[] = [];
  let position = 0;
  while (position < text.length) {
    namePiece.lastIndex = position;
    const match = namePiece.exec(text);
    if (!match) {
      return {
        fault:
          'has a name with one of ()<>[]:;@\\," in it; put the name in double quotes or send { "address", "name" } (several mailboxes are a list)',
      };
    }
    pieces.push(match[1] === undefined ? (match[2] ?? "").trim().replace(/ {2,}/g, " ") : match[1].replace(/\\(.)/gu, "$1"));
    position = namePiece.lastIndex;
  }
  return { name: pieces.filter((piece) => piece !== "").join(" ") };
}

/**
 * Takes `a@b.c` or `Name <a@b.c>` apart without judging either part: the grammar's mailbox (RFC 5322 section 3.4)
 * without comments, routes and obsolete forms.
 */
export function splitMailbox(text: string): { address: string; name: string } | Fault {
  if (/\p{Cc}/u.test(text)) return { fault: "contains a control character or a line break; remove it" };
  const trimmed = text.trim();
  if (!/[<>]/.test(trimmed)) return { address: trimmed, name: "" };
  const open = trimmed.lastIndexOf("<");
  if (open < 0 || !trimmed.endsWith(">"))
    return { fault: "is not one mailbox; write it as Name <name@example.com> and nothing behind the >" };
  const parsed = parseDisplayName(trimmed.slice(0, open).trim());
  if ("fault" in parsed) return parsed;
  return { address: trimmed.slice(open + 1, -1), name: parsed.name };
}

/**
 * One mailbox as callers write it: `a@b.c`, `Name <a@b.c>` or `"Name, quoted" <a@b.c>`. The name is taken as it is:
 * an RFC 2047 word in it is text like any other.
 */
export function parseMailbox(text: string): Mailbox | Fault {
  if (text.length > mailboxCharactersMax) return { fault: `is longer than ${mailboxCharactersMax} characters; give one mailbox a string` };
  const parts = splitMailbox(text);
  return "fault" in parts ? parts : checkMailbox(parts);
}

/** Whether an address can only travel with SMTPUTF8 (RFC 6531): its local part is not ASCII. The address must be canonical. */
export function needsSmtpUtf8(address: string): boolean {
  return !isAscii(address);
}

/**
 * What two spellings of one mailbox have in common: A-labels, and lower case throughout, as servers treat local parts although they
 * need not (RFC 5321 section 2.4). For comparing only; mail goes to the address as it was given.
 */
export function addressKey(address: string): string {
  const checked = checkAddress(address);
  return ("fault" in checked ? address : checked.address).toLowerCase();
}

/** The domain of a canonical address. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

/**
 * The canonical form of an entry in a key's list of sender domains: `example.com` for that domain alone, or
 * `*.example.com` for whatever is below it.
 */
export function checkDomainPattern(text: string): { pattern: string } | Fault {
  const prefix = text.startsWith("*.") ? "*." : "";
  const checked = checkDomain(text.slice(prefix.length));
  return "fault" in checked ? checked : { pattern: prefix + checked.domain };
}

/**
 * Whether a key may send from an address.
 * @param address canonical
 * @param allowedDomains entries as `checkDomainPattern` takes them; one that it refuses matches nothing, and so does an empty list
 */
export function senderDomainAllowed(address: string, allowedDomains: readonly string[]): boolean {
  const domain = domainOf(address);
  return allowedDomains.some((entry) => {
    const checked = checkDomainPattern(entry);
    if ("fault" in checked) return false;
    return checked.pattern.startsWith("*.") ? domain.endsWith(checked.pattern.slice(1)) : domain === checked.pattern;
  });
}
