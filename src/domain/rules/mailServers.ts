// Phrases of the mail servers that most of the world runs: Postfix, Exim, sendmail, qmail.
import { anyOf, type ReplyRule } from "../replyRule.ts";

export const mailServerRules: readonly ReplyRule[] = [
  {
    id: "server.greylisting",
    when: { text: /gr[ea]y-?list|try again in \d{1,6} ?(?:s|m|sec|min)|deferred for \d{1,5} (?:sec|min)|please try again later \(milter/i },
    category: "system",
    advice: "The server defers mail from senders that it does not know yet (greylisting): the retry usually gets through.",
    example:
      "450 4.2.0 <user@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html",
  },
  {
    id: "server.reverse-lookup-for-relay",
    when: { text: /cannot find your (?:reverse )?hostname|unable to (?:verify|resolve|find) (?:your )?(?:reverse|rdns|ptr)/i },
    category: "reputation",
    advice:
      "The server finds no reverse DNS for the sending IP address: let its owner publish a PTR record whose name points back to the address.",
    example: "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
  },
  {
    id: "server.helo",
    when: {
      text: anyOf(
        /helo (?:command|name|hostname)[^.]{0,20}(?:rejected|invalid|mismatch)/,
        /(?:invalid|bad|syntactically invalid|need fully-qualified) (?:helo|ehlo|hostname)/,
        /(?:helo|ehlo) (?:argument|mismatch|name)/,
        /hostname must be/,
        /access denied - invalid helo/,
      ),
    },
    category: "protocol",
    advice: "The server does not like the name in EHLO: the relay has to greet with its full host name, which resolves to its address.",
    example: "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
  },
  {
    id: "postfix.sender-not-owned",
    when: { text: /sender address rejected: not (?:owned by|logged in)|not owned by (?:user|auth)/i },
    category: "sender_rejected",
    advice: "The relay's login may not use this sender address: let its operators allow it, or send from an address of that login.",
    example: "553 5.7.1 <sender@example.com>: Sender address rejected: not owned by user mailer",
  },
  {
    id: "server.sender-by-code",
    when: { enhanced: ["x.1.7", "x.1.8"] },
    category: "sender_rejected",
    advice:
      "The sender address or its domain does not exist for that server: publish an MX record for the domain, or use another sender address.",
    example: "550 5.1.7 No such domain example.invalid.",
  },
  {
    id: "server.sender-domain",
    when: {
      text: anyOf(
        /sender address rejected: (?:malformed dns|unverified|undeliverable|domain not found)/,
        /domain of sender (?:address )?(?:<>)?[^.]{0,60}(?:does not|doesn't|not) (?:exist|resolve)/,
        /sender(?:'s)? (?:domain|address) (?:must|does not|doesn't|not)/,
        /sender domain[^.]{0,20}(?:invalid|not found)/,
        /(?:sender verify|callout verification) failed?/,
        /sender verification/,
        /callback setup failed/,
        /badmailfrom/,
      ),
    },
    category: "sender_rejected",
    advice:
      "The domain of the sender address does not resolve or takes no mail: publish an MX record for it, or use another sender address.",
    example: "450 4.7.1 <sender@example.invalid>: Sender address rejected: Domain not found",
  },
  {
    id: "postfix.recipient-domain",
    when: { text: /recipient address rejected: (?:domain not found|malformed dns)/i },
    category: "bad_domain",
    hard: true,
    example: "450 4.1.2 <user@example.invalid>: Recipient address rejected: Domain not found",
  },
  {
    id: "postfix.recipient-access",
    when: { code: [550, 554], text: /recipient address rejected: access denied/i },
    category: "invalid_recipient",
    advice: "The server's own table refuses mail to this address: ask its postmaster, or remove the address.",
    example: "554 5.7.1 <user@example.com>: Recipient address rejected: Access denied",
  },
  {
    id: "postfix.address-verification",
    when: { code: [450, 451], text: /unverified address|address (?:verification|lookup) (?:failed|in progress)/i },
    category: "system",
    advice: "The server is still asking whether the mailbox exists: it is tried again.",
    example: "450 4.1.1 <user@example.com>: Recipient address rejected: unverified address: Address verification in progress",
  },
  {
    id: "postfix.size-limit",
    when: {
      text: /message (?:file too big|size exceeds (?:fixed|maximum|the) )|exceeds (?:the )?(?:maximum|fixed)(?: message)?(?: size)?|exceeding (?:limit|size)/i,
    },
    category: "message_too_large",
    example: "552 5.3.4 Message size exceeds fixed limit",
  },
  {
    id: "postfix.name-service",
    when: { text: /host or domain name not found|name service error for \S{1,260} \S{1,20}: host not found/i },
    category: "bad_domain",
    hard: true,
    example: "550 5.4.4 Host or domain name not found. Name service error for name=example.invalid type=A: Host not found",
  },
  {
    id: "postfix.name-service-failure",
    when: {
      text: /name service error|name server (?:timeout|error)|host name lookup failure|temporary dns fail|transient lookup|dns (?:lookup )?(?:error|failure|timeout)|malformed or unexpected name server reply/i,
    },
    category: "unreachable",
    advice: "The name servers of the recipient's domain do not answer properly: wait, or tell the domain's operators.",
    example: "451 4.4.3 Name service error for name=example.com type=MX: Malformed or unexpected name server reply",
  },
  {
    id: "postfix.refused-to-talk",
    when: { text: /refused to talk to me/i },
    category: "reputation",
    example: "450 4.3.0 host mx.example.com[192.0.2.1] refused to talk to me",
  },
  {
    id: "postfix.loops-back",
    when: { text: /loops back to myself|isn't in my control\/locals file|points to local host|points back to us|create a mail loop/i },
    category: "system",
    advice:
      "The relay is itself the mail server of the recipient's domain, but does not know it: its operators, or the domain's, have to mend that.",
    example: "554 5.4.6 mail for example.com loops back to myself",
  },
  {
    id: "server.too-many-hops",
    when: {
      text: /routing loop|mail loop|message (?:is )?looping|too many hops|too many received|hop count exceeded|maximum hop/i,
    },
    category: "unreachable",
    advice: "The mail goes round in a circle among the recipient's servers: their operators have to mend MX records or forwarding.",
    example: "554 5.4.6 Too many hops",
  },
  {
    id: "exim.unrouteable",
    when: {
      text: /unroute?able (?:address|mail domain|domain)|all relevant mx records point to non-existent hosts|all host address lookups failed/i,
    },
    category: "bad_domain",
    hard: true,
    advice: "The server knows no way to this address: the domain does not exist, takes no mail, or the mailbox is unknown.",
    example: "550 Unrouteable address",
  },
  {
    id: "sendmail.host-unknown",
    when: { text: /host unknown|unknown host|host not found|no such host|couldn't find any host (?:named|by that name)/i },
    category: "bad_domain",
    hard: true,
    example: "550 5.1.2 <user@example.invalid>... Host unknown (Name server: example.invalid: host not found)",
  },
  {
    id: "qmail.no-connection",
    when: { text: /(?:wasn't able|unable) to establish an smtp connection/i },
    category: "unreachable",
    example: "451 Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)",
  },
  {
    id: "qmail.cname",
    when: { text: /cname lookup failed/i },
    category: "unreachable",
    advice: "The name servers of the recipient's domain do not answer properly: wait, or tell the domain's operators.",
    example: "451 CNAME lookup failed temporarily. (#4.4.3)",
  },
  {
    id: "server.malformed-message",
    when: {
      text: anyOf(
        /header error/,
        /improper use of 8-?bit/,
        /8bit(?:mime)? (?:is )?(?:not supported|data)/,
        /(?:bare|lone) <?(?:lf|cr|linefeed)/,
        /headers? (?:fails?|syntax)/,
        /invalid (?:message )?header/,
        /malformed (?:header|mime|message)/,
        /mime (?:type|structure|error)/,
        /media error/,
        /invalid mime headers?/,
        /improperly[- ]formatted (?:binary )?content/,
        /unnecessary base64/,
        /mime complexity/,
        /password[- ]protected/,
      ),
    },
    category: "content",
    example: "550 5.6.9 improper use of 8-bit data in message header",
  },
];
