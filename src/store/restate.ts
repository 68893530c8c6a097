// Saying again what a relay has taken, to a Redis that may have forgotten it.
import type { Connection } from "./connection.ts";
import { messageKeysOf, type Retention, retentionArgument } from "./messageScripts.ts";
import { loadScript, runForWord } from "./scripts.ts";
import type { AcknowledgedSend } from "./witness.ts";

const script = loadScript("restate");

/** Says one send again. Returns when (ms, Redis time), or undefined where there was no need: it is known, or its message is gone. Rejects while Redis is away. */
export type Restate = (send: AcknowledgedSend) => Promise<number | undefined>;

/**
 * Makes the function. What had been forgotten is not sent again, unless somebody has begun to, and is flagged as a possible double.
 * @param retention as the ledger's
 */
export function createRestate({ redis, keys }: Connection, retention: Retention): Restate {
  return async ({ messageId, outcomes, at }) => {
    const values = [messageId, retentionArgument(retention), JSON.stringify(outcomes), at];
    const [word, now] = await runForWord(redis, script, messageKeysOf(keys), values);
    return word === "restated" ? Number(now) : undefined;
  };
}
