// Sending a message's content once more: its bytes, without what made it that one message.
import type { Answer, Client } from "../api/client.ts";
import type { Message } from "../api/wire.ts";

/** A new message gets its own of these. */
const ownFields = /^(message-id|date)$/i;

/** The bytes without the header fields that a new message gets anew (RFC 5322 section 2.2: a field goes on over lines that begin with white space). */
export function withoutOwnFields(bytes: Uint8Array): Uint8Array {
  // One character an octet, so that nothing is read into bytes that are no text.
  const text = Array.from(bytes, (octet) => String.fromCharCode(octet)).join("");
  const end = text.indexOf("\r\n\r\n");
  const header = end < 0 ? text : text.slice(0, end);
  const fields = header.split(/\r\n(?![ \t])/).filter((field) => !ownFields.test(field.split(":", 1)[0]?.trim() ?? ""));
  const changed = fields.join("\r\n") + text.slice(header.length);
  return Uint8Array.from(changed, (character) => character.charCodeAt(0));
}

/** Accepts the message's content as a new message to these addresses. */
export async function resend(client: Client, message: Message, to: readonly string[]): Promise<Answer<Message>> {
  const content = await client.bytes(`messages/${encodeURIComponent(message.id)}/content`);
  if (!content.ok) return content;
  return client.ask("POST", "messages/raw", {
    body: {
      envelope: { from: message.from, to },
      raw: base64Of(withoutOwnFields(content.data)),
      tags: message.tags,
      metadata: message.metadata,
      lane: message.lane,
    },
    headers: { "idempotency-key": crypto.randomUUID() },
  });
}

const stepLength = 0x8000;

function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += stepLength) text += String.fromCharCode(...bytes.subarray(start, start + stepLength));
  return btoa(text);
}
