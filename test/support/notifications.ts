// Providers' notifications as their documentation has them, and the signatures that they come with, by keys made for the test.
import { execFile } from "node:child_process";
import { createHmac, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "./temporaryFolder.ts";

const run = promisify(execFile);

export const topicArn = "arn:aws:sns:eu-west-1:123456789012:ses-events";
export const snsHost = "sns.eu-west-1.amazonaws.com";
export const certificateAddress = `https://${snsHost}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem`;

/** A key of RSA and its certificate, as SNS signs with. */
export async function snsIdentity(days = 1): Promise<{ key: string; certificate: string }> {
  const folder = await temporaryFolder({ name: "sns" });
  const [keyFile, certificateFile] = [join(folder.path, "key.pem"), join(folder.path, "certificate.pem")];
  try {
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=sns.amazonaws.com", "-days", String(days)];
    await run("openssl", [...made, "-keyout", keyFile, "-out", certificateFile]);
    const [key, certificate] = await Promise.all([readFile(keyFile, "utf8"), readFile(certificateFile, "utf8")]);
    return { key, certificate };
  } finally {
    await folder.remove();
  }
}

const signedMembers = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

type SnsFields = { Type: keyof typeof signedMembers; SignatureVersion?: "1" | "2" } & Record<string, string>;

/** An SNS message, signed. `changes` are made before signing, `forged` behind it. */
export function snsMessage(key: string, changes: Partial<SnsFields> & Record<string, string>, forged: Record<string, string> = {}): string {
  const fields: Record<string, string> = {
    Type: "Notification",
    MessageId: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
    TopicArn: topicArn,
    Message: "{}",
    Timestamp: new Date().toISOString(),
    SignatureVersion: "1",
    SigningCertURL: certificateAddress,
    UnsubscribeURL: `https://${snsHost}/?Action=Unsubscribe&SubscriptionArn=${topicArn}:c9135db0`,
    ...changes,
  };
  const members = signedMembers[fields.Type as keyof typeof signedMembers];
  const text = members.flatMap((name) => (fields[name] === undefined ? [] : [`${name}\n${fields[name]}\n`])).join("");
  const signer = createSign(fields.SignatureVersion === "2" ? "RSA-SHA256" : "RSA-SHA1");
  return JSON.stringify({ ...fields, Signature: signer.update(text).sign(key, "base64"), ...forged });
}

/** `mail` of an SES notification. Without `headers` as an identity's notifications are by default. */
export function sesMail(changes: { messageId?: string; source?: string; to?: string[]; headers?: [string, string][] } = {}) {
  const { messageId = "0102018d5f3a4b6c-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000", source = "shop@example.com" } = changes;
  const { to = ["ada@example.net"], headers } = changes;
  return {
    timestamp: "2016-01-27T14:59:38.237Z",
    source,
    sourceArn: "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
    sourceIp: "127.0.3.0",
    sendingAccountId: "123456789012",
    messageId,
    destination: to,
    ...(headers && {
      headersTruncated: false,
      headers: headers.map(([name, value]) => ({ name, value })),
      commonHeaders: { from: ["Shop <shop@example.com>"], to, subject: "Hello" },
    }),
  };
}

/** A bounce by SES, with the other server's delivery status unless `recipient` leaves it out. */
export function sesBounce(mail: ReturnType<typeof sesMail>, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const [emailAddress] = mail.destination;
  return {
    notificationType: "Bounce",
    bounce: {
      bounceType: "Permanent",
      reportingMTA: "dns; email.example.com",
      bouncedRecipients: [
        { emailAddress, status: "5.1.1", action: "failed", diagnosticCode: `smtp; 550 5.1.1 <${emailAddress}>... User unknown` },
      ],
      bounceSubType: "General",
      timestamp: "2016-01-27T14:59:38.237Z",
      feedbackId: "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa068a-000000",
      remoteMtaIp: "127.0.2.0",
      ...changes,
    },
    mail,
  };
}

export function sendgridKeys() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const base64 = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  return { privateKey, base64, pem: publicKey.export({ format: "pem", type: "spki" }).toString() };
}

/** The headers of a body that SendGrid signed. */
export function sendgridHeaders(
  privateKey: ReturnType<typeof sendgridKeys>["privateKey"],
  body: string,
  timestamp = String(Math.floor(Date.now() / 1_000)),
): Record<string, string> {
  return {
    "x-twilio-email-event-webhook-signature": createSign("sha256")
      .update(timestamp + body)
      .sign(privateKey, "base64"),
    "x-twilio-email-event-webhook-timestamp": timestamp,
  };
}

/** One event of SendGrid's. */
export function sendgridEvent(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    email: "ada@example.net",
    timestamp: 1_513_299_569,
    "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
    event: "bounce",
    category: ["cat facts"],
    sg_event_id: randomBytes(12).toString("base64url"),
    sg_message_id: "bdT3qimVR7SSpBEKunexIg.filter0001.16648.5515E0B88.0",
    reason: "550 5.1.1 The email account that you tried to reach does not exist.",
    status: "5.1.1",
    type: "bounce",
    bounce_classification: "Invalid Address",
    tls: 1,
    ip: "167.89.17.173",
    ...changes,
  };
}

/** A body of Mailgun's, signed. */
export function mailgunBody(
  signingKey: string,
  event: unknown,
  { timestamp = String(Math.floor(Date.now() / 1_000)), token = randomBytes(25).toString("hex") } = {},
): Record<string, unknown> {
  const signature = createHmac("sha256", signingKey)
    .update(timestamp + token)
    .digest("hex");
  return { signature: { token, timestamp, signature }, "event-data": event };
}

/** Mailgun's event for a failure for good. */
export function mailgunEvent(messageId: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    severity: "permanent",
    tags: ["my_tag_1"],
    timestamp: 1_521_233_195.375624,
    id: randomBytes(12).toString("base64url"),
    envelope: { sender: "shop@example.com", transport: "smtp", targets: "ada@example.net", "sending-ip": "209.61.154.250" },
    "recipient-domain": "example.net",
    event: "failed",
    campaigns: [],
    "user-variables": {},
    flags: { "is-routed": false, "is-authenticated": true, "is-system-test": false, "is-test-mode": false },
    "log-level": "error",
    message: {
      headers: { to: "ada@example.net", "message-id": messageId, from: "shop@example.com", subject: "Hello" },
      attachments: [],
      size: 111,
    },
    recipient: "ada@example.net",
    "delivery-status": {
      tls: true,
      "mx-host": "mx.example.net",
      "attempt-no": 1,
      description: "",
      "session-seconds": 0.4331989288330078,
      utf8: true,
      code: 550,
      message:
        "5.1.1 The email account that you tried to reach does not exist. Please try\n5.1.1 double-checking the recipient's email address",
      "certificate-verified": true,
    },
    reason: "bounce",
    ...changes,
  };
}

/** Postmark's webhook for a bounce. */
export function postmarkBounce(messageId: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    RecordType: "Bounce",
    MessageStream: "outbound",
    ID: 4_323_372_036_854,
    Type: "HardBounce",
    TypeCode: 1,
    Name: "Hard bounce",
    Tag: "Test",
    MessageID: messageId,
    Metadata: { a_key: "a_value" },
    ServerID: 23,
    Description: "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    Details: "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    Email: "ada@example.net",
    From: "shop@example.com",
    BouncedAt: "2021-02-21T16:34:52Z",
    DumpAvailable: true,
    Inactive: true,
    CanActivate: true,
    Subject: "Hello",
    ...changes,
  };
}
