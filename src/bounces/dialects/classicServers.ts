// Reports of the mail servers that most of the world runs or ran, where they come without a machine's half:
// qmail and its heirs, Exim, Postfix, sendmail, Courier, OpenSMTPD, DragonFly, James, IMail.
import { type Dialect, recipientForms } from "../dialect.ts";

const { alone, bracketedHeading, command, ellipsis, unbracketedHeading } = recipientForms;

export const classicServerDialects: readonly Dialect[] = [
  {
    id: "qmail",
    when: { text: /qmail-send program|I'm afraid I wasn't able to deliver your message|^Hi\. This is the .{1,100} program at/im },
    opening: /following address(?:es)?\.|deliver your message|program at [^\n]{1,200}\n/i,
    recipients: [bracketedHeading, alone],
    example: `From: MAILER-DAEMON@mx.example.net
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<user@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <user@example.com>: User unknown
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <sender@example.net>
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "exim",
    when: {
      text: /created automatically by mail delivery software|A message that you sent (?:could not be|has not (?:yet )?been|contained)|automatically by the SMTP relay|^message [\w-]{16,23} has been (?:frozen|delayed)/im,
    },
    opening:
      /(?:address(?:\(es\)|es)? (?:failed|to which|have|has)|could not be delivered to|incorrectly\s{1,4}constructed|has not (?:yet )?been delivered (?:is|are|to))[^\n]{0,100}:?\n/i,
    recipients: [
      /^ {1,8}(?:(?:pipe to )?[|/][^\n]{0,300}\n {2,8}\(?(?:ultimately )?generated (?:by|from) )?(?:[^\s<>@]{1,64}@\S{1,255} <)?(?<address>[^\s<>()[\],;:"]{1,64}@[^\s<>()[\],;:"]{1,255})>?(?: <[^<>\n]{1,320}>)?\)?:? {0,4}(?:$|: )/gim,
      /(?:generated (?:by|from)|for) (?<address>[^\s<>()[\],;:"]{1,64}@[^\s<>()[\],;:"]{1,255})/gi,
      bracketedHeading,
      unbracketedHeading,
      alone,
    ],
    example: `From: Mail Delivery System <Mailer-Daemon@mail.example.net>
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  user@example.com
    host mx.example.com [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<user@example.com>:
    552 5.2.2 Mailbox full

------ This is a copy of the message, including all the headers. ------

Return-path: <sender@example.net>
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
  {
    id: "postfix",
    when: {
      text: /This is the (?:\S{1,60} )?(?:Postfix|mail system|SMTP server|mail server) (?:program )?at host|The Postfix program|^[ \t]{0,40}The mail system[ \t]{0,10}$/im,
    },
    recipients: [bracketedHeading, ellipsis, unbracketedHeading],
    example: `From: MAILER-DAEMON@mail.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender

This is the mail system at host mail.example.net.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

                   The mail system

<user@example.com>: host mx.example.com[192.0.2.1] said: 554 5.7.1
    <user@example.com>: Relay access denied (in reply to RCPT TO command)
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "relay_denied", hardBounce: false },
  },
  {
    id: "sendmail",
    when: { text: /-{4,5} ?(?:The following address(?:es)? had|Transcript of (?:the )?session follows|Recipients of this delivery)/i },
    recipients: [
      /^[ \t>]{0,8}(?:\d\d\d )?<(?<address>[^\s<>"]{1,64}@[^\s<>"]{1,255})>(?:\.\.\.| {0,4}$|\s{1,4}\()/gim,
      ellipsis,
      alone,
      command,
      /^[ \t>]{0,8}>>> (?<address>[^\s<>"]{1,64}@[^\s<>"]{1,255})/gim,
    ],
    example: `From: Mail Delivery Subsystem <MAILER-DAEMON@mail.example.net>
Subject: Returned mail: User unknown

   ----- Transcript of session follows -----
While talking to mx.example.com:
>>> RCPT To:<user@example.com>
<<< 550 No such user here
550 <user@example.com>... User unknown

   ----- Unsent message follows -----
Received: by mail.example.net; (5.65/1.37) id 0000001;
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "courier",
    when: { text: /running the Courier mail server|This is a delivery status notification from/i },
    recipients: [bracketedHeading, alone],
    example: `From: "Courier mail server at mail.example.net" <@mail.example.net>
Subject: NOTICE: mail delivery status.

This is a delivery status notification from mail.example.net,
running the Courier mail server, version 0.65.2.

The original message was received on Thu, 01 Jan 2026 10:00:00 +0000
from sender@example.net ([192.0.2.9])

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<user@example.com>:
    mx.example.com [192.0.2.1]:
>>> RCPT TO:<user@example.com>
<<< 550 5.1.1 <user@example.com>... User Unknown

---------------------------------------------------------------------------
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "opensmtpd",
    when: { text: /This is the MAILER-DAEMON, please DO NOT REPLY/i },
    recipients: [unbracketedHeading, alone],
    example: `From: Mailer Daemon <MAILER-DAEMON@mail.example.net>
Subject: Delivery status notification: error

    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

user@example.com: 550 5.2.2 <user@example.com>... Mailbox Full

    Below is a copy of the original message:

Received: from localhost (localhost [127.0.0.1])
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
  {
    id: "dragonfly",
    when: { text: /This is the DragonFly Mail Agent/i },
    recipients: [/(?:delivering your mail|deliver(?:y|ed)?) to <(?<address>[^<>\s]{1,320}@[^<>\s]{1,255})>/gi],
    example: `From: MAILER-DAEMON <>
Subject: Mail delivery failed

This is the DragonFly Mail Agent v0.13 at mail.example.net.

There was an error delivering your mail to <user@example.com>.

mx.example.com [192.0.2.1] did not like our RCPT TO:
550 5.7.25 <user@example.com>: Recipient address rejected: Reverse DNS validation failed

Message headers follow.

Received: from root (uid 0)
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "reputation", hardBounce: false },
  },
  {
    id: "james",
    when: { text: /Error message below:|James mail server|^Error: [^\n]{3,100}$[\s\S]{0,300}Message details:/im },
    recipients: [/^[ \t]{0,8}RCPT TO:[ \t]{0,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gim, alone],
    reason: "anywhere",
    example: `From: postmaster@mail.example.net
Subject: Re:Order 1001

Hi. This is the James mail server at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

Error message below:
550 - Requested action not taken: no such user here

Message details:
  Subject: Order 1001
  MAIL FROM: sender@example.net
  RCPT TO: user@example.com
  Size (in bytes): 39
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "imail",
    when: {
      subject: /Undeliverable Mail/i,
      text: /^(?:Unknown user|Invalid final delivery userid|Unknown host|User mailbox exceeds allowed size|Delivery failed \d{1,3} attempts|undeliverable to)\b/im,
    },
    recipients: [
      /^(?:Unknown user|Invalid final delivery userid|Unknown host|User mailbox exceeds allowed size|Delivery failed \d{1,3} attempts|undeliverable to):? {0,4}<?(?<address>[^\s<>:,]{1,64}@[^\s<>,]{1,255})/gim,
    ],
    example: `From: "Postmaster" <postmaster@mail.example.net>
Subject: Undeliverable Mail

User mailbox exceeds allowed size: user@example.com


Original message follows.

Received: from mail.example.net [192.0.2.9] by mail.example.com
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
  {
    id: "mailfoundry",
    when: { text: /Delivery failed for the following reason:|This has been a (?:permanent|temporary) failure/i },
    recipients: [/Unable to deliver (?:the )?message to:? {0,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gi],
    example: `From: <MAILER-DAEMON@mail.example.net>
Subject: Message delivery has failed

Unable to deliver message to: <user@example.com>
Delivery failed for the following reason:
Server mx.example.com[192.0.2.1] failed with: 550 <user@example.com>: Recipient address rejected: User unknown

This has been a permanent failure.  No further delivery attempts will be made.
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
];
