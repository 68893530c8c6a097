// One SMTP transaction on a connection that is ready: MAIL, RCPT, DATA, body, final dot, and what it came to for each recipient.
import type { ConnectionFacts, RelayLimits, SendOutcome, Timeouts, TranscriptLine } from "../domain/relay.ts";
import { lengthOf, MessageBody } from "./body.ts";
import type { RelayConnection } from "./connection.ts";
import { type Deadline, spokenDuration, startDeadline } from "./deadline.ts";
import { commandsOf } from "./envelope.ts";
import { judge, phaseOf, type TransactionPhase, unexpected } from "./outcomes.ts";
import { ownRefusals } from "./ownRefusals.ts";
import { endsConnection, meaningOf } from "./replies.ts";
import { startTranscript } from "./transcript.ts";

export type Mail = {
  /** The envelope sender; "" is the null sender. */
  from: string;
  to: string[];
  /** The finished message, lines ended by CRLF. */
  bytes: Buffer;
  /** The canonical domain of its From: whose keys sign it. */
  fromDomain?: string;
  /** Whether the message has bytes above 127. */
  eightBit?: boolean;
  /** Whether header fields are in UTF-8 (RFC 6532); addresses speak for themselves. */
  smtputf8?: boolean;
  /** Asked right before the final dot of each transaction would leave; after false, or a throw, it does not. */
  beforeFinalDot?: () => boolean | Promise<boolean>;
};

export type Transaction = {
  /** In the order of `to`. */
  outcomes: SendOutcome[];
  /** Whether the final dot may have reached the relay. */
  bodyHandedOver: boolean;
  /** If the connection was made for this mail, with its set-up; what was said before `send` has an `atMs` below 0. */
  transcript: TranscriptLine[];
  /** 0 for what was not begun; `connectMs` if the connection was made for this transaction. */
  timings: { connectMs?: number; envelopeMs: number; bodyMs: number; replyMs: number; totalMs: number };
  connection: ConnectionFacts;
};

/** `stale`: the connection was gone when the transaction began, or had served before and left at its first command. Nothing of it was answered. */
export type Attempted = { transaction: Transaction; stale: boolean; cause?: unknown };

/**
 * Sends one mail. Afterwards the connection is ready for the next one (perhaps after RSET, see `mustReset`), or gone.
 * @param options.signature header fields to go in front of the message; may be empty
 * @param options.limits of the relay; its largest message counts as if it had said so
 * @param options.startedAt when the attempt began, in milliseconds of `performance.now()`: `timeouts.attempt` and the transcript count from it
 * @returns never rejects; `cause` is what `beforeFinalDot` threw
 */
