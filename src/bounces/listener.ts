// The SMTP listener for reports. It takes mail for our return paths and for report addresses, stores it, and never sends any:
// whoever answers mail with mail starts a loop.
import type { AddressInfo, Socket } from "node:net";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import type { NewReport, StoreResult } from "../store/reports.ts";
import type { Log } from "../telemetry/logger.ts";
import type { Addressee } from "./addressees.ts";
import { type Received, receive } from "./receive.ts";
import { createRefusedRecipients } from "./refusedRecipients.ts";

/** How a mail or a recipient was answered; `refused_*` and `failed` with a code of 4xx or 5xx. */
export type ListenerOutcome =
  | "stored"
  | "known"
  | "refused_recipient"
  | "refused_content"
  | "too_large"
  | "full"
  | "store_away"
  | "broken_off";

export type ListenerOptions = {
  host: string;
  /** 0 takes any free one. */
  port: number;
  /** What it calls itself; the domain of the return paths. */
  domain: string;
  /** STARTTLS is offered with these. PEM. */
  tls?: { cert: string; key: string };
  /** Octets; a report may return a whole message. */
  sizeMax: number;
  judge(address: string): Addressee;
  /** Whose report it is, as far as its addressee says. */
  tenantOf(addressee: Addressee): Promise<string>;
  store(report: NewReport, content: Buffer): Promise<StoreResult>;
  /** Told of what was stored, so that it is read at once. */
  onStored(): void;
  observe(outcome: ListenerOutcome): void;
  log: Log;
  bounds?: Partial<ListenerBounds>;
};

export type ListenerBounds = {
  connections: number;
  connectionsPerHost: number;
  recipients: number;
  /** Recipients that there are not, in one session and from one host in ten minutes. */
  refusedPerSession: number;
  refusedPerHost: number;
  /** Without a word (RFC 5321, section 4.5.3.2.7), and in all. Milliseconds. */
  idleMs: number;
  sessionMs: number;
};

const defaults: ListenerBounds = {
  connections: 100,
  connectionsPerHost: 50,
  recipients: 10,
  refusedPerSession: 5,
  refusedPerHost: 100,
  idleMs: 5 * 60_000,
  sessionMs: 20 * 60_000,
};
const refusedWithinMs = 10 * 60_000;
const closeMs = 3_000;

export type Listener = {
  host: string;
  port: number;
  /** Takes nothing new; what is being received has three seconds. Idempotent. */
  stop(): Promise<void>;
};

type Answer = { code: number; text: string };

const answers = {
  stored: { code: 250, text: "2.0.0 Report taken" },
  known: { code: 250, text: "2.0.0 Report taken before" },
  refused_content: { code: 554, text: "5.6.0 A CR without LF, or an LF without CR, in the message (RFC 5321 section 2.3.8)" },
  full: { code: 452, text: "4.3.1 Too many reports wait to be read; try again later" },
  store_away: { code: 451, text: "4.3.0 The report could not be stored; try again later" },
} as const satisfies Partial<Record<ListenerOutcome, Answer>>;

