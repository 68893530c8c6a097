// What a developer can do about a failure, one sentence a category: used where no rule knows better, and where only the category was kept.
import type { Category } from "./reply.ts";

const advice: Readonly<Record<Category, string>> = {
  invalid_recipient: "The mailbox does not exist or does not take mail from you: correct the address or remove it from your list.",
  inactive_recipient:
    "The mailbox exists but is disabled, suspended or was set inactive after earlier bounces: stop sending to it until its owner confirms it.",
  mailbox_full: "The mailbox is full: try again in some days, and reach the recipient another way if it is urgent.",
  bad_domain: "The domain after the @ does not exist or does not take mail: look for a typing error in the address.",
  unreachable:
    "The mail server could not be reached: check its name, port and firewall if it is your relay, otherwise wait, as its operators have to mend it.",
  expired: "The message could not be delivered before its deadline: look at the earlier attempts for the cause, then send it again.",
  sender_rejected:
    "The sender's address or domain was refused: check that it exists, takes mail, and is verified at your relay's provider.",
  relay_denied: "The relay refuses to send for you: check its user name, password and permission to relay in the configuration.",
  authentication:
    "The mail failed SPF, DKIM or DMARC: publish SPF for the relay, sign with DKIM for the From domain, and align both with DMARC.",
  reputation:
    "The sending IP address or domain has a bad reputation: look it up at the block list that the reply names and ask your relay's provider for help.",
  spam: "The recipient's server takes the message for spam: look at its wording and links, and send only to people who asked for it.",
  content: "The content or a header was refused: check the message's structure, its headers and the types of its attachments.",
  virus: "The recipient's server found malware in the message: check the attachments and links, and the system that made them.",
  message_too_large: "The message is larger than the recipient's server takes: send a link in place of the attachment.",
  policy: "A rule of the recipient's server or organisation forbids this message: ask its postmaster, with the reply at hand.",
  rate_limited:
    "Mail came faster or in greater number than the server allows: lower the relay's rate and connections, and try again later.",
  protocol:
    "The server and the sender disagree about the protocol or the message's form: look at the attempt's transcript for the command that was refused.",
  system: "The server has a problem of its own: try again later, and tell its operators if it lasts.",
  unknown: "The reply does not say why: ask the operators of the recipient's server, with the reply at hand.",
};

/**
 * The general advice for a category: one plain sentence.
 * @param category why a recipient was not reached
 */
export function adviceFor(category: Category): string {
  return advice[category];
}
