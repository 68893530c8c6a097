// How filters in front of company mail word their replies: Proofpoint, Mimecast, Barracuda, Cisco, Symantec, Trend Micro, Cloudmark, Sophos.
// They refuse for many reasons behind few codes, so that the wording is what counts.
import type { ReplyRule } from "../replyRule.ts";

export const securityGatewayRules: readonly ReplyRule[] = [
  {
    id: "mimecast.authentication",
    when: { text: /\b(?:dkim|dmarc|spf) sender invalid/i },
    category: "authentication",
    advice:
      "Mimecast found SPF, DKIM or DMARC failing for the sender's domain: publish SPF for your relay and sign with a DKIM key of the From domain.",
    example: "550 DMARC Sender Invalid - envelope rejected - https://community.mimecast.com/docs/DOC-1369#550 [abc123.uk1]",
  },
  {
    id: "mimecast.anti-spoofing",
    when: { text: /anti-spoofing (?:policy|lockout)/i },
    category: "policy",
    advice:
      "The recipient's Mimecast takes the sender for forged, as the From domain is its own customer's: its administrator has to allow your relay.",
    example: "550 Rejected by header based Anti-Spoofing policy: sender@example.com - https://community.mimecast.com/docs/DOC-1369#550",
  },
  {
    id: "mimecast.envelope-blocked",
    when: { text: /administrative prohibition - envelope blocked|envelope blocked - user (?:domain )?entry/i },
    category: "policy",
    advice: "The recipient or its administrator has blocked your sender address in Mimecast: ask them to take it off the list.",
    example: "550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550",
  },
  {
    id: "mimecast.signature",
    when: { text: /mcspamsignature/i },
    category: "spam",
    example: "554 Email rejected due to security policies - MCSpamSignature.x.1 - https://community.mimecast.com/docs/DOC-1369#554",
  },
  {
    id: "mimecast.policy",
    when: { text: /email rejected due to security policies/i },
    category: "policy",
    advice: "The recipient's own rules at Mimecast refuse the mail: ask its administrator which rule it was.",
    example: "554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554",
  },
  {
    id: "mimecast.reputation",
    when: { text: /poor reputation sender|local ct reputation/i },
    category: "reputation",
    example: "550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550",
  },
  {
    id: "mimecast.greylisting",
    when: { text: /internal resources? (?:are )?temporarily unavailable/i },
    category: "system",
    advice: "Mimecast defers mail from senders that it does not know yet: the retry usually gets through.",
    example: "451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451",
  },
  {
    id: "mimecast.busy",
    when: { code: [421, 451], text: /unable to process (?:connection|an? )[^.]{0,20}at this time/i },
    category: "rate_limited",
    slowDown: true,
    example: "421 Unable to process connection at this time - https://community.mimecast.com/docs/DOC-1369#421",
  },
  {
    id: "proofpoint.local-policy",
    when: { text: /local policy violation/i },
    category: "policy",
    advice: "A rule of the recipient's Proofpoint gateway refuses this message: ask its administrators.",
    example: "550 5.7.0 Local Policy Violation",
  },
  {
    id: "cisco.poor-reputation",
    when: { text: /sending mta's poor reputation/i },
    category: "reputation",
    advice: "Cisco Talos holds the sending IP address in poor regard: look it up at talosintelligence.com and ask there for a review.",
    example:
      "554 Your access to this mail system has been rejected due to the sending MTA's poor reputation. If you believe that this failure is in error, please contact the intended recipient via alternate means.",
  },
  {
    id: "cisco.recipients-per-hour",
    when: { text: /too many recipients received (?:this|the last|in the last) hour/i },
    category: "rate_limited",
    slowDown: true,
    example: "452 4.5.3 Too many recipients received this hour",
  },
  {
    id: "cisco.address-rejected",
    when: { text: /^#5\.1\.0 address rejected/i },
    category: "invalid_recipient",
    hard: true,
    example: "550 #5.1.0 Address rejected.",
  },
  {
    id: "barracuda.user-blocked",
    when: { text: /permanent failure for one or more recipients \([^)]{0,320}:blocked\)/i },
    category: "spam",
    advice:
      "The recipient's Barracuda filter blocked the message: look at its wording and links, and ask the recipient to allow your domain.",
    example: "550 permanent failure for one or more recipients (user@example.com:blocked)",
  },
  {
    id: "symantec.filtered",
    when: { text: /message filtered\. (?:please )?refer to the troubleshooting page/i },
    category: "spam",
    advice: "Symantec's filter refused the message: look at its wording and links, and look at symanteccloud.com/troubleshooting.",
    example:
      "553-Message filtered. Refer to the Troubleshooting page at\r\n553 http://www.symanteccloud.com/troubleshooting for more information. (#5.7.1)",
  },
  {
    id: "symantec.connection-policy",
    when: { text: /connection rejected by policy \[\d{1,2}\.\d{1,2}\]/i },
    category: "reputation",
    advice: "Symantec refuses connections from this IP address: look it up at ipremoval.sms.symantec.com.",
    example:
      "501 Connection rejected by policy [7.7] 12345, please visit www.messagelabs.com/support for more details about this error message.",
  },
  {
    id: "symantec.rejected-recipient",
    when: { code: [542], text: /\brejected\b/i },
    category: "invalid_recipient",
    hard: true,
    example: "542 user@example.com Rejected",
  },
  {
    id: "trend-micro.reputation",
    when: { text: /trend micro (?:email reputation|rbl)|mail-abuse\.com/i },
    category: "reputation",
    advice: "Trend Micro's reputation service lists the sending IP address: ask for its removal at ers.trendmicro.com.",
    example:
      "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Trend Micro Email Reputation database. Please see http://www.mail-abuse.com/cgi-bin/lookup?192.0.2.1",
  },
  {
    id: "cloudmark.reset",
    when: { link: /csi\.cloudmark\.com\/(?:en\/)?reset-request/i },
    category: "reputation",
    advice: "Cloudmark lists the sending IP address: ask for its reset at csi.cloudmark.com/reset-request.",
    example: "550 5.7.1 Rejected, see https://csi.cloudmark.com/en/reset-request/?ip=192.0.2.1",
  },
  {
    id: "spam-filter.bulk",
    when: { text: /\[p4\] message blocked|message contains bulk|\bube\b/i },
    category: "spam",
    example: "550 5.7.1 Message content rejected, UBE, id=12345-01",
  },
];
