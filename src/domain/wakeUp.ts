// A wake-up of a dispatch: what a job of the queue is named by, and all it carries.

/** A later generation makes an earlier wake-up stale. `dispatch` counts from 0. */
export type WakeUp = { messageId: string; dispatch: number; generation: number };

/** The id of a wake-up's job: no ":" and no word that is a key of the queue. */
export function wakeUpId(wake: WakeUp): string {
  return `${wake.messageId}.${wake.dispatch}-${wake.generation}`;
}

/** Reads an id made by wakeUpId; undefined if it is none. */
export function parseWakeUpId(id: string): WakeUp | undefined {
  const match = /^(msg_[0-9a-z]+)\.(\d+)-(\d+)$/.exec(id);
  if (!match?.[1]) return undefined;
  return { messageId: match[1], dispatch: Number(match[2]), generation: Number(match[3]) };
}

/**
 * A job that the dispatches of many messages share: those that were accepted in one step, for one relay and lane. `isAdded`: the queue has been
 * asked to take it, so that whoever comes later needs a job of its own; a queue silently drops a second job of the same id.
 */
export type SharedJob = { id: string; isAdded: boolean };
