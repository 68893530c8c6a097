// Callers as they should be: each message has an Idempotency-Key of its own and is sent again, to whichever API answers, until it is accepted.
import { setTimeout as sleep } from "node:timers/promises";
import type { MessageView } from "../../src/domain/messageView.ts";
import { testMessage } from "../support/mailing.ts";
import type { Fleet } from "./fleet.ts";
import type { Random } from "./random.ts";

export type Load = {
  /** Ids of the messages that were accepted, by their X-Test-Id. */
  readonly receipts: Map<string, string>;
  /** Answers other than 202, and requests that had none. */
  readonly failures: { refused: number; broken: number };
  /** The longest that any answer took while no process was frozen, in milliseconds. */
  readonly slowest: { ms: number };
  /** No new message is begun; resolves when the last is accepted. Rejects if a caller was told something else than 202 or 503. */
  stop(): Promise<void>;
};

/** So many callers, each with a pause between its messages. */
const callers = 8;
const pauseMs = 120;

/** Begins. One message in ten has several recipients, one in ten asks to hold at a doubt. */
export function startLoad(fleet: Fleet, random: Random): Load {
  const receipts = new Map<string, string>();
  const failures = { refused: 0, broken: 0 };
  const slowest = { ms: 0 };
  let goesOn = true;

  async function sendUntilAccepted(testId: string): Promise<void> {
    const kind = random.next();
    const to = kind < 0.1 ? [`a${testId}@example.net`, `b${testId}@example.org`] : `${testId}@example.net`;
    const message = testMessage(testId, to, kind > 0.9 ? { on_doubt: "hold" } : {});
    for (;;) {
      const api = random.pick(fleet.apis());
      const [startedAt, freezes] = [performance.now(), fleet.freezes()];
      const answer = await api?.post<MessageView>("/v1/messages", message, { "idempotency-key": testId }).catch(() => undefined);
      const isTimed = answer && freezes % 2 === 0 && freezes === fleet.freezes();
      if (isTimed) slowest.ms = Math.max(slowest.ms, performance.now() - startedAt);
      if (answer?.status === 202) {
        receipts.set(testId, answer.body.id);
        return;
      }
      if (answer && answer.status !== 503) throw new Error(`${testId} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      if (answer) failures.refused += 1;
      else failures.broken += 1;
      await sleep(100);
    }
  }

  const call = async (caller: number) => {
    for (let number = 1; goesOn; number++) {
      await sendUntilAccepted(`c${caller}n${number}`);
      await sleep(pauseMs);
    }
  };
  const ended = Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
  ended.catch(() => undefined);
  return {
    receipts,
    failures,
    slowest,
    async stop() {
      goesOn = false;
      await ended;
    },
  };
}
