// Writes header fields: encoded where a field needs it (RFC 2047), folded at spaces (RFC 5322 section 2.2.3), never cut inside a word.
import type { Mailbox } from "../domain/address.ts";
import { encodeWords } from "./encodedWords.ts";

/** What a folded line should keep to (RFC 5322 section 2.1.1, and RFC 2047 section 2 for lines with encoded words). */
const lineCharactersPreferred = 76;

/** Where the white space that begins at `start` ends, or the word. */
function endOf(kind: "space" | "word", value: string, start: number): number {
  let end = start;
  for (; end < value.length; end++) {
    const code = value.charCodeAt(end);
    if ((code === 0x20 || code === 0x09) !== (kind === "space")) break;
  }
  return end;
}

/**
 * One field with its final CRLF. Each whitespace of the value is kept; a fold only puts a CRLF before it. No line is blank,
 * and the first word stays beside the name, for some readers lose a value that begins on the second line.
 * @param value ASCII, or UTF-8 in an address; without control characters but tabs
 * @throws Error if name or value would make a second field or end the header; they were to be checked before, so that is a fault of ours
 */
export function writeField(name: string, value: string): string {
  if (/[\r\n\0]/.test(value) || !/^[!-9;-~]+$/.test(name)) {
    throw new Error(`The composed header's ${JSON.stringify(name)} is not one field`);
  }
  const text = value.trim();
  if (name.length + 2 + text.length <= lineCharactersPreferred) return `${name}: ${text}\r\n`;
  let field = "";
  let line = `${name}: `;
  for (let start = 0; start < text.length; ) {
    const end = endOf("word", text, endOf("space", text, start));
    // The first word begins at 0: the text has no space before it.
    if (start > 0 && line.length + end - start > lineCharactersPreferred) {
      field += `${line}\r\n`;
      line = "";
    }
    line += text.slice(start, end);
    start = end;
  }
  return `${field}${line}\r\n`;
}

/**
 * Unstructured text, such as a subject, so that every reader shows exactly this text: encoded if it is not printable ASCII,
 * would not survive folding (some readers make one space of several at a fold), or looks like an encoded word itself.
 */
export function unstructured(text: string): string {
  return /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(text) && !/=\?|[^ ]{200}/.test(text) ? text : encodeWords(text);
}

/** A text as quoted string (RFC 5322 section 3.2.4). */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** A display name as a phrase (RFC 5322 section 3.2.5). */
function phrase(name: string): string {
  if (/^\w+(?: \w+)*$/.test(name)) return name;
  return /[^\x20-\x7e]|=\?| {2}/.test(name) ? encodeWords(name) : quoted(name);
}

/** A list of mailboxes for an address field (RFC 5322 section 3.4). The mailboxes are checked ones. */
export function mailboxList(mailboxes: readonly Mailbox[]): string {
  return mailboxes.map(({ address, name }) => (name ? `${phrase(name)} <${address}>` : address)).join(", ");
}
