// Opens a session: name, TCP, greeting, EHLO, TLS and login, each within its time, or says where and why it failed.
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { SMTPConnectionOptions, SMTPError } from "nodemailer/lib/smtp-connection";
import type { Phase, RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import { connectFault, type SetUpFailure } from "./connectFault.ts";
import { RelayConnection } from "./connection.ts";
import { createCredentialMask } from "./credentialMask.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { featuresOf, noFeatures } from "./features.ts";
import { logIn, obstacleToLogin, sayXoauth2 } from "./login.ts";
import { tlsVersionMin } from "./tlsContext.ts";
import type { TokenSource } from "./tokens.ts";
import { startTranscript } from "./transcript.ts";
import { openTunnel } from "./tunnel.ts";

/** No set-up needs more replies; a relay that asks on and on (334) is cut short. */
const repliesMax = 20;
/** Of one reply; a relay that sends more is cut off. */
const replyBytesMax = 64 * 1024;

export type ConnectOptions = {
  config: RelayConfig;
  timeouts: Timeouts;
  /** What we call ourselves in EHLO. */
  clientName?: string | undefined;
  /** Made of the relay's TLS options, if it has any. */
  secureContext?: SecureContext | undefined;
  /** Where the tokens of XOAUTH2 come from. */
  tokens?: TokenSource | undefined;
};

/**
 * Begins to open a session. `connection.destroy()` calls it off.
 * @returns the connection at once; `ready` resolves, and never rejects, to the fault, with the connection gone, or to undefined
 */
export function connect(options: ConnectOptions): { connection: RelayConnection; ready: Promise<RelayFault | undefined> } {
  const { config, timeouts, tokens } = options;
  const connection = new RelayConnection(smtpOptions(options));
  const { smtp } = connection;
  const startedAt = performance.now();
  const transcript = startTranscript(startedAt);
  const mask = createCredentialMask(config);
  const calledOff = new AbortController();
  let replyCount = 0;
  let lastCommand: string | undefined;
  let deadline: Deadline | undefined;

  const ready = new Promise<RelayFault | undefined>((resolve) => {
    let settled = false;
    const settle = (failure: SetUpFailure | undefined) => {
      if (settled) return;
      settled = true;
      deadline?.stop();
      connection.observer = undefined;
      smtp.onSecret = () => {};
      calledOff.abort();
      if (failure) {
        connection.destroy("The session could not be set up.");
        const phase = phaseOf({ lastCommand, isConnected: smtp.stage === "connected" });
        const fault = connectFault({ failure, phase, options });
        if (phase === "auth" && fault.reply) fault.reply.text = mask(fault.reply.text);
        return resolve(fault);
      }
      connection.becomeReady({ lines: transcript.lines(), durationMs: performance.now() - startedAt });
      resolve(undefined);
    };
    connection.observer = {
      onCommand(line) {
        if (!isLogin(lastCommand) || isLogin(line)) lastCommand = line;
        transcript.add("client", isLogin(lastCommand) ? withoutCredentials(line) : line);
        // Until the greeting, and again for the TLS handshake, nodemailer keeps `connect`'s time.
        deadline ??= startDeadline({
          stepMs: timeouts.command,
          totalMs: timeouts.attempt,
          endsAt: startedAt + timeouts.attempt,
          onExpired: (_, waitedMs) => settle({ kind: "silence", waitedMs }),
        });
      },
      onReply(raw) {
        deadline?.progress();
        transcript.add("server", isLogin(lastCommand) ? mask(raw) : raw);
        if (lastCommand?.startsWith("EHLO")) connection.features = featuresOf(raw);
        if (lastCommand?.startsWith("HELO")) connection.features = noFeatures;
        if (++replyCount > repliesMax) settle({ kind: "endless" });
      },
      onLost(text, error) {
        settle({ kind: "error", error: error ?? new Error(text) });
      },
    };
    smtp.onSecret = (line) => mask.hide(line.replace(/^AUTH \S+ ?/, ""));

    const login = async () => {
      const { auth } = config;
      if (!auth) return settle(undefined);
      const obstacle = obstacleToLogin(connection, config);
      if (obstacle !== undefined) return settle({ kind: "no_login", why: obstacle });
      const result = await logIn(connection, { auth, tokens }, mask);
      if (result.kind === "done") settle(undefined);
      else settle(result.kind === "error" ? result : { kind: "no_login", why: result.text });
    };
    const begin = (tunnel: Socket | undefined) =>
      connection.start(tunnel, (error?: SMTPError) => {
        if (error) settle({ kind: "error", error });
        else login().catch((fault: Error) => settle({ kind: "error", error: fault }));
      });
    const { proxy, host, port } = config;
    if (!proxy) return begin(undefined);
    void openTunnel({ proxy, host, port, timeoutMs: timeouts.connect, signal: calledOff.signal }).then((tunnel) => {
      if (!tunnel.ok) settle({ kind: "no_way", why: tunnel.text });
      else if (settled) tunnel.socket.destroy();
      else begin(tunnel.socket);
    });
  });
  return { connection, ready };
}

/** The options for nodemailer. */
function smtpOptions({ config, timeouts, clientName, secureContext }: ConnectOptions): SMTPConnectionOptions {
  const { host, port, tls, verifyCertificate, tlsOptions, auth } = config;
  return {
    host,
    port,
    ...(clientName === undefined ? {} : { name: clientName }),
    secure: tls === "implicit",
    requireTLS: tls === "required",
    ignoreTLS: tls === "none",
    opportunisticTLS: tls === "opportunistic",
    tls: {
      minVersion: tlsVersionMin,
      ...(tlsOptions?.serverName === undefined ? {} : { servername: tlsOptions.serverName }),
      // Encryption to whomever is all that `opportunistic` promises (RFC 7435); but a password goes only to the right one.
      rejectUnauthorized: verifyCertificate && (tls !== "opportunistic" || auth !== undefined),
      ...(secureContext ? { secureContext } : {}),
    },
    dnsTimeout: timeouts.connect,
    connectionTimeout: timeouts.connect,
    greetingTimeout: timeouts.connect,
    // We keep the time of the dialogue ourselves: this one starts anew with every byte.
    socketTimeout: 2 ** 31 - 1,
    // Closing means destroying: with `end()` the socket's buffer would still be written.
    socketCloseTimeout: 0,
    maxResponseSize: replyBytesMax,
    customAuth: { XOAUTH2: sayXoauth2 },
  };
}

/** Where the set-up is, by the last command that left. */
function phaseOf({ lastCommand, isConnected }: { lastCommand: string | undefined; isConnected: boolean }): Phase {
  if (lastCommand === undefined) return isConnected ? "greeting" : "connect";
  if (lastCommand === "STARTTLS") return "starttls";
  return isLogin(lastCommand) ? "auth" : "ehlo";
}

function isLogin(command: string | undefined): boolean {
  return command?.startsWith("AUTH") ?? false;
}

/** A line of the login as the transcript shows it. nodemailer hides passwords, but not the user's name. */
function withoutCredentials(line: string): string {
  const [verb = "", mechanism] = line.split(" ", 2);
  return verb === "AUTH" ? `AUTH ${mechanism}${line.split(" ").length > 2 ? " [credentials]" : ""}` : "[credentials]";
}
