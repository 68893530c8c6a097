// What a caller may put into the header fields of a message: custom fields, the subject, and what describes an attachment.
// Every check returns the fault as a clause that fits behind the name of the field and says the way out, or undefined.
import { isAscii } from "./ascii.ts";

const nameCharactersMax = 76;
/** A line of a message, without its CRLF (RFC 5322 section 2.1.1). */
export const lineOctetsMax = 998;
const subjectCharactersMax = 998;
const filenameOctetsMax = 255;
const contentTypeCharactersMax = 255;
const fieldsMax = 100;
/** All custom fields together, names and values: what common servers still take without cutting. */
const fieldsOctetsMax = 32 * 1024;

const ownWork = "is written by Postern itself; leave it out";
const hopsWork = "is written by the servers that the message passes; leave it out";

/** Fields that a request may not set (lowercase), each with the reason and the way out. */
const reserved = new Map<string, string>([
  ["from", "is set by the field `from`"],
  ["to", "is set by the field `to`"],
  ["cc", "is set by the field `cc`"],
  ["bcc", "is set by the field `bcc`"],
  ["reply-to", "is set by the field `reply_to`"],
  ["subject", "is set by the field `subject`"],
  ["sender", "cannot be set here; send the finished message as raw MIME if it needs a Sender besides From"],
  ["date", ownWork],
  ["message-id", ownWork],
  ["mime-version", ownWork],
  ["apparently-to", "names recipients; use the field `to`"],
  ["return-path", hopsWork],
  ["received", hopsWork],
  ["received-spf", hopsWork],
  ["delivered-to", hopsWork],
  ["authentication-results", hopsWork],
  ["dkim-signature", "is written by Postern from the configured keys; leave it out"],
  ["domainkey-signature", hopsWork],
]);

/** Families of fields that a request may not set, by the start of their names (lowercase). */
const reservedFamilies: readonly (readonly [string, string])[] = [
  ["content-", ownWork],
  ["resent-", "belongs to a message that was sent before; send it as raw MIME to keep it"],
  ["arc-", hopsWork],
  ["x-postern-", ownWork],
];

/**
 * Fields with a grammar of their own, in which an RFC 2047 word is not allowed (section 5 there): their values must be ASCII.
 * Of List-* it is demanded by RFC 8058 for the one-click pair, and nobody reads the others decoded.
 */
const structured =
  /^(?:list-.*|in-reply-to|references|auto-submitted|precedence|importance|priority|x-priority|feedback-id|require-recipient-valid-since|disposition-notification-.*)$/;

/** What is wrong with a custom field's name (RFC 5322 section 3.6.8). */
export function headerNameFault(name: string): string | undefined {
  if (!/^[!-9;-~]+$/.test(name)) return "is no header name; use visible ASCII characters without a colon or space";
  if (name.length > nameCharactersMax) return `has a name of more than ${nameCharactersMax} characters; shorten it`;
  const key = name.toLowerCase();
  return reserved.get(key) ?? reservedFamilies.find(([start]) => key.startsWith(start))?.[1];
}

/** What is wrong with a custom field's value. An ASCII value goes out as it is, folded at its spaces and nowhere else. */
export function headerValueFault(name: string, value: string): string | undefined {
  if (/(?!\t)\p{Cc}/u.test(value))
    return "has a control character or a line break in its value; remove it (long values are folded for you)";
  if (/\p{Cs}/u.test(value)) return "has half a character (a lone surrogate) in its value; remove it";
  if (value.trim() === "") return "has an empty value; leave the header out";
  if (!isAscii(value)) {
    return structured.test(name.toLowerCase()) ? "must be ASCII; percent-encode what is not" : undefined;
  }
  // The name shares its line with the first run.
  const runMax = lineOctetsMax - name.length - 2;
  const tooLong = [...value.matchAll(/[ \t]*[^ \t]+/g)].some((run) => run[0].length > runMax);
  return tooLong
    ? `has more than ${runMax} characters without a space at which the line could be folded (RFC 5322 section 2.1.1)`
    : undefined;
}

/**
 * What is wrong with a request's custom fields as a whole and one by one. `name` is absent where all of them are meant.
 * A name that differs from another only by case is a doubled field, and refused.
 */
