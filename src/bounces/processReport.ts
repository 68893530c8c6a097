// From a stored report to what it changes: read it off the main loop, find its message, apply what it says, note what came of it.
import { addressKey } from "../domain/address.ts";
import type { MessageRecord } from "../domain/message.ts";
import type { Reply } from "../domain/reply.ts";
import { providerOf, type ReportEffect, type ReportedRecipient, type StoredReport } from "../domain/report.ts";
import type { ReturnPath } from "../domain/returnPath.ts";
import type { Reported, ReportedOutcome } from "../store/reported.ts";
import type { Reports } from "../store/reports.ts";
import { type FindDependencies, findMessage } from "./findMessage.ts";
import { type Match, matchRecipients } from "./matchRecipients.ts";
import type { ParsedReport, RecipientReport } from "./parsedReport.ts";
import type { Parser } from "./parser.ts";

export type ProcessDependencies = FindDependencies & {
  parser: Pick<Parser, "parse">;
  reports: Pick<Reports, "content" | "finish">;
  reported: Reported;
  /** Redis time, ms. */
  now(): number;
};

/** The finished report; `busy`: an attempt of its message is, or may be, under way, so that it has to wait; nothing changed. */
export type Processed = { kind: "finished"; report: StoredReport } | { kind: "busy" };

/** Fields of reports are bounded, whatever a stranger writes. */
const textMax = 300;
const recipientsMax = 100;
/** Waiting for an attempt to end takes some; past this, something else is wrong. */
const claimsMax = 200;
/** A provider may be quicker with its notification than we with the record of the reply that names the message. */
const unrecordedMs = 5_000;

/** Works on one report. May be repeated: what was applied before is found to be so. Rejects while Redis is away. */
export async function processReport(dependencies: ProcessDependencies, pending: StoredReport): Promise<Processed> {
  const { parser, reports, now } = dependencies;
  if (pending.claims > claimsMax) return finish(dependencies, pending, { status: "unparsed", fault: "gave_up" });
  const content = await reports.content(pending.id);
  if (!content) return finish(dependencies, pending, { status: "unparsed", fault: "content_gone" });
  const provider = providerOf(pending.source);
  const first = await parser.parse(content, provider);
  // A machine that was out of breath is not the report's fault.
  const parsed = "fault" in first ? await parser.parse(content, provider) : first;
  if ("fault" in parsed) return finish(dependencies, pending, { status: "unparsed", fault: parsed.fault });
  const facts = factsOf(parsed);
  if (parsed.kind === "none") return finish(dependencies, pending, { ...facts, status: "unparsed", fault: "no_report" });
  const found = await findMessage(dependencies, pending, parsed);
  if (found.kind === "none") {
    const mayBeUnrecorded = provider !== undefined && parsed.relayMessageId !== undefined;
    if (mayBeUnrecorded && now() < pending.received_at + unrecordedMs) return { kind: "busy" };
    const recipients = parsed.reports.map((report) => told({ report, meaning: "none" }, "not_a_recipient"));
    return finish(dependencies, pending, { ...facts, status: "unmatched", recipients: recipients.slice(0, recipientsMax) });
  }
  const recipients =
    found.kind === "message"
      ? await applyTo(
          dependencies,
          found.record,
          matchRecipients(parsed, addressesOf(found.record), found.atReturnPath),
          parsed,
          provider !== undefined,
        )
      : await applyLate(dependencies, found, parsed);
  if (recipients === "busy") return { kind: "busy" };
  const about = found.kind === "message" ? found.record : { tenant: found.tenant, id: found.returnPath.messageId };
  const meant = parsed.kind === "auto_reply" || recipients.some(({ effect }) => effect !== "not_a_recipient");
  return finish(dependencies, pending, {
    ...facts,
    ...{ status: meant ? "processed" : "unmatched", tenant: about.tenant, message_id: about.id },
    recipients: recipients.slice(0, recipientsMax),
  });
}

async function finish({ reports }: ProcessDependencies, pending: StoredReport, end: Partial<StoredReport>): Promise<Processed> {
  const report = { ...pending, ...end };
  await reports.finish(report, pending.tenant);
  return { kind: "finished", report };
}

function factsOf({ kind, dialect, feedbackType, reportingMta }: ParsedReport) {
  return {
    kind,
    ...(dialect !== undefined && { dialect }),
    ...(feedbackType !== undefined && { feedback_type: feedbackType }),
    ...(reportingMta !== undefined && { reporting_mta: reportingMta.slice(0, textMax) }),
  };
}

