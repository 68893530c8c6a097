// The login: by which method, whether it may be said at all in this session, and XOAUTH2, whose token may have run out.
import { TLSSocket } from "node:tls";
import type { SMTPConnectionCustomAuthContext, SMTPError } from "nodemailer/lib/smtp-connection";
import type { RelayAuth, RelayConfig } from "../domain/relay.ts";
import type { RelayConnection } from "./connection.ts";
import type { CredentialMask } from "./credentialMask.ts";
import type { TokenResult, TokenSource } from "./tokens.ts";

/** What a relay is logged in to with. */
export type Credentials = { auth: RelayAuth; tokens: TokenSource | undefined };

export type LoginResult =
  | { kind: "done" }
  /** The relay did not take it. */
  | { kind: "error"; error: SMTPError }
  /** There is nothing to log in with: no token came. */
  | { kind: "no_token"; text: string };

/** In the order in which they are tried where none is named; all of them are said under TLS alone. */
const passwordMethods = ["PLAIN", "LOGIN", "CRAM-MD5"];

/** Why credentials must not, or cannot, be sent in this session, if so. Never a byte of them in clear. */
export function obstacleToLogin(connection: RelayConnection, { auth, tls }: Pick<RelayConfig, "auth" | "tls">): string | undefined {
  const { socket, features } = connection;
  if (!(socket instanceof TLSSocket)) {
    const missing = features.startTls ? "" : " and it offers no STARTTLS";
    return `the session is not encrypted (tls is \`${tls}\`${missing}), and Postern sends no password in clear: use tls \`required\` or \`implicit\`, or take user and password out of the relay's configuration`;
  }
  if (tls === "opportunistic" && !socket.authorized) {
    return "its certificate is not verified, and with tls `opportunistic` Postern sends no password then: use tls `required` if you trust this relay all the same";
  }
  if (features.authMethods.length === 0) {
    return "it offers no AUTH: take user and password out of the relay's configuration, or use the port where it takes logins (often 587 or 465)";
  }
  const wanted = auth?.method?.toUpperCase();
  const offered = features.authMethods.slice(0, 10).join(", ");
  if (wanted !== undefined && !features.authMethods.includes(wanted)) {
    return `it does not offer ${wanted} but ${offered}: set the relay's auth to one of these`;
  }
  if (wanted === undefined && !passwordMethods.some((method) => features.authMethods.includes(method))) {
    return `it takes no password by PLAIN, LOGIN or CRAM-MD5 but offers ${offered}: set auth with method xoauth2 if it offers that`;
  }
  return undefined;
}

/** Logs in. What must not be shown of it is added to the mask before it is sent. Never rejects. */
export async function logIn(connection: RelayConnection, { auth, tokens }: Credentials, mask: CredentialMask): Promise<LoginResult> {
  if (auth.token === undefined) {
    const method = auth.method?.toUpperCase() ?? passwordMethods.find((known) => connection.features.authMethods.includes(known));
    return say(connection, { user: auth.user, pass: auth.pass, ...(method && { method }) });
  }
  let refused: string | undefined;
  for (;;) {
    const asked: Promise<TokenResult> | undefined = tokens?.(refused);
    const token = await asked;
    if (!token?.ok) return { kind: "no_token", text: token?.text ?? "nobody can give a token for it" };
    // nodemailer wants a password, and gives all of it to our own handler of XOAUTH2.
    mask.hide(token.token);
    const result = await say(connection, { user: auth.user, pass: token.token, method: "XOAUTH2" });
    // A token may have been revoked before its time: a fresh one gets the same chance, once.
    const isRefused = result.kind === "error" && result.error.response !== undefined && /^5/.test(result.error.response);
    if (!isRefused || token.fresh || connection.lostBecause !== undefined) return result;
    refused = token.token;
  }
}

function say(connection: RelayConnection, login: { user: string; pass: string; method?: string }): Promise<LoginResult> {
  return new Promise((resolve) => {
    connection.smtp.login(login, (error) => resolve(error ? { kind: "error", error } : { kind: "done" }));
  });
}

/**
 * XOAUTH2 as Google and Microsoft describe it: one line; a refusal comes as a challenge (334) that must be answered by an empty line.
 * Given to nodemailer as its way to say it.
 */
export async function sayXoauth2({ auth, sendCommand }: SMTPConnectionCustomAuthContext): Promise<void> {
  const line = Buffer.from(`user=${auth.user}\u0001auth=Bearer ${auth.pass}\u0001\u0001`).toString("base64");
  let answer = await sendCommand(`AUTH XOAUTH2 ${line}`);
  if (answer.status === 334) answer = await sendCommand("");
  if (answer.status < 200 || answer.status > 299) throw new Error("Invalid login");
}
