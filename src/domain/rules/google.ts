// How Gmail and Google Workspace word their replies, as the recipient's server and as a relay (smtp-relay.gmail.com).
// Source: "Gmail SMTP errors and codes", support.google.com/a/answer/3726730.
import type { ReplyRule } from "../replyRule.ts";

export const googleRules: readonly ReplyRule[] = [
  {
    id: "google.relay-not-registered",
    when: { text: /invalid credentials for relay|mail relay denied/i },
    category: "relay_denied",
    relayAtFault: true,
    advice:
      "Google's SMTP relay does not know you: add your IP address or turn on SMTP authentication in the Workspace admin console, under Gmail, Routing.",
    example:
      "550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've registered in your Workspace SMTP Relay service doesn't match domain of the account this email is being sent from. - gsmtp",
  },
  {
    id: "google.application-password",
    when: { text: /application-specific password required|please log in (?:with|via) your web browser/i },
    category: "relay_denied",
    relayAtFault: true,
    advice: "The Google account refuses its ordinary password: create an app password for it, or use OAuth.",
    example:
      "534-5.7.9 Application-specific password required. For more information, go to\r\n534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
  },
  {
    id: "google.bad-credentials",
    when: { link: /\bp=BadCredentials/ },
    category: "relay_denied",
    relayAtFault: true,
    advice:
      "Google refuses the relay's user name or password: use an app password of the account, as its ordinary password no longer works for SMTP.",
    example:
      "535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8 https://support.google.com/mail/?p=BadCredentials - gsmtp",
  },
  {
    id: "google.daily-limit",
    when: { text: /daily (?:user|smtp relay) (?:sending )?(?:quota|limit) exceeded|peak smtp relay limit exceeded/i },
    category: "rate_limited",
    // The account of the relay is used up: no recipient may bounce for it.
    relayAtFault: true,
    slowDown: true,
    advice: "The Google account has used up its sending limit: wait a day, lower the relay's rate, or spread the mail over another relay.",
    example:
      "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to 550 5.4.5 https://support.google.com/a/answer/166852 - gsmtp",
  },
  {
    id: "google.tls-required",
    when: { enhanced: ["x.7.29"], text: /\btls\b/i },
    category: "policy",
    advice: "Gmail takes mail from you over TLS only: let your relay use STARTTLS towards other servers.",
    example:
      "421-4.7.29 Your email has been rate limited because this message wasn't sent over a TLS connection. Gmail requires all bulk senders to use TLS. - gsmtp",
  },
  {
    id: "google.unauthenticated",
    when: { text: /gmail requires all senders to authenticate|sender is unauthenticated[^.]{0,80}gmail/i },
    category: "authentication",
    advice:
      "Gmail wants SPF or DKIM for the From domain: publish an SPF record that names your relay, and sign with a DKIM key of that domain.",
    example:
      "550-5.7.26 Your email has been blocked because the sender is unauthenticated.\r\n550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\r\n550 5.7.26 https://support.google.com/mail/answer/81126#authentication - gsmtp",
  },
  {
    id: "google.dmarc",
    when: { text: /not accepted due to domain's dmarc policy/i },
    category: "authentication",
    advice:
      "The From domain's DMARC policy told Gmail to refuse this: sign with a DKIM key of the From domain itself, or use an aligned SPF domain.",
    example:
      "550-5.7.26 Unauthenticated email from example.com is not accepted due to\r\n550-5.7.26 domain's DMARC policy. Please contact the administrator of\r\n550 5.7.26 example.com domain if this was a legitimate mail. - gsmtp",
  },
  {
    id: "google.spf",
    when: { text: /spf (?:authentication didn't pass|record of the sending domain)|did(?:n't| not) pass spf/i },
    category: "authentication",
    advice: "Gmail found no SPF record that allows your relay: add the relay to the SPF record of the envelope sender's domain.",
    example:
      "421-4.7.27 Your email has been rate limited because SPF authentication didn't pass for this message. Gmail requires all bulk senders to authenticate their email with SPF. - gsmtp",
  },
  {
    id: "google.dkim",
    when: { text: /dkim authentication didn't pass/i },
    category: "authentication",
    advice: "Gmail found no valid DKIM signature: configure DKIM for the From domain and publish its public key.",
    example: "421-4.7.30 Your email has been rate limited because DKIM authentication didn't pass for this message. - gsmtp",
  },
  {
    id: "google.alignment",
    when: { text: /from: header[^.]{0,40}(?:isn't|is not) aligned/i },
    category: "authentication",
    advice: "The From domain matches neither the DKIM nor the SPF domain: sign with a DKIM key of the From domain itself.",
    example:
      "421-4.7.32 Your email has been rate limited because the From: header (RFC5322) in this message isn't aligned with either the authenticated SPF or DKIM organizational domain. - gsmtp",
  },
  {
    id: "google.no-ptr",
    when: { text: /does not have a ptr record/i },
    category: "reputation",
    advice: "The relay's IP address has no matching reverse DNS: let its owner publish a PTR record whose name points back to the address.",
    example:
      "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a\r\n550-5.7.25 PTR record setup, or the corresponding forward DNS entry does not\r\n550 5.7.25 point to the sending IP. - gsmtp",
  },
  {
    id: "google.direct-sending",
    when: { text: /ip you're using to send mail is not authorized/i },
    category: "reputation",
    advice: "Gmail takes no mail straight from this kind of IP address (home or dynamic): send through your provider's relay.",
    example:
      "550-5.7.1 [192.0.2.1] The IP you're using to send mail is not authorized to\r\n550-5.7.1 send email directly to our servers. Please use the SMTP relay at your\r\n550 5.7.1 service provider instead. - gsmtp",
  },
  {
    id: "google.low-reputation",
    when: { text: /very low reputation of the sending (?:domain|ip)/i },
    category: "reputation",
    advice:
      "Gmail holds your sending domain or IP address in very low regard: look at Google Postmaster Tools, and send less and only to engaged recipients for a while.",
    example:
      "550-5.7.1 [192.0.2.1] Gmail has detected that this message is likely suspicious due to the very low reputation of the sending domain. - gsmtp",
  },
  {
    id: "google.unusual-rate",
    when: { text: /unusual rate of (?:unsolicited|mail|email)/i },
    category: "rate_limited",
    slowDown: true,
    advice:
      "Gmail sees an unusual amount of unsolicited mail from you: lower the rate, and look at the complaint rate in Google Postmaster Tools.",
    example:
      "421-4.7.28 [192.0.2.1] Gmail has detected an unusual rate of unsolicited mail\r\n421-4.7.28 originating from your IP address. To protect our users from spam, mail\r\n421 4.7.28 sent from your IP address has been temporarily rate limited. - gsmtp",
  },
  {
    id: "google.unsolicited",
    when: { text: /likely (?:unsolicited|suspicious)|user is likely to consider this message/i },
    category: "spam",
    advice:
      "Gmail takes this message for spam: look at its wording, links and unsubscribe header, and at the complaint rate in Google Postmaster Tools.",
    example:
      "550-5.7.1 [192.0.2.1 12] Our system has detected that this message is\r\n550-5.7.1 likely unsolicited mail. To reduce the amount of spam sent to Gmail,\r\n550 5.7.1 this message has been blocked. - gsmtp",
  },
  {
    id: "google.try-again-later",
    when: { code: [421], text: /try again later, closing connection/i },
    category: "rate_limited",
    slowDown: true,
    advice: "Gmail closed the connection because of too much traffic from you: use fewer connections and a lower rate.",
    example: "421 4.7.0 Try again later, closing connection. (EHLO) - gsmtp",
  },
  {
    id: "google.not-in-allow-list",
    when: { text: /ip not in whitelist for rcpt domain/i },
    category: "policy",
    advice:
      "The recipient's Workspace domain takes mail only from listed gateways: its administrators have to add your relay's IP address.",
    example: "421 4.7.0 IP not in whitelist for RCPT domain, closing connection. - gsmtp",
  },
  {
    id: "google.mailbox-rate",
    // About one mailbox, so no reason to slow the whole relay down.
    when: { text: /user you are trying to contact is receiving mail (?:too quickly|at a rate)/i },
    category: "rate_limited",
    advice: "This one Gmail mailbox gets more mail than it may: send it fewer messages, later.",
    example:
      "450-4.2.1 The user you are trying to contact is receiving mail too quickly.\r\n450 4.2.1 Please resend your message at a later time. - gsmtp",
  },
  {
    id: "google.no-such-user",
    when: { text: /email account that you tried to reach does not exist/i },
    category: "invalid_recipient",
    hard: true,
    advice: "This Google mailbox does not exist: remove the address, or look for a typing error.",
    example:
      "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n550-5.1.1 double-checking the recipient's email address for typos or\r\n550-5.1.1 unnecessary spaces. For more information, go to\r\n550 5.1.1 https://support.google.com/mail/?p=NoSuchUser abc123 - gsmtp",
  },
  {
    id: "google.disabled-user",
    when: { text: /email account that you tried to reach is (?:disabled|inactive)/i },
    category: "inactive_recipient",
    advice: "Google has disabled this mailbox or its owner left it unused: stop sending to it.",
    example:
      "550-5.2.1 The email account that you tried to reach is disabled. Learn more at 550 5.2.1 https://support.google.com/mail/?p=DisabledUser - gsmtp",
  },
  {
    id: "google.over-quota",
    when: { text: /recipient's inbox is out of storage|account that you tried to reach is over quota/i },
    category: "mailbox_full",
    example:
      "452-4.2.2 The recipient's inbox is out of storage space. Please direct the\r\n452 4.2.2 recipient to https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
  },
  {
    id: "google.too-large",
    when: { text: /exceeded google's message (?:size|header size) limits/i },
    category: "message_too_large",
    advice: "Google takes messages of up to 25 MB as sent (50 MB as received by some): send a link in place of the attachment.",
    example:
      "552-5.2.3 Your message exceeded Google's message size limits. Please visit 552 5.2.3 https://support.google.com/mail/?p=MaxSizeError to view our size guidelines. - gsmtp",
  },
  {
    id: "google.security-issue",
    when: { text: /blocked because its content presents a potential\b/i },
    category: "policy",
    advice:
      "Gmail blocks this attachment's type or a link as dangerous: leave out executables, scripts and encrypted archives, or send a link.",
    example: "552-5.7.0 This message was blocked because its content presents a potential\r\n552 5.7.0 security issue. - gsmtp",
  },
  {
    id: "google.not-compliant",
    when: {
      text: /not rfc ?5322 compliant|messages with multiple addresses in from|messages missing a valid (?:address in from|messageid)/i,
    },
    category: "protocol",
    advice:
      "Gmail refuses the message's form (RFC 5322): it must have exactly one From address, one Subject, one Date and a valid Message-ID.",
    example:
      "550-5.7.1 [192.0.2.1 11] This message is not RFC 5322 compliant. There are multiple Subject headers. To reduce the amount of spam sent to Gmail, this message has been blocked. - gsmtp",
  },
  {
    id: "google.custom-policy",
    when: { text: /violates [^ ]{1,255} email policy|- gcdp\b/i },
    category: "policy",
    advice: "A rule that the recipient's Workspace administrator made refuses this message: ask them.",
    example: "550 5.7.1 This message violates example.com email policy. - gcdp abc123 - gsmtp",
  },
  {
    id: "google.group-spam",
    when: { text: /email to group [^ ]{1,320} was rejected due to spam classification/i },
    category: "spam",
    advice:
      "The Google group takes this message for spam: ask the group's owner to moderate such mail, and publish SPF for the sending domain.",
    example: "550 5.7.1 Your email to group team@example.com was rejected due to spam classification.",
  },
  {
    id: "google.group-posting",
    when: { text: /may not have permission to post messages to the group|group you tried to contact[^.]{0,60}may not exist/i },
    category: "sender_rejected",
    advice: "The Google group takes mail from its members only, or does not exist: ask its owner to let your sender address post.",
    example:
      "550 5.7.1 We're writing to let you know that the group you tried to contact (team) may not exist, or you may not have permission to post messages to the group.",
  },
  {
    id: "google.one-domain",
    when: { text: /multiple destination domains per transaction/i },
    category: "protocol",
    advice: "Gmail's servers take recipients of one domain in one transaction: send through a relay instead of straight to Gmail.",
    example: "451-4.3.0 Multiple destination domains per transaction is unsupported. Please 451 4.3.0 try again. - gsmtp",
  },
  {
    id: "google.dns-no-domain",
    when: { text: /dns error: .{0,200}(?:responded with code nxdomain|domain name not found)|had no relevant answers|returned null mx/i },
    category: "bad_domain",
    hard: true,
    example: "550 DNS Error: DNS type 'mx' lookup of example.invalid responded with code NXDOMAIN Domain name not found: example.invalid",
  },
  {
    id: "google.dns-failure",
    when: { text: /dns error: /i },
    category: "unreachable",
    advice: "The name servers of the recipient's domain do not answer properly: wait, or tell the domain's operators.",
    example: "451 DNS Error: DNS type 'mx' lookup of example.com responded with code SERVFAIL",
  },
  {
    id: "google.no-connection",
    when: { text: /recipient server did not accept our requests to connect/i },
    category: "unreachable",
    example: "451 The recipient server did not accept our requests to connect. [mx.example.com 192.0.2.1: timed out]",
  },
];
