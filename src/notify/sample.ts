// The made-up event of a webhook's test: of the shape that a real one has, about nobody, and marked.

import type { EventType, StoredEvent } from "../domain/events.ts";
import { eventBody } from "../domain/eventView.ts";
import { idOf } from "../domain/ids.ts";
import { recipientStatuses } from "../domain/states.ts";

const refused: Partial<StoredEvent> = {
  reply: { code: 550, enhanced: "5.1.1", text: "No such user here (this is a test)" },
  category: "invalid_recipient",
  hard_bounce: true,
};

/** The body of a test with that id and type; `data.test` is true. */
export function sampleBody(id: string, type: EventType, at: number, webhookId: string): object {
  const word = type.slice(type.indexOf(".") + 1);
  const status = recipientStatuses.find((each) => each === word);
  const event: StoredEvent = { sequence: 0, type, at, tenant: "" };
  if (!type.startsWith("webhook.")) {
    event.message_id = idOf("msg", new Uint8Array(16));
    event.recipient = "recipient@example.com";
  }
  if (type.startsWith("suppression.") || word === "suppressed") event.suppression = { reason: "bounce", source: "delivery" };
  if (word === "unsubscribed") event.suppression = { reason: "unsubscribe", source: "link", list: "test" };
  if (status !== undefined) Object.assign(event, { status, attempt: 1, relay: "test" });
  if (word === "sent" || word === "delivered") event.reply = { code: 250, enhanced: "2.0.0", text: "OK (this is a test)" };
  if (word === "bounced" || word === "failed" || word === "deferred") Object.assign(event, refused);
  if (type.startsWith("webhook.")) event.webhook_id = webhookId;
  const body = eventBody(event, { tags: ["test"], metadata: {} });
  return { ...body, data: { ...body.data, id, test: true } };
}
