// The intake of reports as a whole: what comes in is stored first, then read; what a process leaves unfinished another takes up.
import type { StoredReport } from "../domain/report.ts";
import type { NewReport, Reports, StoreResult } from "../store/reports.ts";
import type { Log } from "../telemetry/logger.ts";
import { readOctetsMax } from "./mime.ts";
import { type ProcessDependencies, processReport } from "./processReport.ts";

export type IntakeOptions = Omit<ProcessDependencies, "reports"> & {
  reports: Reports;
  log: Log;
  /** Told of every report once it is finished. */
  observe(report: StoredReport): void;
  /** How long a report belongs to who reads it. Milliseconds. */
  leaseMs?: number;
};

const pollMs = 1_000;
const atOnceMax = 8;
/** While an attempt is under way its report waits, ever longer. */
const busyMs = (claims: number) => Math.min(500 * 2 ** Math.min(claims, 10), 60_000);
const afterFailureMs = 5_000;

export type Intake = ReturnType<typeof createIntake>;

/** Makes the intake. It takes reports in at once; it reads what others left behind only after `startReading`. */
export function createIntake(options: IntakeOptions) {
  const { reports, now, log, observe, leaseMs = 60_000 } = options;

  /** Works on a leased report until its end, or puts it back. Never rejects. */
  async function work(pending: StoredReport): Promise<StoredReport | undefined> {
    try {
      const processed = await processReport(options, pending);
      if (processed.kind === "busy") {
        await reports.postpone(pending.id, now() + busyMs(pending.claims));
        return undefined;
      }
      const { report } = processed;
      observe(report);
      const { id, kind, status, fault, source, message_id } = report;
      log.info({ report: id, kind, status, fault, source, message_id, recipients: report.recipients.length }, "a report was read");
      return report;
    } catch (error) {
      log.warn({ err: error, report: pending.id }, "a report could not be finished; it is taken up again");
      await reports.postpone(pending.id, now() + afterFailureMs).catch(() => undefined);
      return undefined;
    }
  }

  return {
    /**
     * Stores a report, of which the first 1 MiB counts. Whoever reads goes on with it.
     * @returns `full` if too much waits to be read. Rejects while Redis is away.
     */
    store(report: NewReport, content: Buffer): Promise<StoreResult> {
      return reports.store(report, content.subarray(0, readOctetsMax));
    },

    /**
     * Stores a report and reads it at once, for a caller who waits.
     * @returns the report: still `pending` where that takes longer than `patienceMs` or fails; then it is taken up again
     */
    async take(report: NewReport, content: Buffer, patienceMs: number): Promise<StoreResult> {
      const stored = await reports.store(report, content.subarray(0, readOctetsMax), leaseMs);
      if (stored.kind !== "stored") return stored;
      const patience = new Promise<undefined>((resolve) => setTimeout(resolve, patienceMs, undefined).unref());
      return { kind: "stored", report: (await Promise.race([work(stored.report), patience])) ?? stored.report };
    },

    /** Reads what is due, whoever stored it, until stopped. `wake`: something was stored just now. */
    startReading(): { wake(): void; stop(graceMs: number): Promise<void> } {
      const underWay = new Set<Promise<unknown>>();
      let isStopped = false;
      let isWanted = false;
      let rouse = () => {};

      async function round(): Promise<void> {
        const room = atOnceMax - underWay.size;
        const claimed = await reports.claim(room, leaseMs);
        if (claimed.length === room) isWanted = true;
        for (const pending of claimed) {
          const working = work(pending).finally(() => {
            underWay.delete(working);
            rouse();
          });
          underWay.add(working);
        }
      }

      async function run(): Promise<void> {
        while (!isStopped) {
          isWanted = false;
          if (underWay.size < atOnceMax) await round().catch((error: unknown) => log.debug({ err: error }, "reports could not be claimed"));
          const hasRoom = underWay.size < atOnceMax;
          if (isStopped || (isWanted && hasRoom)) continue;
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, pollMs);
            rouse = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
      }

      const running = run();
      return {
        wake() {
          isWanted = true;
          rouse();
        },
        async stop(graceMs) {
          isStopped = true;
          rouse();
          await running;
          // What does not end in time is taken up when its lease ends.
          const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
          await Promise.race([Promise.all(underWay), grace]);
        },
      };
    },
  };
}
