// Gives the dispatches of relays that are no longer configured to those that the routes name now.
import { planWakeUp } from "../domain/dispatching.ts";
import { firstChoice, relaysThatTake } from "../domain/dispatchPlan.ts";
import type { Message } from "../domain/message.ts";
import { relaysFor } from "../domain/routes.ts";
import { isOpen } from "../domain/states.ts";
import type { UpkeepDependencies } from "./dependencies.ts";

const sliceSize = 200;

/** Looks for open dispatches of unknown relays, if any relay was ever used that is not configured. Returns how many were given away. */
export async function rerouteOrphans(dependencies: UpkeepDependencies, pause: () => Promise<void>): Promise<number> {
  const { openWork, messages, relays } = dependencies;
  const gone = new Set((await openWork.knownRelays()).filter((name) => !relays.includes(name)));
  if (gone.size === 0) return 0;
  let rerouted = 0;
  const kept = new Set<string>();
  let cursor = "0";
  do {
    const slice = await openWork.scanOpen(cursor, sliceSize);
    for (const id of slice.messageIds) {
      const message = await messages.find(id);
      if (message) rerouted += await rerouteMessage(dependencies, message, gone, kept);
    }
    cursor = slice.cursor;
    if (cursor !== "0") await pause();
  } while (cursor !== "0");
  // A relay that still has something (being sent by an old process, or without another route) is looked for again.
  for (const name of gone) if (!kept.has(name)) await openWork.forgetRelay(name);
  return rerouted;
}

async function rerouteMessage(
  dependencies: UpkeepDependencies,
  { record, state }: Message,
  gone: Set<string>,
  kept: Set<string>,
): Promise<number> {
  const { ledger, openWork, messages, producer, routes } = dependencies;
  let rerouted = 0;
  for (const [dispatch, { relay }] of state.dispatches.entries()) {
    const recipient = state.recipients.findIndex((it) => it.dispatch === dispatch && isOpen(it.status));
    if (!gone.has(relay) || recipient === -1) continue;
    // A dispatch goes on as a whole, by the route of its first open recipient. A message that names its relay waits for that one.
    const way = relaysFor(routes, record, record.recipients[recipient]?.address ?? "")?.relays ?? [];
    const target = firstChoice(relaysThatTake(way, record.size, dependencies), dependencies);
    const wake = target === undefined || target === relay ? undefined : await ledger.reroute(record.id, dispatch, relay, target);
    if (!wake) {
      kept.add(relay);
      continue;
    }
    rerouted += 1;
    const now = await messages.find(record.id);
    const plan = now && planWakeUp(now.record, now.state, dispatch, ledger.clock.now());
    if (plan) await openWork.confirm(await producer.wake([plan]));
  }
  return rerouted;
}