export function headersFaults(headers: Readonly<Record<string, string>>): { name?: string; fault: string }[] {
  const entries = Object.entries(headers);
  if (entries.length > fieldsMax) return [{ fault: `has more than ${fieldsMax} headers` }];
  const octets = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (octets > fieldsOctetsMax) return [{ fault: `is larger than ${fieldsOctetsMax} octets in all` }];
  const seen = new Set<string>();
  const faults: { name?: string; fault: string }[] = [];
  for (const [name, value] of entries) {
    const key = name.toLowerCase();
    const doubled = seen.has(key) ? "is given twice; header names do not differ by case" : undefined;
    const fault = headerNameFault(name) ?? doubled ?? headerValueFault(name, value);
    if (fault !== undefined) faults.push({ name, fault });
    seen.add(key);
  }
  return faults;
}

/** What is wrong with a subject: plain text in Unicode, one line. */
export function subjectFault(subject: string): string | undefined {
  if (/(?!\t)\p{Cc}/u.test(subject)) return "contains a control character or a line break; a subject is one line";
  if (/\p{Cs}/u.test(subject)) return "contains half a character (a lone surrogate); remove it";
  if (subject.length > subjectCharactersMax) return `is longer than ${subjectCharactersMax} characters`;
  return undefined;
}

/** What is wrong with an attachment's name. A path is refused, not cut: what is left of it might be another file's name. */
export function filenameFault(filename: string): string | undefined {
  if (filename.trim() === "") return "is empty; name the file, like report.pdf";
  if (/\p{Cc}/u.test(filename)) return "contains a control character or a line break; remove it";
  if (/\p{Cs}/u.test(filename)) return "contains half a character (a lone surrogate); remove it";
  if (/[/\\]/.test(filename) || filename === "." || filename === "..") return "is a path; give the file's name alone, like report.pdf";
  if (/[\u202a-\u202e\u2066-\u2069]/u.test(filename))
    return "contains characters that reverse the reading direction; they hide the real ending";
  if (/^\s|\s$|\s{8}/.test(filename)) return "begins or ends with a space or has a long run of them; remove them";
  if (/=\?[^?]*\?[bq]\?[^?]*\?=/i.test(filename))
    return "holds an encoded word, which some mail programs would decode; give the name as plain text";
  if (Buffer.byteLength(filename) > filenameOctetsMax) return `is longer than ${filenameOctetsMax} octets in UTF-8`;
  return undefined;
}

const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
/** A parameter: a token or a quoted string without escapes (RFC 2045 section 5.1). */
const parameter = /^([a-z-]+)=(?:[\w!#$%&'*+.^`|~-]+|"[\x20!\x23-\x5b\x5d-\x7e]*")$/i;
/** Parameters that describe the content. Not `boundary` and `name`, which are ours, nor anything that points elsewhere. */
const parametersAllowed: ReadonlySet<string> = new Set([
  "charset",
  "codecs",
  "component",
  "delsp",
  "format",
  "header",
  "method",
  "profile",
  "variant",
  "version",
]);

/** What is wrong with an attachment's media type, like `application/pdf` or `text/calendar; method=REQUEST` (RFC 6838 section 4.2). */
export function contentTypeFault(contentType: string): string | undefined {
  if (contentType.length > contentTypeCharactersMax) return `is longer than ${contentTypeCharactersMax} characters`;
  if (/\p{Cc}/u.test(contentType)) return "contains a control character or a line break; remove it";
  const [type = "", ...parameters] = contentType.split(";").map((part) => part.trim());
  const name = type.toLowerCase();
  if (!mediaType.test(name)) return "is no media type; write it like application/pdf";
  if (name.startsWith("multipart/")) return "is a multipart type, which a single file cannot have; use application/octet-stream";
  if (name === "message/partial" || name === "message/external-body")
    return "is a type that stands for content elsewhere; attach the content itself";
  for (const part of parameters) {
    const match = parameter.exec(part);
    if (!match?.[1]) return "has a malformed parameter; write it like charset=utf-8";
    if (!parametersAllowed.has(match[1].toLowerCase())) return `has the parameter ${match[1]}, which is not allowed; leave it out`;
  }
  return undefined;
}

/** What is wrong with an attachment's content id, by which HTML shows it (`cid:`, RFC 2392). */
export function contentIdFault(contentId: string): string | undefined {
  return /^[A-Za-z0-9._@+-]{1,128}$/.test(contentId)
    ? undefined
    : "is no content id; use 1 to 128 of A-Z a-z 0-9 . _ @ + - without angle brackets or cid:";
}
