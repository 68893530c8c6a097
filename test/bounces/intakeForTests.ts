// The intake on a real Redis: a ledger with messages that relays have taken, return paths, and the listener on a free port.
import { createAddressees } from "../../src/bounces/addressees.ts";
import { tenantOfReturnPath } from "../../src/bounces/findMessage.ts";
import { createIntake, type IntakeOptions } from "../../src/bounces/intake.ts";
import { type ListenerOptions, type ListenerOutcome, startListener } from "../../src/bounces/listener.ts";
import { createParser } from "../../src/bounces/parser.ts";
import type { RecipientState } from "../../src/domain/message.ts";
import type { StoredReport } from "../../src/domain/report.ts";
import { readReturnPath, returnPathKey, returnPathMaker } from "../../src/domain/returnPath.ts";
import { defaultSuppressionPolicy } from "../../src/domain/suppression.ts";
import { createReported } from "../../src/store/reported.ts";
import { createReports, type ReportSettings } from "../../src/store/reports.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { acceptOne, beat, type DraftOptions, draft, openLedger } from "../store/ledgerForTests.ts";
import type { TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";

export const domain = "bounces.example";
const log = createLogger({ level: "silent", format: "json" });
const retention = { messageMs: 60_000, contentMs: 0, failedContentMs: 30_000 };

export type TestIntake = Awaited<ReturnType<typeof openIntake>>;

/** Opens everything on an empty database. `close` unwinds it. */
export async function openIntake(
  redis: TestRedis,
  changes: { reports?: Partial<ReportSettings>; intake?: Partial<IntakeOptions>; listener?: Partial<ListenerOptions> } = {},
) {
  const store = await openLedger(redis, { retention });
  const { connection, messages, ledger } = store;
  const key = returnPathKey("a secret of 32 characters or more");
  const makeReturnPath = returnPathMaker({ domain, key, retentionMs: retention.messageMs, now: ledger.clock.now });
  const read = (localPart: string) => readReturnPath([key], localPart, ledger.clock.now());
  const tenants = async () => ["default", "other"];
  const parser = createParser();
  const finished: StoredReport[] = [];
  const reports = createReports(connection, {
    retentionMs: retention.messageMs,
    readContentMs: retention.failedContentMs,
    ...changes.reports,
  });
  const intake = createIntake({
    ...{ reports, parser, messages, tenants, log, now: ledger.clock.now, readReturnPath: read },
    reported: createReported(connection, { retention, suppression: defaultSuppressionPolicy }),
    observe: (report) => void finished.push(report),
    ...changes.intake,
  });
  const outcomes: ListenerOutcome[] = [];
  const closing: (() => Promise<unknown>)[] = [];

  /** Accepts a message with a return path of its own, which its relay then takes for everybody, unless other outcomes are given. */
  async function send(
    options: DraftOptions & { outcomes?: ("sent" | "deferred" | "doubt" | "none")[] } = {},
  ): Promise<{ id: string; returnPath: string }> {
    const { outcomes: kinds = [], ...rest } = options;
    const input = draft(ledger, rest);
    const { address, kept } = makeReturnPath({
      id: input.record.id,
      tenant: input.record.tenant,
      recipients: input.record.recipients.map((recipient) => recipient.address),
      expiresAt: input.expiresAt,
    });
    const result = await ledger.accept({ ...input, record: { ...input.record, return_path: address }, keptRecipients: kept });
    const [wake] = result.kind === "stored" ? result.wakeUps : [];
    if (!wake) throw new Error("not stored");
    await beat(store, "own_a");
    const claimed = await ledger.claim(wake, "own_a", "word");
    if (claimed.kind !== "claimed") throw new Error(claimed.kind);
    const { attempt, recipients } = claimed.claim;
    const judged = recipients.flatMap((recipient, index) => {
      const kind = kinds[index] ?? "sent";
      return kind === "none" ? [] : [{ recipient, kind, reply: { code: kind === "sent" ? 250 : 450, text: "as the relay said" } }];
    });
    if (judged.length > 0) {
      await ledger.record({ messageId: input.record.id, dispatch: 0, attempt, outcomes: judged, retryInMs: 60_000, counts: "tries" });
    }
    return { id: input.record.id, returnPath: address };
  }

  return {
    ...{ store, ledger, messages, reports, intake, finished, outcomes, makeReturnPath, send, parser },
    acceptOne: (options?: DraftOptions) => acceptOne(store, options),

    /** Starts reading, and the listener. */
    async listen(more: Partial<ListenerOptions> = {}) {
      const reading = intake.startReading();
      closing.unshift(() => reading.stop(1_000));
      const listener = await startListener({
        ...{ host: "127.0.0.1", port: 0, domain, sizeMax: 4 * 1024 ** 2, log },
        judge: createAddressees({ domain, addresses: ["fbl@example.com"], readReturnPath: read }),
        tenantOf: async (addressee) => {
          const path = addressee.kind === "taken" ? addressee.returnPath?.path : undefined;
          return (path && (await tenantOfReturnPath({ messages, tenants }, path))) ?? "default";
        },
        store: intake.store,
        onStored: reading.wake,
        observe: (outcome) => void outcomes.push(outcome),
        ...changes.listener,
        ...more,
      });
      closing.unshift(() => listener.stop());
      return listener;
    },

    /** A message's recipients as they are now. */
    async recipients(id: string): Promise<RecipientState[]> {
      return (await messages.find(id))?.state.recipients ?? [];
    },

    /** Waits until so many reports were read. */
    read: (count: number) =>
      waitFor(() => finished.length >= count && finished, { what: `${count} reports to be read`, timeoutMs: 15_000 }),

    /** Types of all events so far, without those of acceptance and sending. */
    async told(): Promise<string[]> {
      const { events } = await store.events.page("default", 0, 1_000);
      return events
        .map(({ type, recipient }) => `${type} ${recipient ?? ""}`.trim())
        .filter((line) => !/accepted|sent|deferred/.test(line));
    },

    async close(): Promise<void> {
      for (const step of closing) await step();
      await parser.stop();
      await connection.close();
    },
  };
}
