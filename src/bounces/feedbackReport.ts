// Reads feedback reports: the abuse reporting format (RFC 5965, with RFC 6591's and RFC 6650's types), and the mail of providers
// that say the same without it.
import { addressesIn, firstAddress, typedAddress } from "./addresses.ts";
import { decodeHeader } from "./decode.ts";
import { headerOf, readHeaders } from "./mime.ts";
import type { OriginalMessage } from "./parsedReport.ts";

/** `anyOf`: it does not say whose it is, and `recipients` are all of the original's. */
export type Feedback = { feedbackType: string; recipients: string[]; anyOf?: true; reportingMta?: string; arrivalDate?: string };

const recipientsMax = 100;

/** Whose copy it was: what the report says itself, else to whom the original was addressed. */
function recipientsOf(
  fields: ReturnType<typeof readHeaders>,
  original: OriginalMessage | undefined,
): Pick<Feedback, "recipients" | "anyOf"> {
  const named = fields.headers
    .filter(({ name }) => name === "original-rcpt-to" || name === "removal-recipient" || name === "final-recipient")
    .map(({ value }) => typedAddress(decodeHeader(value)))
    .filter((address) => address !== undefined);
  if (named.length > 0) return { recipients: [...new Set(named)].slice(0, recipientsMax) };
  const delivered = original?.headers.find(({ name }) => name === "x-original-to" || name === "delivered-to")?.value;
  const copy = delivered === undefined ? undefined : firstAddress(delivered);
  if (copy !== undefined) return { recipients: [copy] };
  return { recipients: (original?.to ?? []).slice(0, recipientsMax), anyOf: true };
}

/**
 * Reads the fields of message/feedback-report (RFC 5965, section 3).
 * @param original whose recipients count where the report redacts or leaves out Original-Rcpt-To
 */
export function readFeedback(text: string, original: OriginalMessage | undefined): Feedback {
  const fields = readHeaders(text.replace(/\n{2,100}/g, "\n"));
  const field = (name: string) => headerOf(fields, name);
  const reportingMta = field("reporting-mta");
  const arrivalDate = field("arrival-date") ?? field("received-date");
  return {
    feedbackType: (/[\w-]{1,40}/.exec(field("feedback-type") ?? "")?.[0] ?? "abuse").toLowerCase(),
    ...recipientsOf(fields, original),
    ...(reportingMta && { reportingMta: reportingMta.replace(/^[\w.-]{1,40}\s{0,5};\s{0,5}/, "").slice(0, 300) }),
    ...(arrivalDate && { arrivalDate: arrivalDate.slice(0, 100) }),
  };
}

/** What providers write who forward a complaint with neither format nor fields; the original is attached. */
const complaintSubject =
  /^(?:\[?(?:abuse|spam)\]?[ :-]{0,3}(?:complaint|report|feedback)|complaint about message from|email feedback report|e-?mail abuse report)/i;
const complaintSender = /(?:^|<)(?:staff@hotmail\.com|scomp@aol\.net|feedbackloop@|fbl[\w-]{0,30}@|abuse-reports?@|complaints@)/i;

/**
 * A complaint that is none of RFC 5965's: Microsoft's Junk Mail Reporting Program and its like.
 * @returns the recipients (possibly none, redacted), or undefined where the mail is no complaint
 */
export function readPlainComplaint(
  { from, subject }: { from: string; subject: string },
  original: OriginalMessage | undefined,
): Feedback | undefined {
  if (!original || !(complaintSubject.test(subject) || complaintSender.test(from))) return undefined;
  const marked = original.headers.find(({ name }) => name === "x-hmxmroriginalrecipient")?.value;
  if (marked) return { feedbackType: "abuse", recipients: addressesIn(marked) };
  return { feedbackType: "abuse", recipients: original.to.slice(0, recipientsMax), anyOf: true };
}

/**
 * The request to unsubscribe that a mail program sends for its user (RFC 8058's older form, RFC 2369): `opt-out` of the sender.
 */
export function readUnsubscribeRequest({ from, header }: { from: string; header(name: string): string | undefined }): Feedback | undefined {
  if (header("x-apple-unsubscribe") === undefined) return undefined;
  const recipient = firstAddress(from);
  return { feedbackType: "opt-out", recipients: recipient ? [recipient] : [] };
}
