// The reports that the capture relay sends back for some of its addresses, written as a server of the world would.

export type SandboxReport = "bounce" | "complaint";

/** A mail that was taken. */
export type TakenMail = { from: string; recipient: string; raw: Buffer };

/** A report on its way: the null sender, as of all reports (RFC 3464, section 2; RFC 5965, section 2). */
export type ReportMail = { to: string; bytes: Buffer };

const headerBytesMax = 64 * 1024;

/** The header of the original, with the Return-Path that the last server writes (RFC 5321, section 4.4). */
function returnedHeader({ from, raw }: TakenMail): string {
  const end = raw.indexOf("\r\n\r\n");
  const header = raw.subarray(0, Math.min(end === -1 ? raw.length : end, headerBytesMax)).toString("latin1");
  return `Return-Path: <${from}>\r\n${header.trimEnd()}\r\n`;
}

function report(options: {
  to: string;
  from: string;
  subject: string;
  type: string;
  id: string;
  date: Date;
  parts: [string, string][];
}): ReportMail {
  const { to, from, subject, type, id, date, parts } = options;
  const boundary = `=_${id}`;
  const head = [
    `From: ${from}`,
    `To: <${to}>`,
    `Subject: ${subject}`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}@${from.replace(/^.*@|>$/g, "")}>`,
    "MIME-Version: 1.0",
    "Auto-Submitted: auto-generated",
    `Content-Type: multipart/report; report-type=${type}; boundary="${boundary}"`,
  ];
  const bodies = parts.map(([contentType, body]) => `--${boundary}\r\nContent-Type: ${contentType}\r\n\r\n${body}\r\n`);
  return { to, bytes: Buffer.from(`${head.join("\r\n")}\r\n\r\n${bodies.join("")}--${boundary}--\r\n`, "latin1") };
}

/**
 * The report on a mail: a delivery status notification (RFC 3464) to its sender, or a feedback report (RFC 5965), which goes to an address
 * that was registered for it, here postmaster's at the sender's domain.
 * @param context.id of the report, unique
 */
export function sandboxReport(
  kind: SandboxReport,
  mail: TakenMail,
  { domain, id, date }: { domain: string; id: string; date: Date },
): ReportMail {
  const { from, recipient } = mail;
  const header = returnedHeader(mail);
  if (kind === "complaint") {
    const fields = [
      "Feedback-Type: abuse",
      "User-Agent: PosternSandbox/1",
      "Version: 1",
      `Original-Mail-From: <${from}>`,
      `Original-Rcpt-To: <${recipient}>`,
    ];
    return report({
      ...{ to: `postmaster@${from.slice(from.lastIndexOf("@") + 1)}`, from: `Feedback loop <fbl@${domain}>`, id, date },
      ...{ subject: "Abuse report", type: "feedback-report" },
      parts: [
        ["text/plain; charset=us-ascii", "A recipient marked this mail as spam.\r\n"],
        ["message/feedback-report", `${fields.join("\r\n")}\r\n`],
        ["text/rfc822-headers", header],
      ],
    });
  }
  const reply = "550 5.1.1 Recipient address rejected: User unknown";
  const status = [
    `Reporting-MTA: dns; mx.${domain}`,
    "",
    `Final-Recipient: rfc822; ${recipient}`,
    "Action: failed",
    "Status: 5.1.1",
    `Remote-MTA: dns; mailbox.${domain}`,
    `Diagnostic-Code: smtp; ${reply}`,
  ];
  return report({
    ...{ to: from, from: `Mail Delivery System <MAILER-DAEMON@mx.${domain}>`, id, date },
    ...{ subject: "Undelivered Mail Returned to Sender", type: "delivery-status" },
    parts: [
      ["text/plain; charset=us-ascii", `Your mail could not be delivered to ${recipient}:\r\n\r\n  ${reply}\r\n`],
      ["message/delivery-status", `${status.join("\r\n")}\r\n`],
      ["text/rfc822-headers", header],
    ],
  });
}
