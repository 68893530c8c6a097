// Block lists by name: whoever asks them words the refusal differently, but nearly always names the list.
import type { ReplyRule } from "../replyRule.ts";

export const blockListRules: readonly ReplyRule[] = [
  {
    id: "spamhaus.dbl",
    when: { text: /\bdbl\.spamhaus\.org|spamhaus dbl\b/i },
    category: "reputation",
    advice:
      "Spamhaus lists a domain that the message names (sender, EHLO name or link): look it up at check.spamhaus.org and ask for its removal.",
    example: "554 5.7.1 Service unavailable; Sender address [sender@example.com] blocked using dbl.spamhaus.org",
  },
  {
    id: "spamhaus.pbl",
    when: { text: /\bpbl\.spamhaus\.org|spamhaus pbl\b/i },
    category: "reputation",
    advice: "Spamhaus PBL lists the IP address as one that should not send mail itself (home or dynamic): send through a relay.",
    example: "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using pbl.spamhaus.org",
  },
  {
    id: "spamhaus.open-resolver",
    when: { text: /spamhaus.{0,80}(?:open resolver|query limit)/i },
    category: "reputation",
    advice: "The recipient's server asks Spamhaus through an open resolver and takes the error for a listing: tell its postmaster.",
    example:
      "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; Error: open resolver; https://www.spamhaus.org/returnc/pub/192.0.2.53",
  },
  {
    id: "spamhaus",
    when: { text: /spamhaus/i },
    category: "reputation",
    advice: "Spamhaus lists the sending IP address: look it up at check.spamhaus.org, mend the cause, and ask for its removal.",
    example:
      "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1",
  },
  {
    id: "spamhaus.link",
    when: { link: /spamhaus\.(?:org|com)/i },
    category: "reputation",
    advice: "Spamhaus lists the sending IP address: look it up at check.spamhaus.org, mend the cause, and ask for its removal.",
    example: "550 5.7.1 Rejected, see https://check.spamhaus.org/query/ip/192.0.2.1",
  },
  {
    id: "spamcop",
    when: { text: /spamcop/i },
    category: "reputation",
    advice:
      "SpamCop lists the sending IP address: it falls off by itself within a day after the reports stop; look it up at spamcop.net/bl.shtml.",
    example:
      "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.1",
  },
  {
    id: "barracuda.brbl",
    when: { text: /barracuda ?reputation|barracudacentral/i },
    category: "reputation",
    advice: "Barracuda's block list names the sending IP address: ask for its removal at barracudacentral.org/rbl/removal-request.",
    example:
      "554 Service unavailable; Client host [mail.example.com] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1",
  },
  {
    id: "sorbs",
    when: { text: /\bsorbs\b/i },
    category: "reputation",
    advice: "The recipient's server still asks SORBS, which closed in 2024: tell its postmaster to remove that list.",
    example: "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using dnsbl.sorbs.net; Currently Sending Spam",
  },
  {
    id: "uribl",
    when: { text: /\b(?:multi\.)?uribl\b|\bsurbl\b|blacklisted (?:url|link|domain)/i },
    category: "spam",
    advice: "A list of bad links (URIBL, SURBL) names a domain that the message links to: look the link up there and leave it out.",
    example: "550 REJECTED - Blacklisted URL in message. (example.com) in [black]. See http://lookup.uribl.com.",
  },
  {
    id: "block-list.named",
    when: {
      text: /\b(?:psbl\.surriel|bl\.mailspike|dnsbl-\d|uceprotect|ix\.dnsbl\.manitu|backscatterer|hostkarma|truncate\.gbudp|senderscore|invaluement|cbl\.abuseat|abusix|0spam|s5h\.net|nixspam|lashback|dnswl)/i,
    },
    category: "reputation",
    advice: "The block list that the reply names has the sending IP address: look it up there, mend the cause, and ask for its removal.",
    example:
      "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using psbl.surriel.com; Listed in PSBL, see http://psbl.org/listing?ip=192.0.2.1",
  },
  {
    id: "block-list.unnamed",
    when: {
      text: /blocked using |listed (?:at|in|on|by) [^ ]{0,60}(?:rbl|dnsbl|bl\.|blacklist|blocklist)|\b(?:in|on) (?:a |an |our |my |the )?(?:\w{1,20} )?(?:black|block|deny)[ -]?list\b|found in (?:dnsbl|rbl)/i,
    },
    category: "reputation",
    advice: "A block list has the sending IP address or domain: follow the address in the reply, mend the cause, and ask for its removal.",
    example:
      "554 5.7.1 <mail.example.com[192.0.2.1]>: Client host rejected: blocked using rbl.example.net; Please see http://rbl.example.net/?ip=192.0.2.1",
  },
];
