// Reads the header of the message that a report is about, from the part or the tail of text in which the report returns it.
import { addressesIn } from "./addresses.ts";
import { decodeHeader } from "./decode.ts";
import { headerOf, readHeaders } from "./mime.ts";
import type { OriginalMessage } from "./parsedReport.ts";

const headersKeptMax = 200;

/** Fields that only a message's header has: text that merely looks like fields is no original. */
const telling = new Set(["received", "message-id", "from", "to", "subject", "date", "return-path", "mime-version"]);

/**
 * @param source the original from its header on, lines ended by LF
 * @returns undefined if it holds no header of a message
 */
export function readOriginal(source: string): OriginalMessage | undefined {
  const { headers } = readHeaders(source);
  if (!headers.some(({ name }) => telling.has(name))) return undefined;
  const field = (name: string) => headerOf({ headers }, name);
  const messageId = /<([^<>\s]{1,500})>/.exec(field("message-id") ?? "")?.[1] ?? field("message-id")?.trim().slice(0, 500);
  const from = addressesIn(decodeHeader(field("from") ?? ""))[0];
  const subject = field("subject");
  return {
    ...(messageId && { messageId }),
    ...(from && { from }),
    to: addressesIn(decodeHeader([field("to"), field("cc")].join(", "))),
    ...(subject !== undefined && { subject: decodeHeader(subject).slice(0, 1_000) }),
    headers: headers.slice(0, headersKeptMax),
  };
}
