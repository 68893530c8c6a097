// Reports of mailbox and sending providers in their own words.
import { type Dialect, recipientForms } from "../dialect.ts";

const { alone, bracketedHeading, ellipsis, unbracketedHeading } = recipientForms;

export const providerDialects: readonly Dialect[] = [
  {
    id: "google-groups",
    when: {
      from: /@(?:googlemail|gmail|google)\.com/i,
      text: /groups\.google\.com\/support|^Google Groups$/im,
      header: "x-failed-recipients",
    },
    recipients: [],
    otherwise: "sender_rejected",
    example: `From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: team@groups.example.com
Auto-Submitted: auto-replied

Hello sender@example.net,

We're writing to let you know that the group you tried to contact (team) may
not exist, or you may not have permission to post messages to the group.

 * The owner of the group may have removed this group.
 * This group may not be open to posting.

Google Groups
`,
    expects: { kind: "bounce", recipient: "team@groups.example.com", category: "sender_rejected", hardBounce: false },
  },
  {
    id: "gmail",
    when: {
      from: /@(?:googlemail|gmail|google)\./i,
      text: /Delivery to the following recipients? (?:has been delayed|failed permanently|failed)|Google tried to deliver your message/i,
    },
    opening: /Delivery to the following recipients?[^\n]{0,60}\n/i,
    recipients: [alone],
    example: `From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Subject: Delivery Status Notification (Failure)

Delivery to the following recipient failed permanently:

     user@example.com

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the server for the recipient domain example.com by mx.example.com. [192.0.2.1].

The error that the other server returned was:
552 5.2.2 <user@example.com>... Mailbox Full

----- Original message -----

Received: by 192.0.2.7 with SMTP id 1;
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
  {
    id: "google-workspace",
    when: {
      text: /^\*\* (?:Address not found|Message (?:blocked|not delivered|rejected)|Delivery incomplete|Recipient inbox full) \*\*/im,
    },
    recipients: [
      /(?:delivered to|delivering your message to|problem delivering [^\n]{0,40} to) (?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gi,
    ],
    example: `From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Subject: Delivery Status Notification (Failure)

** Address not found **

Your message wasn't delivered to user@example.com because the address couldn't be found, or is unable to receive mail.

The response from the remote server was:
550 5.1.1 <user@example.com>: Recipient address rejected: User unknown in local recipient table
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "yahoo",
    when: { text: /Sorry,? we (?:were|are) unable to deliver your message to the following address/i },
    opening: /unable to deliver your message[^\n]{0,60}\n/i,
    recipients: [bracketedHeading, alone],
    example: `From: MAILER-DAEMON@yahoo.com
Subject: Failure Notice

Sorry, we were unable to deliver your message to the following address.

<user@example.com>:
No mx record found for domain=example.com

--- Below this line is a copy of the message.

Received: from mail.example.net by mx.example.net with HTTP; Thu, 01 Jan 2026 10:00:00 +0000
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "bad_domain", hardBounce: true },
  },
  {
    id: "united-internet",
    when: {
      text: /created automatically by mail delivery software/i,
      from: /@(?:kundenserver|gmx|mail\.gmx|web|1and1|1und1|ionos|mout)\./i,
    },
    opening: /failed:/i,
    recipients: [/^[ \t"<]{0,4}(?<address>[^\s<>:"]{1,64}@[^\s<>:"]{1,255})"?>?:?[ \t]{0,20}$/gim],
    example: `From: MAILER-DAEMON@mout.gmx.example.com
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"user@example.com":
SMTP error from remote server for RCPT TO command, host: mx.example.com (192.0.2.1) reason: 550 5.1.1 <user@example.com>: User unknown

--- The header of the original message is following. ---

Received: from [192.0.2.9] by mail.example.net
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "zoho",
    when: { text: /ERROR_CODE ?:|ResponseCode \d{3}|\[Status: Error, Address:/i },
    recipients: [
      /^[ \t]{0,8}(?<address>[^\s<>:"]{1,64}@[^\s<>:"]{1,255})[ \t]{1,4}[^\n]{0,200}ERROR_CODE/gim,
      /Address: <(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>/gi,
    ],
    example: `From: mailer-daemon@mail.zoho.com
Subject: Undelivered Mail Returned to Sender

This message was created automatically by mail delivery software.
A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

user@example.com Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <user@example.com>... User Unknown

`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "verizon",
    when: { text: /Message could not be delivered to mobile/i },
    recipients: [/^[ \t]{0,8}(?:RCPT )?TO:[ \t]{0,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gim, alone],
    reason: "anywhere",
    example: `From: post_master@vzwpix.example.com
Subject: Undeliverable Message

Message could not be delivered to mobile.
Error: No valid recipients for this MM

Message details:
  Subject: Order 1001
  To: 5550100@vzwpix.example.com
`,
    expects: { kind: "bounce", recipient: "5550100@vzwpix.example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "aol-transcript",
    when: { text: /^[ \t]{0,8}-{3,5} ?The following addresses had delivery problems/im },
    opening: /delivery problems[ -]{0,10}\n/i,
    closing: /^[ \t]{0,8}-{3,5}/m,
    recipients: [/^[ \t]{0,8}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>?/gim, ellipsis, unbracketedHeading],
    example: `From: postmaster@mail.example.net
Subject: Returned mail: Service unavailable

   ----- The following addresses had delivery problems -----
<user@example.com>   (User unknown user@example.com)

   ----- Non-delivered information -----
The mailbox is not there.
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
];
