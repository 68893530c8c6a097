// The parts of a message (RFC 2046): a text, an attachment, several parts as one.
import { randomUUID } from "node:crypto";
import { buildHeaderValue, detectMimeType } from "nodemailer/lib/mime-funcs";
import { lineOctetsMax } from "../domain/header.ts";
import { base64Length } from "./base64.ts";
import type { ContentAttachment } from "./content.ts";
import { encodeWords } from "./encodedWords.ts";
import { quoted, writeField } from "./fields.ts";
import { fitsUnencoded, withCrlf } from "./lines.ts";
import { countEscapes, encodeQuotedPrintable } from "./quotedPrintable.ts";

/** A piece of a body: ASCII, finished octets, or octets that are still to be written as base64. */
export type Piece = string | Buffer | { base64: Buffer };

/** One part: its header fields, each with its CRLF, and its body without the CRLF before the next boundary (RFC 2046 section 5.1.1). */
export type Part = { header: string; body: readonly Piece[] };

function hasLongLine(text: string): boolean {
  for (let start = 0; ; ) {
    const end = text.indexOf("\n", start);
    if ((end < 0 ? text.length : end) - start > lineOctetsMax) return true;
    if (end < 0) return false;
    start = end + 1;
  }
}

/**
 * A text part in UTF-8, its lines ended by CRLF whatever ended them before (RFC 2046 section 4.1.1). It stands as it is if it is
 * printable ASCII in lines of at most 998 octets (RFC 5322 section 2.1.1), else as quoted-printable or base64, whichever is shorter.
 */
export function textPart(subtype: "plain" | "html", text: string): Part {
  const lines = text.includes("\r") ? text.replaceAll("\r\n", "\n").replaceAll("\r", "\n") : text;
  const type = `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: `;
  if (!/[^\t\n\x20-\x7e]/.test(lines) && !hasLongLine(lines)) {
    return { header: `${type}7bit\r\n`, body: [lines.replaceAll("\n", "\r\n")] };
  }
  const octets = Buffer.from(lines);
  // Soft line breaks aside: where it is that close, what can be read in the source is better.
  if (octets.length + 2 * countEscapes(octets) <= base64Length(octets.length)) {
    return { header: `${type}quoted-printable\r\n`, body: [encodeQuotedPrintable(octets)] };
  }
  return { header: `${type}base64\r\n`, body: [{ base64: Buffer.from(lines.replaceAll("\n", "\r\n")) }] };
}

/** A file's name as the parameter `name`, for mail programs that do not know Content-Disposition; not as RFC 2231 wants it, but as they read it. */
function nameParameter(filename: string): string {
  return quoted(/[^\x20-\x7e]|["\\]|=\?/.test(filename) ? encodeWords(filename) : filename);
}

/**
 * A file. Its octets arrive as they were, by base64. Only a message/* part may not be encoded (RFC 2046 section 5.2): its lines
 * get CRLF, and one that still cannot stand as it is goes as plain octets.
 */
export function attachmentPart({ filename, content, contentType, contentId }: ContentAttachment): Part {
  const detected = contentType ?? detectMimeType(filename);
  const isMessage = /^message\//i.test(detected);
  const asText = isMessage ? withCrlf(content) : content;
  const isUnencoded = isMessage && fitsUnencoded(asText);
  // A detected multipart type means a container format, not MIME parts.
  const isOpaque = /^multipart\//i.test(detected) || (isMessage && !isUnencoded);
  const type = isOpaque ? "application/octet-stream" : detected;
  const isInline = contentId !== undefined && /^image\//i.test(type);
  const disposition = buildHeaderValue({ value: isInline ? "inline" : "attachment", params: { filename } });
  const header =
    writeField("Content-Type", `${type}; name=${nameParameter(filename)}`) +
    (contentId === undefined ? "" : writeField("Content-ID", `<${contentId}>`)) +
    writeField("Content-Transfer-Encoding", isUnencoded ? "7bit" : "base64") +
    writeField("Content-Disposition", disposition);
  return { header, body: [isUnencoded ? asText : { base64: content }] };
}

/** What every boundary begins with. Neither quoted-printable nor base64 can hold it (RFC 2045 section 6.7). */
const boundaryStart = "=_";

/**
 * A word for boundaries that stands in none of the parts as they will be sent. Only what is not encoded has to be looked through, and of that
 * only what holds the beginning of a boundary's line.
 * @param candidate makes a word of at most 60 characters of RFC 2046's bcharsnospace
 */
export function boundaryWord(parts: readonly Part[], candidate: () => string = randomUUID): string {
  const plain = parts.flatMap(({ body }) =>
    body.filter((piece): piece is string | Buffer => typeof piece === "string" || Buffer.isBuffer(piece)),
  );
  const suspect = plain.filter((piece) => piece.includes(`--${boundaryStart}`));
  for (;;) {
    const word = candidate();
    if (!suspect.some((piece) => piece.includes(word))) return word;
  }
}

/**
 * Several parts as one (RFC 2046 section 5.1).
 * @param word of `boundaryWord`; no kind may hold its own kind within itself
 */
export function multipart(kind: "mixed" | "alternative" | "related", parts: readonly Part[], word: string): Part {
  // The kind stands first, so that no boundary of the message begins with another.
  const boundary = `${boundaryStart}${kind}_${word}`;
  // RFC 2387 section 3.1.
  const type = kind === "related" ? 'multipart/related; type="text/html"' : `multipart/${kind}`;
  const body: Piece[] = [];
  for (const part of parts) body.push(`--${boundary}\r\n${part.header}\r\n`, ...part.body, "\r\n");
  body.push(`--${boundary}--`);
  return { header: writeField("Content-Type", `${type}; boundary="${boundary}"`), body };
}
