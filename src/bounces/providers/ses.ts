// Amazon SES: what it tells by SNS, whether posted to us or mailed (Amazon SES developer guide, "Amazon SNS notification contents" and
// "Contents of event data"). Notifications of an identity and events of a configuration set say the same in nearly the same words.
import type { Header, ParsedReport, RecipientReport } from "../parsedReport.ts";
import { type Lenient, listIn, objectIn, rowOf, stringIn } from "./lenientJson.ts";
import { addressIn, type Cause, fineFor, judgeNotice, meantMessage } from "./notice.ts";

const sesDialect = "amazon-sns";

const recipientsMax = 100;
const headersMax = 200;

/** Of a bounce, `<bounceType>/<bounceSubType>`; of a delay, `<delayType>`. */
const causes: Readonly<Record<string, Cause>> = {
  "Permanent/General": { status: "5.1.1" },
  "Permanent/NoEmail": { status: "5.1.1" },
  "Permanent/Suppressed": { status: "5.2.1" },
  "Permanent/OnAccountSuppressionList": { status: "5.2.1" },
  "Permanent/UnsubscribedRecipient": { status: "5.2.1" },
  "Transient/General": { lasting: false },
  "Transient/MailboxFull": { status: "5.2.2", lasting: false },
  "Transient/MessageTooLarge": { status: "5.3.4", lasting: false },
  "Transient/ContentRejected": { status: "5.6.0", lasting: false },
  "Transient/AttachmentRejected": { status: "5.6.0", lasting: false },
  "Transient/CustomTimeoutExceeded": { status: "5.4.7", lasting: false },
  "Undetermined/Undetermined": { lasting: false },
  InternalFailure: { status: "4.3.0" },
  MailboxFull: { status: "4.2.2" },
  SpamDetected: { category: "spam" },
  RecipientServerError: { status: "4.3.0" },
  IPFailure: { category: "reputation" },
  TransientCommunicationFailure: { status: "4.4.1" },
  BYOIPHostNameLookupUnavailable: { category: "reputation" },
};

/** What it tells that changes nothing here. */
const ignored: ReadonlySet<string> = new Set(["Send", "Open", "Click", "Rendering Failure"]);

/** Whether a notification is one that says nothing of bounces, complaints, deliveries or unsubscribing. */
export function isIgnoredBySes(event: Lenient): boolean {
  const fields = objectIn(event);
  // What SNS sends once when a topic is connected to an identity.
  if (stringIn(fields?.notificationType) === "AmazonSnsSubscriptionSucceeded") return true;
  return ignored.has(stringIn(fields?.eventType) ?? "");
}

const inOrder = (recipient: string) => fineFor(recipient);

function recipientsOf(list: Lenient, judge: (recipient: string, fields: ReturnType<typeof objectIn>) => RecipientReport) {
  return listIn(list, recipientsMax).flatMap((entry) => {
    const fields = objectIn(entry);
    const recipient = addressIn(stringIn(entry) ?? fields?.emailAddress);
    return recipient === undefined ? [] : [judge(recipient, fields)];
  });
}

function originalOf(mail: ReturnType<typeof objectIn>) {
  const headers = listIn(mail?.headers, headersMax).flatMap((entry): Header[] => {
    const header = objectIn(entry);
    const name = stringIn(header?.name);
    return name === undefined ? [] : [{ name: name.toLowerCase(), value: stringIn(header?.value) ?? "" }];
  });
  const common = objectIn(mail?.commonHeaders);
  return meantMessage({
    messageId: headers.find(({ name }) => name === "message-id")?.value ?? stringIn(common?.messageId),
    sender: stringIn(mail?.source),
    to: listIn(mail?.destination, recipientsMax).flatMap((address) => stringIn(address) ?? []),
    subject: stringIn(common?.subject),
    headers,
  });
}

