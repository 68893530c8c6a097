// What reports change in the ledger: states of recipients that a relay had taken, and suppressions that follow. Each change is one Lua script.
import type { Category } from "../domain/reply.ts";
import type { SuppressionPolicy } from "../domain/suppression.ts";
import type { RecordedOutcome } from "./attempts.ts";
import type { Connection } from "./connection.ts";
import { messageKeysOf, type Retention, retentionArgument } from "./messageScripts.ts";
import { loadScript, runForWord, runScript } from "./scripts.ts";

/** What a report says of one recipient (index from 0). */
export type ReportedOutcome = Pick<RecordedOutcome, "recipient" | "reply" | "category" | "rule" | "hard_bounce"> & {
  kind: "bounced" | "complained" | "delivered" | "unsubscribed";
  /** A relay's provider says that it handed the mail on, perhaps long ago: that takes back no bounce. */
  handed_on?: boolean;
};

/** What came of an outcome. `not_accepted`: no relay had taken the mail for that recipient, so nothing changed. */
export type ReportedEffect = { effect: ReportedOutcome["kind"] | "unchanged" | "not_accepted"; suppressed: boolean };

const scripts = { report: loadScript("report"), late: loadScript("report-late") };

/** Every function rejects while Redis is away. */
export function createReported({ redis, keys }: Connection, settings: { retention: Retention; suppression: SuppressionPolicy }) {
  const retention = retentionArgument(settings.retention);
  const policy = JSON.stringify(settings.suppression);
  return {
    /** Applies what a report says, at least one outcome. `busy`: an attempt is under way for one of them; its own outcome comes first. */
    async apply(messageId: string, outcomes: ReportedOutcome[]): Promise<"gone" | "busy" | ReportedEffect[]> {
      const [word, effects] = await runForWord(redis, scripts.report, messageKeysOf(keys), [
        messageId,
        retention,
        JSON.stringify(outcomes),
        policy,
      ]);
      return word === "applied" && effects ? JSON.parse(effects.toString()) : (word as "gone" | "busy");
    },

    /** Suppresses recipients of a message that is no longer kept. Returns for each whether that changed anything. */
    async applyLate(
      message: { tenant: string; id: string },
      outcomes: { address: string; reason: "bounce" | "complaint" | "unsubscribe"; category?: Category; hard_bounce: boolean }[],
    ): Promise<boolean[]> {
      const answer = await runScript(
        redis,
        scripts.late,
        [keys.events, keys.sequence, keys.suppressions],
        [message.tenant, message.id, policy, JSON.stringify(outcomes)],
      );
      return JSON.parse(String(answer));
    },

    /** The recipients' digests that outlive a message (domain/returnPath.ts); empty where none were kept, or no longer. */
    async keptRecipients(messageId: string): Promise<string[]> {
      const kept = await redis.get(keys.keptRecipients(messageId));
      return kept === null ? [] : kept.split(" ");
    },
  };
}

export type Reported = ReturnType<typeof createReported>;
