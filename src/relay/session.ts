// A session that is lent out: signs what it is given, and sends it in as many transactions as the relay's limits want.
import type { ConnectionFacts, RelayConfig, RelayFault, SendOutcome, Timeouts } from "../domain/relay.ts";
import type { Log } from "../telemetry/logger.ts";
import type { Sign } from "./dkim.ts";
import type { Following } from "./following.ts";
import type { Loan } from "./places.ts";
import { type Attempted, type Mail, type Transaction, transact } from "./transaction.ts";
import { bounded } from "./transcript.ts";

export type RelaySession = {
  /** Of the connection as it is now. */
  readonly facts: ConnectionFacts;
  /**
   * Sends one mail; one at a time. Every end of the dialogue is an outcome, it never rejects for one. If the connection had been idle and
   * turns out to be dead at the first command, the mail goes over a new one, once.
   * @param options.isLast nothing else will be sent in this session: whoever waits for one may begin on its connection as soon as this mail's
   *   final dot has left
   * @throws Error (a rejection) when the session was released, has sent its last, or is still sending
   */
  send(mail: Mail, options?: { isLast?: boolean }): Promise<Transaction>;
  /** Gives the session back; idempotent. While it sends, that cuts the connection. */
  release(): void;
};

/** Wraps a place that is lent out; `release` gives it back. */
export function createSession(options: {
  loan: Loan;
  config: RelayConfig;
  timeouts: Timeouts;
  sign: Sign | undefined;
  following: Following;
  log: Log;
}): RelaySession {
  const { loan, config, timeouts, sign, following, log } = options;
  const { host, limits, rewrites } = config;
  let state: "free" | "sending" | "done" | "released" = "free";
  /** Ends the transaction that is under way. */
  let cut: ((reason: string) => void) | undefined;

  const anew = (mail: Mail) => {
    log.debug({ ...mail.about, reason: loan.connection().lostBecause }, "idle session was dead, connecting anew");
    return loan.reconnect();
  };

  /** `isLast`: behind its dot nothing of ours is said any more. */
  const transactOnce = async (mail: Mail, signature: Buffer, startedAt: number, isLast: boolean): Promise<Transaction> => {
    const once = async (): Promise<Attempted> => {
      const connection = loan.connection();
      if (state === "released") {
        return { transaction: notBegun(mail, { phase: "mail", text: released }, session.facts), stale: false };
      }
      const attempting = transact({
        ...{ connection, mail, signature, limits, timeouts, host, startedAt, following },
        onHandedOver: isLast ? loan.share : undefined,
        onBegun: (begun) => {
          cut = begun;
        },
      });
      const attempted = await attempting;
      cut = undefined;
      return attempted;
    };
    // If the relay does not agree, the connection is gone, and the mail goes over a new one.
    if (loan.connection().mustReset) await loan.connection().reset(timeouts.command);
    let attempted = await once();
    if (attempted.stale && state === "sending") {
      const { mustReset, lostBecause } = loan.connection();
      const fault =
        mustReset && lostBecause === undefined && (await loan.connection().reset(timeouts.command)) ? undefined : await anew(mail);
      if (fault) return withoutConnection({ ...attempted.transaction, fault });
      attempted = await once();
    }
    if (attempted.cause !== undefined) log.warn({ err: attempted.cause, ...mail.about }, "the check before the final dot failed");
    return attempted.transaction;
  };

  const attempt = async (mail: Mail, isLast: boolean): Promise<Transaction> => {
    const startedAt = performance.now();
    const signature = await signatureOf(mail);
    if (!signature.ok) return notBegun(mail, signature.fault, { ...loan.connection().facts, reused: loan.connection().transactions > 0 });
    const perTransaction = limits?.recipientsPerTransaction ?? mail.to.length;
    const nextOf = (to: string[]) =>
      transactOnce({ ...mail, to: to.slice(0, perTransaction) }, signature.fields, startedAt, isLast && to.length <= perTransaction);
    let whole = await nextOf(mail.to);
    while (whole.outcomes.length < mail.to.length) {
      const rest = mail.to.slice(whole.outcomes.length);
      // Where the relay itself failed, the others have to wait too.
      const broken = whole.outcomes.find((outcome) => "fault" in outcome);
      if (broken) return { ...whole, outcomes: [...whole.outcomes, ...rest.map(() => notSent(broken.fault))] };
      whole = joined(whole, await nextOf(rest));
    }
    return whole;
  };

  const signatureOf = async ({
    about,
    bytes,
    fromDomain,
  }: Mail): Promise<{ ok: true; fields: Buffer } | { ok: false; fault: RelayFault }> => {
    if (!sign || fromDomain === undefined) return { ok: true, fields: Buffer.alloc(0) };
    try {
      const signing: Promise<Buffer> = sign({ bytes, fromDomain, except: rewrites ?? [] });
      return { ok: true, fields: await signing };
    } catch (error) {
      // Unsigned it could be refused, or spoil the domain's name, where DMARC asks for a signature.
      log.error({ err: error, ...about, domain: fromDomain }, "a message could not be signed");
      return { ok: false, fault: { phase: "mail", text: "The message could not be signed (DKIM): Postern's log says why." } };
    }
  };

  const session: RelaySession = {
    get facts() {
      const { facts, transactions } = loan.connection();
      return { ...facts, reused: transactions > 0 };
    },
    async send(mail, { isLast = false } = {}) {
      if (state === "sending") throw new Error("a relay session sends one mail at a time");
      if (state !== "free") throw new Error(`the relay session ${state === "done" ? "has sent its last mail" : "was released"}`);
      state = "sending";
      try {
        return await attempt(mail, isLast);
      } finally {
        if (state === "sending") state = isLast ? "done" : "free";
      }
    },
    release() {
      const wasSending = state === "sending";
      state = "released";
      if (cut) cut(released);
      // Between two steps nobody else may be cut off either.
      else if (wasSending && !loan.connection().isAwaited) loan.connection().destroy(released);
      loan.giveBack();
    },
  };
  return session;
}

const released = "The session was released while it was sending.";

function notSent(fault: RelayFault): SendOutcome {
  return { kind: "not_sent", fault };
}

/** A transaction whose connection was dead and could not be made anew: nothing was sent to anyone that we did not refuse ourselves. */
function withoutConnection({ fault, ...transaction }: Transaction & { fault: RelayFault }): Transaction {
  const outcomes = transaction.outcomes.map((outcome) => (outcome.kind === "refused" ? outcome : notSent(fault)));
  return { ...transaction, outcomes };
}

function notBegun({ to }: Mail, fault: RelayFault, connection: ConnectionFacts): Transaction {
  const timings = { envelopeMs: 0, bodyMs: 0, replyMs: 0, totalMs: 0 };
  return { outcomes: to.map(() => notSent(fault)), bodyHandedOver: false, transcript: [], timings, connection };
}

/** Two transactions of one attempt as one; both count from its start. */
function joined(first: Transaction, next: Transaction): Transaction {
  return {
    outcomes: [...first.outcomes, ...next.outcomes],
    bodyHandedOver: first.bodyHandedOver || next.bodyHandedOver,
    transcript: bounded([...first.transcript, ...next.transcript]),
    timings: {
      ...first.timings,
      envelopeMs: first.timings.envelopeMs + next.timings.envelopeMs,
      bodyMs: first.timings.bodyMs + next.timings.bodyMs,
      replyMs: first.timings.replyMs + next.timings.replyMs,
      totalMs: next.timings.totalMs,
    },
    connection: next.connection.reused ? first.connection : next.connection,
  };
}
