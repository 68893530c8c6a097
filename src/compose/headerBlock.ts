// Takes the header of a raw message apart, field by field, without changing a byte. Whatever two parsers might read
// differently (a space before the colon, a blank folded line, no blank line before the body) is refused, not guessed at.

/** One field of a header. `start` and `end` are offsets into the message, the final CRLF included; `value` is unfolded. */
export type HeaderField = { name: string; value: string; line: number; start: number; end: number };

/** A message's header: its fields, and where the body begins (after the blank line). */
type HeaderBlock = { fields: HeaderField[]; bodyStart: number };

export type HeaderFault = { code: "malformed_header" | "header_too_large"; message: string };

/** The whole header. Servers cut or refuse what is larger (Postfix: 102,400 octets a field). */
const headerOctetsMax = 256 * 1024;

const malformed = (message: string): { fault: HeaderFault } => ({ fault: { code: "malformed_header", message } });

/**
 * Reads the header (RFC 5322 section 2.2) at the start of a message.
 * @param message lines ended by CRLF, the last one too, none longer than 998 octets. Without a blank line all of it is header.
 */
export function readHeaderBlock(message: Buffer): HeaderBlock | { fault: HeaderFault } {
  const fields: HeaderField[] = [];
  let start = 0;
  for (let line = 1; start < message.length; line++) {
    if (start > headerOctetsMax) {
      return { fault: { code: "header_too_large", message: `The header is larger than ${headerOctetsMax} octets; shorten it.` } };
    }
    const end = message.indexOf("\r\n", start) + 2;
    if (end === start + 2) {
      return fields.length === 0 ? malformed("The message begins with a blank line; begin with its header.") : { fields, bodyStart: end };
    }
    const text = message.toString("utf8", start, end - 2);
    if (/^[ \t]/.test(text)) {
      const field = fields.at(-1);
      if (!field) return malformed("Line 1 begins with a space; begin with a header field.");
      if (text.trim() === "") return malformed(`Line ${line} holds only spaces; a blank line that ends the header holds nothing.`);
      field.value += text;
      field.end = end;
    } else {
      const match = /^([!-9;-~]+):(.*)$/su.exec(text);
      if (!match?.[1]) {
        return malformed(
          /^>?From /.test(text)
            ? `Line ${line} is an mbox separator ("From " without a colon); remove it.`
            : `Line ${line} is no header field (Name: value); a blank line must stand between header and body.`,
        );
      }
      fields.push({ name: match[1].toLowerCase(), value: match[2] ?? "", line, start, end });
    }
    start = end;
  }
  return { fields, bodyStart: message.length };
}
