// What may still be changed about an accepted message: cancel it, give it another time, try settled recipients again.
// The answer is what the script left behind: once the change is made, nothing more is asked of the store that could fail.
import { type PlannedWakeUp, planWakeUp } from "../domain/dispatching.ts";
import type { PlannedDispatch } from "../domain/dispatchPlan.ts";
import type { Message, MessageState } from "../domain/message.ts";
import { type MessageView, messageView } from "../domain/messageView.ts";
import type { Quotas } from "../domain/quotas.ts";
import { isRefusal, type Refusal } from "../domain/refusals.ts";
import { isOpen, transitions } from "../domain/states.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Messages } from "../store/messages.ts";
import { dispatchesOf, type RoutingSettings, routeRecipients } from "./plan.ts";
import { invalid, sendAtFault } from "./prepare.ts";
import { queuedMaxOf, queueFull } from "./queueFull.ts";

export type ChangeDependencies = RoutingSettings & {
  ledger: Pick<Ledger, "cancel" | "reschedule" | "retry" | "clock">;
  messages: Pick<Messages, "get">;
  wake(planned: PlannedWakeUp[]): void;
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
  const message = await messages.get(tenant, id);
  if (!message) return noSuchMessage;
  const state = await ledger.cancel(id);
  if (state === "gone") return noSuchMessage;
  if (state === "too_late") return tooLate("Every recipient is settled or being sent to at the moment; nothing is left to cancel.");
  return messageView({ record: message.record, state });
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
  return messageView({ record: message.record, state });
}

/** Queues failed, bounced and unknown recipients again, by the routes as they are now and with a new deadline. */
export async function retry(dependencies: ChangeDependencies, tenant: string, id: string): Promise<MessageView | Refusal> {
  const { ledger, messages, quotas } = dependencies;
  const message = await messages.get(tenant, id);
  if (!message) return noSuchMessage;
  const groups = groupsOf(dependencies, message);
  if (isRefusal(groups)) return groups;
  const { record, state } = message;
  const life = state.expires_at - (state.send_at ?? record.created_at);
  const queuedMax = queuedMaxOf(quotas, record);
  const result = await ledger.retry(id, groups, life, queuedMax);
  if (result === "gone") return noSuchMessage;
  if (result === "content_gone") return contentGone;
  if (result === "too_late") return tooLate("No recipient is failed, bounced or unknown; there is nothing to try again.");
  if (result === "full_key") return queueFull("key", queuedMax);
  if (result === "full_tenant") return queueFull("tenant", queuedMax);
  wakeOpen(dependencies, message, result);
  return messageView({ record, state: result });
}

/** The dispatches of the recipients that may be tried again; by their indexes. */
function groupsOf(settings: RoutingSettings, { record, state }: Message): PlannedDispatch[] | Refusal {
  if (record.relay !== undefined && !settings.relays.includes(record.relay)) {
    return { refused: "no_route", detail: `The message names the relay ${record.relay}, which is no longer configured; send it anew.` };
  }
  const again = state.recipients.flatMap(({ status }, index) => (!isOpen(status) && transitions[status].queued ? [index] : []));
  const routed = routeRecipients(
    settings,
    record,
    again.map((index) => record.recipients[index]?.address ?? ""),
  );
  const dispatches = isRefusal(routed) ? routed : dispatchesOf(settings, routed, record.size);
  if (isRefusal(dispatches)) return dispatches;
  return dispatches.map(({ relay, recipients }) => ({ relay, recipients: recipients.map((place) => again[place] as number) }));
}

function wakeOpen({ ledger, wake }: ChangeDependencies, { record }: Message, state: MessageState): void {
  const now = ledger.clock.now();
  const open = new Set(state.recipients.flatMap((it) => (it.status === "queued" || it.status === "scheduled" ? [it.dispatch] : [])));
  wake([...open].flatMap((dispatch) => planWakeUp(record, state, dispatch, now) ?? []));
}
