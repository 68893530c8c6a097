// Reads SPF records (RFC 7208) as far as a look at them tells something: whether they can be read, whom they let send, and how many look-ups they cost.
import { isIPv4, isIPv6 } from "node:net";

export type SpfMechanism = { qualifier: "+" | "-" | "~" | "?"; name: string; value: string };

export type SpfRecord = {
  mechanisms: SpfMechanism[];
  /** The domain whose record counts in this one's place where nothing matches. */
  redirect?: string;
};

/** RFC 7208, section 4.6.4: a receiver that needs more gives up, and the result is `permerror`. */
export const spfLookUpsMax = 10;

const mechanismNames = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];

/** Whether a TXT record is one of SPF: the version alone, or with a space behind it (RFC 7208, section 4.5). */
export function isSpf(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/** Reads a record, or says in words which term cannot be read: one is enough for receivers to pass over all of it (RFC 7208, section 4.6). */
export function readSpf(text: string): SpfRecord | { fault: string } {
  const record: SpfRecord = { mechanisms: [] };
  for (const term of text.split(/ +/).slice(1)) {
    if (term === "") continue;
    const [, modifier, target = ""] = /^([a-z][a-z0-9_.-]*)=(.*)$/i.exec(term) ?? [];
    if (modifier !== undefined) {
      if (modifier.toLowerCase() !== "redirect") continue;
      if (record.redirect !== undefined || target === "") return { fault: `"${term}" is a second redirect, or an empty one` };
      record.redirect = target.toLowerCase();
      continue;
    }
    const [, sign = "", name = "", value = ""] = /^([-+~?]?)([a-z0-9]+)((?:[:/].*)?)$/i.exec(term) ?? [];
    const mechanism: SpfMechanism = {
      qualifier: (sign || "+") as SpfMechanism["qualifier"],
      name: name.toLowerCase(),
      value: value.startsWith(":") ? value.slice(1) : value,
    };
    if (!mechanismNames.includes(mechanism.name) || !isWhole(mechanism)) return { fault: `"${term}" is no term of SPF` };
    record.mechanisms.push(mechanism);
  }
  return record;
}

function isWhole({ name, value }: SpfMechanism): boolean {
  const [address = "", length, ...rest] = value.split("/");
  const fits = (bits: number) => rest.length === 0 && (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits));
  if (name === "ip4") return isIPv4(address) && fits(32);
  if (name === "ip6") return isIPv6(address) && fits(128);
  if (name === "include" || name === "exists") return value !== "";
  return name !== "all" || value === "";
}

/** Terms that make a receiver ask DNS (RFC 7208, section 4.6.4); what `include` and `redirect` lead to comes on top. */
export function lookUpsOf({ mechanisms, redirect }: SpfRecord): number {
  return mechanisms.filter(({ name }) => ["include", "a", "mx", "ptr", "exists"].includes(name)).length + (redirect === undefined ? 0 : 1);
}

/** The domains whose records are read with this one. Those with macros are made of the mail, and cannot be known here. */
export function domainsOf({ mechanisms, redirect }: SpfRecord): string[] {
  const included = mechanisms.filter(({ name }) => name === "include").map(({ value }) => value.toLowerCase().replace(/\.$/, ""));
  return [...included, ...(redirect === undefined ? [] : [redirect.replace(/\.$/, "")])].filter((domain) => !domain.includes("%"));
}

/** Whether anybody at all passes. */
export function letsSomebodySend({ mechanisms, redirect }: SpfRecord): boolean {
  return redirect !== undefined || mechanisms.some(({ qualifier }) => qualifier === "+");
}
