// An attempt as spans of its message's trace: how long it waited, the attempt, and the steps of its SMTP dialogue. They are made when the
// attempt is recorded, of what its history is made of too, so that nothing has to be told on the way.
import type { RelayConfig, TranscriptLine } from "../domain/relay.ts";
import type { Transaction } from "../relay/pool.ts";
import type { Attributes, Span, Tracing } from "../telemetry/tracing.ts";
import type { ObservedAttempt } from "./deliver.ts";

/** Makes the observer that traces attempts. A message that came without a trace gets none. */
export function traceAttempts({ begin }: Pick<Tracing, "begin">, relays: readonly RelayConfig[]) {
  const servers = new Map<string, Attributes>(
    relays.map(({ name, host, port }) => [name, { "server.address": host, "server.port": port, "postern.relay": name }]),
  );
  return (relay: string, observed: ObservedAttempt): void => {
    const { claim, durationMs, transaction, startedAt } = observed;
    const { record, state, attempt, recipients } = claim;
    if (record.traceparent === undefined) return;
    // By this process's clock, as all spans of it; Redis' may be another.
    const claimedAt = Date.now() - (performance.now() - startedAt);
    const dispatch = state.dispatches[state.recipients[recipients[0] ?? -1]?.dispatch ?? -1];
    const dueAt = claimedAt - Math.max(0, claim.now - (dispatch?.next_at ?? record.created_at));
    const steps = transaction ? dialogueOf(transaction, claimedAt) : [];
    // A connection that was made for this attempt was made before the claim.
    const beganAt = Math.max(dueAt, Math.min(claimedAt, ...steps.map((step) => step.from)));
    const about = { "postern.message.id": record.id, "postern.tenant": record.tenant, "postern.attempt": attempt };
    const waited = begin(
      { name: "queue", kind: "internal", startedAt: dueAt, attributes: { ...about, "postern.relay": relay, "postern.lane": record.lane } },
      record,
    );
    waited.end({ endedAt: beganAt });
    const server = servers.get(relay) ?? { "postern.relay": relay };
    const span = begin(
      {
        name: "deliver",
        kind: "consumer",
        startedAt: beganAt,
        attributes: {
          ...about,
          ...server,
          "messaging.system": "postern",
          "messaging.operation.name": "deliver",
          "messaging.operation.type": "process",
          "messaging.destination.name": relay,
          "messaging.message.id": record.id,
          "postern.lane": record.lane,
          "postern.recipients": recipients.length,
        },
      },
      record,
    );
    if (span.isKept) {
      for (const step of steps) traceStep(span, step, { ...about, ...server });
      span.set({ ...outcomesOf(observed), ...connectionOf(transaction) });
    }
    span.end({ endedAt: claimedAt + durationMs, errorType: errorOf(observed) });
  };
}

/** Milliseconds since the epoch. */
type DialogueStep = { name: string; from: number; to: number };

function traceStep(attempt: Span, { name, from, to }: DialogueStep, attributes: Attributes): void {
  attempt.begin({ name, kind: "client", startedAt: from, attributes }).end({ endedAt: to });
}

/**
 * The steps of a dialogue, from its timings; those of the connection's set-up from its transcript. Where one attempt took several
 * transactions, their steps are told as one, one after the other.
 */
function dialogueOf({ timings, transcript, bodyHandedOver }: Transaction, claimedAt: number): DialogueStep[] {
  const { connectMs, envelopeMs, bodyMs, replyMs, totalMs } = timings;
  const mailAt = claimedAt + totalMs - envelopeMs - bodyMs - replyMs;
  const bodyAt = mailAt + envelopeMs;
  const handedOverAt = bodyAt + bodyMs;
  return [
    ...(connectMs === undefined ? [] : setUpOf(transcript, connectMs, claimedAt)),
    { name: "smtp envelope", from: mailAt, to: bodyAt },
    ...(bodyHandedOver || bodyMs > 0 ? [{ name: "smtp data", from: bodyAt, to: handedOverAt }] : []),
    ...(bodyHandedOver ? [{ name: "smtp reply", from: handedOverAt, to: handedOverAt + replyMs }] : []),
  ];
}

/** Connecting, greeting and EHLO are one step; TLS from the first byte is in it. */
function setUpOf(transcript: readonly TranscriptLine[], connectMs: number, claimedAt: number): DialogueStep[] {
  const mail = transcript.findIndex(({ from, line }) => from === "client" && line.startsWith("MAIL FROM"));
  const lines = mail === -1 ? transcript : transcript.slice(0, mail);
  const readyAt = claimedAt + (lines.at(-1)?.atMs ?? 0);
  const at = (verb: string, after = 0) =>
    lines.findIndex(({ from, line }, index) => index >= after && from === "client" && line.startsWith(verb));
  const timeAt = (index: number) => (index === -1 ? readyAt : claimedAt + (lines[index]?.atMs ?? 0));
  const tls = at("STARTTLS");
  const hello = tls === -1 ? -1 : at("EHLO", tls);
  const login = at("AUTH");
  const connectedAt = timeAt(tls === -1 ? login : tls);
  return [
    { name: "smtp connect", from: readyAt - connectMs, to: connectedAt },
    ...(tls === -1 ? [] : [{ name: "smtp tls", from: connectedAt, to: timeAt(hello === -1 ? login : hello) }]),
    ...(login === -1 ? [] : [{ name: "smtp login", from: timeAt(login), to: readyAt }]),
  ];
}

/** What became of the recipients: each kind of outcome, category and reply code once. */
function outcomesOf({ judgement: { outcomes } }: ObservedAttempt): Attributes {
  const codes = outcomes.flatMap(({ reply }) => (reply && reply.code > 0 ? [reply.code] : []));
  const categories = outcomes.flatMap(({ category }) => category ?? []);
  return {
    "postern.outcomes": [...new Set(outcomes.map(({ kind }) => kind))],
    ...(codes.length > 0 && { "postern.smtp.reply_codes": [...new Set(codes)] }),
    ...(categories.length > 0 && { "postern.categories": [...new Set(categories)] }),
  };
}

function connectionOf(transaction: Transaction | undefined): Attributes {
  if (!transaction) return {};
  const { reused, tls, remoteAddress } = transaction.connection;
  return {
    "postern.connection.reused": reused,
    ...(remoteAddress !== undefined && { "network.peer.address": remoteAddress }),
    ...(tls && { "tls.protocol.version": tls.version.replace(/^TLSv/, ""), "tls.cipher": tls.cipher }),
  };
}

/** The first thing that went wrong: its category, or what it is. */
function errorOf({ judgement: { outcomes } }: ObservedAttempt): string | undefined {
  const failed = outcomes.find(({ kind }) => kind !== "sent");
  return failed && (failed.category ?? failed.kind);
}
