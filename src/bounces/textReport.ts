// Reads reports that are written for people alone: recognises the dialect, finds the recipients and what the text says about each.
import { addressesIn, tidyAddress } from "./addresses.ts";
import type { Dialect } from "./dialect.ts";
import { dialects } from "./dialects.ts";
import type { OriginalMessage } from "./parsedReport.ts";
import { phaseIn, type QuotedReply, quotedReplies } from "./quotedReplies.ts";

/** The mail around the text, decoded. `header` asks whether a field is there. */
export type Envelope = { from: string; subject: string; header(name: string): string | undefined };

/** One recipient, and the lines that may say why it was refused, the likeliest first. */
export type Account = { recipient: string; candidates: QuotedReply[] };

const accountsMax = 1_000;
const wordsCharactersMax = 900;

function speaks(dialect: Dialect, envelope: Envelope, text: string): boolean {
  const { when } = dialect;
  if (when.header && envelope.header(when.header) === undefined) return false;
  if (when.from && !when.from.test(envelope.from)) return false;
  if (when.subject && !when.subject.test(envelope.subject)) return false;
  return !when.text || when.text.test(text);
}

/** The part of the text in which a dialect names recipients, and where it begins. */
function section(dialect: Dialect, text: string): string {
  const opening = dialect.opening?.exec(text);
  if (dialect.opening && !opening) return "";
  const from = opening ? opening.index + opening[0].length : 0;
  const rest = text.slice(from);
  const closing = dialect.closing?.exec(rest);
  return closing ? rest.slice(0, closing.index) : rest;
}

/** A text as one line of words, for the classifier where no reply is quoted. */
function words(text: string): string {
  return text
    .slice(0, 3 * wordsCharactersMax)
    .replace(/\s{1,1000}/g, " ")
    .trim()
    .slice(0, wordsCharactersMax);
}

/** Lines that may say why, from an account of one recipient and, after it, from the whole text. */
export function candidatesIn(account: string, text: string, recipient: string): QuotedReply[] {
  const own = quotedReplies(account);
  const phase = phaseIn(account);
  const spoken = words(account.replaceAll(recipient, " ").replaceAll(recipient.toLowerCase(), " "));
  const ownWords = spoken.length > 3 ? [{ line: spoken, ...(phase && { phase }) }] : [];
  if (own.length > 0) return [...own, ...ownWords];
  const all = quotedReplies(text);
  const about = all.filter(({ line }) => line.toLowerCase().includes(recipient.toLowerCase()));
  return [...ownWords, ...about, ...all.filter((reply) => !about.includes(reply) && !line(reply).includes("@"))];
}

function line(reply: QuotedReply): string {
  return reply.line;
}

/** The accounts that one form finds in a section. */
function accountsBy(form: RegExp, dialect: Dialect, text: string, whole: string): Account[] {
  const matches = [...text.matchAll(form)].slice(0, accountsMax);
  const accounts = new Map<string, Account>();
  for (const [index, match] of matches.entries()) {
    const recipient = tidyAddress(match.groups?.address ?? "");
    if (recipient === undefined || accounts.has(recipient.toLowerCase())) continue;
    const end = matches[index + 1]?.index ?? text.length;
    const account = dialect.reason === "anywhere" ? whole : text.slice(match.index, Math.min(end, match.index + 6_000));
    accounts.set(recipient.toLowerCase(), { recipient, candidates: candidatesIn(account, whole, recipient) });
  }
  return [...accounts.values()];
}

/** A recipient whom the text does not name in a way that we know: a header does, or the message had only one. */
function fallbackRecipients(envelope: Envelope, original: OriginalMessage | undefined): string[] {
  const header = ["x-failed-recipients", "x-bounced-address", "x-actual-recipient"]
    .map((name) => envelope.header(name))
    .find((value) => value);
  const named = header === undefined ? [] : addressesIn(header);
  if (named.length > 0) return named;
  return original?.to.length === 1 ? [...original.to] : [];
}

/**
 * Reads the recipients out of a report's text by the first dialect that it speaks and that finds one.
 * @returns undefined where no dialect does
 */
export function readTextReport(
  envelope: Envelope,
  text: string,
  original: OriginalMessage | undefined,
): { dialect: string; accounts: Account[] } | undefined {
  let spoken: string | undefined;
  for (const dialect of dialects) {
    if (!speaks(dialect, envelope, text)) continue;
    spoken ??= dialect.id;
    const told = section(dialect, text);
    for (const form of dialect.recipients) {
      const accounts = accountsBy(form, dialect, told, text);
      if (accounts.length > 0) return { dialect: dialect.id, accounts };
    }
  }
  if (spoken === undefined && envelope.header("x-failed-recipients") === undefined) return undefined;
  const accounts = fallbackRecipients(envelope, original).map((recipient) => ({
    recipient,
    candidates: candidatesIn(text, text, recipient),
  }));
  return accounts.length > 0 ? { dialect: spoken ?? "x-failed-recipients", accounts } : undefined;
}
