// The ledger: what was accepted, what became of every recipient, and who is at work on it. Each change is one Lua script.

import type { EventType } from "../domain/events.ts";
import type { DispatchState, MessageRecord, MessageState, RecipientState } from "../domain/message.ts";
import type { QuotaHolder } from "../domain/quotas.ts";
import type { Category, Reply } from "../domain/reply.ts";
import { type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import { type Connection, commandTimeoutMs } from "./connection.ts";
import { loadScript, runForWord, runScript } from "./scripts.ts";

/** How long things are kept after the last recipient was settled, in milliseconds. */
export type Retention = { messageMs: number; contentMs: number; failedContentMs: number };

/** How long an owner counts as alive without a word, and an attempt may last. Milliseconds. */
export type Leases = { ownerMs: number; attemptMs: number };

/** Bytes longer than this are stored in chunks of this size, so that no write stalls the others. */
export const chunkBytes = 256 * 1024;

/** A stored chunk that no acceptance follows is gone after this. */
const chunkLifeMs = 10 * 60 * 1000;

export type AcceptInput = {
  record: MessageRecord;
  expiresAt: number;
  sendAt?: number;
  recipients: RecipientState[];
  dispatches: DispatchState[];
  events: EventType[];
  bytes: Buffer;
  idempotency?: { digest: string; value: string; lifeMs: number };
  queuedMax?: QueuedMax;
};

/** How many open messages the message's key and tenant may have, this one included; absent: any number. */
export type QueuedMax = Partial<Record<QuotaHolder, number>>;

/** `full`: whose open messages are as many as allowed. */
export type AcceptResult =
  | { kind: "stored"; wakeUps: WakeUp[] }
  | { kind: "replay"; value: string }
  | { kind: "full"; holder: QuotaHolder }
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
};

