// How the sandbox sends a report back: over real SMTP, to our own listener, which may start after it.
import type { Timeouts } from "../domain/relay.ts";
import { openRelay, type Relay } from "../relay/pool.ts";
import type { ReportMail } from "../sandbox/reports.ts";
import type { Log } from "../telemetry/logger.ts";

/** A host that listens everywhere is reached on the loopback. */
const reachable = (host: string) => (host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host);

export function createReportSender(timeouts: Timeouts, log: Log) {
  const stopping = new AbortController();
  let relay: Relay | undefined;
  return {
    open({ host, port }: { host: string; port: number }): void {
      const config = {
        name: "sandbox-reports",
        host: reachable(host),
        port,
        tls: "none",
        verifyCertificate: true,
        connections: 1,
      } as const;
      relay = openRelay({ config, timeouts, log });
    },

    /** Sends a report by the null sender. Rejects, naming the listener's answer, if it was not taken. */
    async send({ to, bytes }: ReportMail): Promise<void> {
      if (!relay) throw new Error("nobody listens for reports in this process");
      const acquired = await relay.acquire(stopping.signal);
      if (!acquired.ok) throw new Error(`the listener for reports cannot be reached: ${acquired.fault.text}`);
      try {
        const { outcomes } = await acquired.session.send({ from: "", to: [to], bytes });
        const [outcome] = outcomes;
        if (outcome?.kind !== "accepted") throw new Error(`the listener for reports answered ${JSON.stringify(outcome)}`);
      } finally {
        acquired.session.release();
      }
    },

    async stop(): Promise<void> {
      stopping.abort();
      await relay?.close(0);
    },
  };
}
