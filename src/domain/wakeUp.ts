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
 * A job that the dispatches of many messages share: those that were accepted at about the same time, for one relay and lane. Its name is written into
 * the messages, so it is made before they are stored.
 */
export class SharedJob {
  readonly id: string;
  /** The queue has been asked to take it: whoever comes later needs a job of its own, as a queue silently drops a second one of the same id. */
  isAdded = false;
  /** No more messages get it. */
  isClosed = false;
  #steps = 0;
  #waiting: (() => void)[] = [];

  constructor(id: string) {
    this.id = id;
  }

  /** Whether no more messages get it, and those that have it are accepted. */
  get isComplete(): boolean {
    return this.isClosed && this.#steps === 0;
  }

  /** A step of the acceptance of messages that have it has begun. Resolves, or rejects, as the step does. */
  during<Result>(step: Promise<Result>): Promise<Result> {
    this.#steps += 1;
    return step.finally(() => {
      this.#steps -= 1;
      if (this.#steps === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  /** Gives it to no more messages. Resolves when no step is under way; another one may follow it at once. */
  close(): Promise<void> {
    this.isClosed = true;
    return new Promise((resolve) => {
      if (this.#steps === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }
}
