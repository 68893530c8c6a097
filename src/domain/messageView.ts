// A message as callers see it: the contract's JSON. Pure, because it is also stored as the first answer under an idempotency key.
import { adviceOn } from "./classify.ts";
import type { Message, MessageState, RecipientState } from "./message.ts";
import type { Reply } from "./reply.ts";
import { deriveMessageStatus, isOpen } from "./states.ts";
import { type RecipientSuppression, suppressionAdvice } from "./suppression.ts";

/** When Postern looks at an open recipient again, or undefined if it is settled or being sent to at the moment. */
function nextAttemptAt(state: MessageState, recipient: RecipientState): number | undefined {
  if (!isOpen(recipient.status) || recipient.status === "sending") return undefined;
  return state.dispatches[recipient.dispatch]?.next_at;
}

/** A time as the wire has it: RFC 3339 in UTC with milliseconds. */
export function wireTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The same, or null where there is no time. */
export function wireTimeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : wireTime(ms);
}

/** A reply as the wire has it. Code 0 stands for "no server said anything", which is null outside. */
export function replyView(reply: Reply | undefined) {
  return reply ? { code: reply.code || null, enhanced: reply.enhanced ?? null, text: reply.text } : null;
}

function suppressionView(suppression: RecipientSuppression | undefined) {
  return suppression ? { reason: suppression.reason, list: suppression.list ?? null, since: wireTime(suppression.since) } : null;
}

/** The message resource. Every field is always there; null where nothing is known. */
export function messageView({ record, state }: Message) {
  return {
    id: record.id,
    status: deriveMessageStatus(state.recipients.map((recipient) => recipient.status)),
    created_at: wireTime(record.created_at),
    send_at: wireTimeOrNull(state.send_at),
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
      reply: replyView(recipient.reply),
      category: recipient.category ?? null,
      hard_bounce: recipient.hard_bounce ?? null,
      advice: recipient.suppression ? suppressionAdvice(recipient.suppression) : adviceOn(recipient),
      suppression: suppressionView(recipient.suppression),
      possible_duplicate: recipient.possible_duplicate ?? false,
      next_attempt_at: wireTimeOrNull(nextAttemptAt(state, recipient)),
      updated_at: wireTime(recipient.updated_at),
    })),
  };
}

export type MessageView = ReturnType<typeof messageView>;
