// Reads the relay's replies off the wire: bytes to complete replies, a reply to what it means.
import type { Reply } from "../domain/reply.ts";
import { parseReply } from "../domain/replyParse.ts";

/** A line that says that more lines of the same reply follow (RFC 5321, section 4.2.1). The very test of nodemailer, so that both count alike. */
const continuation = /^\d+-/;

/**
 * Splits what a relay sends into complete replies: all lines of one reply, joined by LF, without the last line's end.
 * An unfinished line is never a reply: a `250` that was cut off is no acceptance.
 * @param onReply called for each complete reply, at once, while the chunk is being read
 * @returns takes the next chunk off the socket
 */
export function createReplyReader(onReply: (raw: string) => void): (chunk: Buffer) => void {
  let line = "";
  let earlierLines = "";
  return (chunk) => {
    line += chunk.toString("latin1");
    let start = 0;
    for (let end = line.indexOf("\n"); end >= 0; end = line.indexOf("\n", start)) {
      const text = line.slice(start, line.charCodeAt(end - 1) === 13 ? end - 1 : end);
      start = end + 1;
      if (continuation.test(text)) {
        earlierLines += `${text}\n`;
        continue;
      }
      const raw = earlierLines + text;
      earlierLines = "";
      if (raw.trim() !== "") onReply(decoded(raw));
    }
    line = line.slice(start);
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
