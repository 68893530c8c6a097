// How the other large mailbox providers word their replies: Yahoo and AOL, Apple, Comcast, Cox, Charter, Zoho, Facebook, GoDaddy.
import type { ReplyRule } from "../replyRule.ts";

export const mailboxProviderRules: readonly ReplyRule[] = [
  {
    id: "yahoo.complaints",
    when: { text: /(?:unexpected volume or|due to) user complaints|\[(?:tss|ts|gl)\d{2}\]/i },
    category: "reputation",
    slowDown: true,
    advice:
      "Yahoo defers your mail because of volume or complaints: lower the rate, sign with DKIM, and enrol in its complaint feedback loop.",
    example:
      "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
  },
  {
    id: "yahoo.unauthenticated",
    when: { text: /yahoo requires all senders to authenticate/i },
    category: "authentication",
    advice:
      "Yahoo wants SPF or DKIM for the From domain: publish an SPF record that names your relay, and sign with a DKIM key of that domain.",
    example:
      "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM.",
  },
  {
    id: "yahoo.no-such-user",
    when: { text: /this user doesn't have a \S{1,255} account|dd requested mail action aborted[,:] mailbox not found/i },
    category: "invalid_recipient",
    hard: true,
    advice: "This Yahoo mailbox does not exist: remove the address, or look for a typing error.",
    example: "554 delivery error: dd This user doesn't have a yahoo.com account (user@yahoo.com) [0] - mta1001.mail.example.com",
  },
  {
    id: "yahoo.mailbox-disabled",
    when: { text: /this mailbox is disabled/i },
    category: "inactive_recipient",
    example:
      "554 delivery error: dd Sorry, your message to user@yahoo.com cannot be delivered. This mailbox is disabled (554.30). - mta1001.mail.example.com",
  },
  {
    id: "yahoo.block-list",
    when: { text: /\[bl\d{2}\]/i },
    category: "reputation",
    advice: "Yahoo refuses the sending IP address because a block list has it: look it up at check.spamhaus.org and ask for its removal.",
    example: "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list",
  },
  {
    id: "yahoo.policy",
    when: { text: /message not allowed - |\[(?:ph|cp|dm)\d{2}\]/i },
    category: "policy",
    advice:
      "Yahoo refused the message by its rules, mostly for DMARC, links or reputation: look up the code in brackets at postmaster.yahooinc.com/error-codes.",
    example:
      "554 Message not allowed - [PH01] Email not accepted for policy reasons. Please visit https://postmaster.yahooinc.com/error-codes",
  },
  {
    id: "yahoo.deferred",
    when: { code: [421, 451], text: /message temporarily deferred|temporarily deferred due to/i },
    category: "rate_limited",
    slowDown: true,
    example: "451 Message temporarily deferred - [160]",
  },
  {
    id: "apple.not-accepting-connections",
    when: { text: /esmtp not accepting connections/i },
    category: "reputation",
    slowDown: true,
    advice: "iCloud takes no connections from this IP address now: use fewer connections, and ask icloudadmin@apple.com if it lasts.",
    example: "554 st11p00im-smtpin001.me.com ESMTP not accepting connections",
  },
  {
    id: "apple.proofpoint-block",
    when: { link: /proofpoint\.com\/dnsbl-lookup|ipcheck\.proofpoint\.com/i },
    category: "reputation",
    advice: "Proofpoint's reputation service blocks the sending IP address: ask for its removal at ipcheck.proofpoint.com.",
    example: "550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
  },
  {
    id: "apple.local-policy",
    when: { text: /\[(?:cs|hm|tm)\d{2}\] message rejected due to local policy/i },
    category: "spam",
    advice: "iCloud's content filter refused the message: look at its wording and links, and sign it with DKIM.",
    example: "554 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
  },
  {
    id: "comcast.throttled",
    when: { text: /\brl0000\d{2}\b|throttled - try again later/i },
    category: "rate_limited",
    slowDown: true,
    advice: "Comcast limits the rate of your IP address: lower the rate and the number of connections.",
    example: "421 4.1.0 192.0.2.1 Throttled - try again later. Please see https://postmaster.comcast.net/smtp-error-codes.php#RL000001",
  },
  {
    id: "comcast.blocked",
    when: { text: /\bbl00\d{4}\b/i },
    category: "reputation",
    advice: "Comcast blocks the sending IP address: ask for its removal at spa.xfinity.com.",
    example: "554 resimta-001.example.net 192.0.2.1 Comcast block for spam. BL000010",
  },
  {
    id: "cox.rate",
    when: { text: /aup#(?:cxcnct|cxmxrt|cxtmrt)\b/i },
    category: "rate_limited",
    slowDown: true,
    advice: "Cox limits messages, recipients and connections of your IP address: lower all three for cox.net.",
    example: "421 4.7.1 mx.example.com too many sessions from 192.0.2.1 AUP#CXCNCT",
  },
  {
    id: "cox.block-list",
    when: { text: /aup#(?:cdrbl|csrbl|clnrbl|cxbl|cxdns|rbl|bl|cidr|snd|in-|out)/i },
    category: "reputation",
    advice:
      "The provider blocks the sending IP address or sender: look up the code after AUP# on its page of error codes and ask for removal there.",
    example:
      "550 5.1.0 <sender@example.com> sender rejected. Refer to Error Codes section at https://www.cox.com/residential/support/email-error-codes.html for more information. AUP#CDRBL",
  },
  {
    id: "facebook.preferences",
    when: { text: /\brcp-p2\b|refused due to recipient preferences/i },
    category: "invalid_recipient",
    advice: "The recipient has chosen not to take such mail: reach them another way.",
    example: "550 5.1.1 RCP-P2 http://postmaster.facebook.com/response_codes?ip=192.0.2.1#rcp Refused due to recipient preferences",
  },
  {
    id: "facebook.no-such-user",
    when: { text: /\brcp-p[13]\b/i },
    category: "invalid_recipient",
    hard: true,
    example: "550 5.1.1 RCP-P1 http://postmaster.facebook.com/response_codes?ip=192.0.2.1#rcp Recipient address does not exist",
  },
  {
    id: "facebook.connections",
    when: { text: /\bcon-t[1-9]\b|\brcp-t[1-9]\b/i },
    category: "rate_limited",
    slowDown: true,
    example: "421 4.7.0 CON-T1 http://postmaster.facebook.com/response_codes?ip=192.0.2.1#con Exceeded max connections",
  },
  {
    id: "godaddy.spf",
    when: { text: /\bib508\b|not allowed to send from \S{1,320} per it'?s spf/i },
    category: "authentication",
    advice: "The SPF record of the sending domain does not allow your relay: add the relay to it.",
    example:
      "550 5.1.0 192.0.2.1 is not allowed to send from <example.com> per it's SPF Record. Please inspect your SPF settings, and try again. IB508",
  },
  {
    id: "godaddy.connections",
    when: { text: /\bib(?:007|10[13]|11[013]|50[45]|605|606|607)\b/i },
    category: "rate_limited",
    slowDown: true,
    advice:
      "GoDaddy limits messages or connections of your IP address: lower both, and ask for removal at unblock.secureserver.net if it lasts.",
    example: "554 p3plibsmtp01-01.prod.example.net ESMTP Connection refused. Your IP has opened too many connections. IB103",
  },
  {
    id: "zoho.policy",
    when: { text: /email policy violation detected/i },
    category: "policy",
    example: "554 5.7.7 Email policy violation detected",
  },
  {
    id: "zoho.destination-refused",
    when: { text: /mail rejected by destination domain/i },
    category: "unknown",
    example: "541 5.4.1 Mail rejected by destination domain",
  },
  {
    id: "rackspace.rejected-sender",
    when: { text: /sender denied as sender's email address is on senderfilterconfig/i },
    category: "sender_rejected",
    advice: "The organisation has your sender address on its own list of refused senders: ask its administrators.",
    example: "554 5.1.0 Sender denied as sender's email address is on SenderFilterConfig list",
  },
];
