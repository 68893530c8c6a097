// What the log says of a collector that takes no spans: once, again at intervals, and when it takes them again.
import type { Log } from "./logger.ts";

export type ExportReport = {
  /** So many spans are lost. `reason`: of few words, made by us or by the HTTP client. */
  failed(spans: number, reason: { text: string; code?: string | number | undefined }): void;
  succeeded(): void;
};

/** @param options.now milliseconds that only grow */
export function createExportReport({
  log,
  everyMs = 10 * 60_000,
  now = () => performance.now(),
}: {
  log: Pick<Log, "warn" | "info">;
  everyMs?: number;
  now?: () => number;
}): ExportReport {
  /** Since the first one that failed. */
  let lost = 0;
  let saidAt: number | undefined;
  return {
    failed(spans, { text, code }) {
      lost += spans;
      if (saidAt !== undefined && now() - saidAt < everyMs) return;
      saidAt = now();
      log.warn({ reason: text, code, spans_lost: lost }, "traces are not exported: the collector does not take them; mail is not affected");
    },
    succeeded() {
      if (saidAt === undefined) return;
      log.info({ spans_lost: lost }, "traces are exported again");
      saidAt = undefined;
      lost = 0;
    },
  };
}
