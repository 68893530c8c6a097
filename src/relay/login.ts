// The login: by which method, whether it may be said at all in this session, and XOAUTH2, whose token may have run out.
import { createHmac } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { RelayAuth, RelayConfig } from "../domain/relay.ts";
import type { RelayConnection } from "./connection.ts";
import type { CredentialMask } from "./credentialMask.ts";
import { meaningOf } from "./replies.ts";
import type { TokenResult, TokenSource } from "./tokens.ts";

/** Says a line and resolves to the reply; `shown` is what others may see of the line. */
export type Say = (line: string, shown: string) => Promise<string>;

/** What a relay is logged in to with. */
export type Credentials = { auth: RelayAuth; tokens: TokenSource | undefined };

export type LoginResult =
  | { kind: "done" }
  /** The relay did not take it. */
  | { kind: "refused"; raw: string }
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

/**
 * Logs in. What must not be shown of it is added to the mask before it is said.
 * @returns never rejects by itself; it does not settle if `say` does not
 */
export async function logIn(options: {
  credentials: Credentials;
  authMethods: readonly string[];
  say: Say;
  mask: CredentialMask;
}): Promise<LoginResult> {
  const { credentials, authMethods, say, mask } = options;
  const { auth, tokens } = credentials;
  const sayHidden: SayHidden = (secret, command) => {
    mask.hide(secret);
    return command === undefined ? say(secret, "[credentials]") : say(`${command} ${secret}`, `${command} [credentials]`);
  };
  if (auth.token === undefined) {
    const method = auth.method?.toUpperCase() ?? passwordMethods.find((known) => authMethods.includes(known)) ?? "PLAIN";
    const { user, pass } = auth;
    return (passwordDialogues[method] as PasswordDialogue)({ user, pass, say, sayHidden });
  }
  let refused: string | undefined;
  for (;;) {
    const asked: Promise<TokenResult> | undefined = tokens?.(refused);
    const token = await asked;
    if (!token?.ok) return { kind: "no_token", text: token?.text ?? "nobody can give a token for it" };
    mask.hide(token.token);
    const raw = await sayXoauth2(auth.user, token.token, sayHidden);
    // A token may have been revoked before its time: a fresh one gets the same chance, once.
    if (meaningOf(raw) !== "never" || token.fresh) return resultOf(raw);
    refused = token.token;
  }
}

function resultOf(raw: string): LoginResult {
  return meaningOf(raw) === "done" ? { kind: "done" } : { kind: "refused", raw };
}

/** Says a secret, alone or behind a command. */
type SayHidden = (secret: string, command?: string) => Promise<string>;
/** Says one method's lines. */
type PasswordDialogue = (parts: { user: string; pass: string; say: Say; sayHidden: SayHidden }) => Promise<LoginResult>;

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
const asksOn = (raw: string) => raw.startsWith("334");

const passwordDialogues: Readonly<Record<string, PasswordDialogue>> = {
  /** RFC 4616. */
  async PLAIN({ user, pass, sayHidden }) {
    return resultOf(await untilAnswered(await sayHidden(base64(`\0${user}\0${pass}`), "AUTH PLAIN"), sayHidden));
  },
  /** Nowhere laid down: it asks for the name, then for the password, in whatever words. */
  async LOGIN({ user, pass, say, sayHidden }) {
    const first = await say("AUTH LOGIN", "AUTH LOGIN");
    if (!asksOn(first)) return { kind: "refused", raw: first };
    const second = await sayHidden(base64(user));
    if (!asksOn(second)) return { kind: "refused", raw: second };
    return resultOf(await untilAnswered(await sayHidden(base64(pass)), sayHidden));
  },
  /** RFC 2195. */
  async "CRAM-MD5"({ user, pass, say, sayHidden }) {
    const first = await say("AUTH CRAM-MD5", "AUTH CRAM-MD5");
    if (!asksOn(first)) return { kind: "refused", raw: first };
    const digest = createHmac("md5", pass)
      .update(Buffer.from(first.slice(4).trim(), "base64"))
      .digest("hex");
    return resultOf(await untilAnswered(await sayHidden(base64(`${user} ${digest}`)), sayHidden));
  },
};

/** XOAUTH2 as Google and Microsoft describe it: one line; a refusal comes as a challenge that must be answered by an empty line. */
async function sayXoauth2(user: string, token: string, sayHidden: SayHidden): Promise<string> {
  const line = base64(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`);
  return untilAnswered(await sayHidden(line, "AUTH XOAUTH2"), sayHidden);
}

/** A question where none is left gets an empty answer; one that asks on and on is cut short by whoever counts the replies. */
async function untilAnswered(reply: string, sayHidden: SayHidden): Promise<string> {
  let raw = reply;
  while (asksOn(raw)) raw = await sayHidden("");
  return raw;
}
