// Writes header fields: encoded where a field needs it (RFC 2047), folded at spaces (RFC 5322 section 2.2.3), never cut inside a word.
import { encodeWord, quoteString } from "nodemailer/lib/mime-funcs";
import type { Mailbox } from "../domain/address.ts";

/** What a folded line should keep to (RFC 5322 section 2.1.1, and RFC 2047 section 2 for lines with encoded words). */
const lineCharactersPreferred = 76;
/** Of one encoded word; RFC 2047 section 2 allows 75. */
const encodedWordCharacters = 52;

/**
 * One field with its final CRLF. Each whitespace of the value is kept; a fold only puts a CRLF before it. No line is blank,
 * and the first word stays beside the name, for some readers lose a value that begins on the second line.
 * @param value ASCII, or UTF-8 in an address; without control characters but tabs
 */
export function writeField(name: string, value: string): string {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const [word] of ` ${value.trim()}`.matchAll(/[ \t]*[^ \t]+/g)) {
    if (line.length + word.length > lineCharactersPreferred && line !== `${name}:`) {
      lines.push(line);
      line = word;
    } else {
      line += word;
    }
  }
  return `${[...lines, line].join("\r\n")}\r\n`;
}

/** Text as encoded words: Q where most of it is Latin letters and can be read in the source, else B. */
function encode(text: string): string {
  const latin = text.match(/[a-z]/gi)?.length ?? 0;
  const foreign = text.match(/[^\x20-\x7e]/g)?.length ?? 0;
  return encodeWord(text, foreign < latin ? "Q" : "B", encodedWordCharacters);
}

/**
 * Unstructured text, such as a subject, so that every reader shows exactly this text: encoded if it is not printable ASCII,
 * would not survive folding, or looks like an encoded word itself.
 */
export function unstructured(text: string): string {
  return /^[\x21-\x7e]+(?: {1,8}[\x21-\x7e]+)*$/.test(text) && !/=\?|[^ ]{200}/.test(text) ? text : encode(text);
}

/** A display name as a phrase (RFC 5322 section 3.2.5). */
function phrase(name: string): string {
  if (/[^\x20-\x7e]|=\?| {2}/.test(name)) return encode(name);
  return /^[\w ]+$/.test(name) ? name : quoteString(name);
}

/** A list of mailboxes for an address field (RFC 5322 section 3.4). The mailboxes are checked ones. */
export function mailboxList(mailboxes: readonly Mailbox[]): string {
  return mailboxes.map(({ address, name }) => (name ? `${phrase(name)} <${address}>` : address)).join(", ");
}
