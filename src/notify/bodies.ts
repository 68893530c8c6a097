// The bodies of the requests: each event as it stands in the log, with its message's tags and metadata. Every try of an event gets the
// same bytes as long as the message is kept.
import { eventId, type StoredEvent, sequenceOf } from "../domain/events.ts";
import type { MessageRecord } from "../domain/message.ts";
import type { Events } from "../store/events.ts";
import type { Messages } from "../store/messages.ts";
import type { Claim } from "../store/webhookQueue.ts";
import { sampleBody } from "./sample.ts";

/** One claimed delivery by itself. */
export type Claimed = Pick<Claim, "webhook" | "leaseEnd"> & Claim["deliveries"][number];

/** The JSON of one event's request. */
export type EventBody = (event: StoredEvent, record: MessageRecord | undefined) => object;

/** What an event's request is made of: its bytes, and the message that it is about, while that is kept. */
export type Due = { body: string; record: MessageRecord | undefined };

/** Makes the function that writes the bodies of a claim, by event id; one that is missing has nothing left to send. */
export function createBodies({
  events,
  messages,
  eventBody,
}: {
  events: Pick<Events, "bySequence">;
  messages: Pick<Messages, "records">;
  eventBody: EventBody;
}) {
  return async ({ webhook, deliveries }: Claim): Promise<Map<string, Due>> => {
    const bodies = new Map<string, Due>();
    const sequences: number[] = [];
    for (const { eventId: id, row } of deliveries) {
      const sequence = sequenceOf(id);
      if (row.test) bodies.set(id, { body: JSON.stringify(sampleBody(id, row.type, row.at, webhook.id)), record: undefined });
      else if (sequence !== undefined) sequences.push(sequence);
    }
    const found = await events.bySequence(sequences);
    const records = await messages.records(found.flatMap((event) => event.message_id ?? []));
    for (const event of found) {
      // A log that was begun anew counts from one again: only the id tells whether it is the same event.
      if (event.tenant !== webhook.tenant) continue;
      const record = records.get(event.message_id ?? "");
      bodies.set(eventId(event), { body: JSON.stringify(eventBody(event, record)), record });
    }
    return bodies;
  };
}
