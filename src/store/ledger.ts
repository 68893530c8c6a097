// The ledger: what was accepted, what became of every recipient, and who is at work on it. Each change is one Lua script.

import type { EventType } from "../domain/events.ts";
import type { DispatchState, MessageRecord, MessageState, RecipientState } from "../domain/message.ts";
import type { NotificationProvider } from "../domain/notification.ts";
import type { QuotaHolder } from "../domain/quotas.ts";
import { relayMessageDigest, relayMessageIdIn } from "../domain/relayMessageId.ts";
import type { Category, Reply } from "../domain/reply.ts";
import { isOpen } from "../domain/states.ts";
import { defaultSuppressionPolicy, type RecipientSuppression, type SuppressionPolicy } from "../domain/suppression.ts";
import { type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import { chunkCount, createChunks } from "./chunks.ts";
import { type Connection, inTimeUntil } from "./connection.ts";
import { messageKeysOf, type Retention, retentionArgument } from "./messageScripts.ts";
import { loadScript, rejectingAfter, runForCaller, runForWord, runScript } from "./scripts.ts";
import type { Witness } from "./witness.ts";

/** How long an owner counts as alive without a word, and an attempt may last. Milliseconds. */
export type Leases = { ownerMs: number; attemptMs: number };

export type AcceptInput = {
  record: MessageRecord;
  expiresAt: number;
  sendAt?: number;
  recipients: RecipientState[];
  dispatches: DispatchState[];
  events: EventType[];
  bytes: Buffer;
  /** Digests by which reports that come when the message is gone tell its recipients from others. */
  keptRecipients?: { digests: string[]; lifeMs: number };
  idempotency?: { digest: string; value: string; lifeMs: number };
  queuedMax?: QueuedMax;
};

/** How many open messages the message's key and tenant may have, this one included; absent: any number. */
export type QueuedMax = Partial<Record<QuotaHolder, number>>;

/** Open recipients that must not be sent to, by their index: nothing was stored. */
export type SuppressedRecipient = { recipient: number; suppression: RecipientSuppression; category?: Category };

/** `queue_full`: whose open messages are as many as allowed. */
export type AcceptResult =
  | { kind: "stored"; wakeUps: WakeUp[] }
  | { kind: "suppressed"; recipients: SuppressedRecipient[] }
  | { kind: "replay"; value: string }
  | { kind: "queue_full"; holder: QuotaHolder }
  | { kind: "late" };

/** What a claim hands to the worker. `recipients`: indexes of those to send to. */
export type Claim = {
  attempt: number;
  now: number;
  record: MessageRecord;
  state: MessageState;
  recipients: number[];
  bytes: Buffer;
};

export type ClaimResult =
  | { kind: "stale" }
  | { kind: "look_again"; inMs: number }
  | { kind: "content_gone"; claim: Claim }
  | { kind: "claimed"; claim: Claim };

/** What an attempt came to for one recipient. `queued`: no transaction had begun; `doubt`: nobody knows. */
export type RecordedOutcome = {
  recipient: number;
  kind: "sent" | "bounced" | "failed" | "deferred" | "queued" | "doubt";
  reply?: Reply;
  category?: Category;
  /** The id of the rule that found the category. */
  rule?: string;
  hard_bounce?: boolean;
  /** The reply is about this recipient alone; only such a one may suppress its address. */
  personal?: boolean;
  relay?: string;
};

export type RecordInput = {
  messageId: string;
  dispatch: number;
  attempt: number;
  outcomes: RecordedOutcome[];
  /** When what is still open is tried again, from now. */
  retryInMs: number;
  /** What the backoff counts up. */
  counts: "tries" | "faults" | "nothing";
  /** The attempt for the history, as JSON. */
  history?: string;
};

type LedgerSettings = {
  retention: Retention;
  leases: Leases;
  suppression?: SuppressionPolicy;
  /** Providers whose notifications are taken: what they call a message is kept. */
  notifiedBy?: readonly NotificationProvider[];
  witness?: Pick<Witness, "accepted" | "recorded" | "answered">;
};

const scripts = {
  accept: loadScript("accept"),
  claim: loadScript("claim"),
  handingOver: loadScript("handing-over"),
  record: loadScript("record"),
  cancel: loadScript("cancel"),
  reschedule: loadScript("reschedule"),
  retry: loadScript("retry"),
  expire: loadScript("expire"),
  reroute: loadScript("reroute"),
  postpone: loadScript("postpone"),
};

/** The ledger on one shard. Every function rejects while Redis is away. The witness is told what Redis has acknowledged. */
export function createLedger({ redis, keys, clock }: Connection, settings: LedgerSettings) {
  const { retention, leases, witness, suppression = defaultSuppressionPolicy, notifiedBy = [] } = settings;
  const suppressionJson = JSON.stringify(suppression);
  const retentionJson = retentionArgument(retention);
  const messageKeys = (id: string) => messageKeysOf(keys, id);
  const stored = createChunks({ redis, keys });

  async function keepRecipients(id: string, kept: AcceptInput["keptRecipients"]): Promise<void> {
    if (kept && kept.digests.length > 0) await redis.set(keys.keptRecipients(id), kept.digests.join(" "), "PX", kept.lifeMs);
  }

  /** An outcome with what the relay's provider calls the message, if it says so. */
  function named(outcome: RecordedOutcome): RecordedOutcome & { relay_message?: string } {
    const id = outcome.kind === "sent" && outcome.reply ? relayMessageIdIn(outcome.reply, notifiedBy) : undefined;
    return id === undefined ? outcome : { ...outcome, relay_message: relayMessageDigest(id) };
  }

  return {
    clock,

    /**
     * Stores a message durably, or finds that its idempotency key was used, that the queue is full, that it comes too late, or that open
     * recipients are suppressed: then it has to be asked again with these settled.
     */
    async accept(input: AcceptInput): Promise<AcceptResult> {
      const { record, bytes } = input;
      const chunks = chunkCount(bytes.length);
      // Before the rest, so that no message is without them; should it not be accepted, they run out by themselves.
      await Promise.all([chunks > 1 && stored.store(record.id, bytes), keepRecipients(record.id, input.keptRecipients)]);
      const open = input.recipients.flatMap(({ status }, index) => (isOpen(status) ? [index] : []));
      const wakeUps = input.dispatches.flatMap((it, dispatch) =>
        open.some((index) => input.recipients[index]?.dispatch === dispatch)
          ? [{ messageId: record.id, dispatch, generation: it.generation }]
          : [],
      );
      const lookUp = record.bypass_suppressions
        ? undefined
        : { tenant: record.tenant, list: record.list, addresses: open.map((index) => record.recipients[index]?.address ?? "") };
      const state = {
        expires_at: input.expiresAt,
        ...(input.sendAt !== undefined && { send_at: input.sendAt }),
        attempts: 0,
        recipients: input.recipients,
        dispatches: input.dispatches,
      };
      const until = inTimeUntil(clock);
      const touched = [
        keys.record(record.id),
        keys.state(record.id),
        keys.bytes(record.id),
        keys.events,
        keys.sequence,
        keys.open,
        keys.unconfirmed,
        keys.relays,
        keys.tenantMessages(record.tenant),
        input.idempotency ? keys.idempotency(record.tenant, input.idempotency.digest) : keys.record(record.id),
        keys.suppressions,
        ...Array.from({ length: chunks - 1 }, (_, index) => keys.chunk(record.id, index + 1)),
      ];
      const values = [
        until,
        record.id,
        record.created_at,
        input.expiresAt,
        JSON.stringify(chunks > 1 ? { ...record, chunks } : record),
        JSON.stringify(state),
        chunks > 1 ? "" : bytes,
        JSON.stringify(eventsOf(input)),
        JSON.stringify(wakeUps.map(wakeUpId)),
        JSON.stringify([...new Set(input.dispatches.map((dispatch) => dispatch.relay))]),
        input.idempotency?.value ?? "",
        input.idempotency?.lifeMs ?? 0,
        lookUp && open.length > 0 ? JSON.stringify(lookUp) : "",
        open.length > 0 ? "" : retentionJson,
        record.tenant,
        record.key_id,
        JSON.stringify(input.queuedMax ?? {}),
      ];
      const [word, value] = await rejectingAfter(clock, until, () => runForWord(redis, scripts.accept, touched, values));
      if (word === "stored") {
        witness?.accepted(record.id, Number(value));
        return { kind: "stored", wakeUps };
      }
      // Chunks of what was not stored would take up room for as long as they live.
      if (chunks > 1) await stored.drop(record.id, chunks);
      if (word === "full") return { kind: "queue_full", holder: String(value) as QuotaHolder };
      if (word === "suppressed" && value) {
        const found = JSON.parse(value.toString()) as (Omit<SuppressedRecipient, "recipient"> & { position: number })[];
        return { kind: "suppressed", recipients: found.map(({ position, ...why }) => ({ recipient: open[position] as number, ...why })) };
      }
      if (word === "replay" && value) return { kind: "replay", value: value.toString() };
      // Chunks that ran out mean the same as a late script: nothing was accepted.
      return { kind: "late" };
    },

    /**
     * Claims a dispatch for one attempt by this owner, with a connection already in hand.
     * @param word of this try's own: asked again with it, because the answer was lost, the same claim is given again
     */
    async claim(wake: WakeUp, owner: string, word: string): Promise<ClaimResult> {
      await witness?.answered();
      const [answer, ...rest] = await runForWord(
        redis,
        scripts.claim,
        [...messageKeys(wake.messageId), keys.alone],
        [wake.messageId, retentionJson, wake.dispatch, wake.generation, owner, leases.ownerMs, leases.attemptMs, word],
      );
      if (answer === "early" || answer === "busy") return { kind: "look_again", inMs: Math.max(Number(rest[0]), 50) };
      if (answer !== "claimed") return { kind: "stale" };
      const [now, recordJson, stateJson, first] = rest as [unknown, Buffer, Buffer, Buffer];
      const record = JSON.parse(recordJson.toString()) as MessageRecord;
      const state = JSON.parse(stateJson.toString()) as MessageState;
      const recipients = state.recipients.flatMap((recipient, index) =>
        recipient.dispatch === wake.dispatch && recipient.status === "sending" ? [index] : [],
      );
      const further = await stored.read(wake.messageId, record.chunks ?? 1, 1);
      const bytes = further.length > 0 ? Buffer.concat([first, ...further]) : first;
      const claim: Claim = { attempt: state.attempts, now: Number(now), record, state, recipients, bytes };
      return bytes.length === record.size ? { kind: "claimed", claim } : { kind: "content_gone", claim };
    },

    /** Says that the final dot comes next. False: the claim is lost, and the dot must not be sent. */
    async handingOver(claim: { messageId: string; dispatch: number; attempt: number; owner: string }): Promise<boolean> {
      const answer = await runScript(redis, scripts.handingOver, messageKeys(claim.messageId), [
        claim.messageId,
        retentionJson,
        claim.dispatch,
        claim.attempt,
        claim.owner,
        leases.ownerMs,
      ]);
      return Number(answer) === 1;
    },

    /** Records an attempt's outcomes; may be repeated. Returns the next wake-up and how far off it is, or undefined if none is due. */
    async record(input: RecordInput): Promise<{ wake: WakeUp; inMs: number } | undefined> {
      const [word, generation, nextAt, now, sequence] = await runForWord(
        redis,
        scripts.record,
        [...messageKeys(input.messageId), keys.alone, keys.relayMessage("")],
        [
          input.messageId,
          retentionJson,
          input.dispatch,
          input.attempt,
          JSON.stringify(input.outcomes.map(named)),
          Math.round(input.retryInMs),
          input.counts === "nothing" ? "" : input.counts,
          input.history ?? "",
          suppressionJson,
        ],
      );
      if (word === "recorded") witness?.recorded(input, { at: Number(now), sequence: Number(sequence) });
      if (word !== "recorded" || Number(generation) === 0) return undefined;
      return {
        wake: { messageId: input.messageId, dispatch: input.dispatch, generation: Number(generation) },
        inMs: Math.max(0, Number(nextAt) - Number(now)),
      };
    },

    /** Cancels whoever is neither being sent to nor settled. */
    async cancel(messageId: string): Promise<"gone" | "too_late" | MessageState> {
      const [word, state] = await runForCaller({ redis, clock }, scripts.cancel, messageKeys(messageId), [messageId, retentionJson]);
      if (word !== "cancelled" || !state) return word as "gone" | "too_late";
      return JSON.parse(state.toString());
    },

    /** Gives a message that was not tried yet a new time (ms; the past means now). */
    async reschedule(messageId: string, sendAt: number): Promise<"gone" | "too_late" | MessageState> {
      const [word, , state] = await runForCaller({ redis, clock }, scripts.reschedule, messageKeys(messageId), [
        messageId,
        retentionJson,
        sendAt,
      ]);
      if (word !== "rescheduled" || !state) return word as "gone" | "too_late";
      return JSON.parse(state.toString());
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
        [...messageKeys(messageId), keys.relays],
        [messageId, retentionJson, JSON.stringify(groups), lifeMs, JSON.stringify(queuedMax)],
      );
      if (word !== "retried" || !state) return word as "gone" | "content_gone" | "too_late" | `full_${QuotaHolder}`;
      return JSON.parse(state.toString());
    },

    /** Settles what is open of a message past its deadline. True once nothing is open. */
    async expire(messageId: string): Promise<boolean> {
      const answer = await runScript(redis, scripts.expire, messageKeys(messageId), [
        messageId,
        retentionJson,
        leases.ownerMs,
        leases.attemptMs,
      ]);
      return Number(answer) === 1;
    },

    /** Gives a dispatch a later time without counting a try; undefined if the wake-up is stale, or its dispatch is being sent. */
    async postpone(wake: WakeUp, inMs: number): Promise<WakeUp | undefined> {
      const args = [wake.messageId, retentionJson, wake.dispatch, wake.generation, Math.round(inMs)];
      const [word, generation] = await runForWord(redis, scripts.postpone, messageKeys(wake.messageId), args);
      return word === "postponed" ? { ...wake, generation: Number(generation) } : undefined;
    },

    /** Gives a dispatch to another relay; undefined if it is being sent, settled, or elsewhere already. */
    async reroute(messageId: string, dispatch: number, from: string, to: string): Promise<WakeUp | undefined> {
      const [word, generation] = await runForWord(
        redis,
        scripts.reroute,
        [...messageKeys(messageId), keys.relays],
        [messageId, retentionJson, dispatch, from, to, leases.ownerMs, leases.attemptMs],
      );
      return word === "rerouted" ? { messageId, dispatch, generation: Number(generation) } : undefined;
    },
  };
}

export type Ledger = ReturnType<typeof createLedger>;

/** What acceptance says in the log, each as JSON: of the message, and of its recipients that are suppressed already. */
function eventsOf({ record, recipients, events }: AcceptInput): string[] {
  const about = { at: record.created_at, tenant: record.tenant, message_id: record.id };
  const suppressed = recipients.flatMap(({ status, category, suppression }, index) =>
    status === "suppressed"
      ? [{ type: "message.suppressed", ...about, recipient: record.recipients[index]?.address, status, category, suppression }]
      : [],
  );
  return [...events.map((type) => ({ type, ...about })), ...suppressed].map((event) => JSON.stringify(event));
}
