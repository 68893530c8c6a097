// The capture relay: the sandbox's SMTP server. A real one on the loopback, so that mail takes the whole way out; it keeps what it takes
// where the dashboard can show it, sends nothing on, and plays the faults of real servers at the sandbox addresses.
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import type { CapturedMessage } from "../domain/captured.ts";
import type { Log } from "../telemetry/logger.ts";
import { openCaptureFolder } from "./captureFolder.ts";
import { createGreylist } from "./greylist.ts";
import { type ReportMail, sandboxReport } from "./reports.ts";
import { behaviourOf } from "./sandboxAddresses.ts";

export type CaptureRelay = {
  host: "127.0.0.1";
  port: number;
  /** Newest first; `next` is there when there are more: hand it in as `after`. An unknown `after` starts where it would lie. */
  list(query: { limit: number; after?: string }): Promise<{ data: CapturedMessage[]; next?: string }>;
  get(id: string): Promise<{ message: CapturedMessage; raw: Buffer } | undefined>;
  /** Takes no more mail; transactions under way have two seconds. May be called twice. */
  stop(): Promise<void>;
};

/** How a transaction is answered after the final dot; "cut" hangs up instead. */
type Verdict = { code: number; text: string } | "cut";

/**
 * Starts the relay on a free port of 127.0.0.1. No login, no TLS: nobody but this machine reaches it.
 * @param folder keeps the mail over a restart; made if missing
 * @param domain whose addresses misbehave (the contract's "sandbox addresses"); every other recipient is accepted
 * @param clock milliseconds since the epoch
 * @param slowAnswerMs how late `slow@` answers the final dot
 * @param sendReport sends a report back, over SMTP; without it none comes
 * @param reportAfterMs how long after a mail was taken its report is sent
 * @param messagesMax, bytesMax what is kept; beyond either the oldest goes. A mail larger than `bytesMax` is refused
 */
export async function startCaptureRelay(options: {
  folder: string;
  log: Log;
  domain?: string;
  clock?: () => number;
  slowAnswerMs?: number;
  sendReport?: (report: ReportMail) => Promise<void>;
  reportAfterMs?: number;
  messagesMax?: number;
  bytesMax?: number;
}): Promise<CaptureRelay> {
  const { folder, log, domain = "sandbox.test", clock = Date.now, slowAnswerMs = 5_000 } = options;
  const { messagesMax = 1_000, bytesMax = 256 * 1024 * 1024, sendReport, reportAfterMs = 500 } = options;
  const captured = await openCaptureFolder({ folder, clock, messagesMax, bytesMax });
  const greylist = createGreylist({ clock });
  const stopping = new AbortController();

  /** What a restart in between forgets is a report that never comes, as in the world. */
  const reportOn = async (id: string, from: string, to: string[]): Promise<void> => {
    const reported = to.flatMap((recipient) => {
      const behaviour = behaviourOf(recipient, domain);
      return behaviour.kind === "report" ? [{ recipient, kind: behaviour.report }] : [];
    });
    if (!sendReport || from === "" || reported.length === 0) return;
    await sleep(reportAfterMs, undefined, { signal: stopping.signal });
    const found = await captured.get(id);
    for (const [index, { recipient, kind }] of reported.entries()) {
      const mail = { from, recipient, raw: found?.raw ?? Buffer.alloc(0) };
      await sendReport(sandboxReport(kind, mail, { domain, id: `${id}.${index}`, date: new Date(clock()) }));
    }
  };

  const takeMail = async (stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Verdict> => {
    const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
    const to = session.envelope.rcptTo.map((recipient) => recipient.address);
    const behaviours = to.map((address) => behaviourOf(address, domain).kind);
    const draft = await captured.receive(stream);
    try {
      if (draft.bareLineEnding)
        return { code: 554, text: "5.6.0 A CR without LF, or an LF without CR, in the message (RFC 5321 section 2.3.8)" };
      if (draft.oversized) return { code: 552, text: `5.3.4 The message is larger than ${bytesMax} bytes` };
      if (behaviours.includes("cut")) return "cut";
      const message = await draft.keep({ from, to });
      for (const recipient of to) greylist.taken(from, recipient);
      log.debug({ captured: message.id, size: message.size }, "capture relay took a mail");
      reportOn(message.id, from, to).catch((error: unknown) => {
        if (!stopping.signal.aborted) log.warn({ err: error, captured: message.id }, "the sandbox could not send a report back");
      });
      // It is kept before the late answer, as by a slow server: a sender who does not wait for the answer sends a double.
      if (behaviours.includes("answer_late")) await sleep(slowAnswerMs, undefined, { signal: stopping.signal }).catch(() => {});
      return { code: 250, text: `2.0.0 Captured as ${message.id}` };
    } finally {
      await draft.discard();
    }
  };

  const server = new SMTPServer({
    name: `capture.${domain}`,
    banner: "Postern capture relay",
    size: bytesMax,
    disabledCommands: ["AUTH", "STARTTLS"],
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    // RFC 5321 section 4.5.3.2.7; and a slow answer must not look like an idle client.
    socketTimeout: 5 * 60_000 + slowAnswerMs,
    closeTimeout: 2_000,
    onRcptTo: (recipient, session, answer) => {
      const behaviour = behaviourOf(recipient.address, domain);
      const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
      const refused =
        behaviour.kind === "refuse" || (behaviour.kind === "refuse_until" && greylist.tried(from, recipient.address) < behaviour.tries);
      answer(refused ? smtpError(behaviour.reply) : null);
    },
    onData: (stream, session, answer) => {
      takeMail(stream, session).then(
        (verdict) => {
          if (verdict === "cut") socketOf(session)?.destroy();
          else if (verdict.code === 250) answer(null, verdict.text);
          else answer(smtpError(verdict));
        },
        (error: unknown) => {
          log.error({ err: error }, "capture relay could not keep a mail");
          answer(smtpError({ code: 451, text: "4.3.0 The capture relay could not store the message; its log says why" }));
        },
      );
    },
  });
  // Clients that hang up in the middle; nothing that we could mend.
  server.on("error", (error) => log.debug({ err: error }, "capture relay: connection failed"));

  const sockets = new Set<Socket>();
  server.server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const socketOf = (session: SMTPServerSession) => [...sockets].find((socket) => socket.remotePort === session.remotePort);

  await new Promise<void>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.server.off("error", reject);
      resolve();
    });
  });

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    stopping.abort();
    for (const connection of server.connections) {
      if (connection.session.envelope.mailFrom) continue;
      connection.send(421, "4.3.2 The capture relay is shutting down");
      connection.close();
    }
    await new Promise<void>((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: "127.0.0.1",
    port: (server.server.address() as AddressInfo).port,
    list: async (query) => captured.list(query),
    get: captured.get,
    stop: async () => {
      stopped ??= stop();
      await stopped;
    },
  };
}

function smtpError({ code, text }: { code: number; text: string }): Error & { responseCode: number } {
  return Object.assign(new Error(text), { responseCode: code });
}