function addressesOf(record: MessageRecord): string[] {
  return record.recipients.map(({ address }) => address);
}

/** A match as it is noted. `address`: the message's own spelling where it is one of its recipients. */
function told(
  { report }: Match,
  effect: ReportEffect,
  suppressed = false,
  address = report.originalRecipient ?? report.recipient,
): ReportedRecipient {
  const { action, category, rule, hardBounce, reply } = report;
  return {
    ...{ address: address.slice(0, textMax), action },
    ...(category !== undefined && { category }),
    ...(rule !== undefined && { rule }),
    ...{ hard_bounce: hardBounce, reply, effect, suppressed },
  };
}

/** A complaint quotes no server: its words say what happened, so that the state does not seem to rest on the relay's 250. */
function replyOf(report: RecipientReport, meaning: ReportedOutcome["kind"], { feedbackType, reportingMta }: ParsedReport): Reply {
  if (meaning !== "complained") return report.reply;
  const by = reportingMta === undefined ? "" : `, reported by ${reportingMta.slice(0, textMax)}`;
  return { code: 0, text: `The recipient complained (${feedbackType ?? "abuse"})${by}` };
}

async function applyTo(
  { reported }: ProcessDependencies,
  record: MessageRecord,
  matches: Match[],
  parsed: ParsedReport,
  handedOn: boolean,
): Promise<ReportedRecipient[] | "busy"> {
  const outcomes: ReportedOutcome[] = [];
  for (const { report, recipient, meaning } of matches) {
    if (recipient === undefined || meaning === "none") continue;
    const { category, rule, hardBounce } = report;
    const why = meaning === "bounced" ? { ...(category && { category }), ...(rule && { rule }), hard_bounce: hardBounce } : {};
    outcomes.push({ recipient, kind: meaning, reply: replyOf(report, meaning, parsed), ...why, ...(handedOn && { handed_on: true }) });
  }
  const effects = outcomes.length > 0 ? await reported.apply(record.id, outcomes) : [];
  if (effects === "busy") return "busy";
  const effectOf = new Map(outcomes.map((outcome, index) => [outcome.recipient, effects === "gone" ? undefined : effects[index]]));
  return matches.map((match) => {
    if (match.recipient === undefined) return told(match, "not_a_recipient");
    const { effect = "message_gone", suppressed = false } =
      match.meaning === "none" ? { effect: "unchanged" as const } : (effectOf.get(match.recipient) ?? {});
    return told(match, effect, suppressed, record.recipients[match.recipient]?.address);
  });
}

const reasons = { bounced: "bounce", complained: "complaint", unsubscribed: "unsubscribe" } as const;

/** The message is gone, and its states with it; but an address that is dead, or does not want our mail, is still suppressed. */
async function applyLate(
  { reported }: ProcessDependencies,
  { tenant, returnPath }: { tenant: string; returnPath: ReturnPath },
  parsed: ParsedReport,
): Promise<ReportedRecipient[]> {
  const kept = await reported.keptRecipients(returnPath.messageId);
  const wasRecipient = (address: string) => returnPath.isRecipient(address) ?? kept.includes(returnPath.recipientDigest(address));
  const named = parsed.reports.flatMap(({ originalRecipient, recipient }) => [originalRecipient ?? recipient, recipient]);
  const recipients = [...new Set(named.map(addressKey))].filter(wasRecipient);
  const matches = matchRecipients(parsed, recipients, false);
  const toSuppress = matches.flatMap(({ report, recipient, meaning }, index) => {
    const address = recipient === undefined ? undefined : recipients[recipient];
    // Whose a complaint is that names nobody cannot be told any more: the message may have had others.
    if (address === undefined || parsed.anyOf || meaning === "none" || meaning === "delivered") return [];
    const reason = reasons[meaning];
    return [{ index, outcome: { address, reason, ...(report.category && { category: report.category }), hard_bounce: report.hardBounce } }];
  });
  const suppressed =
    toSuppress.length > 0
      ? await reported.applyLate(
          { tenant, id: returnPath.messageId },
          toSuppress.map(({ outcome }) => outcome),
        )
      : [];
  return matches.map((match, index) => {
    const address = match.recipient === undefined ? undefined : recipients[match.recipient];
    if (address === undefined) return told(match, "not_a_recipient");
    return told(match, "message_gone", suppressed[toSuppress.findIndex((it) => it.index === index)] ?? false, address);
  });
}
