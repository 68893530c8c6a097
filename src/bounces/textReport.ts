// Reads reports that are written for people alone: recognises the dialect, finds the recipients and what the text says about each.
import type { Category } from "../domain/reply.ts";
import { addressesIn, tidyAddress } from "./addresses.ts";
import type { Dialect } from "./dialect.ts";
import { dialects } from "./dialects.ts";
import type { OriginalMessage } from "./parsedReport.ts";
import { phaseIn, type QuotedReply, quotedReplies } from "./quotedReplies.ts";
import { withoutAddress, wordsOf } from "./wording.ts";

/** The mail around the text, decoded. `header` asks whether a field is there. */
export type Envelope = {
  from: string;
  subject: string;
  /** It calls itself a delivery status notification, whatever its parts hold. */
  isReport: boolean;
  header(name: string): string | undefined;
};

/** One recipient, and the lines that may say why it was refused, the likeliest first. */
export type Account = {
  recipient: string;
  candidates: QuotedReply[];
  /** The whole text's words, for where no candidate says anything. */
  fallback?: string;
  /** What the dialect's reports mean where no word is known. */
  otherwise?: Category;
};

/** A text with what is looked for in it once, not once a recipient. */
type Whole = { text: string; replies: QuotedReply[]; words: string };

const accountsMax = 500;
const accountCharactersMax = 6_000;

function speaks(dialect: Dialect, envelope: Envelope, text: string): boolean {
  const { when } = dialect;
  if (when.header && envelope.header(when.header) === undefined) return false;
  if (when.from && !when.from.test(envelope.from)) return false;
  if (when.subject && !when.subject.test(envelope.subject)) return false;
  if (when.words && !when.words.test(envelope.subject) && !when.words.test(text)) return false;
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

/** Lines that may say why: from the account of one recipient, then those of the whole text that are about it or about nobody. */
function candidatesIn(account: string, recipient: string, inWhole: readonly QuotedReply[]): QuotedReply[] {
  const own = quotedReplies(account).map((reply) => placed(reply, inWhole));
  const phase = phaseIn(account);
  const spoken = wordsOf(withoutAddress(account, recipient));
  const ownWords = spoken.length > 3 ? [{ line: spoken, ...(phase && { phase }) }] : [];
  if (own.length > 0) return [...own, ...ownWords];
  const about = inWhole.filter(({ line }) => line.toLowerCase().includes(recipient.toLowerCase()));
  return [...ownWords, ...about, ...inWhole.filter((reply) => !about.includes(reply) && !reply.line.includes("@"))];
}

/** A reply with the place that the transcript gives it, where the account repeats it without (`(reason: 550 …)`). */
function placed(reply: QuotedReply, inWhole: readonly QuotedReply[]): QuotedReply {
  if (reply.phase) return reply;
  const beginning = reply.line.slice(0, 24);
  const phase = inWhole.find((other) => other.phase && other.line.startsWith(beginning))?.phase;
  return phase ? { ...reply, phase } : reply;
}

/** The accounts that one form finds in a section. */
function accountsBy(form: RegExp, { reason, otherwise }: Dialect, text: string, whole: Whole): Account[] {
  const found = new Map<string, RegExpExecArray>();
  // An address that comes again belongs to the account that it heads: servers repeat it in their replies.
  for (const match of text.matchAll(form)) {
    const recipient = tidyAddress(match.groups?.address ?? "");
    if (recipient !== undefined && !found.has(recipient.toLowerCase())) found.set(recipient.toLowerCase(), match);
    if (found.size >= accountsMax) break;
  }
  const matches = [...found.values()];
  return matches.map((match, index): Account => {
    const written = match.groups?.address ?? "";
    const end = matches[index + 1]?.index ?? text.length;
    const account = reason === "anywhere" ? whole.text : text.slice(match.index, Math.min(end, match.index + accountCharactersMax));
    return {
      recipient: tidyAddress(written) ?? written,
      candidates: candidatesIn(account, written, whole.replies),
      fallback: whole.words,
      ...(otherwise && { otherwise }),
    };
  });
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
  const whole: Whole = { text, replies: quotedReplies(text), words: wordsOf(text) };
  // Whom the report is addressed to, and who wrote it, are named in many of them, and are seldom the recipient.
  const ownAddresses = addressesIn(`${envelope.header("to") ?? ""} ${envelope.from}`);
  let spoken: Dialect | undefined;
  for (const dialect of dialects) {
    if (!speaks(dialect, envelope, text)) continue;
    spoken ??= dialect;
    const told = section(dialect, text);
    for (const form of dialect.recipients) {
      const accounts = accountsBy(form, dialect, told, whole).filter(
        ({ recipient }) => !dialect.loose || !ownAddresses.includes(recipient),
      );
      if (accounts.length > 0) return { dialect: dialect.id, accounts };
    }
  }
  if (spoken === undefined && !envelope.isReport && envelope.header("x-failed-recipients") === undefined) return undefined;
  const otherwise = spoken?.otherwise;
  const accounts = fallbackRecipients(envelope, original).map((recipient): Account => {
    const candidates = candidatesIn(text, recipient, whole.replies);
    return { recipient, candidates, ...(otherwise && { otherwise }) };
  });
  return accounts.length > 0 ? { dialect: spoken?.id ?? "unnamed", accounts } : undefined;
}
