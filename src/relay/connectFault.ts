// What went wrong before a session was ready, in words that name the fault and the way out.
import type { SMTPError } from "nodemailer/lib/smtp-connection";
import type { Phase, RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import { spokenDuration } from "./deadline.ts";
import { replyOf } from "./replies.ts";

export type SetUpFailure =
  | { kind: "error"; error: SMTPError }
  /** No complete reply in time. */
  | { kind: "silence"; waitedMs: number }
  /** More replies than any set-up needs. */
  | { kind: "endless" }
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
    case "error":
      return ofError({
        error: failure.error,
        phase,
        where,
        step,
        host,
        byToken: auth?.token !== undefined,
        connectMs: options.timeouts.connect,
      });
  }
}

function ofError(input: {
  error: SMTPError;
  phase: Phase;
  where: string;
  step: string;
  host: string;
  byToken: boolean;
  connectMs: number;
}): RelayFault {
  const { error, phase, where, step, host, byToken, connectMs } = input;
  const cause = error.originalCode ?? error.code;
  if (error.response !== undefined) {
    const reply = replyOf(error.response);
    const answer = `${where} refused ${phase === "greeting" ? "us at its greeting" : step}`;
    return { phase, text: `${answer}${wayOut(phase, byToken)}`, reply };
  }
  if (error.code === "EDNS") {
    return { phase: "dns", text: `The host name ${host} cannot be resolved (${cause}): check the relay's host, and this machine's DNS.` };
  }
  switch (error.timeoutType) {
    case "CONNECT_TIMEOUT":
      return { phase, text: `No connection to ${where} within ${spokenDuration(connectMs)}: check host, port and firewall.` };
    case "GREETING_TIMEOUT":
      return {
        phase: "greeting",
        text: `${where} sent no greeting within ${spokenDuration(connectMs)}: if its port wants TLS from the first byte (465), use tls \`implicit\`.`,
      };
    case "UPGRADE_TIMEOUT":
      return { phase: "starttls", text: `The TLS handshake with ${where} was not done within ${spokenDuration(connectMs)}.` };
  }
  if (/alert (?:(?:bad|unsupported) certificate|certificate \w+|unknown ca)\b/.test(error.message)) {
    return {
      phase,
      text: `${where} takes no session with the client certificate that it got, or without one (${reasonOf(error)}): set the relay's cert_file and key_file.`,
    };
  }
  if (isCertificateFault(error)) {
    return {
      phase,
      text: `The certificate of ${where} is not trusted (${error.message}): correct the relay's host or certificate, or let Postern trust its issuer (ca_file).`,
    };
  }
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/.test(cause ?? "")) {
    return {
      phase,
      text: `TLS with ${where} failed (${reasonOf(error)}): tls \`implicit\` belongs to port 465, STARTTLS (\`required\`) to 25 and 587.`,
    };
  }
  return { phase, text: `The connection to ${where} failed during ${step}: ${error.message}.` };
}

function wayOut(phase: Phase, byToken: boolean): string {
  if (phase === "auth" && byToken) return ": check the relay's user, and whether the token's app may send as it.";
  if (phase === "auth") return ": check the relay's user and password.";
  if (phase === "starttls") return ", and tls `required` takes no session without it.";
  return ".";
}

/** OpenSSL's message is a line of its source's coordinates: the reason in it is what a person can read. */
function reasonOf({ message }: SMTPError): string {
  return /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}

/** Codes of OpenSSL's verification (X509_V_ERR_*) as Node gives them, and of the name check (RFC 6125). */
function isCertificateFault(error: SMTPError): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(`${error.originalCode} ${error.code}`);
}
