// One SMTP transaction on a connection that is ready: MAIL, RCPT, DATA, body, final dot, and what it came to for each recipient.
import type { ConnectionFacts, RelayLimits, SendOutcome, Timeouts, TranscriptLine } from "../domain/relay.ts";
import { lengthOf, MessageBody } from "./body.ts";
import type { Observer, RelayConnection } from "./connection.ts";
import { type Deadline, spokenDuration, startDeadline } from "./deadline.ts";
import { commandsOf } from "./envelope.ts";
import type { Following } from "./following.ts";
import { judge, phaseOf, type TransactionPhase, unexpected } from "./outcomes.ts";
import { ownRefusals } from "./ownRefusals.ts";
import { endsConnection, meaningOf } from "./replies.ts";
import { startTranscript } from "./transcript.ts";

export type Mail = {
  /** What log lines about it say: which message it is, and of which trace. */
  about?: { message_id: string; trace_id?: string; span_id?: string };
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

/**
 * `stale`: the connection was gone when the transaction began, or had served before and left at its first command; or the relay takes no
 * envelope behind another one's final dot. Nothing was handed over, and it may go over another connection.
 */
export type Attempted = { transaction: Transaction; stale: boolean; cause?: unknown };

/**
 * Sends one mail. Afterwards the connection is ready for the next one (perhaps after RSET, see `mustReset`), or gone.
 * @param options.signature header fields to go in front of the message; may be empty
 * @param options.limits of the relay; its largest message counts as if it had said so
 * @param options.startedAt when the attempt began, in milliseconds of `performance.now()`: `timeouts.attempt` and the transcript count from it
 * @param options.following told how the relay takes it, where this one is followed, or follows another one whose last reply is due
 * @param options.onHandedOver called when its final dot has left: only one reply is due, and the next one may begin
 * @param options.onBegun called at once with what cuts it off; whoever waits for a reply on the connection still gets that
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
  following?: Following;
  onHandedOver?: (() => void) | undefined;
  onBegun?: (cut: (reason: string) => void) => void;
}): Promise<Attempted> {
  const { connection, mail, signature, limits, timeouts, host, startedAt, following, onHandedOver, onBegun } = options;
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
    if (!connection.isAwaited) connection.destroy("The relay was closing the connection.");
    return Promise.resolve({
      transaction: conclude(connection.lostBecause ?? "The connection is about to be closed.", false),
      stale: true,
    });
  }

  connection.transactions++;
  const follows = connection.isAwaited;
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
    /** It came too early for the relay; in its own time it may be taken. */
    let isObjectedTo = false;
    const course = () => ({ replies, recipients: recipients.length, handedOver: body.handedOver });
    const finish = (end: { fault?: string | undefined; lost?: boolean; hangUp?: string; cause?: unknown }) => {
      if (isOver) return;
      isOver = true;
      deadline.stop();
      body.stop();
      const transaction = conclude(end.fault, body.handedOver);
      // The relay forgets an envelope by itself when the dot is answered; it is told to all the same, unless it has the next one already.
      connection.mustReset = !connection.isFollowed && transaction.outcomes.every(({ kind }) => kind !== "accepted");
      connection.end(observer, end.hangUp ?? end.fault);
      const [only] = replies;
      const wasLeaving = only === undefined ? end.lost === true : replies.length === 1 && endsConnection(only);
      if (follows && wasLeaving) following?.objected("leaving");
      resolve({ transaction, stale: isObjectedTo || (reused && wasLeaving), cause: end.cause });
    };

    const deadline: Deadline = startDeadline({
      // Until it is its turn, another one's time runs.
      stepMs: follows ? timeouts.attempt : timeouts.command,
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
        if (news === "handed_over") onHandedOver?.();
      },
    });
    const say = (count: number) => {
      const group = commands.slice(said, said + count);
      said += group.length;
      for (const line of group) transcript.add("client", line);
      connection.write(`${group.join("\r\n")}\r\n`);
    };
    /** All that was said is answered. */
    const goOn = () => {
      const isRefused = meaningOf(replies[0] ?? "") !== "done";
      const isWanted = replies.slice(1, recipients.length + 1).some((raw) => meaningOf(raw) === "done");
      if (said < commands.length) {
        const areAllNamed = said > recipients.length;
        return isRefused || (areAllNamed && !isWanted) ? finish({}) : say(1);
      }
      const data = replies.at(-1) ?? "";
      if (meaningOf(data) !== "go_on") return finish({});
      // There is no transaction that it could have granted it in.
      if (isRefused) return finish({ hangUp: "The relay granted DATA though it refused the sender." });
      if (isWanted) return body.begin();
      // It waits for a message now. That nobody is to get one is told by sending none (RFC 2920, section 3.1).
      isEmptied = true;
      connection.write(".\r\n");
    };
    /** Replies that there can be by now. */
    const due = () => said + (body.handedOver || isEmptied ? 1 : 0);
    const observer: Observer = {
      onTurn() {
        deadline.progress(timeouts.command);
      },
      onReply(raw) {
        const phase = isEmptied ? "after_dot" : phaseOf(course());
        // To a final dot this is no answer (RFC 5321, section 4.3.2), but to the envelope behind it it is.
        if (phase === "after_dot" && connection.isFollowed && speaksOfCommand(raw)) {
          following?.objected("reply");
          transcript.add("server", raw);
          return finish({ fault: "The relay answered what came behind the final dot, and not the dot." });
        }
        replies.push(raw);
        transcript.add("server", raw);
        deadline.progress();
        if (follows && replies.length === 1 && objectsToFollower(raw)) {
          isObjectedTo = true;
          following?.objected("reply");
        }
        if (handedOverAt > 0) following?.answered(performance.now() - handedOverAt);
        // A relay that speaks out of turn must get nothing more from us: a body in the wrong place would be read as commands.
        if (replies.length > due() || !isInTurn(phase, raw)) finish({ fault: unexpected(phase) });
        else if (endsConnection(raw)) finish({ hangUp: "The relay closed the connection." });
        // What comes right behind the last reply is the next one's.
        else if (body.handedOver || isEmptied) finish({});
      },
      onRead(isWhole) {
        if (isOver || replies.length < due()) return;
        // What is said before we have gone on is no answer to it.
        if (isWhole) goOn();
        else finish({ fault: unexpected(phaseOf(course())) });
      },
      onLost(text) {
        finish({ fault: text, lost: true });
      },
    };
    connection.begin(observer);
    onBegun?.((reason) => finish({ fault: reason }));
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

/** Whether a reply says that a command was not understood, or came at the wrong time (RFC 5321, section 4.2.3). */
function speaksOfCommand(raw: string): boolean {
  return /^50[0-4]/.test(raw);
}

/** Whether a reply to MAIL may be for its coming behind a final dot: some servers see a breach of the protocol in that (554). */
function objectsToFollower(raw: string): boolean {
  return speaksOfCommand(raw) || raw.startsWith("554");
}

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
