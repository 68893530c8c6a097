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

/**
 * The attempt in a line. A reply that the transcript quotes stands there alone.
 * @param recipients which of the message's recipients it went to (indexes), in order
 */
export function packAttempt(it: AttemptHistory, recipients: readonly number[]): string {
  const { timings, tls, transcript } = it;
  const isEach = recipients.length === it.recipients.length;
  const packed: Packed = [
    it.attempt,
    it.relay,
    Date.parse(it.started_at),
    it.duration_ms,
    it.remote_address,
    it.connection_reused === null ? null : it.connection_reused ? 1 : 0,
    tls ? [tls.version, tls.cipher] : 0,
    timings ? [timings.connect_ms, timings.envelope_ms, timings.body_ms, timings.reply_ms, timings.total_ms] : 0,
    it.recipients.map(({ address, outcome, reply, fault }, index) => {
      const quoted = reply && !fault ? transcript.findLastIndex(({ from, line }) => from === "server" && isQuoted(reply, line)) : -1;
      return [
        address === null || !isEach ? address : (recipients[index] as number),
        outcome,
        ...(quoted !== -1 ? [-1 - quoted] : reply || fault ? [reply?.code ?? null, reply?.enhanced ?? null, reply?.text ?? null] : []),
        ...(fault ? [fault.phase, fault.text] : []),
      ];
    }),
    transcript.flatMap(({ from, at_ms, line }) => [from === "client" ? at_ms : -1 - at_ms, line]),
  ];
  return JSON.stringify(packed);
}

/**
 * Reads such a line.
 * @param addresses of the message's recipients
 */
export function unpackAttempt(line: string, addresses: readonly string[]): AttemptHistory {
  const [attempt, relay, startedAt, durationMs, remoteAddress, reused, tls, timings, recipients, lines] = JSON.parse(line) as Packed;
  const transcript = lines.flatMap((at, index): AttemptHistory["transcript"] => {
    if (typeof at !== "number" || index % 2 !== 0) return [];
    const text = String(lines[index + 1]);
    return [at >= 0 ? { from: "client", at_ms: at, line: text } : { from: "server", at_ms: -1 - at, line: text }];
  });
  return {
    ...{ attempt, relay, started_at: new Date(startedAt).toISOString(), duration_ms: durationMs, remote_address: remoteAddress },
    connection_reused: reused === null ? null : reused === 1,
    tls: tls === 0 ? null : { version: tls[0], cipher: tls[1] },
    timings: timings === 0 ? null : timingsOf(timings),
    recipients: recipients.map(([address, outcome, code, enhanced, text, phase, fault]) => ({
      address: typeof address === "number" ? (addresses[address] ?? null) : (address ?? null),
      outcome: String(outcome),
      reply: replyOf(code, enhanced, text, transcript),
      fault: phase === undefined ? null : { phase: String(phase), text: String(fault) },
    })),
    transcript,
  };
}

function timingsOf([connect = null, envelope, body, reply, total]: (number | null)[]): NonNullable<AttemptHistory["timings"]> {
  return { connect_ms: connect, envelope_ms: envelope ?? 0, body_ms: body ?? 0, reply_ms: reply ?? 0, total_ms: total ?? 0 };
}

type Value = string | number | null | undefined;

/** `code`: below 0, which line of the transcript quotes it. */
function replyOf(code: Value, enhanced: Value, text: Value, transcript: AttemptHistory["transcript"]): Reply | null {
  if (code === undefined || code === null) return null;
  if (Number(code) < 0) return quotedIn(transcript[-1 - Number(code)]?.line ?? "") ?? null;
  return { code: Number(code), ...(typeof enhanced === "string" && { enhanced }), text: String(text) };
}

/** The reply that a line of one is, read as plainly as can be: what that does not read right is not left to it. */
function quotedIn(line: string): Reply | undefined {
  const [, code, enhanced, text = ""] = /^(\d{3}) (?:([245]\.\d{1,3}\.\d{1,3}) )?([^\r\n]*)$/.exec(line) ?? [];
  if (code === undefined) return undefined;
  return { code: Number(code), ...(enhanced !== undefined && { enhanced }), text };
}

function isQuoted(reply: Reply, line: string): boolean {
  const quoted = quotedIn(line);
  return quoted !== undefined && quoted.code === reply.code && quoted.enhanced === reply.enhanced && quoted.text === reply.text;
}
