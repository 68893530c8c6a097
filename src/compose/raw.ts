// Finishes a raw RFC 5322 message that a caller made: checks what SMTP and the header's rules demand, and changes nothing
// but what must not travel (Bcc), what only servers write (Return-Path), what is ours (X-Postern-*), and what is missing.
import { isAscii, isUtf8 } from "node:buffer";
import { decodeWords } from "postal-mime";
import { destinations, type OriginatorFault, readOriginators } from "./addressFields.ts";
import { writeField } from "./fields.ts";
import { type HeaderFault, type HeaderField, readHeaderBlock } from "./headerBlock.ts";
import { firstLongLine, lineEnds, withCrlf } from "./lines.ts";

/** Why a raw message is refused: `message` is a sentence that names the fault and the way out. */
export type RawFault = {
  code:
    | HeaderFault["code"]
    | OriginatorFault["code"]
    | "empty_message"
    | "nul_octet"
    | "bare_carriage_return"
    | "mixed_line_ends"
    | "line_too_long"
    | "header_encoding"
    | "control_character"
    | "duplicate_header"
    | "invalid_message_id";
  message: string;
};

/**
 * A raw message ready to be stored. Addresses are canonical (`domain/address.ts`).
 * `to` and `cc` are what the header says, best read, to tell one kind of recipient from another; they are no envelope.
 */
export type FinishedRaw = {
  bytes: Buffer;
  from: string[];
  sender?: string;
  to: string[];
  cc: string[];
  /** Decoded, for people to read. */
  subject: string;
  /** With its angle brackets. */
  messageId: string;
  /** The body holds octets beyond ASCII: it needs 8BITMIME (RFC 6152). */
  eightBit: boolean;
  /** The header holds UTF-8: it needs SMTPUTF8 (RFC 6531). */
  smtputf8: boolean;
};

/** What to add; the Message-ID with its angle brackets. `further`: fields that the message must not have itself. */
export type RawDefaults = { messageId: string; date: Date; further?: Readonly<Record<string, string>> };

/** Fields that a message has at most once: RFC 5322 section 3.6, RFC 2045 section 3. (Bcc is removed, however often it is there.) */
const onceOnly: ReadonlySet<string> = new Set([
  "date",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
  "message-id",
  "in-reply-to",
  "references",
  "subject",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
]);

/** Fields that do not go out. Hidden recipients stay hidden; the return path is the envelope's (RFC 5321 section 4.4). */
function isRemoved(name: string): boolean {
  return name === "bcc" || name === "resent-bcc" || name === "return-path" || name.startsWith("x-postern-");
}

function octetFaults(raw: Buffer): RawFault[] {
  if (raw.length === 0) return [{ code: "empty_message", message: "The message is empty; send a whole RFC 5322 message." }];
  const faults: RawFault[] = [];
  if (raw.includes(0)) {
    faults.push({ code: "nul_octet", message: "The message holds a NUL octet, which mail cannot carry; encode the part as base64." });
  }
  const ends = lineEnds(raw);
  if (ends.kind === "bare_cr") {
    faults.push({
      code: "bare_carriage_return",
      message: `Line ${ends.line} holds a carriage return without a line feed; end lines with CRLF.`,
    });
  }
  if (ends.kind === "mixed") {
    const message = `Line ${ends.line} does not end like the lines before it; end all lines with CRLF (or all with LF).`;
    faults.push({ code: "mixed_line_ends", message });
  }
  const long = firstLongLine(raw);
  if (long !== undefined) {
    const message = `Line ${long} is longer than 998 octets (RFC 5322 section 2.1.1); fold it, or encode the part as quoted-printable or base64.`;
    faults.push({ code: "line_too_long", message });
  }
  return faults;
}

/**
 * Checks and finishes a raw message.
 *
 * Line ends that are all LF become CRLF; a mixture and bare CRs are refused, for servers disagree about where such lines end.
 * Bcc, Resent-Bcc, Return-Path and X-Postern-* are removed. Date and Message-ID are added at the top where missing, a blank
 * line and a final CRLF at the end where missing. Every other byte stays.
 */
export function finishRaw(raw: Buffer, defaults: RawDefaults): FinishedRaw | { faults: RawFault[] } {
  const further = Object.entries(defaults.further ?? {});
  const octets = octetFaults(raw);
  if (octets.length > 0) return { faults: octets };
  const lines = withCrlf(raw);
  const whole = lines.at(-1) === 0x0a ? lines : Buffer.concat([lines, Buffer.from("\r\n")]);

  const block = readHeaderBlock(whole);
  if ("fault" in block) return { faults: [block.fault] };
  const header = whole.subarray(0, block.bodyStart);
  if (!isUtf8(header)) {
    return { faults: [{ code: "header_encoding", message: "The header holds octets that are not UTF-8; use RFC 2047 encoded words." }] };
  }

  const faults: RawFault[] = [];
  const fields = new Map<string, HeaderField>();
  for (const field of block.fields) {
    if (fields.has(field.name) && onceOnly.has(field.name)) {
      const message = `Line ${field.line} is a second ${field.name} header, which a message has only once; remove one.`;
      faults.push({ code: "duplicate_header", message });
    }
    if (further.some(([name]) => name.toLowerCase() === field.name)) {
      const message = `Line ${field.line} is a ${field.name} header, which Postern was asked to write; remove it, or do not ask.`;
      faults.push({ code: "duplicate_header", message });
    }
    if (/(?!\t)\p{Cc}/u.test(field.value)) {
      const message = `The ${field.name} header (line ${field.line}) holds a control character; remove it.`;
      faults.push({ code: "control_character", message });
    }
    if (!fields.has(field.name)) fields.set(field.name, field);
  }
  const originator = readOriginators(fields);
  if ("fault" in originator) faults.push(originator.fault);
  const givenMessageId = fields.get("message-id")?.value.trim();
  if (givenMessageId !== undefined && !/^<[^<>\s]+>$/.test(givenMessageId)) {
    const message = "The Message-ID header is not one id in angle brackets; write it like <id@example.com> or leave it out.";
    faults.push({ code: "invalid_message_id", message });
  }
  if (faults.length > 0 || "fault" in originator) return { faults };

  const removed = block.fields.filter(({ name }) => isRemoved(name));
  const smtputf8 = block.fields.some((field) => !isRemoved(field.name) && !isAscii(whole.subarray(field.start, field.end)));
  const pieces: Buffer[] = [];
  if (givenMessageId === undefined) pieces.push(Buffer.from(`Message-ID: ${defaults.messageId}\r\n`));
  if (!fields.has("date")) pieces.push(Buffer.from(`Date: ${defaults.date.toUTCString().replace("GMT", "+0000")}\r\n`));
  for (const [name, value] of further) pieces.push(Buffer.from(writeField(name, value)));
  let kept = 0;
  for (const { start, end } of removed) {
    pieces.push(whole.subarray(kept, start));
    kept = end;
  }
  pieces.push(whole.subarray(kept));
  if (!header.subarray(-4).equals(Buffer.from("\r\n\r\n"))) pieces.push(Buffer.from("\r\n"));

  return {
    bytes: Buffer.concat(pieces),
    ...originator,
    to: destinations(fields.get("to")),
    cc: destinations(fields.get("cc")),
    subject: decodeWords(fields.get("subject")?.value.trim() ?? ""),
    messageId: givenMessageId ?? defaults.messageId,
    eightBit: !isAscii(whole.subarray(block.bodyStart)),
    smtputf8,
  };
}
