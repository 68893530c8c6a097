// Attempts at dispatches: claimed by a worker, and recorded with what they came to. Those of the same moment are one script each.
import type { MessageRecord, MessageState } from "../domain/message.ts";
import type { NotificationProvider } from "../domain/notification.ts";
import { relayMessageDigest, relayMessageIdIn } from "../domain/relayMessageId.ts";
import type { Category, Reply } from "../domain/reply.ts";
import { defaultSuppressionPolicy, type SuppressionPolicy } from "../domain/suppression.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import { type AttemptHistory, packAttempt } from "./attemptHistory.ts";
import { createChunks } from "./chunks.ts";
import { createCoalescer } from "./coalesce.ts";
import type { Connection } from "./connection.ts";
import { readDocument } from "./document.ts";
import { messageKeysOf, type Retention, retentionArgument } from "./messageScripts.ts";
import { loadScript, runForEach } from "./scripts.ts";
import type { Witness } from "./witness.ts";

/** How long an owner counts as alive without a word, and an attempt may last. Milliseconds. */
export type Leases = { ownerMs: number; attemptMs: number };

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
  /** The attempt for the history. */
  history?: AttemptHistory;
};

export type AttemptSettings = {
  retention: Retention;
  leases: Leases;
  suppression?: SuppressionPolicy;
  /** Providers whose notifications are taken: what they call a message is kept. */
  notifiedBy?: readonly NotificationProvider[];
  witness?: Pick<Witness, "recorded" | "answered">;
};

const scripts = { claim: loadScript("claim"), record: loadScript("record") };

type ClaimEntry = { wake: WakeUp; owner: string; word: string };
type RecordEntry = { args: (string | number)[]; length: number };
type Answer = [string, ...Buffer[]];
type ClaimAnswer = { answer: Answer; first: Buffer | null };

/** Claiming and recording. Both reject while Redis is away, and may be asked again. */
export function createAttempts({ redis, keys }: Connection, settings: AttemptSettings) {
  const { retention, leases, witness, suppression = defaultSuppressionPolicy, notifiedBy = [] } = settings;
  const suppressionJson = JSON.stringify(suppression);
  const retentionJson = retentionArgument(retention);
  const stored = createChunks({ redis, keys });
  const touched = [...messageKeysOf(keys), keys.alone];

  const askForRecord = createCoalescer<RecordEntry, Answer>({
    bytesOf: ({ length }) => length,
    run: (entries) =>
      runForEach(
        redis,
        scripts.record,
        [...touched, keys.relayMessage("")],
        [retentionJson, suppressionJson],
        entries.map(({ args }) => args),
      ),
  });

  /** Claims of one owner; a process has one. */
  const claimsOf = new Map<string, (entry: ClaimEntry) => Promise<ClaimAnswer>>();
  function claimsBy(owner: string): (entry: ClaimEntry) => Promise<ClaimAnswer> {
    const known = claimsOf.get(owner);
    if (known) return known;
    const ask = createCoalescer<ClaimEntry, ClaimAnswer>({
      bytesOf: () => 0,
      // Each has a connection in hand, which rests meanwhile.
      partialMax: 2,
      run: async (entries) => {
        const claimed = runForEach(
          redis,
          scripts.claim,
          touched,
          [retentionJson, owner, leases.ownerMs, leases.attemptMs],
          entries.map(({ wake, word }) => [wake.messageId, wake.dispatch, wake.generation, word]),
        );
        // Asked for at once, right behind the claims: the connection is kept waiting for one answer of Redis instead of two.
        const [answers, firsts] = await Promise.all([claimed, stored.readFirst(entries.map(({ wake }) => wake.messageId))]);
        return answers.map((answer, index) => (answer instanceof Error ? answer : { answer, first: firsts[index] ?? null }));
      },
    });
    claimsOf.set(owner, ask);
    return ask;
  }

  /** An outcome with what the relay's provider calls the message, if it says so. */
  function named(outcome: RecordedOutcome): RecordedOutcome & { relay_message?: string } {
    const id = outcome.kind === "sent" && outcome.reply ? relayMessageIdIn(outcome.reply, notifiedBy) : undefined;
    return id === undefined ? outcome : { ...outcome, relay_message: relayMessageDigest(id) };
  }

  return {
    /**
     * Claims a dispatch for one attempt by this owner, with a connection already in hand.
     * @param word of this try's own: asked again with it, because the answer was lost, the same claim is given again
     */
    async claim(wake: WakeUp, owner: string, word: string): Promise<ClaimResult> {
      await witness?.answered();
      const {
        answer: [kind, ...rest],
        first,
      } = await claimsBy(owner)({ wake, owner, word });
      if (kind === "early" || kind === "busy") return { kind: "look_again", inMs: Math.max(Number(rest[0]), 50) };
      if (kind !== "claimed") return { kind: "stale" };
      const [now, text] = rest as [unknown, Buffer];
      const { record, state } = readDocument(wake.messageId, text.toString());
      const recipients = state.recipients.flatMap((recipient, index) =>
        recipient.dispatch === wake.dispatch && recipient.status === "sending" ? [index] : [],
      );
      const bytes = await stored.read(record, first);
      const claim: Claim = { attempt: state.attempts, now: Number(now), record, state, recipients, bytes: bytes ?? Buffer.alloc(0) };
      return { kind: bytes ? "claimed" : "content_gone", claim };
    },

    /** Records an attempt's outcomes; may be repeated. Returns the next wake-up and how far off it is, or undefined if none is due. */
    async record(input: RecordInput): Promise<{ wake: WakeUp; inMs: number } | undefined> {
      const { messageId, dispatch, attempt, counts } = input;
      const recipients = input.outcomes.map(({ recipient }) => recipient);
      const history = input.history ? packAttempt(input.history, recipients) : "";
      const outcomes = JSON.stringify(input.outcomes.map(named));
      const args = [messageId, dispatch, attempt, outcomes, Math.round(input.retryInMs), counts === "nothing" ? "" : counts, history];
      const [word, generation, nextAt, now, sequence] = await askForRecord({ args, length: outcomes.length + history.length });
      if (word === "recorded") witness?.recorded(input, { at: Number(now), sequence: Number(sequence) });
      if (word !== "recorded" || Number(generation) === 0) return undefined;
      return {
        wake: { messageId, dispatch, generation: Number(generation) },
        inMs: Math.max(0, Number(nextAt) - Number(now)),
      };
    },
  };
}
