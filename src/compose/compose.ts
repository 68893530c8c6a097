// Turns checked JSON content into finished RFC 5322 bytes. nodemailer's MailComposer builds the MIME tree; the fields that
// name people, and whatever else a caller wrote into the header, are written here and never pass through it: its parsers
// read more into such values than was checked.
import MailComposer from "nodemailer/lib/mail-composer";
import { detectMimeType } from "nodemailer/lib/mime-funcs";
import { needsSmtpUtf8 } from "../domain/address.ts";
import type { Content, ContentAttachment } from "./content.ts";
import { mailboxList, unstructured, writeField } from "./fields.ts";
import { fitsUnencoded, withCrlf } from "./lines.ts";
import { verifyHeader } from "./verifyHeader.ts";

/** Finished bytes, CRLF throughout; `smtputf8` says that the header holds UTF-8 (RFC 6531), so only a relay that offers it can take them. */
export type Composed = { bytes: Buffer; smtputf8: boolean };

/** The fields that this house writes, as name and encoded value. */
function ownFields(content: Content): [string, string][] {
  const fields: [string, string][] = [["From", mailboxList([content.from])]];
  if (content.to.length > 0) fields.push(["To", mailboxList(content.to)]);
  if (content.cc.length > 0) fields.push(["Cc", mailboxList(content.cc)]);
  if (content.replyTo.length > 0) fields.push(["Reply-To", mailboxList(content.replyTo)]);
  if (content.subject !== "") fields.push(["Subject", unstructured(content.subject)]);
  for (const [name, value] of Object.entries(content.headers)) {
    // ASCII stays as it is: an encoded List-Unsubscribe is none (RFC 8058 section 3.1).
    fields.push([name, /[^\p{ASCII}]/u.test(value) ? unstructured(value.trim()) : value]);
  }
  return fields;
}

/** Text with CRLF as its only line end, which is what a text part holds (RFC 2046 section 4.1.1). */
function canonicalText(text: string | undefined): string | undefined {
  return text?.replace(/\r\n?|\n/g, "\r\n");
}

/**
 * An attachment for MailComposer. The octets of a file arrive as they were, by base64. Only a message/* part may not be
 * encoded (RFC 2046 section 5.2): its lines get CRLF, and one that still cannot stand as it is goes as plain octets.
 */
function attachmentPart({ filename, content, contentType, contentId }: ContentAttachment) {
  const detected = contentType ?? detectMimeType(filename);
  const isMessage = /^message\//i.test(detected);
  const asText = isMessage ? withCrlf(content) : content;
  const isUnencoded = isMessage && fitsUnencoded(asText);
  // A detected multipart type means a container format, not MIME parts.
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

/**
 * Composes the message: text and html as alternatives, attachments with a content id beside the html, the others behind it.
 * The body is 7-bit clean and no line is longer than 998 octets (RFC 5322 section 2.1.1).
 * @throws Error if the finished header does not say exactly what the content says; that is a fault of ours, never the caller's
 */
export async function compose(content: Content): Promise<Composed> {
  const fields = ownFields(content);
  const composer = new MailComposer({
    text: canonicalText(content.text),
    html: canonicalText(content.html),
    attachments: content.attachments.map(attachmentPart),
    date: content.date,
    // Prepared, so that it is not folded behind its name.
    headers: { "Message-ID": { prepared: true, value: content.messageId } },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const rest = await composer.compile().build();
  const bytes = Buffer.concat([Buffer.from(fields.map(([name, value]) => writeField(name, value)).join("")), rest]);
  await verifyHeader(bytes, content);
  const mailboxes = [content.from, ...content.to, ...content.cc, ...content.replyTo];
  return { bytes, smtputf8: mailboxes.some(({ address }) => needsSmtpUtf8(address)) };
}
