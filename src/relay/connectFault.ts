// What went wrong before a session was ready, in words that name the fault and the way out.
import type { Phase, RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import { spokenDuration } from "./deadline.ts";
import { replyOf } from "./replies.ts";

export type SetUpFailure =
  | { kind: "error"; error: NodeJS.ErrnoException }
  /** The relay's answer is a refusal. */
  | { kind: "refused"; raw: string }
  /** The name, the connection, the greeting or the TLS handshake was not there in time. */
  | { kind: "slow" }
  /** No complete reply in time. */
  | { kind: "silence"; waitedMs: number }
  /** More replies than any set-up needs. */
  | { kind: "endless" }
  /** A reply to nothing, or the beginning of one, perhaps slipped in by somebody else: none could be told from ours after that. */
  | { kind: "out_of_turn" }
  /** We refuse to send our credentials, or have none. */
  | { kind: "no_login"; why: string }
  /** The proxy does not let us through. */
  | { kind: "no_way"; why: string };

const steps: Partial<Record<Phase, string>> = { greeting: "the greeting", ehlo: "EHLO", starttls: "STARTTLS", auth: "the login" };

/** Puts a failed set-up into a fault; the relay's reply goes with it where there is one. */
export function connectFault(input: {
  failure: SetUpFailure;
  phase: Phase;
  options: { config: Pick<RelayConfig, "host" | "port" | "auth">; timeouts: Timeouts };
}): RelayFault {
  const { failure, phase, options } = input;
  const { host, port, auth } = options.config;
  const where = `${host}:${port}`;
  const step = steps[phase] ?? "connecting";
  switch (failure.kind) {
    case "silence":
      return { phase, text: `${where} did not answer ${step} within ${spokenDuration(failure.waitedMs)}.` };
    case "endless":
      return { phase, text: `${where} keeps answering ${step} with more questions; Postern hung up.` };
    case "no_login":
      return { phase: "auth", text: `No login at ${where}: ${failure.why}.` };
    case "no_way":
      return { phase: "connect", text: failure.why };
    case "out_of_turn":
      return { phase, text: `${where} said more during ${step} than it was asked; Postern hung up.` };
    case "refused": {
      const answer = `${where} refused ${phase === "greeting" ? "us at its greeting" : step}`;
      return { phase, text: `${answer}${wayOut(phase, auth?.token !== undefined)}`, reply: replyOf(failure.raw) };
    }
    case "slow":
      return { phase, text: tooSlow(phase, host, where, spokenDuration(options.timeouts.connect)) };
    case "error":
      return { phase, text: phase === "dns" ? noName(host, codeOf(failure.error)) : ofError(failure.error, where, step) };
  }
}

function noName(host: string, code: string): string {
  return `The host name ${host} cannot be resolved (${code}): check the relay's host, and this machine's DNS.`;
}

function tooSlow(phase: Phase, host: string, where: string, limit: string): string {
  switch (phase) {
    case "dns":
      return noName(host, `no answer within ${limit}`);
    case "greeting":
      return `${where} sent no greeting within ${limit}: if its port wants TLS from the first byte (465), use tls \`implicit\`.`;
    case "starttls":
      return `The TLS handshake with ${where} was not done within ${limit}.`;
    default:
      return `No connection to ${where} within ${limit}: check host, port and firewall.`;
  }
}

function ofError(error: NodeJS.ErrnoException, where: string, step: string): string {
  if (/alert (?:(?:bad|unsupported) certificate|certificate \w+|unknown ca)\b/.test(error.message)) {
    return `${where} takes no session with the client certificate that it got, or without one (${reasonOf(error)}): set the relay's cert_file and key_file.`;
  }
  // Codes of OpenSSL's verification (X509_V_ERR_*) as Node gives them, and of the name check (RFC 6125).
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(codeOf(error))) {
    return `The certificate of ${where} is not trusted (${error.message}): correct the relay's host or certificate, or let Postern trust its issuer (ca_file).`;
  }
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/.test(codeOf(error))) {
    return `TLS with ${where} failed (${reasonOf(error)}): tls \`implicit\` belongs to port 465, STARTTLS (\`required\`) to 25 and 587.`;
  }
  // Where several addresses were tried, each has its own fault.
  const causes = error instanceof AggregateError ? error.errors.map(({ message }: Error) => message) : [error.message];
  return `The connection to ${where} failed during ${step}: ${causes.join("; ").replace(/\.$/, "")}.`;
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}

function wayOut(phase: Phase, byToken: boolean): string {
  if (phase === "auth" && byToken) return ": check the relay's user, and whether the token's app may send as it.";
  if (phase === "auth") return ": check the relay's user and password.";
  if (phase === "starttls") return ", and tls `required` takes no session without it.";
  return ".";
}

/** OpenSSL's message is a line of its source's coordinates: the reason in it is what a person can read. */
function reasonOf({ message }: Error): string {
  return /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}
