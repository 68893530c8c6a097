// Reads the machine's half of a delivery status notification: message/delivery-status (RFC 3464) and
// message/global-delivery-status (RFC 6533). Lenient, as senders break the groups, the order and the types of the fields.
import { decodeXtext, typedAddress } from "./addresses.ts";
import { decodeHeader } from "./decode.ts";
import { fieldStart, headerOf, readHeaders } from "./mime.ts";
import type { Action, Header } from "./parsedReport.ts";

/** The fields about one recipient. */
export type RecipientStatus = {
  recipient: string;
  originalRecipient?: string;
  action?: Action;
  /** RFC 3463, from the Status field. */
  status?: string;
  /** Diagnostic-Code without its type (`smtp;`). */
  diagnostic?: string;
  remoteMta?: string;
};

export type DeliveryStatus = { recipients: RecipientStatus[]; reportingMta?: string; arrivalDate?: string; envelopeId?: string };

const recipientsMax = 1_000;
const recipientFields = new Set(["final-recipient", "original-recipient", "x-actual-recipient"]);

/** Actions as they are written, and what they mean (RFC 3464, section 2.3.3; the others are mistakes of known software). */
const actions: readonly [RegExp, Action][] = [
  [/^(?:fail|error|bounce|undeliver|expired|denied|reject)/i, "failed"],
  [/^(?:delay|defer|queued|retry)/i, "delayed"],
  [/^deliverable/i, "deliverable"],
  [/^(?:deliver|success)/i, "delivered"],
  [/^relay/i, "relayed"],
  [/^expand/i, "expanded"],
];

/** `dns; mx.example.com` without its type. */
function untyped(value: string): string {
  return value.replace(/^\s{0,10}[\w.-]{1,40}\s{0,10};\s{0,10}/, "").slice(0, 300);
}

/** The groups of fields: set apart by blank lines, and by a second field that names a recipient. Other lines are skipped. */
function fieldGroups(text: string): Header[][] {
  const groups: Header[][] = [];
  const field = new RegExp(fieldStart, "gm");
  for (let match = field.exec(text); match && groups.length <= recipientsMax; match = field.exec(text)) {
    const { headers, bodyAt } = readHeaders(text, match.index);
    groups.push(...split(headers));
    field.lastIndex = Math.max(bodyAt, match.index + 1);
  }
  return groups;
}

/** Splits a block that a sender wrote without blank lines: the same recipient field twice means two recipients. */
function split(headers: Header[]): Header[][] {
  const groups: Header[][] = [[]];
  let seen = new Set<string>();
  for (const header of headers) {
    const opens = header.name === "final-recipient" || header.name === "original-recipient";
    if (opens && seen.has(header.name)) {
      groups.push([]);
      seen = new Set();
    }
    if (opens) seen.add(header.name);
    groups.at(-1)?.push(header);
  }
  return groups;
}

/** Fields that were torn from their recipient by a stray blank line go back to it. */
function mended(groups: Header[][]): Header[][] {
  const whole: Header[][] = [];
  for (const group of groups) {
    const last = whole.at(-1);
    const namesRecipient = group.some(({ name }) => recipientFields.has(name));
    const lastNamesRecipient = last?.some(({ name }) => recipientFields.has(name));
    const isNews = group.every(({ name }) => !last?.some((field) => field.name === name));
    if (last && !namesRecipient && lastNamesRecipient && isNews) last.push(...group);
    else whole.push([...group]);
  }
  return whole;
}

/** What sysexits.h means by the exit codes of a mailer that do not merely say "it failed". */
const exitCodes: Readonly<Record<string, string>> = { "65": "Data format error", "67": "User unknown", "68": "Host unknown" };

/** A diagnostic in words: `X-Unix; 67` holds the exit code of a local mailer only. */
function spelledOut(type: string | undefined, diagnostic: string): string {
  if (type !== "x-unix" || !/^\d{1,3}$/.test(diagnostic)) return diagnostic;
  return exitCodes[diagnostic] ?? `Mailer process exited with status ${diagnostic}`;
}

function recipientStatus(group: Header[]): RecipientStatus | undefined {
  const field = (name: string) => {
    const value = headerOf({ headers: group }, name);
    return value === undefined ? undefined : decodeHeader(value);
  };
  const original = typedAddress(field("original-recipient") ?? "");
  const final = typedAddress(field("final-recipient") ?? "") ?? typedAddress(field("x-actual-recipient") ?? "");
  const recipient = final ?? original;
  if (recipient === undefined) return undefined;
  const written = field("action") ?? "";
  const action = actions.find(([expression]) => expression.test(written))?.[1];
  const status = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(field("status") ?? "")?.[1];
  const diagnostic = field("diagnostic-code") ?? "";
  const type = /^\s{0,10}([\w.-]{1,60})\s{0,5};/.exec(diagnostic)?.[1]?.toLowerCase();
  const remoteMta = field("remote-mta");
  return {
    recipient,
    ...(original && original !== recipient && { originalRecipient: original }),
    ...(action && { action }),
    ...(status && { status }),
    ...(diagnostic && { diagnostic: spelledOut(type, diagnostic.slice(type ? diagnostic.indexOf(";") + 1 : 0).trim()) }),
    ...(remoteMta && { remoteMta: untyped(remoteMta) }),
  };
}

/**
 * Reads the fields of a delivery status.
 * @param text lines ended by LF; other text between the fields is skipped
 * @returns no recipients where no field names one; at most 1,000
 */
export function readDeliveryStatus(text: string): DeliveryStatus {
  const groups = mended(fieldGroups(text));
  const all = groups.flat();
  const reportingMta = headerOf({ headers: all }, "reporting-mta");
  const arrivalDate = headerOf({ headers: all }, "arrival-date");
  const envelopeId = headerOf({ headers: all }, "original-envelope-id");
  return {
    recipients: groups.map(recipientStatus).filter((status) => status !== undefined),
    ...(reportingMta && { reportingMta: untyped(reportingMta) }),
    ...(arrivalDate && { arrivalDate: arrivalDate.slice(0, 100) }),
    ...(envelopeId && { envelopeId: decodeXtext(envelopeId.slice(0, 300)) }),
  };
}
