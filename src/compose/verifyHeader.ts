// The last look at a composed header, through another parser's eyes: nothing that a caller sent may have become a recipient,
// a sender or a field of its own.
import PostalMime, { type Address } from "postal-mime";
import type { Mailbox } from "../domain/address.ts";
import type { Content } from "./content.ts";

/** What MailComposer adds for the MIME tree. */
const mimeFields: ReadonlySet<string> = new Set([
  "message-id",
  "date",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "content-disposition",
]);

function sameAddresses(parsed: readonly Address[] | undefined, given: readonly Mailbox[]): boolean {
  const addresses = parsed ?? [];
  return addresses.length === given.length && given.every(({ address }, index) => addresses[index]?.address === address);
}

/**
 * Checks that the header of finished bytes names exactly the content's people and fields. Reads the header only.
 * @throws Error that names the field which differs, without its value
 */
export async function verifyHeader(bytes: Buffer, content: Content): Promise<void> {
  const header = bytes.subarray(0, bytes.indexOf("\r\n\r\n") + 4);
  const parsed = await PostalMime.parse(header);
  const differs = (field: string): never => {
    throw new Error(`The composed header's ${field} is not what the content says`);
  };
  if (!sameAddresses(parsed.from && [parsed.from], [content.from])) differs("From");
  if (!sameAddresses(parsed.to, content.to)) differs("To");
  if (!sameAddresses(parsed.cc, content.cc)) differs("Cc");
  if (!sameAddresses(parsed.replyTo, content.replyTo)) differs("Reply-To");
  if (parsed.messageId !== content.messageId) differs("Message-ID");

  const expected = new Set(Object.keys(content.headers).map((name) => name.toLowerCase()));
  expected.add("from");
  if (content.to.length > 0) expected.add("to");
  if (content.cc.length > 0) expected.add("cc");
  if (content.replyTo.length > 0) expected.add("reply-to");
  if (content.subject !== "") expected.add("subject");
  const seen = new Set<string>();
  for (const { key } of parsed.headers) {
    if (seen.has(key) || !(expected.has(key) || mimeFields.has(key))) differs("list of fields");
    seen.add(key);
  }
  for (const key of expected) if (!seen.has(key)) differs("list of fields");
}
