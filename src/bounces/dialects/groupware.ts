// Reports of groupware: Exchange 5.5 to Online, Notes and Domino, Sun's and PMDF's messaging servers.
import { type Dialect, recipientForms } from "../dialect.ts";

const { alone, bracketedHeading } = recipientForms;

export const groupwareDialects: readonly Dialect[] = [
  {
    id: "exchange-5.5",
    when: { text: /did not reach the following recipient\(s\):/i },
    opening: /did not reach the following recipient\(s\):/i,
    recipients: [/^[ \t]{0,8}(?<address>[^\s<>()[\],;:"]{1,64}@[^\s<>()[\],;:"]{1,255}) on (?:mon|tue|wed|thu|fri|sat|sun|\d)/gim, alone],
    example: `From: System Administrator <postmaster@example.net>
Subject: Undeliverable: Order 1001

Your message

  To:      user@example.com
  Subject: Order 1001
  Sent:    Thu, 1 Jan 2026 10:00:00 -0400

did not reach the following recipient(s):

user@example.com on Thu, 1 Jan 2026 10:00:03 -0400
    The recipient name is not recognized
    MSEXCH:IMS:EXAMPLE:SITE:SERVER 0 (000C05A6) Unknown Recipient
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "exchange-2003",
    when: {
      text: /following recipient\(?s?\)? (?:could ?not|cannot) be reached|Folgende Empf[äa]nger k[öo]nnen nicht erreicht|destinataires suivants n'ont pas pu|destinatari non [èe] raggiungibile|No se pudo entregar a los (?:siguientes )?destinatarios/i,
    },
    opening: /(?:be reached|erreicht[^\n]{0,20}|n'ont pas pu[^\n]{0,40}|raggiungibile|destinatarios)[^\n]{0,20}:/i,
    recipients: [
      /^[ \t]{0,12}'?(?<address>[^\s<>()[\],;:"']{1,64}@[^\s<>()[\],;:"']{1,255})'? (?:on|am|le|el|il|em) (?:mon|tue|wed|thu|fri|sat|sun|\d)/gim,
      alone,
    ],
    example: `From: System Administrator <postmaster@example.net>
Subject: Undeliverable: Order 1001

Your message did not reach some or all of the intended recipients.

      Subject:  Order 1001
      Sent:     2026/01/01 10:00

The following recipient(s) could not be reached:

      user@example.com on 2026/01/01 10:00
            The e-mail account does not exist at the organization this message was sent to.
            <mail.example.net #5.1.1>
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "exchange",
    when: {
      text: /Diagnostic information for administrators|Generating server ?:|Informations? de diagnostic pour les administrateurs|Serveur de g[ée]n[ée]ration|Informazioni di diagnostica per gli amministratori|Server di generazione|Diagnoseinformationen f[üu]r Administratoren|Generierender Server|Informaci[óo]n de diagn[óo]stico para (?:los )?administradores|Servidor de generaci[óo]n|管理者向けの診断情報|生成サーバー/i,
    },
    opening:
      /(?:Diagnostic information for administrators|Informations? de diagnostic|Informazioni di diagnostica|Diagnoseinformationen|Informaci[óo]n de diagn[óo]stico|管理者向けの診断情報|Generating server)[^\n]{0,100}\n/i,
    recipients: [alone, /^[ \t]{0,8}(?<address>[^\s<>()[\],;:"]{1,64}@[^\s<>()[\],;:"]{1,255})[ \t]{1,4}(?=#|\d\d\d)/gim],
    example: `From: Microsoft Exchange <postmaster@example.net>
Subject: Undeliverable: Order 1001

Delivery has failed to these recipients or groups:

user@example.com<mailto:user@example.com>
The email address you entered couldn't be found.

Diagnostic information for administrators:

Generating server: MAIL01.example.net

user@example.com
#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##

Original message headers:

Received: from MAIL02.example.net (192.0.2.9) by MAIL01.example.net
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "exchange-short",
    when: { text: /Delivery (?:has failed|is delayed) to these recipients|could(?:n't| not) be delivered to these recipients/i },
    opening: /to these recipients[^\n]{0,60}\n/i,
    recipients: [alone, /[<(](?:mailto:)?(?<address>[^\s<>()]{1,64}@[^\s<>()]{1,255})[>)]/gi],
    example: `From: Microsoft Outlook <postmaster@example.net>
Subject: Delivery delayed: Order 1001

Delivery is delayed to these recipients or groups:

user@example.com (user@example.com)<mailto:user@example.com>

This message hasn't been delivered yet. Delivery will continue to be attempted.
`,
    expects: { kind: "delayed", recipient: "user@example.com" },
  },
  {
    id: "domino",
    when: { text: /was not delivered to:\s{1,20}[\s\S]{1,600}because:/i },
    opening: /was not delivered to:/i,
    recipients: [alone, /^[ \t]{0,8}[^\n]{0,100}?(?<address>[^\s<>()[\],;:"]{1,64}@[^\s<>()[\],;:"]{1,255})/gim],
    example: `From: postmaster@example.net
Subject: DELIVERY FAILURE: User user (user@example.com) not listed in Domino Directory

Your message

  Subject: Order 1001

was not delivered to:

  user@example.com

because:

  User user (user@example.com) not listed in Domino Directory
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "notes",
    when: { text: /-{3,40} ?Failure Reasons? ? ?-{3,40}/i },
    opening: /Failure Reasons?[ -]{1,20}\n/i,
    recipients: [alone],
    reason: "anywhere",
    example: `From: postmaster@example.net
Subject: Undeliverable message

------- Failure Reasons  --------

User not listed in public Name & Address Book
user@example.com


------- Returned Message --------

Received: from mail.example.net ([192.0.2.9]) by mx.example.com
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "messaging-server",
    when: {
      text: /Your message (?:cannot be|has been enqueued and undeliverable|is being returned|is being held|could not be) |This report relates to a message you sent with the following header fields/i,
    },
    opening: /header fields:|recipients?:/i,
    recipients: [
      /^[ \t]{0,8}Recipient address:[ \t]{1,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gim,
      /^[ \t]{0,8}Original address:[ \t]{1,4}<?(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})/gim,
    ],
    example: `From: Internet Mail Delivery <postmaster@example.net>
Subject: Delivery Notification: Delivery has failed

This report relates to a message you sent with the following header fields:

  Message-id: <1001@mail.example.net>
  From: sender@example.net
  To: user@example.com
  Subject: Order 1001

Your message cannot be delivered to the following recipients:

  Recipient address: user@example.com
  Original address: user@example.com
  Reason: Remote SMTP server has rejected address
  Diagnostic code: smtp;550 5.1.1 unknown or illegal alias: user@example.com
  Remote system: dns;mx.example.com (TCP|192.0.2.9|4711|192.0.2.1|25)
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "invalid_recipient", hardBounce: true },
  },
  {
    id: "mailmarshal",
    when: { text: /The following recipients were affected:|could not be delivered because of/i },
    opening: /recipients were affected:/i,
    closing: /Additional Information/i,
    recipients: [alone, bracketedHeading],
    reason: "anywhere",
    example: `From: postmaster@example.net
Subject: Undeliverable Mail: "Order 1001"

Your message:
   From:    sender@example.net
   Subject: Order 1001

Could not be delivered because of

552 5.2.2 Mailbox is full

The following recipients were affected:
    user@example.com

Additional Information
======================
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
];
