// Reads the relay's replies off the wire: bytes to complete replies, a reply to what it means.
import type { Reply } from "../domain/reply.ts";
import { parseReply } from "../domain/replyParse.ts";

/** A line that says that more lines of the same reply follow (RFC 5321, section 4.2.1). */
const continuation = /^\d+-/;
/** Of one reply; no relay that means well says more. */
const replyBytesMax = 64 * 1024;

/**
 * Splits what a relay sends into complete replies: all lines of one reply, joined by LF, without the last line's end.
 * An unfinished line is never a reply: a `250` that was cut off is no acceptance.
 * @param onReply called for each complete reply, at once, while the chunk is being read
 * @param onTooLong called when one reply passes 64 KiB without an end; nothing is read any more
 * @returns takes the next chunk off the socket, and tells whether it ended with the end of a reply
 */
export function createReplyReader(onReply: (raw: string) => void, onTooLong: () => void = () => {}): (chunk: Buffer) => boolean {
  let unfinished = "";
  let earlierLines = "";
  let isTooLong = false;
  const isWhole = () => {
    if (unfinished.length + earlierLines.length <= replyBytesMax) return unfinished === "" && earlierLines === "";
    isTooLong = true;
    [unfinished, earlierLines] = ["", ""];
    onTooLong();
    return false;
  };
  return (chunk) => {
    if (isTooLong) return false;
    const arrived = chunk.toString("latin1");
    // A line that comes byte by byte is not searched again from its beginning each time.
    let end = arrived.indexOf("\n");
    if (end < 0) {
      unfinished += arrived;
      return isWhole();
    }
    end += unfinished.length;
    const text = unfinished + arrived;
    let start = 0;
    for (; end >= 0; end = text.indexOf("\n", start)) {
      const line = text.slice(start, text.charCodeAt(end - 1) === 13 && end > start ? end - 1 : end);
      start = end + 1;
      if (continuation.test(line)) {
        earlierLines += `${line}\n`;
        if (earlierLines.length > replyBytesMax) break;
        continue;
      }
      const raw = earlierLines + line;
      earlierLines = "";
      if (raw.trim() !== "") onReply(decoded(raw));
    }
    unfinished = text.slice(start);
    return isWhole();
  };
}

/** UTF-8 where the bytes are that, else each byte as it is. */
function decoded(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  const utf8 = Buffer.from(latin1, "latin1").toString("utf8");
  return utf8.includes("\ufffd") ? latin1 : utf8;
}

/** What a reply means by its first digit (RFC 5321, section 4.2.1), or `nonsense` if it is none that a client may get. */
export function meaningOf(raw: string): "done" | "go_on" | "later" | "never" | "nonsense" {
  if (!/^[2-5]\d\d/.test(raw)) return "nonsense";
  switch (raw[0]) {
    case "2":
      return "done";
    case "3":
      return "go_on";
    case "4":
      return "later";
    default:
      return "never";
  }
}

/** Whether the relay says that it ends the connection, whatever it was asked (RFC 5321, section 3.8). */
export function endsConnection(raw: string): boolean {
  return raw.startsWith("421");
}

/** The reply as the house keeps it. Its code is the first three digits, strictly: a reply on the wire is not quoted in anything. */
export function replyOf(raw: string): Reply {
  return { ...parseReply(raw), code: Number(/^\d{3}/.exec(raw)?.[0] ?? 0) };
}
