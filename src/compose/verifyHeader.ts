// The last look at a composed header, read back from what was written: nothing that a caller sent may have become a recipient,
// a sender or a field of its own.
import type { Mailbox } from "../domain/address.ts";
import type { Content } from "./content.ts";

/** What the outermost part may add behind its Content-Type. */
const partFields: ReadonlySet<string> = new Set(["Content-ID", "Content-Transfer-Encoding", "Content-Disposition"]);

/**
 * One mailbox of a list, in the narrow form in which this house writes it: a phrase of atoms and encoded words or one quoted string,
 * then the address in angle brackets; or the address alone. Groups 1 and 2 are the address.
 */
const mailbox =
  /(?:(?:[\w =?!*+\-/]+|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*") <([^\s<>()[\]:;,"\\@]+@[^\s<>()[\]:;,"\\@]+)>|([^\s<>()[\]:;,"\\@]+@[^\s<>()[\]:;,"\\@]+))(?:, |$)/y;

/** One field (RFC 5322 section 2.2): its name, its value on one line or folded, no line of it blank, each ended by CRLF. */
const field = /([!-9;-~]+): ([^\r\n\0]*(?:\r\n[ \t]+[^ \t\r\n\0][^\r\n\0]*)*)\r\n/y;

/** The fields of a header as name and unfolded value, or undefined if anything in it is no field. */
function fieldsOf(header: string): [name: string, value: string][] | undefined {
  const fields: [string, string][] = [];
  field.lastIndex = 0;
  for (let end = 0; end < header.length; end = field.lastIndex) {
    const match = field.exec(header);
    if (match?.[1] === undefined || match[2] === undefined) return undefined;
    fields.push([match[1], match[2].includes("\r") ? match[2].replaceAll("\r\n", "") : match[2]]);
  }
  return fields;
}

function namesExactly(value: string, given: readonly Mailbox[]): boolean {
  mailbox.lastIndex = 0;
  for (const { address } of given) {
    const match = mailbox.exec(value);
    if (!match || (match[1] ?? match[2]) !== address) return false;
  }
  return mailbox.lastIndex === value.length;
}

/**
 * Checks that a finished header names exactly the content's people and fields, each field once and in the order in which they are written.
 * @param header all lines, each with its CRLF, without the blank line
 * @throws Error that names the field which differs, without its value
 */
export function verifyHeader(header: string, content: Content): void {
  const differs = (field: string): never => {
    throw new Error(`The composed header's ${field} is not what the content says`);
  };
  const people: readonly (readonly [name: string, mailboxes: readonly Mailbox[]])[] = [
    ["From", [content.from]],
    ["To", content.to],
    ["Cc", content.cc],
    ["Reply-To", content.replyTo],
  ];
  const fields = fieldsOf(header) ?? differs("list of fields");
  let next = 0;
  for (const [name, mailboxes] of people) {
    if (mailboxes.length === 0) continue;
    const [found, value] = fields[next++] ?? differs("list of fields");
    if (found !== name) differs("list of fields");
    if (!namesExactly(value, mailboxes)) differs(name);
  }
  const others = content.subject === "" ? [] : ["Subject"];
  others.push(...Object.keys(content.headers), "Message-ID", "Date", "MIME-Version", "Content-Type");
  for (const name of others) {
    const [found, value] = fields[next++] ?? differs("list of fields");
    if (found !== name) differs("list of fields");
    if (name === "Message-ID" && value !== content.messageId) differs("Message-ID");
  }
  for (; next < fields.length; next++) if (!partFields.has(fields[next]?.[0] ?? "")) differs("list of fields");
  if (new Set(fields.map(([name]) => name.toLowerCase())).size < fields.length) differs("list of fields");
}
