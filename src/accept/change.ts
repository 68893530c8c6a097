// What may still be changed about an accepted message: cancel it, give it another time, try settled recipients again.
import { domainOf } from "../domain/address.ts";
import { type PlannedWakeUp, planWakeUp } from "../domain/dispatching.ts";
import type { Message, MessageState } from "../domain/message.ts";
import { type MessageView, messageView } from "../domain/messageView.ts";
import type { Quotas } from "../domain/quotas.ts";
import type { Refusal } from "../domain/refusals.ts";
import { type Route, routeRecipient } from "../domain/routes.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Messages } from "../store/messages.ts";
import { invalid, sendAtFault } from "./prepare.ts";
import { queuedMaxOf, queueFull } from "./queueFull.ts";

export type ChangeDependencies = {
  ledger: Pick<Ledger, "cancel" | "reschedule" | "retry" | "clock">;
  messages: Pick<Messages, "get">;
  wake(planned: PlannedWakeUp[]): void;
  routes: readonly Route[];
  quotas: Quotas;
};

/** There is no message of that id in the caller's tenant. */
export const noSuchMessage: Refusal = { refused: "not_found", detail: "There is no message with this id." };
const contentGone: Refusal = { refused: "content_gone", detail: "The message's content is no longer kept, so it cannot be sent again." };

function tooLate(detail: string): Refusal {
  return { refused: "too_late", detail };
}

/** Cancels the recipients that are neither being sent to nor settled; refused when there is none. */
export async function cancel({ ledger, messages }: ChangeDependencies, tenant: string, id: string): Promise<MessageView | Refusal> {
  if (!(await messages.get(tenant, id))) return noSuchMessage;
  const result = await ledger.cancel(id);
  if (result === "too_late") return tooLate("Every recipient is settled or being sent to at the moment; nothing is left to cancel.");
  return present(messages, tenant, id);
}

/** Gives a message that nobody has tried to send a new time (ms since the epoch). */
export async function reschedule(
  dependencies: ChangeDependencies,
  tenant: string,
  id: string,
  sendAt: number,
): Promise<MessageView | Refusal> {
  const { ledger, messages } = dependencies;
  const fault = sendAtFault(sendAt, ledger.clock.now());
  if (fault) return invalid([{ pointer: "/send_at", code: "invalid_send_at", message: fault }]);
  const message = await messages.get(tenant, id);
  if (!message) return noSuchMessage;
  const state = await ledger.reschedule(id, sendAt);
  if (state === "gone") return noSuchMessage;
  if (state === "too_late") return tooLate("Only a message that nobody has tried to send yet can be given a new time.");
  wakeOpen(dependencies, message, state);
  return present(messages, tenant, id);
}

/** Queues failed, bounced and unknown recipients again, by the routes as they are now and with a new deadline. */
export async function retry(dependencies: ChangeDependencies, tenant: string, id: string): Promise<MessageView | Refusal> {
  const { ledger, messages, routes, quotas } = dependencies;
  const message = await messages.get(tenant, id);
  if (!message) return noSuchMessage;
  const { record, state } = message;
  const groups = new Map<string, number[]>();
  for (const [index, { address }] of record.recipients.entries()) {
    const route = routeRecipient(routes, { fromDomain: domainOf(record.from), toDomain: domainOf(address) });
    if (!route) return { refused: "no_route", detail: `No route of the configuration matches the recipient domain ${domainOf(address)}.` };
    const relay = route.relays[0] as string;
    groups.set(relay, [...(groups.get(relay) ?? []), index]);
  }
  const life = state.expires_at - (state.send_at ?? record.created_at);
  const queuedMax = queuedMaxOf(quotas, record);
  const result = await ledger.retry(
    id,
    [...groups].map(([relay, recipients]) => ({ relay, recipients })),
    life,
    queuedMax,
  );
  if (result === "gone") return noSuchMessage;
  if (result === "content_gone") return contentGone;
  if (result === "too_late") return tooLate("No recipient is failed, bounced or unknown; there is nothing to try again.");
  if (result === "full_key") return queueFull("key", queuedMax);
  if (result === "full_tenant") return queueFull("tenant", queuedMax);
  wakeOpen(dependencies, message, result);
  return present(messages, tenant, id);
}

function wakeOpen({ ledger, wake }: ChangeDependencies, { record }: Message, state: MessageState): void {
  const now = ledger.clock.now();
  const open = new Set(state.recipients.flatMap((it) => (it.status === "queued" || it.status === "scheduled" ? [it.dispatch] : [])));
  wake([...open].flatMap((dispatch) => planWakeUp(record, state, dispatch, now) ?? []));
}

async function present(messages: Pick<Messages, "get">, tenant: string, id: string): Promise<MessageView | Refusal> {
  const message = await messages.get(tenant, id);
  return message ? messageView(message) : noSuchMessage;
}
