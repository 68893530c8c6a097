// Reports as mail servers write them, small ones, for tests of what becomes of them.

/** A delivery status notification (RFC 3464). `original`: header lines of the mail that it returns. */
export function dsn(options: {
  recipient: string;
  originalRecipient?: string;
  action?: string;
  status?: string;
  diagnostic?: string;
  original?: string[];
  /** Makes reports differ that say the same. */
  note?: string;
}): string {
  const {
    recipient,
    originalRecipient,
    action = "failed",
    status = "5.1.1",
    original = ["From: app@example.com", "Subject: Hello"],
  } = options;
  const { diagnostic = "550 5.1.1 User unknown", note = "" } = options;
  const fields = [
    "Reporting-MTA: dns; mx.example.net",
    "",
    ...(originalRecipient === undefined ? [] : [`Original-Recipient: rfc822; ${originalRecipient}`]),
    `Final-Recipient: rfc822; ${recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: smtp; ${diagnostic}`,
  ];
  const lines = [
    "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>",
    "To: sender@example.com",
    "Subject: Undelivered Mail Returned to Sender",
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    `This is the mail system at mx.example.net. ${note}`,
    "",
    "--b",
    "Content-Type: message/delivery-status",
    "",
    ...fields,
    "",
    "--b",
    "Content-Type: text/rfc822-headers",
    "",
    ...original,
    "",
    "--b--",
    "",
  ];
  return lines.join("\r\n");
}

/** A feedback report (RFC 5965). Without `recipient` it is redacted, as most are. */
export function complaint(options: { recipient?: string; type?: string; original?: string[] }): string {
  const { recipient, type = "abuse", original = ["From: app@example.com", "Subject: Hello"] } = options;
  const lines = [
    "From: fbl@provider.example",
    "To: fbl@example.com",
    "Subject: complaint",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    "A complaint.",
    "--b",
    "Content-Type: message/feedback-report",
    "",
    `Feedback-Type: ${type}`,
    "User-Agent: Provider/1",
    "Version: 1",
    ...(recipient === undefined ? [] : [`Original-Rcpt-To: <${recipient}>`]),
    "",
    "--b",
    "Content-Type: message/rfc822",
    "",
    ...original,
    "",
    "Hello",
    "--b--",
    "",
  ];
  return lines.join("\r\n");
}

/** An automatic reply (RFC 3834). */
export const vacation = [
  "From: ada@example.net",
  "To: sender@example.com",
  "Subject: Out of office",
  "Auto-Submitted: auto-replied",
  "",
  "I am away until Monday.",
  "",
].join("\r\n");
