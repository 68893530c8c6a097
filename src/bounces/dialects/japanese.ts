// Reports of Japanese carriers, providers and gateways. Their Japanese half may be in ISO-2022-JP or Shift_JIS, or be lost:
// rows recognise the English half too.
import { type Dialect, recipientForms } from "../dialect.ts";

const { alone, bracketedHeading, command } = recipientForms;

export const japaneseDialects: readonly Dialect[] = [
  {
    id: "m-filter",
    when: { text: /m-FILTER|-{3,40}server message/i },
    opening: /以下のメールアドレスへの送信に失敗しました。?|-{3,40}failed? (?:recipient|address)|m-FILTER[^\n]{0,60}\n/i,
    closing: /-{3,40}original mail info/i,
    recipients: [alone],
    example: `From: <>
Subject: failure notice
Content-Type: text/plain; charset=UTF-8

このメールは「m-FILTER」が自動的に生成して送信しています。

以下のメールアドレスへの送信に失敗しました。
user@example.com

-------server message
550 5.2.2 <user@example.com>... Mailbox Full

-------SMTP command
RCPT

-------original mail info
From: sender@example.net
`,
    expects: { kind: "bounce", recipient: "user@example.com", category: "mailbox_full", hardBounce: false },
  },
  {
    id: "au",
    when: {
      text: /The user\(s\) account is |Your mail (?:sent|attempted to be delivered) on:|Each of the following recipients was rejected by a remote|The following recipients? did not receive this message|Could not be delivered to: </i,
    },
    recipients: [
      /Recipient: <(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>/gi,
      /Could not be delivered to: <(?<address>[^\s<>]{1,64}@[^\s<>]{1,255})>/gi,
      alone,
      command,
    ],
    reason: "anywhere",
    example: `From: Postmaster@au.example.jp
Subject: Mail System Error - Returned Mail

The user(s) account is disabled.

<user@au.example.jp>
`,
    expects: { kind: "bounce", recipient: "user@au.example.jp", category: "inactive_recipient", hardBounce: false },
  },
  {
    id: "japanese-provider",
    when: {
      text: /(?:送信|配信|配達|お届け|届け)(?:する事が|することが)?(?:に失敗|でき(?:ません|なかった))|宛先[^\n]{0,30}(?:見つかり|存在)|あて先[^\n]{0,30}エラー/,
    },
    recipients: [
      bracketedHeading,
      alone,
      /(?:宛先|あて先|送信先|アドレス)[^\n<>@]{0,30}[::<＜「 ](?<address>[^\s<>＞」]{1,64}@[^\s<>＞」()（）]{1,255})/gi,
      command,
    ],
    reason: "anywhere",
    example: `From: MAILER-DAEMON@mail.example.jp
Subject: Mail System Error
Content-Type: text/plain; charset=UTF-8

次のあて先へのメッセージはエラーのため送信できませんでした。

<user@example.jp>:
550 Unknown user user@example.jp
`,
    expects: { kind: "bounce", recipient: "user@example.jp", category: "invalid_recipient", hardBounce: true },
  },
];
