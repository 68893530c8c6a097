// An attempt as the history keeps it: what a postmaster asks for first. No content, credentials masked.
import type { SendOutcome, TranscriptLine } from "../domain/relay.ts";
import type { Transaction } from "../relay/pool.ts";
import type { AttemptHistory } from "../store/attemptHistory.ts";
import type { Claim } from "../store/attempts.ts";

export type HistoryInput = {
  claim: Claim;
  relay: string;
  outcomes: readonly SendOutcome[];
  transaction: Transaction | undefined;
  durationMs: number;
};

/** The attempt in the shape in which `GET /v1/messages/{id}/attempts` returns it. */
export function historyOf({ claim, relay, outcomes, transaction, durationMs }: HistoryInput): AttemptHistory {
  const { connection, timings, transcript } = transaction ?? {};
  return {
    attempt: claim.attempt,
    relay,
    started_at: new Date(claim.now).toISOString(),
    duration_ms: Math.round(durationMs),
    remote_address: connection?.remoteAddress ?? null,
    connection_reused: connection?.reused ?? null,
    tls: connection?.tls ?? null,
    timings: timings
      ? {
          connect_ms: timings.connectMs ?? null,
          envelope_ms: timings.envelopeMs,
          body_ms: timings.bodyMs,
          reply_ms: timings.replyMs,
          total_ms: timings.totalMs,
        }
      : null,
    recipients: outcomes.map((outcome, index) => ({
      address: claim.record.recipients[claim.recipients[index] ?? -1]?.address ?? null,
      outcome: outcome.kind,
      ...whatWasSaid(outcome),
    })),
    transcript: fromItsFirstLine(transcript ?? []),
  };
}

/** Counted from the first line, which may belong to the connection's setting up, before the attempt. */
function fromItsFirstLine(transcript: readonly TranscriptLine[]) {
  const first = transcript[0]?.atMs ?? 0;
  return transcript.map(({ from, atMs, line }) => ({ from, at_ms: atMs - first, line }));
}

function whatWasSaid(outcome: SendOutcome) {
  if ("reply" in outcome) return { reply: outcome.reply, fault: null };
  return { reply: outcome.fault.reply ?? null, fault: { phase: outcome.fault.phase, text: outcome.fault.text } };
}