/** Reads one notification; undefined where it is none that reports anything. */
export function readSes(event: Lenient): ParsedReport | undefined {
  const fields = objectIn(event);
  const mail = objectIn(fields?.mail);
  const relayMessageId = stringIn(mail?.messageId);
  const about = { original: originalOf(mail), dialect: sesDialect, ...(relayMessageId && { relayMessageId }) };
  const told = (kind: ParsedReport["kind"], reports: RecipientReport[], more: Partial<ParsedReport> = {}) => ({
    kind,
    reports,
    ...about,
    ...more,
  });
  const part = (name: string) => objectIn(fields?.[name]);
  switch (stringIn(fields?.notificationType) ?? stringIn(fields?.eventType)) {
    case "Bounce":
      return bounceOf(part("bounce"), told);
    case "Complaint": {
      const complaint = part("complaint");
      const feedbackType = (stringIn(complaint?.complaintFeedbackType) ?? "abuse").toLowerCase();
      const reports = recipientsOf(complaint?.complainedRecipients, inOrder);
      // Who complained is mostly hidden from SES too: then it names all recipients at that provider.
      return told("complaint", reports, { feedbackType, ...(reports.length > 1 && { anyOf: true as const }) });
    }
    case "Delivery": {
      const delivery = part("delivery");
      const response = stringIn(delivery?.smtpResponse);
      const reportingMta = stringIn(delivery?.reportingMTA);
      const reports = recipientsOf(delivery?.recipients, (recipient) => fineFor(recipient, response));
      return told("delivered", reports, { ...(reportingMta && { reportingMta }) });
    }
    case "DeliveryDelay": {
      const delay = part("deliveryDelay");
      const cause = rowOf(causes, delay?.delayType);
      const judge = (recipient: string, one: ReturnType<typeof objectIn>) =>
        judgeNotice({ recipient, action: "delayed", diagnostic: stringIn(one?.diagnosticCode), status: stringIn(one?.status), cause });
      return told("delayed", recipientsOf(delay?.delayedRecipients, judge));
    }
    case "Reject": {
      // It took the mail, found a virus in it, and sent it to nobody.
      const reason = stringIn(part("reject")?.reason) ?? "";
      const cause: Cause = { category: "virus" };
      const judge = (recipient: string) => judgeNotice({ recipient, action: "failed", diagnostic: reason, cause });
      return told("bounce", recipientsOf(mail?.destination, judge));
    }
    case "Subscription": {
      const leavesAll = objectIn(part("subscription")?.newTopicPreferences)?.unsubscribeAll === true;
      return leavesAll ? told("unsubscribe", recipientsOf(mail?.destination, inOrder)) : undefined;
    }
  }
  return undefined;
}

/**
 * A bounce: SES tries by itself, so that even a transient one is an end. Only the answer of an automatic responder comes as a bounce
 * too, and then names neither status nor reply.
 */
function bounceOf(
  bounce: ReturnType<typeof objectIn>,
  told: (kind: ParsedReport["kind"], reports: RecipientReport[], more?: Partial<ParsedReport>) => ParsedReport,
): ParsedReport {
  const type = `${stringIn(bounce?.bounceType)}/${stringIn(bounce?.bounceSubType)}`;
  const recipients = listIn(bounce?.bouncedRecipients, recipientsMax).map(objectIn);
  const isAnswer =
    type === "Transient/General" &&
    recipients.every((one) => [one?.status, one?.action, one?.diagnosticCode].every((said) => said === undefined));
  if (isAnswer) return told("auto_reply", []);
  const reportingMta = stringIn(bounce?.reportingMTA)?.replace(/^dns;\s{0,5}/, "");
  const judge = (recipient: string, one: ReturnType<typeof objectIn>) =>
    judgeNotice({
      ...{ recipient, action: "failed", diagnostic: stringIn(one?.diagnosticCode), status: stringIn(one?.status) },
      cause: rowOf(causes, type) ?? (type.startsWith("Permanent/") ? {} : { lasting: false }),
    });
  return told("bounce", recipientsOf(bounce?.bouncedRecipients, judge), { ...(reportingMta && { reportingMta }) });
}
