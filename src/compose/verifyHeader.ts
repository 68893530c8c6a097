// The last look at a composed header, read back from what was written: nothing that a caller sent may have become a recipient,
// a sender or a field of its own.
import type { Mailbox } from "../domain/address.ts";
import type { Content } from "./content.ts";

/** What the outermost part may add to the fields of the message. */
const partFields: ReadonlySet<string> = new Set(["Content-Type", "Content-ID", "Content-Transfer-Encoding", "Content-Disposition"]);

/**
 * One mailbox of a list, in the narrow form in which this house writes it: a phrase of atoms and encoded words or one quoted string,
 * then the address in angle brackets; or the address alone. Groups 1 and 2 are the address.
 */
const mailbox =
  /(?:(?:[\w =?!*+\-/]+|"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*") <([^\s<>()[\]:;,"\\@]+@[^\s<>()[\]:;,"\\@]+)>|([^\s<>()[\]:;,"\\@]+@[^\s<>()[\]:;,"\\@]+))(?:, |$)/y;

function namesExactly(value: string, given: readonly Mailbox[]): boolean {
  mailbox.lastIndex = 0;
  for (const { address } of given) {
    const match = mailbox.exec(value);
    if (!match || (match[1] ?? match[2]) !== address) return false;
  }
  return mailbox.lastIndex === value.length && given.length > 0;
}

/** The fields of a header as name and value, unfolded; undefined if a line is none, or ends by anything but CRLF. */
function fieldsOf(header: string): [string, string][] | undefined {
  if (!header.endsWith("\r\n")) return undefined;
  const fields: [string, string][] = [];
  for (const line of header.slice(0, -2).split("\r\n")) {
    const last = fields.at(-1);
    const colon = line.indexOf(": ");
    if (/[\r\n\0]/.test(line)) return undefined;
    if (/^[ \t]+[^ \t]/.test(line) && last) last[1] += line;
    else if (colon > 0 && /^[!-9;-~]+$/.test(line.slice(0, colon))) fields.push([line.slice(0, colon), line.slice(colon + 2)]);
    else return undefined;
  }
  return fields;
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
  const people: [string, readonly Mailbox[]][] = [
    ["From", [content.from]],
    ["To", content.to],
    ["Cc", content.cc],
    ["Reply-To", content.replyTo],
  ];
  const expected = people.filter(([, mailboxes]) => mailboxes.length > 0).map(([name]) => name);
  if (content.subject !== "") expected.push("Subject");
  expected.push(...Object.keys(content.headers), "Message-ID", "Date", "MIME-Version");

  const fields = fieldsOf(header) ?? differs("list of fields");
  const seen = new Set<string>();
  for (const [index, [name]] of fields.entries()) {
    const key = name.toLowerCase();
    const isExpected = index < expected.length ? name === expected[index] : partFields.has(name);
    if (!isExpected || seen.has(key)) differs("list of fields");
    seen.add(key);
  }
  if (fields.length <= expected.length) differs("list of fields");
  const values = new Map(fields);
  for (const [name, mailboxes] of people) {
    if (mailboxes.length > 0 && !namesExactly(values.get(name) ?? "", mailboxes)) differs(name);
  }
  if (values.get("Message-ID") !== content.messageId) differs("Message-ID");
}