/** The ledger on one shard. Every function rejects while Redis is away. */
export function createLedger({ redis, keys, clock }: Connection, settings: { retention: Retention; leases: Leases }) {
  const { retention, leases } = settings;
  const retentionJson = JSON.stringify({
    message: retention.messageMs,
    content: retention.contentMs,
    failed_content: retention.failedContentMs,
  });

  const messageKeys = (id: string) => [
    keys.record(id),
    keys.state(id),
    keys.bytes(id),
    keys.attempts(id),
    keys.events,
    keys.sequence,
    keys.open,
    keys.unconfirmed,
    keys.owners,
  ];

  /** Stores the bytes that are too many for one command; they vanish unless the message is accepted in time. */
  async function storeChunks(id: string, bytes: Buffer): Promise<void> {
    for (let index = 0; index * chunkBytes < bytes.length; index++) {
      const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      await redis.set(chunkKey(id, index), chunk, "PX", chunkLifeMs);
    }
  }

  async function dropChunks(id: string, chunks: number): Promise<void> {
    const stored = Array.from({ length: chunks }, (_, index) => chunkKey(id, index));
    await redis.unlink(...stored).catch(() => undefined);
  }

  const chunkKey = (id: string, index: number) => (index === 0 ? keys.bytes(id) : keys.chunk(id, index));
  const chunkCount = (size: number) => Math.max(1, Math.ceil(size / chunkBytes));

  return {
    clock,

    /** Stores a message durably, or finds that its idempotency key was used, that the queue is full, or that it comes too late. */
    async accept(input: AcceptInput): Promise<AcceptResult> {
      const { record, bytes } = input;
      const chunks = chunkCount(bytes.length);
      if (chunks > 1) await storeChunks(record.id, bytes);
      const wakeUps = input.dispatches.map((it, dispatch) => ({ messageId: record.id, dispatch, generation: it.generation }));
      const events = input.events.map((type) =>
        JSON.stringify({ type, at: record.created_at, tenant: record.tenant, message_id: record.id }),
      );
      const state = {
        expires_at: input.expiresAt,
        ...(input.sendAt !== undefined && { send_at: input.sendAt }),
        attempts: 0,
        recipients: input.recipients,
        dispatches: input.dispatches,
      };
      const [word, value] = await runForWord(
        redis,
        scripts.accept,
        [
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
          ...Array.from({ length: chunks - 1 }, (_, index) => keys.chunk(record.id, index + 1)),
        ],
        [
          // A script that was stuck on the way refuses from then on: its caller is about to be told that it failed.
          clock.now() + commandTimeoutMs - 50,
          record.id,
          record.created_at,
          input.expiresAt,
          JSON.stringify(chunks > 1 ? { ...record, chunks } : record),
          JSON.stringify(state),
          chunks > 1 ? "" : bytes,
          JSON.stringify(events),
          JSON.stringify(wakeUps.map(wakeUpId)),
          JSON.stringify([...new Set(input.dispatches.map((dispatch) => dispatch.relay))]),
          input.idempotency?.value ?? "",
          input.idempotency?.lifeMs ?? 0,
          record.tenant,
          record.key_id,
          JSON.stringify(input.queuedMax ?? {}),
        ],
      );
      if (word === "stored") return { kind: "stored", wakeUps };
      // Chunks of what was not stored would take up room for as long as they live.
      if (chunks > 1) await dropChunks(record.id, chunks);
      if (word === "full") return { kind: "full", holder: String(value) as QuotaHolder };
      if (word === "replay" && value) return { kind: "replay", value: value.toString() };
      // Chunks that ran out mean the same as a late script: nothing was accepted.
      return { kind: "late" };
    },

    /**
     * Claims a dispatch for one attempt by this owner, with a connection already in hand.
     * @param word of this try's own: asked again with it, because the answer was lost, the same claim is given again
     */
    async claim(wake: WakeUp, owner: string, word: string): Promise<ClaimResult> {
      const [answer, ...rest] = await runForWord(redis, scripts.claim, messageKeys(wake.messageId), [
        wake.messageId,
        retentionJson,
        wake.dispatch,
        wake.generation,
        owner,
        leases.ownerMs,
        leases.attemptMs,
        word,
      ]);
      if (answer === "early" || answer === "busy") return { kind: "look_again", inMs: Math.max(Number(rest[0]), 50) };
      if (answer !== "claimed") return { kind: "stale" };
      const [now, recordJson, stateJson, first] = rest as [unknown, Buffer, Buffer, Buffer];
      const record = JSON.parse(recordJson.toString()) as MessageRecord;
      const state = JSON.parse(stateJson.toString()) as MessageState;
      const recipients = state.recipients.flatMap((recipient, index) =>
        recipient.dispatch === wake.dispatch && recipient.status === "sending" ? [index] : [],
      );
      const further = await readChunks(wake.messageId, record.chunks ?? 1);
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
      const [word, generation, nextAt, now] = await runForWord(redis, scripts.record, messageKeys(input.messageId), [
        input.messageId,
        retentionJson,
        input.dispatch,
        input.attempt,
        JSON.stringify(input.outcomes),
        Math.round(input.retryInMs),
        input.counts === "nothing" ? "" : input.counts,
        input.history ?? "",
      ]);
      if (word !== "recorded" || Number(generation) === 0) return undefined;
      return {
        wake: { messageId: input.messageId, dispatch: input.dispatch, generation: Number(generation) },
        inMs: Math.max(0, Number(nextAt) - Number(now)),
      };
    },

    async cancel(messageId: string): Promise<"gone" | "too_late" | "cancelled"> {
      const [word] = await runForWord(redis, scripts.cancel, messageKeys(messageId), [messageId, retentionJson]);
      return word as "gone" | "too_late" | "cancelled";
    },

    /** Gives a message that was not tried yet a new time (ms; the past means now). */
    async reschedule(messageId: string, sendAt: number): Promise<"gone" | "too_late" | MessageState> {
      const [word, , state] = await runForWord(redis, scripts.reschedule, messageKeys(messageId), [messageId, retentionJson, sendAt]);
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
      const [word, , state] = await runForWord(
        redis,
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

  /** The chunks after the first, in order; none for most messages. */
  async function readChunks(id: string, chunks: number): Promise<Buffer[]> {
    const found: Buffer[] = [];
    for (let index = 1; index < chunks; index++) {
      const chunk = await redis.getBuffer(keys.chunk(id, index));
      if (chunk) found.push(chunk);
    }
    return found;
  }
}

export type Ledger = ReturnType<typeof createLedger>;