export function transact(options: {
  connection: RelayConnection;
  mail: Mail;
  signature: Buffer;
  limits: RelayLimits | undefined;
  timeouts: Timeouts;
  host: string;
  startedAt: number;
}): Promise<Attempted> {
  const { connection, mail, signature, limits, timeouts, host, startedAt } = options;
  const parts = [signature, mail.bytes];
  const byteCount = lengthOf(parts);
  const { setUp, features } = connection;
  const reused = connection.transactions > 0;
  connection.setUp = undefined;
  const refusals = ownRefusals({
    from: mail.from,
    to: mail.to,
    byteCount,
    messageBytesMax: limits?.messageBytesMax,
    eightBit: mail.eightBit === true,
    smtputf8: mail.smtputf8 === true,
    features,
    host,
  });
  const recipients = refusals ? mail.to.filter((_, index) => refusals[index] === undefined) : mail.to;
  const replies: string[] = [];
  const transcript = startTranscript(
    startedAt,
    setUp?.lines.map((line) => ({ ...line, atMs: line.atMs + sinceSetUp(setUp, startedAt) })),
  );
  const sentAt = performance.now();
  let begunAt = 0;
  let handedOverAt = 0;

  const conclude = (fault: string | undefined, handedOver: boolean): Transaction => {
    const endedAt = performance.now();
    const judged = judge({ replies, recipients: recipients.length, handedOver, fault }).values();
    const outcomes = refusals ? refusals.map((refusal) => refusal ?? (judged.next().value as SendOutcome)) : [...judged];
    return {
      outcomes,
      bodyHandedOver: handedOver,
      transcript: transcript.lines(),
      timings: {
        ...(setUp ? { connectMs: Math.round(setUp.durationMs) } : {}),
        envelopeMs: Math.round((begunAt || endedAt) - sentAt),
        bodyMs: begunAt ? Math.round((handedOverAt || endedAt) - begunAt) : 0,
        replyMs: handedOverAt ? Math.round(endedAt - handedOverAt) : 0,
        totalMs: Math.round(endedAt - startedAt),
      },
      connection: { ...connection.facts, reused },
    };
  };
  if (recipients.length === 0) return Promise.resolve({ transaction: conclude(undefined, false), stale: false });
  if (!connection.isReady) {
    connection.destroy("The relay was closing the connection.");
    return Promise.resolve({ transaction: conclude(connection.lostBecause, false), stale: true });
  }

  connection.transactions++;
  return new Promise((resolve) => {
    const commands = commandsOf({
      ...{ from: mail.from, to: recipients, byteCount, features },
      ...{ eightBit: mail.eightBit === true, smtputf8: mail.smtputf8 === true },
    });
    let isOver = false;
    let isAsking = false;
    /** Commands that have left. */
    let said = 0;
    /** DATA was granted though nobody is to get the message, and ended at once. */
    let isEmptied = false;
    const course = () => ({ replies, recipients: recipients.length, handedOver: body.handedOver });
    const finish = (end: { fault?: string | undefined; lost?: boolean; hangUp?: string; cause?: unknown }) => {
      if (isOver) return;
      isOver = true;
      deadline.stop();
      connection.observer = undefined;
      body.stop();
      const transaction = conclude(end.fault, body.handedOver);
      const hangUp = end.hangUp ?? end.fault;
      if (hangUp !== undefined) connection.destroy(hangUp);
      connection.mustReset = transaction.outcomes.every(({ kind }) => kind !== "accepted");
      const [only] = replies;
      const wasLeaving = only === undefined ? end.lost === true : replies.length === 1 && endsConnection(only);
      resolve({ transaction, stale: reused && wasLeaving, cause: end.cause });
    };

    const deadline: Deadline = startDeadline({
      stepMs: timeouts.command,
      totalMs: timeouts.attempt,
      endsAt: startedAt + timeouts.attempt,
      onExpired(limit, waitedMs) {
        const what = isAsking ? "Postern's own check before the final dot was not done" : silences[phaseOf(course())];
        finish({ fault: `${limit === "total" ? "The attempt was not over" : what} within ${spokenDuration(waitedMs)}.` });
      },
    });
    const body = new MessageBody({
      parts,
      socket: connection.socket,
      beforeFinalDot: mail.beforeFinalDot,
      onNews(news) {
        if (typeof news === "object") return finish({ fault: news.stopped, cause: news.cause });
        isAsking = news === "asking";
        if (news === "begun") begunAt = performance.now();
        if (news === "handed_over") handedOverAt = performance.now();
        deadline.progress(news === "handed_over" ? timeouts.afterDot : timeouts.command);
      },
    });
    const say = (count: number) => {
      const group = commands.slice(said, said + count);
      said += group.length;
      for (const line of group) transcript.add("client", line);
      connection.write(`${group.join("\r\n")}\r\n`);
    };
    const goOn = () => {
      const isRefused = meaningOf(replies[0] ?? "") !== "done";
      if (said < commands.length) {
        const isWanted = said <= recipients.length || replies.slice(1).some((raw) => meaningOf(raw) === "done");
        return isRefused || !isWanted ? finish({}) : say(1);
      }
      const data = replies.at(-1) ?? "";
      if (meaningOf(data) !== "go_on") return finish({});
      // There is no transaction that it could have granted it in.
      if (isRefused) return finish({ hangUp: "The relay granted DATA though it refused the sender." });
      if (replies.slice(1, -1).some((raw) => meaningOf(raw) === "done")) return body.begin();
      // It waits for a message now. That nobody is to get one is told by sending none (RFC 2920, section 3.1).
      isEmptied = true;
      connection.write(".\r\n");
    };
    /** Replies that there can be by now. */
    const due = () => said + (body.handedOver || isEmptied ? 1 : 0);
    connection.observer = {
      onReply(raw) {
        const phase = isEmptied ? "after_dot" : phaseOf(course());
        replies.push(raw);
        transcript.add("server", raw);
        deadline.progress();
        // A relay that speaks out of turn must get nothing more from us: a body in the wrong place would be read as commands.
        if (replies.length > due() || !isInTurn(phase, raw)) finish({ fault: unexpected(phase) });
        else if (endsConnection(raw)) finish({ hangUp: "The relay closed the connection." });
      },
      onRead(isWhole) {
        if (isOver || replies.length < due()) return;
        // What is said before we have gone on is no answer to it.
        if (!isWhole) finish({ fault: unexpected(phaseOf(course())) });
        else if (said < commands.length || !(body.handedOver || isEmptied)) goOn();
        else finish({});
      },
      onLost(text) {
        finish({ fault: text, lost: true });
      },
    };
    say(features.pipelining ? commands.length : 1);
  });
}

const silences: Record<TransactionPhase, string> = {
  mail: "The relay did not answer MAIL",
  rcpt: "The relay did not answer RCPT",
  data: "The relay did not answer DATA",
  body: "The relay took no more of the message",
  after_dot: "The relay did not answer the final dot",
};

/** Whether a reply is one that the commands of this phase may get. While the body is on its way there is none. */
function isInTurn(phase: TransactionPhase, raw: string): boolean {
  if (phase === "body") return false;
  const meaning = meaningOf(raw);
  return meaning === "later" || meaning === "never" || meaning === (phase === "data" ? "go_on" : "done");
}

/** What must be added to times of the set-up to count from the start of the attempt; the result is below 0 if it was done before. */
function sinceSetUp(setUp: { durationMs: number; readyAt: number }, startedAt: number): number {
  return Math.round(setUp.readyAt - setUp.durationMs - startedAt);
}
