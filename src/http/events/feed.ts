// The live end of the event log, once for the whole process: one tail that runs only while somebody listens, fanned out by tenant.

import type { StoredEvent } from "../../domain/events.ts";
import { type EventView, eventView } from "../../domain/eventView.ts";
import type { Events } from "../../store/events.ts";
import type { Messages } from "../../store/messages.ts";

/** A listener of one tenant. Events come in order; what it throws is a fault of ours and ends the process's tail, so it must not. */
export type FeedListener = {
  /** Called for every event of the tenant that the tail reads, `sequence` beside what the outside sees. */
  onEvents(events: readonly FeedEvent[]): void;
  /** Called once if the feed ends, or cannot tell what comes next: the client comes back by itself and goes on where it was. */
  onEnd(): void;
};

export type FeedEvent = { sequence: number; view: EventView };

export type EventFeed = ReturnType<typeof createEventFeed>;

/** The events as the outside sees them, with the tags and metadata of those messages that are still kept. */
export async function feedEvents(messages: Pick<Messages, "records">, events: readonly StoredEvent[]): Promise<FeedEvent[]> {
  const records = await messages.records(events.flatMap((event) => event.message_id ?? []));
  return events.map((event) => ({ sequence: event.sequence, view: eventView(event, records.get(event.message_id ?? "")) }));
}

type Tail = { stop(): void };

/** Makes the feed; it reads nothing until somebody listens. */
export function createEventFeed(events: Pick<Events, "newest" | "tail">, messages: Pick<Messages, "records">) {
  const tenants = new Map<string, Set<FeedListener>>();
  let tail: Promise<Tail> | undefined;
  let stopped = false;

  /** Batches are joined with their messages one after the other, so that none overtakes another. */
  let work = Promise.resolve();

  function fanOut(batch: StoredEvent[]): void {
    work = work.then(async () => {
      const wanted = batch.filter((event) => tenants.has(event.tenant));
      if (wanted.length === 0) return;
      const joined = await feedEvents(messages, wanted);
      const byTenant = new Map<string, FeedEvent[]>();
      for (const [index, event] of joined.entries()) {
        const tenant = wanted[index]?.tenant ?? "";
        byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), event]);
      }
      for (const [tenant, its] of byTenant) for (const listener of [...(tenants.get(tenant) ?? [])]) listener.onEvents(its);
    });
    // What could not be joined is not passed over in silence: whoever listens begins again from the last event that it has.
    work = work.catch(endAll);
  }

  function endAll(): void {
    const all = [...tenants.values()].flatMap((listeners) => [...listeners]);
    tenants.clear();
    stopTail();
    for (const listener of all) listener.onEnd();
  }

  function stopTail(): void {
    const current = tail;
    tail = undefined;
    current?.then((running) => running.stop()).catch(() => undefined);
  }

  function remove(tenant: string, listener: FeedListener): void {
    const listeners = tenants.get(tenant);
    listeners?.delete(listener);
    if (listeners?.size === 0) tenants.delete(tenant);
    if (tenants.size === 0) stopTail();
  }

  async function startTail(): Promise<Tail> {
    return events.tail(await events.newest(), fanOut);
  }

  return {
    /**
     * Adds a listener. Once this has resolved, the listener gets every event of the tenant that is not in the log yet. Rejects while Redis
     * is away.
     */
    async listen(tenant: string, listener: FeedListener): Promise<{ stop(): void }> {
      if (stopped) throw new Error("the event feed was stopped");
      const listeners = tenants.get(tenant) ?? new Set();
      tenants.set(tenant, listeners.add(listener));
      tail ??= startTail();
      const mine = tail;
      try {
        await mine;
      } catch (error) {
        if (tail === mine) tail = undefined;
        remove(tenant, listener);
        throw error;
      }
      return { stop: () => remove(tenant, listener) };
    },

    /** Ends every listener and the tail. Idempotent. */
    stop(): void {
      stopped = true;
      endAll();
    },
  };
}
