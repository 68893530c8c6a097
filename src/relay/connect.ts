// Opens a session: name, TCP, greeting, EHLO, TLS and login, each within its time, or says where and why it failed.
import { hostname } from "node:os";
import type { SecureContext } from "node:tls";
import type { Phase, RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import { connectFault, type SetUpFailure } from "./connectFault.ts";
import { type Observer, RelayConnection } from "./connection.ts";
import { createCredentialMask } from "./credentialMask.ts";
import { type Deadline, startDeadline } from "./deadline.ts";
import { addressesOf, type Dialled, dial, secure } from "./dial.ts";
import { featuresOf, noFeatures } from "./features.ts";
import { logIn, obstacleToLogin } from "./login.ts";
import { endsConnection, meaningOf } from "./replies.ts";
import type { TokenSource } from "./tokens.ts";
import { startTranscript } from "./transcript.ts";
import { openTunnel } from "./tunnel.ts";

/** No set-up needs more replies; a relay that asks on and on (334) is cut short. */
const repliesMax = 20;

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
  const { config, timeouts, clientName = ownName(), secureContext, tokens } = options;
  const { tls, auth, proxy, host, port } = config;
  const connection = new RelayConnection();
  const startedAt = performance.now();
  const transcript = startTranscript(startedAt);
  const mask = createCredentialMask(config);
  const calledOff = new AbortController();
  const { signal } = calledOff;

  const ready = new Promise<RelayFault | undefined>((resolve) => {
    let phase: Phase = "connect";
    let settled = false;
    let replyCount = 0;
    let hearer: ((raw: string) => void) | undefined;
    let limit: NodeJS.Timeout | undefined;
    let deadline: Deadline | undefined;

    const settle = (failure: SetUpFailure | undefined) => {
      if (settled) return;
      settled = true;
      clearTimeout(limit);
      deadline?.stop();
      calledOff.abort();
      if (!failure) {
        connection.end(observer);
        connection.becomeReady({ lines: transcript.lines(), durationMs: performance.now() - startedAt }, proxy !== undefined);
        return resolve(undefined);
      }
      connection.destroy("The session could not be set up.");
      const fault = connectFault({ failure, phase, options });
      if (phase === "auth" && fault.reply) fault.reply.text = mask(fault.reply.text);
      resolve(fault);
    };
    const observer: Observer = {
      onReply(raw) {
        deadline?.progress();
        transcript.add("server", phase === "auth" ? mask(raw) : raw);
        if (++replyCount > repliesMax) return settle({ kind: "endless" });
        const hear = hearer;
        hearer = undefined;
        if (hear) hear(raw);
        else settle({ kind: "out_of_turn" });
      },
      onRead(isWhole) {
        // Half a reply is a reply to nothing too if there is one already.
        if (!isWhole && !hearer) settle({ kind: "out_of_turn" });
      },
      onLost: (text, error) => settle({ kind: "error", error: error ?? new Error(text) }),
    };
    connection.begin(observer);
    const within = (timeoutMs: number) => {
      clearTimeout(limit);
      limit = setTimeout(() => settle({ kind: "slow" }), timeoutMs);
    };
    // What follows ends in the middle, unsettled, once `settle` has spoken: then nothing is heard any more.
    const hear = () =>
      new Promise<string>((heard) => {
        hearer = heard;
      });
    const ask = (line: string, shown = line) => {
      transcript.add("client", shown);
      connection.write(`${line}\r\n`);
      return hear();
    };

    const reach = async (): Promise<Dialled | { ok: false; why: string }> => {
      if (proxy) {
        const tunnel = await openTunnel({ proxy, host, port, timeoutMs: timeouts.connect, signal });
        if (!tunnel.ok) return { ok: false, why: tunnel.text };
        within(timeouts.connect);
        return tls === "implicit" && !signal.aborted ? secure({ socket: tunnel.socket, target: config, secureContext, signal }) : tunnel;
      }
      within(timeouts.connect);
      phase = "dns";
      const named = await addressesOf(host, timeouts.connect);
      if (!named.ok) return named;
      phase = "connect";
      return dial({ target: config, addresses: named.addresses, secureContext, timeoutMs: timeouts.connect, signal });
    };
    const introduce = async (): Promise<SetUpFailure | undefined> => {
      phase = "ehlo";
      const raw = await ask(`EHLO ${clientName}`);
      connection.features = featuresOf(raw);
      if (meaningOf(raw) === "done") return undefined;
      // Who knows only HELO knows no STARTTLS.
      if (endsConnection(raw) || tls === "required") return { kind: "refused", raw };
      const second = await ask(`HELO ${clientName}`);
      connection.features = noFeatures;
      return meaningOf(second) === "done" ? undefined : { kind: "refused", raw: second };
    };
    const encrypt = async (): Promise<SetUpFailure | undefined> => {
      if (tls !== "required" && !(tls === "opportunistic" && connection.features.startTls)) return undefined;
      phase = "starttls";
      const raw = await ask("STARTTLS");
      if (meaningOf(raw) !== "done") {
        return tls === "opportunistic" && !endsConnection(raw) ? undefined : { kind: "refused", raw };
      }
      within(timeouts.connect);
      const secured = await secure({ socket: connection.giveAway(), target: config, secureContext, signal });
      if (!secured.ok) return { kind: "error", error: secured.error };
      clearTimeout(limit);
      connection.adopt(secured.socket);
      deadline?.progress();
      return introduce();
    };
    const authenticate = async (): Promise<SetUpFailure | undefined> => {
      if (!auth) return undefined;
      phase = "auth";
      const obstacle = obstacleToLogin(connection, config);
      if (obstacle !== undefined) return { kind: "no_login", why: obstacle };
      const result = await logIn({ credentials: { auth, tokens }, authMethods: connection.features.authMethods, say: ask, mask });
      if (result.kind === "done") return undefined;
      return result.kind === "refused" ? result : { kind: "no_login", why: result.text };
    };
    const setUp = async (): Promise<SetUpFailure | undefined> => {
      const reached = await reach();
      if (!reached.ok) return "why" in reached ? { kind: "no_way", why: reached.why } : { kind: "error", error: reached.error };
      phase = "greeting";
      connection.adopt(reached.socket);
      const greeting = await hear();
      if (!greeting.startsWith("220")) return { kind: "refused", raw: greeting };
      clearTimeout(limit);
      deadline = startDeadline({
        stepMs: timeouts.command,
        totalMs: timeouts.attempt,
        endsAt: startedAt + timeouts.attempt,
        onExpired: (_, waitedMs) => settle({ kind: "silence", waitedMs }),
      });
      return (await introduce()) ?? (await encrypt()) ?? authenticate();
    };
    setUp().then(settle, (error: Error) => settle({ kind: "error", error }));
  });
  return { connection, ready };
}

/** This machine's name, if it is a full one, else an address literal (RFC 5321, section 4.1.4). */
function ownName(): string {
  const name = hostname();
  if (/^\d+(?:\.\d+){3}$/.test(name)) return `[${name}]`;
  return name.includes(".") ? name : "[127.0.0.1]";
}
