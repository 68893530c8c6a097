// Composes content by nodemailer's MailComposer: the oracle that our own composer is compared with, in what it says and in what it costs.
// The fields that name people and whatever else a caller wrote never pass through it: its parsers read more into such values than was checked.
import { isAscii } from "node:buffer";
import MailComposer from "nodemailer/lib/mail-composer";
import { detectMimeType, encodeWord, quoteString } from "nodemailer/lib/mime-funcs";
import type { Content, ContentAttachment } from "../../src/compose/content.ts";
import { fitsUnencoded, withCrlf } from "../../src/compose/lines.ts";
import type { Mailbox } from "../../src/domain/address.ts";

const encoded = (text: string) => encodeWord(text, "B", 52);

function phrase(name: string): string {
  return /[^\x20-\x7e]|=\?| {2}/.test(name) ? encoded(name) : quoteString(name);
}

function mailboxList(mailboxes: readonly Mailbox[]): string {
  return mailboxes.map(({ address, name }) => (name ? `${phrase(name)} <${address}>` : address)).join(",\r\n ");
}

function unstructured(text: string): string {
  return /^[\x21-\x7e]+(?: {1,8}[\x21-\x7e]+)*$/.test(text) && !/=\?|[^ ]{200}/.test(text) ? text : encoded(text);
}

function fieldsOf(content: Content): [string, string][] {
  const fields: [string, string][] = [["From", mailboxList([content.from])]];
  if (content.to.length > 0) fields.push(["To", mailboxList(content.to)]);
  if (content.cc.length > 0) fields.push(["Cc", mailboxList(content.cc)]);
  if (content.replyTo.length > 0) fields.push(["Reply-To", mailboxList(content.replyTo)]);
  if (content.subject !== "") fields.push(["Subject", unstructured(content.subject)]);
  for (const [name, value] of Object.entries(content.headers)) {
    fields.push([name, isAscii(Buffer.from(value)) ? value.trim() : unstructured(value.trim())]);
  }
  return fields;
}

function attachmentOf({ filename, content, contentType, contentId }: ContentAttachment) {
  const detected = contentType ?? detectMimeType(filename);
  const isMessage = /^message\//i.test(detected);
  const asText = isMessage ? withCrlf(content) : content;
  const isUnencoded = isMessage && fitsUnencoded(asText);
  const isOpaque = /^multipart\//i.test(detected) || (isMessage && !isUnencoded);
  return {
    filename,
    content: isUnencoded ? asText : content,
    contentType: isOpaque ? "application/octet-stream" : detected,
    contentTransferEncoding: isUnencoded ? "7bit" : "base64",
    ...(isMessage && { contentDisposition: "attachment" }),
    ...(contentId !== undefined && { cid: contentId }),
  };
}

/** Some content as nodemailer composes it. */
export async function composeByNodemailer(content: Content): Promise<Buffer> {
  const composer = new MailComposer({
    text: content.text?.replace(/\r\n?|\n/g, "\r\n"),
    html: content.html?.replace(/\r\n?|\n/g, "\r\n"),
    attachments: content.attachments.map(attachmentOf),
    date: content.date,
    headers: { "Message-ID": { prepared: true, value: content.messageId } },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const header = fieldsOf(content).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(header.join("")), await composer.compile().build()]);
}
