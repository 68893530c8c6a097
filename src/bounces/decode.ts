// From the bytes of a mail to text: transfer encodings (RFC 2045, section 6), charsets, encoded words (RFC 2047), HTML.
// Bytes travel as latin1 strings, one character a byte. Everything is lenient and bounded: what cannot be decoded stays as it is.

import { TextDecoder } from "node:util";

const decoders = new Map<string, TextDecoder | undefined>();

/** Charset names that the WHATWG registry does not know, as old software writes them. */
const aliases: Readonly<Record<string, string>> = {
  "iso-2022-jp-2": "iso-2022-jp",
  "iso-2022-jp-ms": "iso-2022-jp",
  cp932: "shift_jis",
  "windows-31j": "shift_jis",
  "utf-7": "utf-8",
  "unicode-1-1-utf-7": "utf-8",
  "iso-8859-8-e": "iso-8859-8",
  cp1252: "windows-1252",
  cp1251: "windows-1251",
  "ansi_x3.4-1968": "windows-1252",
};

function decoderOf(charset: string): TextDecoder | undefined {
  const label = charset.trim().toLowerCase();
  const name = aliases[label] ?? label;
  if (!decoders.has(name)) {
    // The labels come from strangers: the cache must not grow with them.
    if (decoders.size > 100) decoders.clear();
    try {
      decoders.set(name, new TextDecoder(name));
    } catch {
      decoders.set(name, undefined);
    }
  }
  return decoders.get(name);
}

const beyondAscii = /[\u0080-\u00ff]/;
const beyondBytes = /[\u0100-\uffff]/;
const escapeCharacter = String.fromCharCode(0x1b);
/** The escape into JIS X 0208: ISO-2022-JP, also where nobody declared it. */
const japaneseEscape = new RegExp(`${escapeCharacter}\\$[B@]`);
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Text that declares no charset, or a false one: ISO-2022-JP by its escapes, UTF-8 if it is valid, else as Western European. */
function guess(bytes: string): string {
  if (japaneseEscape.test(bytes)) return decoderOf("iso-2022-jp")?.decode(Buffer.from(bytes, "latin1")) ?? bytes;
  // What is decoded already stays as it is.
  if (!beyondAscii.test(bytes) || beyondBytes.test(bytes)) return bytes;
  const buffer = Buffer.from(bytes, "latin1");
  try {
    return strictUtf8.decode(buffer);
  } catch {
    return decoderOf("windows-1252")?.decode(buffer) ?? bytes;
  }
}

/**
 * Decodes a text in a declared charset; without one, or with one that nobody knows, it guesses.
 * @param bytes one character a byte
 */
export function decodeCharset(bytes: string, charset: string | undefined): string {
  if (!beyondAscii.test(bytes) && !bytes.includes(escapeCharacter)) return bytes;
  const declared = charset && !/^(?:us-)?ascii$/i.test(charset) ? decoderOf(charset) : undefined;
  if (!declared || japaneseEscape.test(bytes)) return guess(bytes);
  return declared.decode(Buffer.from(bytes, "latin1"));
}

/** Quoted-printable (RFC 2045, section 6.7); what is no valid escape stays. */
function decodeQuotedPrintable(bytes: string): string {
  if (!bytes.includes("=")) return bytes;
  return bytes
    .replace(/=[ \t]{0,80}\n/g, "")
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Undoes a Content-Transfer-Encoding; one that nobody knows counts as none. */
export function decodeTransfer(bytes: string, encoding: string): string {
  if (encoding === "base64") return Buffer.from(bytes, "base64").toString("latin1");
  if (encoding === "quoted-printable") return decodeQuotedPrintable(bytes);
  return bytes;
}

const encodedWord = /=\?([\w.:-]{1,60})(?:\*[\w-]{0,20})?\?([bq])\?([^?\s]{0,2000})\?=/gi;
const spaceBetweenWords = /(\?=)\s{1,20}(?==\?[\w.:-]{1,60}(?:\*[\w-]{0,20})?\?[bq]\?)/gi;

/** Decodes the encoded words of a header's value (RFC 2047); bytes outside ASCII that nobody encoded are guessed. */
export function decodeHeader(value: string): string {
  if (!value.includes("=?")) return guess(value);
  return guess(value.replace(spaceBetweenWords, "$1")).replace(encodedWord, (_, charset: string, encoding: string, text: string) =>
    decodeCharset(
      encoding.toLowerCase() === "b" ? decodeTransfer(text, "base64") : decodeQuotedPrintable(text.replaceAll("_", " ")),
      charset,
    ),
  );
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

/** The text of an HTML part: blocks end lines, markup and styles go. No renderer: enough to find addresses and replies. */
export function htmlToText(html: string): string {
  return html
    .replace(/<(style|script|title)\b[^>]{0,500}>[^<]{0,20000}<\/\1>/gi, "")
    .replace(/\s{1,1000}/g, " ")
    .replace(/<(?:br|\/p|\/div|\/tr|\/li|\/h\d|p|div|tr|table|hr)\b[^<>]{0,2000}>/gi, "\n")
    .replace(/<\/?[a-z!][^<>]{0,2000}>/gi, "")
    .replace(/&(?:#(\d{1,6})|(\w{2,6}));/g, (entity, number: string | undefined, name: string | undefined) =>
      number ? String.fromCodePoint(Math.min(Number(number), 0x10ffff)) : (entities[name ?? ""] ?? entity),
    )
    .replace(/^ {1,100}/gm, "");
}
