// Reads the address fields of a raw message: strictly where they say who sends, for that decides what a key may do;
// leniently where they only tell To from Cc.
import { addressParser } from "postal-mime";
import { checkAddress, splitMailbox } from "../domain/address.ts";
import type { HeaderField } from "./headerBlock.ts";

export type OriginatorFault = { code: "missing_from" | "missing_sender" | "invalid_from" | "invalid_sender"; message: string };

/**
 * Splits the value of an address field at its commas into mailboxes, comments taken out (RFC 5322 sections 3.2.2 and 3.4).
 * @returns the texts of the mailboxes in order, or undefined if quotes, comments or angle brackets do not close
 */
function splitAddressList(value: string): string[] | undefined {
  const items: string[] = [];
  let item = "";
  let commentDepth = 0;
  let within: "" | '"' | "<" = "";
  for (let i = 0; i < value.length; i++) {
    const character = value.charAt(i);
    if (character === "\\" && (commentDepth > 0 || within === '"')) {
      if (commentDepth === 0) item += character + value.charAt(i + 1);
      i++;
    } else if (commentDepth > 0) {
      if (character === "(") commentDepth++;
      if (character === ")") commentDepth--;
    } else if (character === "(" && within !== '"') {
      commentDepth++;
      item += " ";
    } else if (character === "," && within === "") {
      items.push(item);
      item = "";
    } else {
      if (within === "" && (character === '"' || character === "<")) within = character;
      else if (within === '"' ? character === '"' : character === ">") within = "";
      item += character;
    }
  }
  if (commentDepth > 0 || within !== "") return undefined;
  return [...items, item].map((text) => text.trim()).filter((text) => text !== "");
}

/** The addresses of a From or Sender field, strictly, and only if another parser reads the same ones out of it. */
function originators(field: HeaderField): { addresses: string[] } | { reason: string } {
  const items = splitAddressList(field.value);
  if (!items) return { reason: "a quote, comment or angle bracket does not close" };
  const written: string[] = [];
  const addresses: string[] = [];
  for (const item of items) {
    const parts = splitMailbox(item);
    const checked = "fault" in parts ? parts : checkAddress(parts.address);
    if ("fault" in parts || "fault" in checked)
      return { reason: `one of its mailboxes ${"fault" in checked ? checked.fault : "is malformed"}` };
    written.push(parts.address);
    addresses.push(checked.address);
  }
  const secondReading = addressParser(field.value, { flatten: true }).map(({ address }) => address);
  if (secondReading.length !== written.length || written.some((address, index) => address !== secondReading[index])) {
    return { reason: "mail programs would read different addresses out of it; write each as Name <name@example.com>" };
  }
  return { addresses };
}

/** The addresses of To or Cc as far as they can be read: groups opened, what is no address left out. */
export function destinations(field: HeaderField | undefined): string[] {
  const parsed = field ? addressParser(field.value, { flatten: true }) : [];
  return parsed.flatMap(({ address }) => {
    const checked = checkAddress(address ?? "");
    return "fault" in checked ? [] : [checked.address];
  });
}

/**
 * Who a message says it is from. With several authors there must be one Sender (RFC 5322 section 3.6.2).
 * @param fields the first field of each name (lowercase)
 */
export function readOriginators(
  fields: ReadonlyMap<string, HeaderField>,
): { from: string[]; sender?: string } | { fault: OriginatorFault } {
  const fromField = fields.get("from");
  if (!fromField) return { fault: { code: "missing_from", message: "The message has no From header; add one." } };
  const from = originators(fromField);
  if ("reason" in from) return { fault: { code: "invalid_from", message: `The From header cannot be used: ${from.reason}.` } };
  if (from.addresses.length === 0) {
    return { fault: { code: "invalid_from", message: "The From header names no address; write it like Name <name@example.com>." } };
  }
  const senderField = fields.get("sender");
  if (!senderField) {
    if (from.addresses.length === 1) return { from: from.addresses };
    return {
      fault: { code: "missing_sender", message: "The From header names several authors; add a Sender header with the one who sends." },
    };
  }
  const sender = originators(senderField);
  const reason = "reason" in sender ? sender.reason : "it names not exactly one address";
  if ("reason" in sender || sender.addresses[0] === undefined || sender.addresses.length > 1) {
    return { fault: { code: "invalid_sender", message: `The Sender header cannot be used: ${reason}.` } };
  }
  return { from: from.addresses, sender: sender.addresses[0] };
}
