// A message as callers see it: the contract's JSON. Pure, because it is also stored as the first answer under an idempotency key.
import { adviceFor } from "./advice.ts";
import type { Message, MessageState, RecipientState } from "./message.ts";
import { deriveMessageStatus, isOpen } from "./states.ts";

/** When Postern looks at an open recipient again, or undefined if it is settled or being sent to at the moment. */
function nextAttemptAt(state: MessageState, recipient: RecipientState): number | undefined {
  if (!isOpen(recipient.status) || recipient.status === "sending") return undefined;
  return state.dispatches[recipient.dispatch]?.next_at;
}

/** A time as the wire has it: RFC 3339 in UTC with milliseconds; null if there is none. */
export function wireTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** The message resource. Every field is always there; null where nothing is known. */
export function messageView({ record, state }: Message) {
  return {
    id: record.id,
    status: deriveMessageStatus(state.recipients.map((recipient) => recipient.status)),
    created_at: wireTime(record.created_at),
    send_at: wireTime(state.send_at),
    expires_at: wireTime(state.expires_at),
    from: record.from,
    subject: record.subject,
    tags: record.tags,
    metadata: record.metadata,
    lane: record.lane,
    internet_message_id: record.internet_message_id,
    size: record.size,
    recipients: state.recipients.map((recipient, index) => ({
      address: record.recipients[index]?.address ?? "",
      kind: record.recipients[index]?.kind ?? "to",
      status: recipient.status,
      attempts: recipient.attempts,
      relay: recipient.relay ?? null,
      reply: recipient.reply ? { code: recipient.reply.code, enhanced: recipient.reply.enhanced ?? null, text: recipient.reply.text } : null,
      category: recipient.category ?? null,
      hard_bounce: recipient.hard_bounce ?? null,
      advice: recipient.category ? adviceFor(recipient.category) : null,
      possible_duplicate: recipient.possible_duplicate ?? false,
      next_attempt_at: wireTime(nextAttemptAt(state, recipient)),
      updated_at: wireTime(recipient.updated_at),
    })),
  };
}

export type MessageView = ReturnType<typeof messageView>;
