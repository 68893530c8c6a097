// The ledger: what was accepted, what became of every recipient, and who is at work on it. Each change is one Lua script.
import type { MessageState } from "../domain/message.ts";
import type { QuotaHolder } from "../domain/quotas.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import { type AttemptSettings, createAttempts } from "./attempts.ts";
import type { Connection } from "./connection.ts";
import { stateOf } from "./document.ts";
import { messageKeysOf, retentionArgument } from "./messageScripts.ts";
import { loadScript, runForCaller, runForWord, runScript } from "./scripts.ts";
import { createStoring, type QueuedMax } from "./storing.ts";
import type { Witness } from "./witness.ts";

type LedgerSettings = AttemptSettings & { witness?: Pick<Witness, "accepted" | "recorded" | "answered"> };

const scripts = {
  handingOver: loadScript("handing-over"),
  cancel: loadScript("cancel"),
  reschedule: loadScript("reschedule"),
  retry: loadScript("retry"),
  expire: loadScript("expire"),
  reroute: loadScript("reroute"),
  postpone: loadScript("postpone"),
};

/** The ledger on one shard. Every function rejects while Redis is away. The witness is told what Redis has acknowledged. */
export function createLedger(connection: Connection, settings: LedgerSettings) {
  const { redis, keys, clock } = connection;
  const { retention, leases } = settings;
  const retentionJson = retentionArgument(retention);
  const messageKeys = messageKeysOf(keys);

  return {
    clock,

    accept: createStoring(connection, settings),
    ...createAttempts(connection, settings),

    /** Says that the final dot comes next. False: the claim is lost, and the dot must not be sent. */
    async handingOver(claim: { messageId: string; dispatch: number; attempt: number; owner: string }): Promise<boolean> {
      const answer = await runScript(redis, scripts.handingOver, messageKeys, [
        claim.messageId,
        retentionJson,
        claim.dispatch,
        claim.attempt,
        claim.owner,
        leases.ownerMs,
      ]);
      return Number(answer) === 1;
    },

    /** Cancels whoever is neither being sent to nor settled. */
    async cancel(messageId: string): Promise<"gone" | "too_late" | MessageState> {
      const [word, state] = await runForCaller({ redis, clock }, scripts.cancel, messageKeys, [messageId, retentionJson]);
      if (word !== "cancelled" || !state) return word as "gone" | "too_late";
      return stateOf(state.toString());
    },

    /** Gives a message that was not tried yet a new time (ms; the past means now). */
    async reschedule(messageId: string, sendAt: number): Promise<"gone" | "too_late" | MessageState> {
      const [word, , state] = await runForCaller({ redis, clock }, scripts.reschedule, messageKeys, [messageId, retentionJson, sendAt]);
      if (word !== "rescheduled" || !state) return word as "gone" | "too_late";
      return stateOf(state.toString());
    },

    /** Queues failed, bounced and unknown recipients again, grouped by the relay they now go to. */
    async retry(
      messageId: string,
      groups: { relay: string; recipients: number[] }[],
      lifeMs: number,
      queuedMax: QueuedMax = {},
    ): Promise<"gone" | "content_gone" | "too_late" | `full_${QuotaHolder}` | MessageState> {
      const [word, , state] = await runForCaller(
        { redis, clock },
        scripts.retry,
        [...messageKeys, keys.relays],
        [messageId, retentionJson, JSON.stringify(groups), lifeMs, JSON.stringify(queuedMax)],
      );
      if (word !== "retried" || !state) return word as "gone" | "content_gone" | "too_late" | `full_${QuotaHolder}`;
      return stateOf(state.toString());
    },

    /** Settles what is open of a message past its deadline. True once nothing is open. */
    async expire(messageId: string): Promise<boolean> {
      const answer = await runScript(redis, scripts.expire, messageKeys, [messageId, retentionJson, leases.ownerMs, leases.attemptMs]);
      return Number(answer) === 1;
    },

    /** Gives a dispatch a later time without counting a try; undefined if the wake-up is stale, or its dispatch is being sent. */
    async postpone(wake: WakeUp, inMs: number): Promise<WakeUp | undefined> {
      const args = [wake.messageId, retentionJson, wake.dispatch, wake.generation, Math.round(inMs)];
      const [word, generation] = await runForWord(redis, scripts.postpone, messageKeys, args);
      return word === "postponed" ? { ...wake, generation: Number(generation) } : undefined;
    },

    /** Gives a dispatch to another relay; undefined if it is being sent, settled, or elsewhere already. */
    async reroute(messageId: string, dispatch: number, from: string, to: string): Promise<WakeUp | undefined> {
      const [word, generation] = await runForWord(
        redis,
        scripts.reroute,
        [...messageKeys, keys.relays],
        [messageId, retentionJson, dispatch, from, to, leases.ownerMs, leases.attemptMs],
      );
      return word === "rerouted" ? { messageId, dispatch, generation: Number(generation) } : undefined;
    },
  };
}

export type Ledger = ReturnType<typeof createLedger>;
