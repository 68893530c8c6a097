// Reports of security gateways and mail appliances.
import { type Dialect, recipientForms } from "../dialect.ts";

const { alone } = recipientForms;

export const gatewayDialects: readonly Dialect[] = [
  {
    id: "interscan",
    when: { text: /InterScan|^\S{1,20} (?:<<<|>>>) (?:RCPT|[45]\d\d)/im },
    recipients: [
      /Unable to deliver message to <(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>/gi,
      /RCPT TO: ?<(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>/gi,
    ],
    example: `From: postmaster@example.net ("InterScan Notification")
Subject: Mail could not be delivered

************* Message from InterScan Messaging Security Suite **************

Sent <<< RCPT TO:<user@example.com>
Received >>> 550 5.1.1 <user@example.com>... User unknown

Could not deliver mail to this user.
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "surfcontrol",
    when: { text: /A transcript of the attempts to send the message follows|^Addressed To: /im },
    recipients: [/^[ \t]{0,8}Addressed To:[ \t]{1,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gim],
    example: `From: Mail Server <postmaster@example.net>
Subject: Message Delivery Failure

Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: user@example.com

Thu 1 Jan 2026 10:00:00 +0000
Failed to send to identified host,
user@example.com: [192.0.2.1], 550 user@example.com... No such user

--- Message non-deliverable.
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "mx-logic",
    when: { text: /Included is a copy of the message header/i },
    opening: /address(?:\(es\)|es)? (?:failed|had)[^\n]{0,60}\n/i,
    closing: /Included is a copy of the message header/i,
    recipients: [/^[ \t]{0,8}<?(?<address>[^\s<>:]{1,64}@[^\s<>:]{1,255})>?:?/gim, alone],
    example: `From: Mail Delivery System <mailer-daemon@example.net>
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  <user@example.com>:
    550 5.1.1 <user@example.com>... User Unknown

Included is a copy of the message header:
-----------------------------------------
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
];
