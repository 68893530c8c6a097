// What mail servers say in reports of their own, where no other server's reply is quoted. They stand first, as they are whole sentences.
import { anyOf, type ReplyRule } from "../replyRule.ts";

export const reportWordingRules: readonly ReplyRule[] = [
  {
    id: "report.timed-out",
    when: { final: true, text: /(?:connection|operation|: |session) ?timed out\b/i },
    category: "expired",
    advice:
      "The recipient's server could not be reached before the relay's queue time ended: look at the domain's MX, and send again later.",
    example: "4.4.1 connect to mx.example.com[192.0.2.1]:25: Connection timed out",
  },
  {
    id: "report.host-try-again",
    when: { text: /host not found, try again/i },
    category: "unreachable",
    advice: "The name servers of the recipient's domain do not answer properly: wait, or tell the domain's operators.",
    example: "450 4.4.3 Name service error for domain example.com: Host not found, try again",
  },
  {
    id: "report.directory",
    when: {
      text: anyOf(
        /not listed in (?:the )?(?:public name & address book|public address book|domino directory|public nab)/,
        /recipient(?:'s)? name is not recogni[sz]ed/,
        /invalid final delivery userid/,
        /(?:no valid recipients? for this mm|invalid user address)/,
        /please check (?:if|that) (?:the )?address is correct/,
        /ディレクトリ(?:のリスト)?に(?:は)?(?:見つかり|あり)ません/,
        /nicht im (?:domino[ -]verzeichnis|domino directory)/,
        /(?:n'est pas|non [eè]|no (?:figura|est[aá])) (?:r[eé]pertori[eé]|elencato|list(?:ed|ado)|en el directorio)[^.]{0,40}domino/,
      ),
    },
    category: "invalid_recipient",
    hard: true,
    example: "550 5.1.1 User user (user@example.com) not listed in Domino Directory",
  },
  {
    id: "report.mailbox-size",
    when: { text: /user mailbox exceeds allowed size|messages in recipient's mailbox exceeded/i },
    category: "mailbox_full",
    example: "552 User mailbox exceeds allowed size: user@example.com",
  },
  {
    id: "report.account-disabled",
    when: { text: /the user\(s\) account is (?:disabled|suspended|stopped|not active|temporarily limited)/i },
    category: "inactive_recipient",
    example: "550 The user(s) account is disabled.",
  },
  {
    id: "report.remote-domain",
    when: { text: /as the remote domain does(?:n'?t| not) exist|could not find a gateway for/i },
    category: "bad_domain",
    hard: true,
    example: "550 As the remote domain doesnt exist.",
  },
  {
    id: "report.given-up",
    when: {
      text: /delivery failed \d{1,4} attempts|message was not delivered within \d{1,4}|delivery expired \(message too old\)|has been in the queue for/i,
    },
    category: "expired",
    example: "550 Delivery failed 20 attempts: user@example.com",
  },
  {
    id: "report.no-route",
    when: { text: /account or domain may not exist, they may be blacklisted, or missing the proper dns/i },
    category: "bad_domain",
    hard: true,
    advice: "The relay found no mail server for the recipient's domain: look for a typing error in the address.",
    example:
      "550 The mail server could not deliver mail to user@example.com.  The account or domain may not exist, they may be blacklisted, or missing the proper dns entries.",
  },
  {
    id: "report.blacklisted-address",
    when: { text: /sending to\/from an address that has been blacklisted/i },
    category: "sender_rejected",
    example: "550 Sorry, you are sending to/from an address that has been blacklisted",
  },
  {
    id: "report.mailing-list",
    when: {
      text: anyOf(
        /not (?:a member of|subscribed to) this (?:mailing )?(?:list|group)/,
        /closed mailing list/,
        /not member article/,
        /reject (?:mail from <|spammers)/,
        /is not allowed to post/,
        /posting to this (?:list|group) is restricted/,
      ),
    },
    category: "sender_rejected",
    advice: "The address is a mailing list that takes mail from its members only: join it, or ask its owner.",
    example: "550 5.7.1 You are not a member of this mailing list <list@example.com>.",
  },
  {
    id: "report.malformed-address",
    when: { text: /malformed address: |bad address syntax|address[^.]{0,20}incorrectly constructed|missing or malformed local part/i },
    category: "protocol",
    advice: "The address breaks the rules of RFC 5322, or the message's To field does: mend it.",
    example: "501 user@example.com <user@example.net>: malformed address: <user@example.net> may not follow user@example.com",
  },
  {
    id: "report.local-program",
    when: {
      text: anyOf(
        /pipe to \|/,
        /"?\|[^"]{0,100}(?:procmail|maildrop|\/bin\/)/,
        /local delivery failed/,
        /child process of \S{1,60} transport/,
        /command (?:died|failed|time limit exceeded|output)/,
        /mail(?:er)? (?:error|process exited)/,
        /unknown mailer error/,
        /system config error/,
      ),
    },
    category: "system",
    advice: "The recipient's server could not run the program that files its mail: tell its postmaster.",
    example: '550 5.3.0 Command died with status 255: "/usr/local/bin/deliver"',
  },
  {
    id: "report.user-database",
    when: { text: /unable to contact ldap server|ldap (?:lookup|server|error)|user database (?:is )?(?:unavailable|error)/i },
    category: "system",
    example: "451 Unable to contact LDAP server. (#4.4.3)",
  },
];
