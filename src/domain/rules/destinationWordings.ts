// What servers everywhere say about the recipient, its domain or the way there, in plain words.
import { anyOf, type ReplyRule } from "../replyRule.ts";

/** The many ways to say "there is nobody of that name here". */
const noSuchUser = anyOf(
  // Looks behind so that the address of a host or of the sender does not count.
  /\b(?<!\b(?:ip|host|client|server|source|sender|from|reply-to|your|network) )(?:user|recipient|addressee|mailbox|account|address|destination|customer|receiver|member|person|name|e-?mail(?: address)?)(?:name)? (?:<> |\([^)]{0,80}\) |\S{1,64} )?(?:is |was |has |currently )?(?:un(?:known|recogni[sz]ed)|invalid|incorrect|nonexistent|non-existent|undeliverable)\b/,
  /\b(?:unknown|invalid|bad|wrong|undeliverable|nonexistent|non-existent|unrecogni[sz]ed|illegal|incorrect)(?: or (?:illegal|invalid|unknown))? (?:local[ -]?part|user|recipient|account|mailbox|address(?!ed)|destination|alias|rcpt|receiver|e-?mail)/,
  /\bno such (?:user|recipient|account|mailbox|address|person|local|name|e-?mail|alias|customer|member|recipients)/,
  /\bno (?:mailbox|user|account|one|recipient)(?: is)? (?:here )?(?:by|with|named|of|found|matching)/,
  /\b(?<!\b(?:ip|host|client|server|source|sender|from|reply-to|your|network) )(?:user|recipient|mailbox|account|address|addressee|alias|person|e-?mail|member)s?(?: name| address)?(?: \([^)]{0,80}\)| <>| \S{1,64})? (?:does|do|did|could|can|is|was|has|have|are) ?(?:not|n't) (?:been |be )?(?:a |an |any )?(?:currently )?(?:exist|found|know|valid|recogni|listed|registered|local|available|match|located|resolved|our|here|handled|present|ours|in (?:our|the|my))/,
  /\b(?<!\b(?:ip|host|client|server|source|sender|from|reply-to|your|network) )(?:user|recipient|mailbox|account|address|name|alias|e-?mail)s?(?: name| address)?(?: \([^)]{0,80}\)| <>)? (?:not|n't) (?:known|found|exist|valid|recogni[sz]ed|listed|registered|local|available|present|our)/,
  /\b(?:doesn't|don't|dont|doesnt) (?:have (?:a|an|this|that|any) \S{0,64} ?(?:account|mailbox|user)|know (?:that|this|any|of))/,
  /\bdoes not have (?:a|an) \S{0,64} ?(?:account|mailbox)/,
  /(?:^|<>)\W{0,4}(?:this |that )?(?:does not|doesn't) exist/,
  /\bmailbox (?:not available|unavailable|name not allowed|is unavailable)/,
  /\b(?:not|isn't|is not) (?:a |an |our |my )?(?:known|valid|existing|local|real|current|listed) (?:user|recipient|mailbox|account|address|customer|member|e-?mail)/,
  /\bnot our customer/,
  /\bno longer (?:on (?:this )?server|works|employed|with (?:us|the)|here)/,
  /\bnobody here\b/,
  /\bthere is no (?:one|user|such)/,
  /\bunable to (?:find|locate|resolve) (?:the )?(?:user|recipient|address)/,
  /\bcannot (?:find|resolve) (?:the )?(?:user|recipient|address|your)/,
  /\buser not known/,
  /\busers? not found/,
  /\bbad destination (?:mailbox|address)/,
  /\b(?:recipient|rcpt|to)(?: address(?:es)?)? (?:was |is |has been )?(?:rejected|refused|not (?:accepted|allowed))\W{0,8}(?:\(\w{1,10}\))?\W{0,3}$/,
  /(?<!\b(?:ip|host|client|server|source|sender|from|reply-to|your|network) )\baddress rejected\b(?!:)/,
  /\brejected recipient/,
  /\bunknown (?:user|recipient)s?\b/,
);

/** Mailboxes and accounts that are there but closed. */
const inactive = anyOf(
  /\b(?:user|recipient|mailbox|mail ?box|account|address|e-?mail|customer|domain|alias|mail)(?:'s)?(?: account| address| box)?(?: <>| \([^)]{0,80}\)| \S{1,64})? (?:has been |is |was |are |currently |temporarily |permanently |been ){0,3}(?:disabled|suspended|inactive|locked|frozen|deactivated|de-activated|closed|expired|terminated|blocked|on hold|not active|not activated|no longer (?:active|in use|available|valid|accept\w{0,4}|used|monitored)|discontinued|cancell?ed|restricted|archived|retired)/,
  /(?:disabled|suspended|inactive|deactivated|expired|locked|closed) (?:user|recipient|mailbox|account|address|customer|e-?mail)/,
  /account (?:is )?(?:temporarily |currently )?unavailable/,
  /mailbox (?:is )?(?:not accepting|unable to accept|disabled)/,
  /account (?:\S{1,64} )?(?:deleted|removed)/,
  /user (?:is )?(?:on vacation hold|has left)/,
);

/** Domains and hosts that do not exist or take no mail. */
const noSuchDomain = anyOf(
  /(?:no such|unknown|invalid|nonexistent|non-existent|bad|unroutable|unresolvable) (?:mail )?(?:domain|host|destination domain|destination host)/,
  /(?:domain|host)(?: name)? (?:\S{1,255} )?(?:is |was )?(?:does(?:n't| not)|did not|not|un)[ ]?(?:exist|found|known|valid|resolv|accept (?:any )?(?:mail|messages|e-?mail)|receive|handled|hosted|local|here|configured|recogni)/,
  /null mx/,
  /nullmx/,
  /(?:domain|host) (?:is )?invalid/,
  /no (?:valid )?(?:mx|mail exchanger|dns records?)(?: record| host|s)?/,
  /nxdomain/,
  /no dns data/,
  /doesn't receive (?:e-?mail|mail)/,
  /bad destination (?:system|host)/,
  /illegal host\/domain/,
  /can't find (?:the )?(?:domain|host|mx)/,
  /\S{1,200}\.[a-z]{2,20} does not exist/,
);

export const destinationWordingRules: readonly ReplyRule[] = [
  {
    id: "wording.sender-unknown",
    // A reply to MAIL is about the sender, whatever its words.
    when: { phase: ["mail"], text: anyOf(noSuchUser, noSuchDomain, inactive) },
    category: "sender_rejected",
    example: "550 <sender@example.com>: No such user here",
    examplePhase: "mail",
  },
  {
    id: "wording.our-name",
    // A refusal in the greeting is about the name or address of who connects, whatever its words.
    when: { phase: ["greeting", "ehlo"], text: anyOf(noSuchUser, noSuchDomain, inactive) },
    category: "protocol",
    advice: "The server does not like the name in EHLO: the relay has to greet with its full host name, which resolves to its address.",
    example: "501 5.0.0 Invalid domain name",
    examplePhase: "ehlo",
  },
  {
    id: "wording.mailbox-full",
    when: {
      text: anyOf(
        /(?:mailbox|inbox|mail ?box|mail ?folder|mailfolder|user|account|mailstore|maildir|storage|recipient)(?:'s)?(?: \S{1,64})? (?:is |has |was )?(?:almost |now |currently )?(?:full\b|exceeded[^.]{0,40}(?:quota|storage|limit|size)|over(?:[ -]?drawn)? ?(?:its |the |disk |allowed |storage |maximum )?quota|out of (?:storage|space|quota)|over ?quota)/,
        /(?:over|exceed[a-z]{0,3}|exceeds|out of) (?:the |its |allowed |mailbox |disk |mail |storage |maximum |user |allocated |your |his |her ){0,3}(?:quota|storage|allocation)/,
        /quota (?:is |has been |was |would be |temporarily )?(?:exceeded|reached|full|violation|violated|overrun)/,
        /\bover ?quota\b/,
        /exceeded storage allocation/,
        /mailbox (?:size )?(?:limit|quota)/,
        /not enough (?:storage|space|disk)[^.]{0,30}(?:mailbox|user|quota)/,
        /full mailbox/,
        /insufficient (?:mailbox|quota|user)/,
      ),
    },
    category: "mailbox_full",
    example: "552 5.2.2 <user@example.com>: user is over quota",
  },
  {
    id: "wording.inactive",
    when: {
      text: inactive,
    },
    category: "inactive_recipient",
    example: "550 5.2.1 The mailbox user@example.com has been disabled",
  },
  {
    id: "wording.moved",
    when: {
      text: anyOf(
        /(?:mailbox|user|recipient|account) (?:has )?moved/,
        /has moved to/,
        /no forwarding address/,
        /recipient no longer on server/,
        /user not local;? /,
        /please (?:use|try) (?:<>|the new address)/,
        /new address is/,
        /has been replaced by/,
        /address (?:has )?changed/,
      ),
    },
    category: "invalid_recipient",
    hard: true,
    advice: "The mailbox has moved and is not forwarded: ask the recipient for the new address.",
    example: "550 5.1.6 Destination mailbox has moved, No forwarding address",
  },
  {
    id: "wording.no-such-domain",
    when: {
      text: noSuchDomain,
    },
    category: "bad_domain",
    hard: true,
    example: "550 5.1.2 The recipient's domain does not exist",
  },
  {
    id: "wording.no-such-user-by-code",
    when: { enhanced: ["x.1.1", "x.1.6"], text: noSuchUser },
    category: "invalid_recipient",
    hard: true,
    example: "550 5.1.1 <user@example.com>... User unknown",
  },
  {
    id: "wording.refused-after-content",
    // The address was taken at RCPT: what was refused is this message to it, mostly by the recipient's own filter.
    when: { phase: ["data", "body", "after_dot"], text: noSuchUser },
    category: "invalid_recipient",
    advice:
      "The server took the address but refused the message, as servers do for a recipient's own filter: ask the recipient to allow your domain.",
    example: "550 Unknown user user@example.com",
    examplePhase: "after_dot",
  },
  {
    id: "wording.mailbox-busy",
    when: { code: [421, 450, 451], text: /mailbox (?:is )?(?:temporarily |currently )?(?:not available|unavailable|busy|locked|in use)/i },
    category: "system",
    advice: "The mailbox cannot take mail at the moment: it is tried again.",
    example: "450 4.2.0 Requested mail action not taken: mailbox unavailable",
  },
  {
    id: "wording.no-such-user-at-rcpt",
    when: { phase: ["rcpt"], text: noSuchUser },
    category: "invalid_recipient",
    hard: true,
    example: "550 5.2.1 <user@example.com>... User unknown",
    examplePhase: "rcpt",
  },
  {
    id: "wording.unknown-by-policy",
    // The words and the code contradict each other, as where a recipient's own filter pretends that there is nobody.
    when: { enhanced: ["x.2.*", "x.7.*"], text: noSuchUser },
    category: "invalid_recipient",
    advice: "The server says that the mailbox is unknown, its code that it refuses the mail: the recipient's own filter may be behind it.",
    example: "550 5.2.1 <user@example.com>... User unknown",
  },
  {
    id: "wording.no-such-user",
    when: { text: noSuchUser },
    category: "invalid_recipient",
    hard: true,
    example: "550 <user@example.com>: No such user here",
  },
  {
    id: "wording.expired",
    when: {
      text: anyOf(
        /(?:message|envelope) (?:has )?(?:expired|timed out|could not be delivered for|too old)/,
        /delivery (?:time )?expired/,
        /(?:in the|been in) queue too long/,
        /(?:gave|giving) up/,
        /delivery (?:attempts? )?(?:timed out|time-?out)/,
        /(?:not|un)[^.]{0,40}delivered (?:for|after|within) \S{1,10} (?:hours?|days?)/,
        /maximum (?:time|age|retries)/,
        /will (?:keep|continue) trying/,
        /could not be delivered (?:for more than|in time)/,
        /queue (?:life)?time/,
      ),
    },
    category: "expired",
    example: "550 4.4.7 Message expired: unable to deliver in 840 minutes",
  },
  {
    id: "wording.no-connection",
    when: {
      text: anyOf(
        /connection (?:\S{1,20} )?(?:timed out|refused|reset|lost|dropped|closed|aborted|failed|time-?out)/,
        /(?:network|host|server|destination|domain) (?:\S{1,20} )?(?:is )?(?:unreachable|not reachable|not responding|down)/,
        /no route to host/,
        /lost connection/,
        /timed out (?:while|during|in)/,
        /no answer from host/,
        /(?:unable|failed|could not|cannot|can't|couldn't) (?:to )?(?:connect|contact|reach|open (?:a )?connection)/,
        /conversation with/,
        /operation timed out/,
        /session (?:timeout|timed out)/,
        /bad connection/,
        /tls (?:handshake|negotiation)/,
        /ssl handshake/,
      ),
    },
    category: "unreachable",
    example: "451 4.4.1 connect to mx.example.com[192.0.2.1]:25: Connection timed out",
  },
  {
    id: "wording.protocol",
    when: {
      text: anyOf(
        /syntax error/,
        /bad sequence/,
        /improper (?:sequence|command|use of smtp)/,
        /command (?:unrecogni[sz]ed|not (?:recogni[sz]ed|implemented|understood|allowed|supported))/,
        /(?:unknown|unrecogni[sz]ed|invalid|unimplemented|illegal) (?:command|parameter|argument|option)/,
        /need (?:mail|rcpt|ehlo|helo)/,
        /protocol (?:error|violation)/,
        /out of (?:sequence|order)/,
        /smtputf8/,
        /not (?:rfc|compliant)/,
        /rfc ?-?\d{3,4}/,
        /pipelining/,
        /nested mail/,
        /polite people say/,
      ),
    },
    category: "protocol",
    example: "503 5.5.1 Bad sequence of commands",
  },
  {
    id: "wording.system",
    when: {
      text: anyOf(
        /(?:insufficient|not enough|out of|no) (?:system )?(?:disk |system |storage |queue |memory |resources? |free ){0,4}(?:space|storage|resources?|memory)/,
        /disk (?:is )?full/,
        /no space left/,
        /(?:server|service|system|resources?) (?:is |are )?(?:currently |temporarily )?(?:unavailable|not available|busy|overloaded|too busy|error|problem|shutting down|down)/,
        /(?:internal|local|temporary|system|server|configuration|software|mailer|queue) (?:\S{1,20} )?(?:error|problem|failure|in processing)/,
        /lock failure/,
        /error while writing/,
        /try again later/,
        /please retry/,
        /temporarily (?:deferred|rejected|unable|unavailable|refused)/,
        /timeout waiting for/,
        /can't (?:create|open|write)/,
        /maintenance/,
      ),
    },
    category: "system",
    example: "452 4.3.1 Insufficient system storage",
  },
  {
    id: "wording.still-trying",
    when: { text: /will be retried|could not send message for|still undelivered after/i },
    category: "expired",
    advice: "The relay has been trying for a while and gives no reason: look at its log, or wait for its last word.",
    example: "451 Message will be retried for 2 more day(s)",
  },
];
