// What is done when Redis has gone back behind what it had acknowledged: whoever knows what is gone says so, and says again what relays took.

import type { Connection } from "../store/connection.ts";
import type { Restate } from "../store/restate.ts";
import type { WentBack, Witness } from "../store/witness.ts";
import type { Log } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Besides every time that the connection comes back. */
const lookEveryMs = 5_000;
/** Of the lost messages so many are named in one line of the log. */
const namedMax = 500;
/** Sends that are said again at a time. */
const restateStep = 50;

/** Looks now and then, until stopped. `problems`: what was found since this process started, in words for an operator. */
export function watchForLoss(options: {
  connection: Connection;
  witness: Witness;
  restate: Restate;
  metrics: Pick<Metrics, "storeWentBack" | "messagesLost" | "upkeepRepairs">;
  log: Log;
}): { problems(): string[]; stop(): void } {
  const { connection, witness, restate, metrics, log } = options;
  const problems: string[] = [];
  /** What was found, and could not be told to its end yet. */
  let untold: WentBack | undefined;

  async function look(): Promise<void> {
    untold = (await witness.look()) ?? untold;
    if (!untold) return;
    const { from, to } = untold;
    const lost = await witness.missing();
    const restated = await restateAll();
    untold = undefined;

    metrics.storeWentBack.inc();
    metrics.messagesLost.inc(lost.length);
    metrics.upkeepRepairs.inc({ repair: "forgotten_sends" }, restated);
    const events = to >= from && to > 0 ? `events ${from} to ${to}` : "events";
    const at = new Date(connection.clock.now()).toISOString();
    const text = `at ${at} Redis was found to have lost what it had acknowledged: ${events}, and ${lost.length} messages that this process knew of`;
    problems.push(text);
    log.error({ events_from: from, events_to: to, messages: lost.length, sends_restated: restated }, text);
    for (let start = 0; start < lost.length; start += namedMax) {
      log.error({ message_ids: lost.slice(start, start + namedMax) }, "messages that were accepted and are lost");
    }
  }

  /** Returns how many it had forgotten. */
  async function restateAll(): Promise<number> {
    let restated = 0;
    const sends = witness.sends();
    for (let start = 0; start < sends.length; start += restateStep) {
      const step = sends.slice(start, start + restateStep).map(async (send) => {
        const at = await restate(send);
        if (at === undefined) return;
        send.at = at;
        restated += 1;
      });
      await Promise.all(step);
    }
    return restated;
  }

  /** One look at a time: two at once would tell the same loss twice. */
  let looking: Promise<void> | undefined;
  const lookNow = () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    looking.catch((error: unknown) => log.debug({ err: error }, "what Redis has lost is not known yet"));
    return looking;
  };
  const onReady = () => witness.hold(lookNow());
  connection.redis.on("ready", onReady);
  const timer = setInterval(lookNow, lookEveryMs);
  timer.unref();
  onReady();
  return {
    problems: () => [...problems],
    stop: () => {
      clearInterval(timer);
      connection.redis.off("ready", onReady);
    },
  };
}
