// Turns checked JSON content into finished RFC 5322 bytes, by lines of our own: this is done for every message, and a general
// composer costs more than all else that acceptance does.
import { setImmediate as nextTurn } from "node:timers/promises";
import { needsSmtpUtf8 } from "../domain/address.ts";
import { isAscii } from "../domain/ascii.ts";
import { base64Length, lineOctets, writeBase64 } from "./base64.ts";
import type { Content } from "./content.ts";
import { mailboxList, unstructured, writeField } from "./fields.ts";
import { attachmentPart, boundaryWord, multipart, type Part, type Piece, textPart } from "./parts.ts";
import { verifyHeader } from "./verifyHeader.ts";

/** Finished bytes, CRLF throughout; `smtputf8` says that the header holds UTF-8 (RFC 6531), so only a relay that offers it can take them. */
export type Composed = { bytes: Buffer; smtputf8: boolean };

/** How much base64 is written before others get their turn: some 2 ms. */
const sliceOctets = lineOctets * 16_384;

/** The fields above those of MIME. */
function messageFields(content: Content): string {
  let fields = writeField("From", mailboxList([content.from]));
  if (content.to.length > 0) fields += writeField("To", mailboxList(content.to));
  if (content.cc.length > 0) fields += writeField("Cc", mailboxList(content.cc));
  if (content.replyTo.length > 0) fields += writeField("Reply-To", mailboxList(content.replyTo));
  if (content.subject !== "") fields += writeField("Subject", unstructured(content.subject));
  for (const [name, value] of Object.entries(content.headers)) {
    // ASCII stays as it is: an encoded List-Unsubscribe is none (RFC 8058 section 3.1).
    fields += writeField(name, isAscii(value) ? value : unstructured(value.trim()));
  }
  fields += writeField("Message-ID", content.messageId);
  // RFC 5322 section 3.3.
  fields += writeField("Date", content.date.toUTCString().replace("GMT", "+0000"));
  return `${fields}MIME-Version: 1.0\r\n`;
}

/** Text and html as alternatives, attachments with a content id beside the html, the others behind it. */
function bodyOf({ text, html, attachments }: Content): Part {
  const plain = text ? textPart("plain", text) : undefined;
  const rich = html ? textPart("html", html) : undefined;
  const files = attachments.map((it) => ({ part: attachmentPart(it), isRelated: rich !== undefined && it.contentId !== undefined }));
  const leaves = [...(plain ? [plain] : []), ...(rich ? [rich] : []), ...files.map(({ part }) => part)];
  const [first, ...others] = leaves;
  if (!first) return textPart("plain", "");
  if (others.length === 0) return first;

  const word = boundaryWord(leaves);
  const together = (kind: Parameters<typeof multipart>[0], parts: Part[]) =>
    parts[1] === undefined ? parts : [multipart(kind, parts, word)];
  const shown = files.filter(({ isRelated }) => isRelated).map(({ part }) => part);
  const attached = files.filter(({ isRelated }) => !isRelated).map(({ part }) => part);
  const alternatives = [...(plain ? [plain] : []), ...together("related", [...(rich ? [rich] : []), ...shown])];
  const [whole = first] = together("mixed", [...together("alternative", alternatives), ...attached]);
  return whole;
}

function lengthOf(piece: Piece): number {
  return typeof piece === "object" && "base64" in piece ? base64Length(piece.base64.length) : piece.length;
}

/** Whether a message that ends in this piece ends by a CRLF. Behind an empty one stands the header's. */
function endsLine(piece: Piece | undefined): boolean {
  if (piece === undefined || lengthOf(piece) === 0) return true;
  if (typeof piece === "string") return piece.endsWith("\n");
  return Buffer.isBuffer(piece) && piece.at(-1) === 0x0a;
}

/**
 * The pieces, one behind the other. Long base64 is written in slices, between which others get their turn.
 * @throws Error if a piece is not as long as it was said to be: what was not written to is memory of others
 */
async function join(pieces: readonly Piece[]): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + lengthOf(piece), 0));
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") {
      at += bytes.write(piece, at, "latin1");
    } else if (Buffer.isBuffer(piece)) {
      at += piece.copy(bytes, at);
    } else {
      for (let start = 0; start < piece.base64.length; start += sliceOctets) {
        if (start > 0) {
          at += bytes.write("\r\n", at, "latin1");
          await nextTurn();
        }
        at = writeBase64(piece.base64.subarray(start, start + sliceOctets), bytes, at);
      }
    }
  }
  if (at !== bytes.length) throw new Error(`The composed message has ${at} bytes, not ${bytes.length}`);
  return bytes;
}

/**
 * Composes the message: text and html as alternatives, attachments with a content id beside the html, the others behind it.
 * The body is 7-bit clean and no line is longer than 998 octets (RFC 5322 section 2.1.1).
 * @throws Error if the finished header does not say exactly what the content says; that is a fault of ours, never the caller's
 */
export async function compose(content: Content): Promise<Composed> {
  const body = bodyOf(content);
  const header = messageFields(content) + body.header;
  verifyHeader(header, content);
  const mailboxes = [content.from, ...content.to, ...content.cc, ...content.replyTo];
  const smtputf8 = mailboxes.some(({ address }) => needsSmtpUtf8(address));
  const pieces = [smtputf8 ? Buffer.from(`${header}\r\n`) : `${header}\r\n`, ...body.body];
  return { bytes: await join(endsLine(pieces.at(-1)) ? pieces : [...pieces, "\r\n"]), smtputf8 };
}
