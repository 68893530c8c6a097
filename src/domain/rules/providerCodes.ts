// The codes that providers put into their replies and explain on pages of their own: Cox, Spectrum, GoDaddy, Orange and La Poste, i.ua.
// They say more than the words around them, and stay when those change.
import type { ReplyRule } from "../replyRule.ts";

/** `AUP#In-1310`: Spectrum's number, whatever stands before it. https://www.spectrum.net/support/internet/understanding-email-error-codes */
const spectrum = (numbers: string) => new RegExp(`aup#[a-z-]{0,8}(?:${numbers})\\b`, "i");

/** `OFR_416`, `LPN105_401`, `OUK-513`: of Orange and La Poste. */
const orange = (numbers: string) => new RegExp(`\\b(?:ofr|lpn|ouk)(?:\\d{3}[-_]|[-_])?(?:${numbers})\\b`, "i");

const goDaddyBlocked = "GoDaddy blocks the sending IP address for what came from it: ask for removal at unblock.secureserver.net.";
const ownFilter = "The recipient's own filter refuses your mail: ask them to allow your address, and do not send to them otherwise.";

export const providerCodeRules: readonly ReplyRule[] = [
  {
    id: "spectrum.blocked",
    when: { text: spectrum("1000|1[12][0-5]\\d") },
    category: "reputation",
    advice:
      "Spectrum blocks the sending IP address, for a block list or for its reverse DNS: look up the number after AUP# on its page of error codes.",
    example: "421 4.7.1 mx.example.com esmtp cmsmtp 192.0.2.1 blocked AUP#In-1230",
  },
  {
    id: "spectrum.sender",
    when: { text: spectrum("1010|10[2-8]0|15[02]0") },
    category: "sender_rejected",
    example: "550 5.1.0 <sender@example.com> sender rejected. AUP#O-1500",
  },
  { id: "spectrum.system", when: { text: spectrum("1090") }, category: "system", example: "450 4.7.1 AUP#In-1090" },
  { id: "spectrum.policy", when: { text: spectrum("11[6-9]0|1560") }, category: "policy", example: "550 5.7.1 AUP#In-1160" },
  {
    id: "spectrum.rate",
    when: { text: spectrum("1[34]\\d\\d|15[458]0|16\\d\\d") },
    category: "rate_limited",
    slowDown: true,
    advice: "Spectrum limits messages, recipients or connections of your IP address: lower all three for its domains.",
    example: "452 4.7.1 Too many recipients. AUP#In-1550",
  },
  { id: "spectrum.size", when: { text: spectrum("1530") }, category: "message_too_large", example: "552 5.2.0 AUP#In-1530" },
  {
    id: "cox.authentication",
    when: { text: /aup#cxsndr\b/i },
    category: "authentication",
    example: "550 5.1.0 <sender@example.com> sender rejected. AUP#CXSNDR",
  },
  {
    id: "cox.sender",
    when: { text: /aup#cxsmtp\b/i },
    category: "sender_rejected",
    example: "550 5.1.0 <sender@example.com> sender rejected. AUP#CXSMTP",
  },
  {
    id: "cox.account",
    when: { text: /aup#(?:cxthrt|cxmj)\b/i },
    category: "policy",
    advice:
      "Cox limits the account that the relay logs in with, for what was sent from it: let its owner change the password and call Cox.",
    example: "550 5.7.1 sending limited AUP#CXTHRT",
  },
  {
    id: "cox.link",
    when: { text: /aup#urlbl\d/i },
    category: "spam",
    advice: "A link in the message stands on a block list (SURBL, Spamhaus DBL): take it out, or have its domain removed.",
    example: "552 5.2.0 message rejected AUP#URLBL011",
  },
  {
    id: "cox.blocked",
    when: { text: /aup#ipbl\d/i },
    category: "reputation",
    advice: "The sending IP address stands on a block list (Spamhaus Zen, Cloudmark CSI, Invaluement): have it removed there.",
    example: "554 cox.net 192.0.2.1 rejected AUP#IPBL0001",
  },
  {
    id: "godaddy.login",
    when: { text: /\bib401\b/i },
    category: "policy",
    example: "535 Authentication not allowed on IBSMTP Servers. IB401",
  },
  {
    id: "godaddy.from",
    when: { text: /\bib50[12]\b/i },
    category: "protocol",
    example: "550 Blank From: addresses are not allowed. Provide a valid From. IB501",
  },
  {
    id: "godaddy.sender-domain",
    when: { text: /\bib506\b/i },
    category: "sender_rejected",
    example: "550 example.invalid From: Domain is invalid. Provide a valid From: IB506",
  },
  {
    id: "godaddy.no-ptr",
    when: { text: /\bib108\b/i },
    category: "reputation",
    advice: "The sending IP address has no proper reverse DNS: let its owner publish a PTR record whose name points back to the address.",
    example: "421 Temporarily rejected. Reverse DNS for this IP failed. IB108",
  },
  {
    id: "godaddy.spam",
    when: { text: /\bib212\b/i },
    category: "spam",
    example: "552 This message has been rejected due to content judged to be spam by the internet community. IB212",
  },
  { id: "godaddy.virus", when: { text: /\bib705\b/i }, category: "virus", example: "552 Virus infected message rejected. IB705" },
  {
    id: "godaddy.blocked",
    when: { text: /\bib(?:10[4-6]|11[0-3])\b/i },
    category: "reputation",
    advice: goDaddyBlocked,
    example: "554 This IP has been temporarily blocked for attempting to mail too many invalid recipients. IB112",
  },
  {
    id: "godaddy.reputation",
    when: { text: /cloudmark sender intelligence \S{0,10} ?ib103\b|poor reputation[^.]{0,80}\. ib103\b/i },
    category: "reputation",
    advice: goDaddyBlocked,
    example: "554 Connection refused. This IP has a poor reputation on Cloudmark Sender Intelligence (CSI). IB103",
  },
  {
    id: "godaddy.rate",
    when: { text: /\bib(?:101|510)\b/i },
    category: "rate_limited",
    slowDown: true,
    example: "421 Server temporarily unavailable. Try again later. IB101",
  },
  {
    id: "orange.authentication",
    when: { text: orange("401") },
    category: "authentication",
    advice: "The SPF record of the envelope sender's domain does not allow your relay: add the relay to it.",
    example: "550 5.5.0 SPF: 192.0.2.1 is not allowed to send mail. LPN105_401",
  },
  {
    id: "orange.sender",
    when: { text: orange("40[35]|415|421") },
    category: "sender_rejected",
    example: "550 5.0.1 Emetteur invalide. Invalid Sender. LPN105_405",
  },
  {
    id: "orange.login",
    when: { text: orange("305|402") },
    category: "policy",
    example: "550 5.5.0 Authentification requise. Authentication Required. LPN105_402",
  },
  {
    id: "orange.mailbox-full",
    when: { text: orange("417") },
    category: "mailbox_full",
    example: "552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR204_417 [417]",
  },
  {
    id: "orange.inactive",
    when: { text: orange("420|426") },
    category: "inactive_recipient",
    example: "550 5.5.0 Boite du destinataire archivee. Archived recipient. LPN007_420",
  },
  { id: "orange.system", when: { text: orange("505") }, category: "system", example: "421 4.2.0 Service refuse. OFR005_505 [505]" },
  {
    id: "orange.size",
    when: { text: orange("514") },
    category: "message_too_large",
    example: "552 5.3.4 Taille limite du message atteinte. LPN007_514",
  },
  { id: "i.ua.relay", when: { link: /\.i\.ua\/err\/[16]\b/i }, category: "relay_denied", example: "550 5.7.1 http://mail.i.ua/err/6/" },
  {
    id: "i.ua.no-such-user",
    when: { link: /\.i\.ua\/err\/2\b/i },
    category: "invalid_recipient",
    hard: true,
    example: "550 5.1.1 http://mail.i.ua/err/2/",
  },
  { id: "i.ua.inactive", when: { link: /\.i\.ua\/err\/3\b/i }, category: "inactive_recipient", example: "550 http://mail.i.ua/err/3/" },
  { id: "i.ua.mailbox-full", when: { link: /\.i\.ua\/err\/4\b/i }, category: "mailbox_full", example: "552 http://mail.i.ua/err/4/" },
  {
    id: "i.ua.rate",
    when: { link: /\.i\.ua\/err\/5\b/i },
    category: "rate_limited",
    slowDown: true,
    example: "451 http://mail.i.ua/err/5/",
  },
  { id: "i.ua.sender", when: { link: /\.i\.ua\/err\/8\b/i }, category: "sender_rejected", example: "550 http://mail.i.ua/err/8/" },
  { id: "i.ua.blocked", when: { link: /\.i\.ua\/err\/[79]\b/i }, category: "reputation", example: "550 http://mail.i.ua/err/9/" },
  {
    id: "i.ua.recipient-filter",
    when: { link: /\.i\.ua\/err\/10\b/i },
    category: "invalid_recipient",
    advice: ownFilter,
    example: "550 http://mail.i.ua/err/10/",
  },
];
