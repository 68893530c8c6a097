// The way that a message takes: a route for each recipient, and the dispatches that follow from it.
import { domainOf } from "../domain/address.ts";
import { type PlannedDispatch, planDispatches, type RelayKnowledge, relaysThatTake } from "../domain/dispatchPlan.ts";
import type { Caller } from "../domain/keys.ts";
import type { Refusal } from "../domain/refusals.ts";
import { type Route, type RoutedMessage, type Routing, relaysFor } from "../domain/routes.ts";
import { formatSize } from "../domain/units.ts";
import type { SendRequest } from "./request.ts";

export type RoutingSettings = RelayKnowledge & {
  routes: readonly Route[];
  /** The names of all relays. */
  relays: readonly string[];
};

/** A recipient with the relays that its route names, in order. */
export type RoutedRecipient = Routing & { recipient: string };

/** What routes go by, of a request whose relay is one that the caller may name. */
export function routedMessage(
  caller: Caller,
  options: Pick<SendRequest, "lane" | "tags" | "relay">,
  { id, from }: { id: string; from: string },
): RoutedMessage {
  return {
    id,
    tenant: caller.tenant,
    key_id: caller.keyId,
    ...(caller.keyName !== undefined && { key_name: caller.keyName }),
    from,
    lane: options.lane ?? "transactional",
    tags: options.tags ?? [],
    ...(options.relay !== undefined && { relay: options.relay }),
  };
}

/** A route for each recipient (canonical addresses), or the refusal that one has none. */
export function routeRecipients(
  settings: RoutingSettings,
  message: RoutedMessage,
  recipients: readonly string[],
): RoutedRecipient[] | Refusal {
  const routed: RoutedRecipient[] = [];
  for (const recipient of recipients) {
    const routing = relaysFor(settings.routes, message, recipient);
    if (!routing)
      return {
        refused: "no_route",
        detail: `No rule of the configured routes holds for this message and the recipient domain ${domainOf(recipient)}.`,
      };
    routed.push({ recipient, ...routing });
  }
  return routed;
}

/** The dispatches of routed recipients, whom they name by index; refused where no relay of a route takes so many bytes. */
export function dispatchesOf(settings: RoutingSettings, routed: readonly RoutedRecipient[], bytes: number): PlannedDispatch[] | Refusal {
  const stuck = routed.find(({ relays }) => relaysThatTake(relays, bytes, settings).length === 0);
  if (stuck) return tooLarge(settings, stuck, bytes);
  return planDispatches(
    routed.map(({ recipient, relays }) => ({ address: recipient, relays })),
    bytes,
    settings,
  );
}

function tooLarge({ limitsOf }: RoutingSettings, { recipient, relays }: RoutedRecipient, bytes: number): Refusal {
  const limits = relays.map((relay) => `${relay} takes ${formatSize(limitsOf?.(relay)?.messageBytesMax ?? 0)}`).join(", ");
  return {
    refused: "message_too_large",
    detail: `The finished message has ${bytes} bytes, too many for every relay that may carry it to ${domainOf(recipient)}: ${limits}.`,
  };
}
