// Which recipients of a message travel together, and by which relay first.
import { domainOf } from "./address.ts";
import type { RelayLimits } from "./relay.ts";

/** What is known of relays beside the routes. What is absent: no relay has limits, every relay is available. */
export type RelayKnowledge = {
  limitsOf?(relay: string): RelayLimits | undefined;
  /** Whether a relay can be used at the moment: one that cannot takes new mail only where no other may. */
  available?(relay: string): boolean;
};

/** Of relays in order those that take a message of so many bytes. */
export function relaysThatTake(relays: readonly string[], bytes: number, { limitsOf }: RelayKnowledge): readonly string[] {
  return relays.filter((relay) => bytes <= (limitsOf?.(relay)?.messageBytesMax ?? Number.POSITIVE_INFINITY));
}

/** The first available one of relays in order; where none is, the first. Undefined only of none at all. */
export function firstChoice(relays: readonly string[], { available }: RelayKnowledge): string | undefined {
  return relays.find((relay) => available?.(relay) ?? true) ?? relays[0];
}

/** A dispatch to be: the relay that takes it first, and its recipients as indexes into a list, in order. */
export type PlannedDispatch = { relay: string; recipients: number[] };

/**
 * Puts the recipients of a message into dispatches. Those of one dispatch share the whole list of relays, because a dispatch goes on to
 * the next relay as one; a domain that the relay has limits of its own for is by itself, so that it holds up nobody else; and none holds
 * more recipients than the relay takes in a transaction.
 * @param recipients with the relays that may carry the message to them, first choice first
 * @param bytes size of the message; a recipient none of whose relays takes it is in no dispatch
 */
export function planDispatches(
  recipients: readonly { address: string; relays: readonly string[] }[],
  bytes: number,
  knowledge: RelayKnowledge,
): PlannedDispatch[] {
  const dispatches: PlannedDispatch[] = [];
  const filling = new Map<string, PlannedDispatch>();
  for (const [index, { address, relays }] of recipients.entries()) {
    const relay = firstChoice(relaysThatTake(relays, bytes, knowledge), knowledge);
    if (relay === undefined) continue;
    const limits = knowledge.limitsOf?.(relay);
    const domain = domainOf(address);
    const together = JSON.stringify([relays, limits && Object.hasOwn(limits.domains, domain) ? domain : ""]);
    let dispatch = filling.get(together);
    if (!dispatch || dispatch.recipients.length >= (limits?.recipientsPerTransaction ?? Number.POSITIVE_INFINITY)) {
      dispatch = { relay, recipients: [] };
      dispatches.push(dispatch);
      filling.set(together, dispatch);
    }
    dispatch.recipients.push(index);
  }
  return dispatches;
}
