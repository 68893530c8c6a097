// How services that send for you word their refusals, as your relay: Amazon SES, SendGrid, Postmark, Mailgun, SparkPost, Brevo.
// Here it is the account that is at fault, not the recipient.
import type { ReplyRule } from "../replyRule.ts";

export const sendingServiceRules: readonly ReplyRule[] = [
  {
    id: "ses.unverified",
    when: { text: /email address is not verified|identities failed the check in region/i },
    category: "sender_rejected",
    advice:
      "Amazon SES does not know this From address or domain in this region: verify it there; while the account is in the sandbox, recipients have to be verified too.",
    example:
      "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: sender@example.com",
  },
  {
    id: "ses.not-authorized",
    when: { text: /is not authorized to perform [`'"]?ses:/i },
    category: "relay_denied",
    relayAtFault: true,
    advice: "The IAM user behind the SMTP credentials lacks the right ses:SendRawEmail for this identity: add it to its policy.",
    example:
      "554 Access denied: User `arn:aws:iam::123456789012:user/mailer' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:eu-west-1:123456789012:identity/example.com'",
  },
  {
    id: "ses.account-paused",
    when: {
      text: /sending (?:suspended|paused|disabled) for this account|account is (?:paused|under review|suspended|disabled)|account has (?:been|not been) (?:suspended|approved)/i,
    },
    category: "relay_denied",
    relayAtFault: true,
    advice: "The relay's provider has paused your account: look at its console or mails for the reason, mostly bounces or complaints.",
    example:
      "554 Message rejected: Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.",
  },
  {
    id: "ses.sending-rate",
    when: { text: /maximum sending rate exceeded/i },
    category: "rate_limited",
    slowDown: true,
    advice: "You send faster than your SES account may: set the relay's rate to the account's sending rate, or ask AWS to raise it.",
    example: "454 Throttling failure: Maximum sending rate exceeded.",
  },
  {
    id: "ses.daily-quota",
    when: { text: /daily message quota exceeded/i },
    category: "rate_limited",
    slowDown: true,
    advice:
      "The SES account has used up its messages for 24 hours: wait, ask AWS to raise the quota, or spread the mail over another relay.",
    example: "454 Throttling failure: Daily message quota exceeded.",
  },
  {
    id: "ses.suppressed",
    when: {
      text: /on the suppression list|(?:^|: )address (?:is )?(?:blacklisted|suppressed)|not delivering to previously bounced address|marked as inactive|\bbounced address\b/i,
    },
    category: "inactive_recipient",
    advice:
      "The relay's provider has this address on its own suppression list after an earlier bounce or complaint: remove it there if the mailbox works again.",
    example: "550 5.1.1 Amazon SES did not send the message to this address because it is on the suppression list for your account.",
  },
  {
    id: "provider.unsubscribed",
    when: { text: /unsubscribed address|spam reporting address|marked your messages as spam/i },
    category: "inactive_recipient",
    advice: "The recipient unsubscribed from your mail or complained about it at your relay's provider: stop sending to this address.",
    example: "550 Unsubscribed Address",
  },
  {
    id: "ses.duplicate-header",
    when: { text: /duplicate header/i },
    category: "content",
    advice: "A header that may occur once is there twice: leave it out of the message's own headers.",
    example: "554 Transaction failed: Duplicate header 'DKIM-Signature'.",
  },
  {
    id: "sendgrid.unverified-sender",
    when: { text: /does not match a verified sender identity/i },
    category: "sender_rejected",
    advice: "SendGrid does not know this From address: verify it as a single sender, or authenticate its domain.",
    example: "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
  },
  {
    id: "sendgrid.credits",
    when: { text: /maximum credits exceeded/i },
    category: "rate_limited",
    relayAtFault: true,
    slowDown: true,
    advice: "The SendGrid account has used up its credits: wait for the next period or enlarge the plan.",
    example: "451 Authentication failed: Maximum credits exceeded",
  },
  {
    id: "sendgrid.unauthenticated",
    when: { text: /unauthenticated senders not allowed/i },
    category: "relay_denied",
    relayAtFault: true,
    advice: 'The relay wants a login: for SendGrid the user is "apikey" and the password is an API key with the right Mail Send.',
    example: "550 Unauthenticated senders not allowed",
  },
  {
    id: "postmark.sender-signature",
    when: { text: /is not a sender signature on your account|sender signature (?:not found|not confirmed)/i },
    category: "sender_rejected",
    advice: "Postmark does not know this From address: add it as a sender signature, or verify its domain.",
    example:
      "550 5.7.1 The 'From' address you supplied (Sender <sender@example.com>) is not a Sender Signature on your account. Please add and confirm this address in order to be able to use it in the 'From' field of your messages.",
  },
  {
    id: "mailgun.sandbox",
    when: { text: /sandbox (?:subdomains|domains?) (?:are|is) (?:for test|restricted|limited)|free accounts are for test purposes/i },
    category: "sender_rejected",
    advice: "The provider's sandbox domain sends to authorised recipients only: verify a domain of your own, or authorise the recipient.",
    example:
      "550 5.7.1 Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in Account Settings.",
  },
  {
    id: "mailgun.domain-not-allowed",
    when: { text: /domain \S{1,255} is not allowed to send/i },
    category: "relay_denied",
    relayAtFault: true,
    advice: "The provider has disabled sending for this domain: look at its console for the reason.",
    example: "421 4.7.0 Domain example.com is not allowed to send: recipient limit exceeded or account disabled",
  },
  {
    id: "sparkpost.sending-domain",
    when: { text: /unconfigured sending domain|invalid sending domain/i },
    category: "sender_rejected",
    advice: "The provider does not know the From domain: add and verify it as a sending domain.",
    example: "550 5.7.1 Unconfigured Sending Domain <example.com>",
  },
  {
    id: "sparkpost.sending-limit",
    when: {
      text: /exceed sending limit|exceeded (?:the )?(?:sending|hourly|daily|monthly|message) (?:limit|quota)|sending (?:limit|quota) (?:exceeded|reached)/i,
    },
    category: "rate_limited",
    // The account of the relay is used up: no recipient may bounce for it.
    relayAtFault: true,
    slowDown: true,
    advice: "The account at your relay has reached its sending limit: wait, enlarge the plan, or spread the mail over another relay.",
    example: "420 4.7.1 Exceed Sending Limit (daily)",
  },
];