/** Starts listening. Rejects if the port cannot be had. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { host, domain, tls, sizeMax, judge, observe, log } = options;
  const bounds = { ...defaults, ...options.bounds };
  const guesses = createRefusedRecipients({ max: bounds.refusedPerHost, withinMs: refusedWithinMs, now: () => performance.now() });
  const refusedBySession = new WeakMap<SMTPServerSession, number>();

  /** The answer to a recipient that is refused: 421 ends the session of who guesses. */
  function refusal(session: SMTPServerSession, answer: Answer): Answer {
    observe("refused_recipient");
    const times = (refusedBySession.get(session) ?? 0) + 1;
    refusedBySession.set(session, times);
    if (!guesses.count(session.remoteAddress) && times <= bounds.refusedPerSession) return answer;
    return { code: 421, text: "4.7.0 Too many unknown recipients; try again later" };
  }

  async function take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<ListenerOutcome> {
    const received = await receive(stream);
    if (!received) return "broken_off";
    if (received.bareLineEnding) return "refused_content";
    if (stream.sizeExceeded) return "too_large";
    try {
      return await storeFor(
        options,
        session.envelope.rcptTo.map(({ address }) => judge(address)),
        received,
      );
    } catch (error) {
      log.warn({ err: error }, "a report could not be stored; its sender was told to come again");
      return "store_away";
    }
  }

  const server = new SMTPServer({
    name: domain,
    banner: "reports only",
    size: sizeMax,
    maxClients: bounds.connections,
    maxRecipients: bounds.recipients,
    socketTimeout: bounds.idleMs,
    closeTimeout: closeMs,
    // The last three are jokes of old that smtp-server tells.
    disabledCommands: ["AUTH", "WIZ", "SHELL", "KILL", ...(tls ? [] : ["STARTTLS"])],
    ...(tls && { ...tls, minVersion: "TLSv1.2" as const }),
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    onRcptTo: (recipient, session, answer) => {
      const addressee = judge(recipient.address);
      answer(addressee.kind === "taken" ? null : smtpError(refusal(session, addressee)));
    },
    onData: (stream, session, answer) => {
      void take(stream, session).then((outcome) => {
        observe(outcome);
        if (outcome === "broken_off" || outcome === "refused_recipient") return;
        const said = outcome === "too_large" ? { code: 552, text: `5.3.4 The message is larger than ${sizeMax} octets` } : answers[outcome];
        if (said.code === 250) answer(null, said.text);
        else answer(smtpError(said));
        if (outcome === "stored") options.onStored();
      });
    },
  });
  // Clients that hang up in the middle, or cannot do TLS; nothing that we could mend.
  server.on("error", (error) => log.debug({ err: error }, "report listener: connection failed"));
  boundSessions(server, bounds);

  await new Promise<void>((resolve, reject) => {
    server.server.once("error", (cause) => {
      reject(new Error(`The listener for reports cannot listen on ${host} port ${options.port}: ${cause.message}`, { cause }));
    });
    server.listen(options.port, host, () => resolve());
  });

  let stopped: Promise<void> | undefined;
  return {
    host,
    port: (server.server.address() as AddressInfo).port,
    stop: () => {
      stopped ??= close(server);
      return stopped;
    },
  };
}

/** Stores a mail once for each return path it came to, and once for all other addresses. Any that is not stored: the sender comes again. */
async function storeFor(
  { store, tenantOf }: ListenerOptions,
  addressees: Addressee[],
  { content, size }: Received,
): Promise<"stored" | "known" | "full" | "store_away"> {
  const distinct = new Map<string, Addressee>();
  for (const addressee of addressees) {
    if (addressee.kind === "taken") distinct.set(addressee.returnPath?.token ?? "", addressee);
  }
  // Whoever was taken at RCPT and has expired meanwhile is told so when the sender comes again.
  if (distinct.size === 0) return "store_away";
  let outcome: "stored" | "known" = "known";
  for (const [token, addressee] of distinct) {
    const tenant = await tenantOf(addressee);
    const result = await store({ tenant, source: "smtp", size, ...(token !== "" && { return_path: token }) }, content);
    if (result.kind === "full") return "full";
    if (result.kind === "stored") outcome = "stored";
  }
  return outcome;
}

/** What smtp-server does not bound: connections of one host, and the length of a session that never falls silent. */
function boundSessions(server: SMTPServer, { connectionsPerHost, sessionMs }: ListenerBounds): void {
  const perHost = new Map<string, number>();
  server.server.on("connection", (socket: Socket) => {
    const remote = socket.remoteAddress ?? "";
    const open = (perHost.get(remote) ?? 0) + 1;
    perHost.set(remote, open);
    const timer = setTimeout(() => socket.destroy(), sessionMs);
    socket.once("close", () => {
      clearTimeout(timer);
      const left = (perHost.get(remote) ?? 1) - 1;
      if (left > 0) perHost.set(remote, left);
      else perHost.delete(remote);
    });
    if (open > connectionsPerHost) socket.destroy();
  });
}

async function close(server: SMTPServer): Promise<void> {
  for (const connection of server.connections) {
    if (connection.session.envelope.rcptTo.length > 0) continue;
    connection.send(421, "4.3.2 The listener is shutting down");
    connection.close();
  }
  await new Promise<void>((resolve) => server.close(resolve));
}

function smtpError({ code, text }: Answer): Error & { responseCode: number } {
  return Object.assign(new Error(text), { responseCode: code });
}
