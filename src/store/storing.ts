// Storing messages: the one step that makes a message Postern's. Those that come at the same moment are stored by one script.
import { randomBytes } from "node:crypto";
import type { EventType } from "../domain/events.ts";
import type { DispatchState, MessageRecord, RecipientState } from "../domain/message.ts";
import type { QuotaHolder } from "../domain/quotas.ts";
import type { Category } from "../domain/reply.ts";
import { isOpen } from "../domain/states.ts";
import type { RecipientSuppression } from "../domain/suppression.ts";
import { SharedJob, type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import { chunkCount, createChunks } from "./chunks.ts";
import { createCoalescer } from "./coalesce.ts";
import { type Connection, inTimeUntil } from "./connection.ts";
import { firstLineOf, secondLineOf } from "./document.ts";
import { packEvent } from "./events.ts";
import { type Retention, retentionArgument } from "./messageScripts.ts";
import { loadScript, rejectingAfter, runForEach } from "./scripts.ts";
import type { Witness } from "./witness.ts";

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

/** `job`: which its dispatches may share with those of messages that are stored at about the same time. `queue_full`: whose open messages are as many as allowed. */
export type AcceptResult =
  | { kind: "stored"; wakeUps: WakeUp[]; job: SharedJob }
  | { kind: "suppressed"; recipients: SuppressedRecipient[] }
  | { kind: "replay"; value: string }
  | { kind: "queue_full"; holder: QuotaHolder }
  | { kind: "late" };

/** Names this process's shared jobs: one made by another, at whatever time, has another name. */
const jobsPrefix = `job${randomBytes(6).toString("base64url")}`;
let jobs = 0;

const script = loadScript("accept");

type Answer = { word: string; value: Buffer | undefined; job: SharedJob };
type Entry = { until: number; bytes: number; args: (string | number | Buffer)[] };

/** The function that stores a message. It rejects while Redis is away. */
export function createStoring(
  { redis, keys, clock }: Connection,
  { retention, witness }: { retention: Retention; witness?: Pick<Witness, "accepted"> | undefined },
) {
  const retentionJson = retentionArgument(retention);
  const chunksOf = createChunks({ redis, keys });
  const touched = [keys.events, keys.sequence, keys.open, keys.unconfirmed, keys.relays];
  const prefixes = [keys.message(""), keys.bytes(""), keys.suppressions, keys.keptRecipients("")];

  let nextJob: SharedJob | undefined;

  /** The job of those that are stored now. */
  function sharedJob(): SharedJob {
    if (!nextJob || nextJob.isClosed) nextJob = new SharedJob(`${jobsPrefix}${(++jobs).toString(36)}`);
    return nextJob;
  }

  const ask = createCoalescer<Entry, Answer>({
    bytesOf: ({ bytes }) => bytes,
    run: async (entries) => {
      const job = sharedJob();
      const until = Math.max(...entries.map((entry) => entry.until));
      const shared = [retentionJson, job.id];
      const its = entries.map(({ args }) => args);
      const run = () => runForEach(redis, script, [...touched, ...prefixes], shared, its);
      const answers = await job.during(rejectingAfter(clock, until, run));
      return answers.map((answer) => (answer instanceof Error ? answer : { word: answer[0], value: answer[1], job }));
    },
  });

  /** An entry's arguments, as accept.lua names them. */
  function argumentsOf(input: AcceptInput, { open, wakeUps, chunks, until }: Parts): Entry["args"] {
    const { record, idempotency, keptRecipients, queuedMax = {} } = input;
    const state = {
      expires_at: input.expiresAt,
      ...(input.sendAt !== undefined && { send_at: input.sendAt }),
      attempts: 0,
      recipients: input.recipients,
      dispatches: input.sendAt === undefined ? input.dispatches : input.dispatches.map((it) => ({ ...it, later: true })),
    };
    const lookedUp = record.bypass_suppressions ? [] : open.map((index) => record.recipients[index]?.address ?? "");
    return [
      until,
      record.id,
      record.created_at,
      input.expiresAt,
      firstLineOf(chunks > 1 ? { ...record, chunks } : record, state).slice(0, -1),
      secondLineOf(record),
      chunks > 1 ? "" : input.bytes,
      chunks,
      eventsOf(input).join("\n"),
      wakeUps.map(wakeUpId).join("\n"),
      wakeUps.map(({ dispatch }) => workOf(input, dispatch)).join("\n"),
      idempotency ? keys.idempotency(record.tenant, idempotency.digest) : "",
      idempotency?.value ?? "",
      idempotency?.lifeMs ?? 0,
      lookedUp.join("\n"),
      record.list ?? "",
      open.length > 0 ? "" : "1",
      record.tenant,
      record.key_id,
      keys.tenantMessages(record.tenant),
      queuedMax.key ?? "",
      queuedMax.tenant ?? "",
      keptRecipients?.digests.join(" ") ?? "",
      keptRecipients?.lifeMs ?? 0,
    ];
  }

  /**
   * Stores a message durably, or finds that its idempotency key was used, that the queue is full, that it comes too late, or that open
   * recipients are suppressed: then it has to be asked again with these settled.
   */
  return async function accept(input: AcceptInput): Promise<AcceptResult> {
    const { record, bytes, recipients } = input;
    const chunks = chunkCount(bytes.length);
    // Before the rest, so that no message is without them; should it not be accepted, they run out by themselves.
    if (chunks > 1) await chunksOf.store(record.id, bytes);
    const open = recipients.flatMap(({ status }, index) => (isOpen(status) ? [index] : []));
    const wakeUps = input.dispatches.flatMap((it, dispatch) =>
      open.some((index) => recipients[index]?.dispatch === dispatch) ? [{ messageId: record.id, dispatch, generation: it.generation }] : [],
    );
    const until = inTimeUntil(clock);
    const args = argumentsOf(input, { open, wakeUps, chunks, until });
    const { word, value, job } = await ask({ until, bytes: chunks > 1 ? 0 : bytes.length, args });
    if (word === "stored") {
      witness?.accepted(record.id, Number(value));
      return { kind: "stored", wakeUps, job };
    }
    // Chunks of what was not stored would take up room for as long as they live.
    if (chunks > 1) await chunksOf.drop(record.id, chunks);
    if (word === "full") return { kind: "queue_full", holder: String(value) as QuotaHolder };
    if (word === "suppressed" && value) {
      const found = JSON.parse(value.toString()) as (Omit<SuppressedRecipient, "recipient"> & { position: number })[];
      return { kind: "suppressed", recipients: found.map(({ position, ...why }) => ({ recipient: open[position] as number, ...why })) };
    }
    if (word === "replay" && value) return { kind: "replay", value: value.toString() };
    // Chunks that ran out mean the same as a late script: nothing was accepted.
    return { kind: "late" };
  };
}

type Parts = { open: number[]; wakeUps: WakeUp[]; chunks: number; until: number };

/** An open dispatch, as accept.lua counts it. */
function workOf({ dispatches, sendAt }: AcceptInput, dispatch: number): string {
  return `${dispatch + 1} ${dispatches[dispatch]?.relay ?? ""} ${sendAt ?? 0}`;
}

/** What acceptance says in the log, each as it lies there: of the message, and of its recipients that are suppressed already. */
function eventsOf({ record, recipients, events }: AcceptInput): string[] {
  const about = { at: record.created_at, tenant: record.tenant, message_id: record.id };
  const suppressed = recipients.flatMap(({ status, category, suppression }, index) =>
    status === "suppressed"
      ? [
          JSON.stringify({
            type: "message.suppressed",
            ...about,
            recipient: record.recipients[index]?.address,
            status,
            category,
            suppression,
          }),
        ]
      : [],
  );
  return [...events.map((type) => packEvent({ type, ...about })), ...suppressed];
}
