// How Microsoft words its replies: Exchange Server, Exchange Online (Microsoft 365) and Outlook.com.
// Sources: "Non-delivery reports in Exchange Online", learn.microsoft.com; "SMTP error codes", sendersupport.olc.protection.outlook.com.
import type { ReplyRule } from "../replyRule.ts";

export const microsoftRules: readonly ReplyRule[] = [
  {
    id: "microsoft.smtp-auth-disabled",
    when: { text: /smtpclientauthentication is disabled|authentication unsuccessful, basic authentication is disabled/i },
    category: "relay_denied",
    relayAtFault: true,
    advice:
      "SMTP AUTH is switched off for this mailbox or tenant: let an administrator enable it for the mailbox, or use an SMTP relay connector.",
    example:
      "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
  },
  {
    id: "microsoft.anonymous",
    when: { text: /client was not authenticated to send (?:anonymous )?mail/i },
    category: "relay_denied",
    relayAtFault: true,
    advice: "Exchange wants a login before it takes mail: give the relay a user and password, or set up a connector for your IP address.",
    example: "530 5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM [AB1PR01CA0001.prod.example.com]",
  },
  {
    id: "microsoft.tenant-attribution",
    when: { text: /tenantattribution/i },
    category: "relay_denied",
    relayAtFault: true,
    advice: "Microsoft 365 does not know which tenant you belong to: set up an inbound connector with your IP address or TLS certificate.",
    example: "550 5.7.64 TenantAttribution; Relay Access Denied [AB1PR01CA0001.prod.example.com]",
  },
  {
    id: "microsoft.send-as-denied",
    when: { text: /does not have permissions to send (?:as this sender|on behalf of)|sendasdenied/i },
    category: "sender_rejected",
    advice:
      "The relay's account may not send as this From address: grant it the permission Send As, or send from the account's own address.",
    example: "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
  },
  {
    id: "microsoft.bad-outbound-sender",
    when: { text: /bad outbound sender|outboundspamexception/i },
    category: "sender_rejected",
    advice:
      "Microsoft 365 has blocked this sender for suspicious mail: secure the account, then let an administrator unblock it under Restricted entities.",
    example: "550 5.1.8 Access denied, bad outbound sender. For more information please go to https://aka.ms/bos",
  },
  {
    id: "microsoft.unregistered-domain",
    when: { text: /unregistered domain/i },
    category: "sender_rejected",
    advice: "The From domain is not one of the tenant's accepted domains: add and verify it in Microsoft 365.",
    example: "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domain. Visit https://aka.ms/spam",
  },
  {
    id: "microsoft.recipient-limit",
    when: { text: /reached your daily limit for message recipients|tenant external recipient rate limit|submission quota exceeded/i },
    category: "rate_limited",
    // The account of the relay is used up: no recipient may bounce for it.
    relayAtFault: true,
    slowDown: true,
    advice:
      "The Microsoft 365 account has used up its recipients for today: wait, lower the relay's rate, or spread the mail over another relay.",
    example: "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
  },
  {
    id: "microsoft.authentication-level",
    when: { text: /does(?:n't| not) meet the required authentication level/i },
    category: "authentication",
    advice:
      "Outlook.com wants SPF, DKIM and DMARC from you, all passing for the From domain: publish them and sign with a key of that domain.",
    example:
      "550 5.7.515 Access denied, sending domain EXAMPLE.COM doesn't meet the required authentication level. The sender's domain in the 5322.From address doesn't meet the authentication requirements defined for the sender.",
  },
  {
    id: "microsoft.dmarc",
    when: { text: /sending domain \S{1,255} does(?:n't| not) pass dmarc/i },
    category: "authentication",
    advice:
      "The From domain's DMARC policy told Microsoft to refuse this: sign with a DKIM key of the From domain itself, or use an aligned SPF domain.",
    example: "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification and has a DMARC policy of reject.",
  },
  {
    id: "microsoft.banned-ip",
    when: { text: /banned sending ip|banned sender|traffic not accepted from this ip/i },
    category: "reputation",
    advice: "Microsoft has banned the sending IP address: ask for its removal at sender.office.com, and find out what it sent.",
    example:
      "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/ and follow the directions.",
  },
  {
    id: "microsoft.spam-abuse",
    when: { text: /access denied, spam abuse detected/i },
    category: "spam",
    example: "550 5.7.501 Access denied, spam abuse detected. Please contact Customer Service for assistance.",
  },
  {
    id: "microsoft.outlook-block-list",
    when: { text: /part of their network is on our block list|messages from \S{1,64} weren't sent/i },
    category: "reputation",
    advice:
      "Outlook.com blocks the sending IP address or its network: ask for delisting at sendersupport.olc.protection.outlook.com, and join its SNDS to see why.",
    example:
      "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). [AB1EUR01FT001.example.com]",
  },
  {
    id: "microsoft.outlook-policy-code",
    when: { text: /\b(?:sc-00[1-4]|dy-00[12])\b/i },
    category: "reputation",
    advice:
      "Outlook.com refuses mail from this IP address for its reputation or because it looks dynamic: send through a relay with a good address.",
    example:
      "550 DY-001 (AB1-MC1-F1) Unfortunately, messages from your mail server were refused. We generally do not accept email from dynamic IP's.",
  },
  {
    id: "microsoft.outlook-spam-code",
    when: { text: /\bou-00[12]\b/i },
    category: "spam",
    example:
      "550 OU-001 (AB1-MC1-F1) Mail rejected by the service for policy reasons. Reasons for rejection may be related to content with spam-like characteristics.",
  },
  {
    id: "microsoft.outlook-reputation",
    when: { text: /temporarily rate limited due to ip reputation/i },
    category: "reputation",
    slowDown: true,
    advice: "Microsoft limits your IP address for its reputation: lower the rate and connections, and warm a new address up slowly.",
    example:
      "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775)",
  },
  {
    id: "microsoft.outlook-rate",
    when: { text: /\brp-00[1-3]\b|has exceeded the (?:rate|connection) limit/i },
    category: "rate_limited",
    slowDown: true,
    advice:
      "Microsoft limits your IP address for its reputation or connections: lower the rate and connections, and warm a new address up slowly.",
    example: "421 RP-001 The mail server IP connecting to Outlook.com server has exceeded the rate limit allowed.",
  },
  {
    id: "microsoft.server-busy",
    when: { code: [421, 451], text: /server busy\. please try again later|too many concurrent (?:smtp )?connections/i },
    category: "rate_limited",
    slowDown: true,
    advice: "Microsoft is throttling your mail: lower the rate and the number of connections, and retry later.",
    example: "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77713)",
  },
  {
    id: "microsoft.mailbox-rate",
    // About one mailbox, so no reason to slow the whole relay down.
    when: { text: /per hour message receive limit|recipient thread limit exceeded/i },
    category: "rate_limited",
    advice: "This one mailbox gets more mail per hour than it may: send it fewer messages, later.",
    example: "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded.",
  },
  {
    id: "exchange.no-such-recipient",
    when: { text: /resolver\.adr\.(?:ex)?recip(?:ient)?notfound|resolver\.adr\.invalid/i },
    category: "invalid_recipient",
    hard: true,
    advice: "The Exchange organisation has no such recipient: correct the address or remove it.",
    example: "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient user@example.com not found by SMTP address lookup",
  },
  {
    id: "microsoft.directory-edge",
    when: { enhanced: ["5.4.1"], text: /recipient address(?:es)? rejected ?: access denied/i },
    category: "invalid_recipient",
    hard: true,
    advice:
      "Microsoft 365 knows no such recipient in this domain: correct the address, or let the domain's administrator look at directory-based edge blocking.",
    example: "550 5.4.1 Recipient address rejected: Access denied. [AB1EUR01FT001.eop-EUR01.prod.protection.outlook.com]",
  },
  {
    id: "microsoft.remote-unknown-filter",
    // `550 : User unknown` is how the Japanese carrier au words a recipient's own filter.
    when: { text: /remote server returned unknown recipient[^>]{0,60}-> \d{3} : user unknown/i },
    category: "invalid_recipient",
    advice: "The recipient's carrier refused the message, perhaps by a filter of the recipient: ask them to allow your domain.",
    example: "550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 550 : User unknown",
  },
  {
    id: "microsoft.remote-unknown",
    when: { text: /remote server returned unknown recipient/i },
    category: "invalid_recipient",
    hard: true,
    example:
      "550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 550 Requested action not taken: mailbox unavailable",
  },
  {
    id: "exchange.quota",
    when: { text: /quotaexceededexception|submissionquotaexceeded|storedrv\.deliver; mailbox full/i },
    category: "mailbox_full",
    example:
      "554 5.2.2 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception",
  },
  {
    id: "exchange.size-limit",
    when: { text: /resolver\.rst\.(?:recip|send)sizelimit|message size exceeds fixed maximum message size/i },
    category: "message_too_large",
    example: "550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
  },
  {
    id: "exchange.restricted-recipient",
    when: {
      text: /resolver\.rst\.(?:notauthorized|authrequired|senderrestricted|restrictedtopermittedsenders)|sender not in allowed-senders list|sender ?not ?authenticated ?for ?(?:group|mailbox)/i,
    },
    category: "policy",
    advice:
      "This mailbox or group takes mail only from inside its organisation or from listed senders: ask its owner to allow your address.",
    example: "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required",
  },
  {
    id: "exchange.too-many-recipients",
    when: { text: /resolver\.rst\.recipientlimit|resolver\.adr\.recipientlimit/i },
    category: "rate_limited",
    example: "550 5.5.3 RESOLVER.ADR.RecipLimit; RESOLVER.RST.RecipientLimit; too many recipients",
  },
  {
    id: "exchange.store-driver",
    when: { text: /storedrv\.(?:deliver|submit)/i },
    category: "system",
    example: "554 5.2.0 STOREDRV.Deliver.Exception:StorageTransientException; Failed to process message due to a permanent exception",
  },
  {
    id: "exchange.no-such-domain",
    when: { text: /nonexistentdomain|dns domain \S{1,255} does not exist/i },
    category: "bad_domain",
    hard: true,
    example: "550 5.4.310 DNS domain example.invalid does not exist [Message=InfoDomainNonexistent]",
  },
  {
    id: "microsoft.dns-failed",
    when: { text: /dns query failed/i },
    category: "unreachable",
    advice: "The name servers of the recipient's domain do not answer properly: wait, or tell the domain's operators.",
    example: "550 5.4.312 Message expired, DNS query failed(ServerFailure)",
  },
  {
    id: "microsoft.domain-unreachable",
    when: { text: /could not be delivered to the recipient because the domain is not reachable/i },
    category: "bad_domain",
    hard: true,
    example:
      "554 The mail could not be delivered to the recipient because the domain is not reachable. Please check the domain and try again",
  },
  {
    id: "microsoft.connection-refused",
    when: { text: /socket error code 1006[01]|connection refused \[message=/i },
    category: "unreachable",
    example: "450 4.4.316 Connection refused [Message=Socket error code 10061]",
  },
  {
    id: "microsoft.ptr-mismatch",
    when: { text: /domain \[\S{1,255}\] mismatches client ip/i },
    category: "reputation",
    advice: "The name in EHLO does not belong to the sending IP address: let the relay's reverse DNS, its name and its address agree.",
    example: "550 domain [mail.example.com] mismatches client ip 192.0.2.1.",
  },
];
