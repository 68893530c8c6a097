// An attempt as the history keeps it, and as it lies in the store: there without the fields' names, as it is most of what a settled message costs.
import type { Reply } from "../domain/reply.ts";

/** In the shape in which `GET /v1/messages/{id}/attempts` returns it. `started_at`: RFC 3339. */
export type AttemptHistory = {
  attempt: number;
  relay: string;
  started_at: string;
  duration_ms: number;
  remote_address: string | null;
  connection_reused: boolean | null;
  tls: { version: string; cipher: string } | null;
  timings: { connect_ms: number | null; envelope_ms: number; body_ms: number; reply_ms: number; total_ms: number } | null;
  recipients: { address: string | null; outcome: string; reply: Reply | null; fault: { phase: string; text: string } | null }[];
  transcript: { from: "client" | "server"; at_ms: number; line: string }[];
};

type Packed = [
  attempt: number,
  relay: string,
  startedAt: number,
  durationMs: number,
  remoteAddress: string | null,
  reused: 0 | 1 | null,
  tls: [version: string, cipher: string] | 0,
  timings: (number | null)[] | 0,
  recipients: (string | number | null)[][],
  transcript: (string | number)[],
];

/** The attempt in a line. */
export function packAttempt(it: AttemptHistory): string {
  const { timings, tls } = it;
  const packed: Packed = [
    it.attempt,
    it.relay,
    Date.parse(it.started_at),
    it.duration_ms,
    it.remote_address,
    it.connection_reused === null ? null : it.connection_reused ? 1 : 0,
    tls ? [tls.version, tls.cipher] : 0,
    timings ? [timings.connect_ms, timings.envelope_ms, timings.body_ms, timings.reply_ms, timings.total_ms] : 0,
    it.recipients.map(({ address, outcome, reply, fault }) => [
      address,
      outcome,
      ...(reply || fault ? [reply?.code ?? null, reply?.enhanced ?? null, reply?.text ?? null] : []),
      ...(fault ? [fault.phase, fault.text] : []),
    ]),
    it.transcript.flatMap(({ from, at_ms, line }) => [from === "client" ? at_ms : -1 - at_ms, line]),
  ];
  return JSON.stringify(packed);
}

/** Reads such a line. */
export function unpackAttempt(line: string): AttemptHistory {
  const [attempt, relay, startedAt, durationMs, remoteAddress, reused, tls, timings, recipients, transcript] = JSON.parse(line) as Packed;
  return {
    ...{ attempt, relay, started_at: new Date(startedAt).toISOString(), duration_ms: durationMs, remote_address: remoteAddress },
    connection_reused: reused === null ? null : reused === 1,
    tls: tls === 0 ? null : { version: tls[0], cipher: tls[1] },
    timings: timings === 0 ? null : timingsOf(timings),
    recipients: recipients.map(recipientOf),
    transcript: transcript.flatMap((at, index) => {
      if (typeof at !== "number" || index % 2 !== 0) return [];
      const text = String(transcript[index + 1]);
      return [at >= 0 ? { from: "client" as const, at_ms: at, line: text } : { from: "server" as const, at_ms: -1 - at, line: text }];
    }),
  };
}

function timingsOf([connect = null, envelope, body, reply, total]: (number | null)[]): NonNullable<AttemptHistory["timings"]> {
  return { connect_ms: connect, envelope_ms: envelope ?? 0, body_ms: body ?? 0, reply_ms: reply ?? 0, total_ms: total ?? 0 };
}

function recipientOf([address, outcome, code, enhanced, text, phase, fault]: (
  | string
  | number
  | null
)[]): AttemptHistory["recipients"][number] {
  const hasReply = code !== undefined && code !== null;
  return {
    address: address === null ? null : String(address),
    outcome: String(outcome),
    reply: hasReply
      ? { code: Number(code), ...(enhanced !== null && enhanced !== undefined && { enhanced: String(enhanced) }), text: String(text) }
      : null,
    fault: phase === undefined ? null : { phase: String(phase), text: String(fault) },
  };
}
