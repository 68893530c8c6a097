// Reports of servers that nobody could name, and the last resort: what nearly any report looks like.
import { type Dialect, recipientForms } from "../dialect.ts";

const { alone, bracketedHeading, command, ellipsis, unbracketedHeading } = recipientForms;

/** "not delivered" and the like, in the languages that reports come in. */
const failureWords =
  /undeliver|not (?:be |been |deliver|reach|sent)|unable to (?:deliver|send|relay)|fail(?:ed|ure)|returned|rejected|delivery (?:error|problem|status|report|notification)|could(?:n't| not)|error(?:s)? (?:deliver|send|occurred)|(?:user|host|recipient|address) unknown|(?:unknown|invalid|bad|malformed|no such) (?:user|host|recipient|address|account|domain)|mailbox|no (?:longer )?valid|incorrectly|expired|disabled|too (?:large|big)|quota|giv(?:en|ing) up|non remis|n'a pas pu|unzustellbar|nicht zugestellt|no se (?:ha )?(?:pudo|podido)|impossibile|não (?:foi|pôde)|не (?:может|доставлен)|fatal error|permanent error|退(?:信|回)|无法(?:送达|投递)|(?:发送|投递)失败|送信でき|配信(?:でき|不能|に失敗)|配送(?:でき|不能|に失敗)|見つかりません|メールエラー|배달 실패|전송 실패/i;
/** Who sends reports: names and local parts of daemons, and nobody. */
export const senderOfReports =
  /mail(?:er)?[ _-]?daemon|post[ _-]?master|mail ?deliver|delivery (?:sub)?system|system administrator|(?:e-?)?mail ?administrator|double-bounce|bounce|mail ?(?:er )?system|mail ?gateway|<>|^\s{0,20}$/i;

export const unnamedDialects: readonly Dialect[] = [
  {
    id: "delivery-errors-in-brackets",
    when: { text: /-{3,5} ?The following addresses had delivery errors ?-{3,5}/i },
    opening: /delivery errors ?-{3,5}/i,
    recipients: [/^[ \t]{0,8}(?<address>[^\s<>[\]]{1,64}@[^\s<>[\]]{1,255})[ \t]{1,4}\[/gim, alone],
    example: `From: "Mail Deliver System" <MAILER-DAEMON@mail.example.net>
Subject: Returned Mail: User unknown

The original message was received at Thu, 1 Jan 2026 10:00:00 +0900
from sender@example.net

---The following addresses had delivery errors---

user@example.com [Mailbox full]
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
  {
    id: "trouble-delivering",
    when: { text: /We had trouble delivering your message/i },
    recipients: [
      /rejected recipient <?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gi,
      /(?:returned (?:permanent|temporary) errors|recipients?)[^\n@:]{0,40}: ?<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gi,
    ],
    example: `From: mailer-daemon@mail.example.net
Subject: There was an error sending your mail

We had trouble delivering your message. Full details follow:

Subject: 'Order 1001'

1 error(s):

SMTP Server <mx.example.com> rejected recipient <user@example.com> (Error following RCPT command). It responded as follows: [550 5.1.1 User unknown]
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "unable-to-deliver",
    when: {
      text: /Unable to deliver (?:your )?(?:message|mail) to the following (?:address|recipient)|following address(?:\(es\)|es)? could not be delivered/i,
    },
    recipients: [bracketedHeading, alone, unbracketedHeading],
    example: `From: MAILER-DAEMON@mail.example.net
Subject: failed delivery

Message from  mail.example.net.
Unable to deliver message to the following address(es).

<user@example.com>:
This user doesn't have an account here (user@example.com) [-9]

--- Original message follows.

Return-Path: <sender@example.net>
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "technical-details",
    when: { text: /automatically generated Delivery Status Notification[\s\S]{0,600}Technical details:/i },
    opening: /Delivery to the following recipients?[^\n]{0,60}\n/i,
    recipients: [alone],
    reason: "anywhere",
    example: `From: Mail Delivery System <postmaster@mail.example.net>
Subject: Delivery status notification

============================================================================
      This is an automatically generated Delivery Status Notification.

Delivery to the following recipients failed permanently:

    * user@example.com

============================================================================
                             Technical details:

SMTP:RCPT host 192.0.2.1: 553 5.3.0 <user@example.com>... No such user here
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "mailing-list",
    when: { header: "x-mlserver" },
    recipients: [/<(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>/g],
    otherwise: "sender_rejected",
    example: `From: list-admin@example.com
Subject: NOT MEMBER article from sender@example.net (list ML)
X-MLServer: fml [fml 4.0.3 release]

You are not a member of this mailing list <list@example.com>.

Original mail as follows:

From: sender@example.net
`,
    expects: { kind: "bounce", recipient: "list@example.com", category: "sender_rejected", hardBounce: false },
  },
  {
    id: "message-log",
    when: { text: /\|-{3,40} Failed addresses follow: -{3,40}\|/i },
    opening: /Failed addresses follow:[^\n]{0,60}\n/i,
    closing: /\|-{3,40}/,
    recipients: [ellipsis, alone],
    example: `From: <MAILER-DAEMON@mail.example.net>
Subject: mail failed, returning to sender

|------------------------- Message log follows: -------------------------|
 no valid recipients were found for this message
|------------------------- Failed addresses follow: ---------------------|
 <user@example.com> ... unknown host
|------------------------- Message text follows: ------------------------|
Received: from mail.example.net ([192.0.2.9])
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "bad_domain", hardBounce: true },
  },
  {
    id: "unnamed",
    when: { from: senderOfReports, words: failureWords },
    loose: true,
    recipients: [
      bracketedHeading,
      ellipsis,
      /^[ \t*-]{0,8}(?:failed )?(?:final[ -])?(?:recipient|addressee|addressed to|address)s?(?: address(?:es)?)?[ \t]{0,4}:[ \t]{0,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gim,
      alone,
      unbracketedHeading,
      // The reason in brackets behind the address.
      /^[ \t>*-]{0,12}<?(?<address>[^\s<>()[\],;:"']{1,64}@[^\s<>()[\],;:"']{1,255})>?[ \t]{1,4}[([]/gim,
      command,
      // A log line: the address, hosts, then the reply.
      /^[^\n<>]{0,100}<(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>[^\n]{0,200}[ :][45][0-57]\d[ -]/gim,
      /(?:deliver(?:ed|y|ing)?|sen[dt]|mail|message|relay|undeliverable|reach|recipient|user|mailbox|full|unknown|收件人|邮件|邮箱)[^\n@]{0,60}?[ \t:<"'([（：](?<address>[^\s<>()[\],;:"'（）]{1,64}@[^\s<>()[\],;:"'（）]{1,255})/gi,
    ],
    example: `From: MAILER-DAEMON@mail.example.net
Subject: Returned mail: Order 1001

User's mailbox is full: <user@example.com>
Unable to deliver mail.
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
];
