// What each provider's own words come to, on bodies as its documentation has them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseNotification } from "../../src/bounces/providers/parseNotification.ts";
import type { NotificationProvider } from "../../src/domain/notification.ts";
import { mailgunEvent, postmarkBounce, sendgridEvent, sesBounce, sesMail } from "../support/notifications.ts";

const read = (provider: NotificationProvider, event: unknown) => parseNotification(provider, Buffer.from(JSON.stringify(event)));

/** Kind, then of the first recipient its action, category and whether it is hard. */
function gist(provider: NotificationProvider, event: unknown): string {
  const { kind, reports } = read(provider, event);
  const [report] = reports;
  if (!report) return kind;
  return [kind, report.recipient, report.action, report.category ?? "-", report.hardBounce ? "hard" : "soft"].join(" ");
}

const ada = "ada@example.net";
const bare = [{ emailAddress: ada }];
const mail = sesMail();
const delay = (delayType: string, more = {}) => ({
  eventType: "DeliveryDelay",
  mail,
  deliveryDelay: { timestamp: "2020-06-16T00:25:40.095Z", delayType, delayedRecipients: [{ emailAddress: ada, ...more }] },
});

const expectations: [NotificationProvider, string, unknown, string][] = [
  ["ses", "a bounce with a delivery status", sesBounce(mail), `bounce ${ada} failed invalid_recipient hard`],
  ["ses", "a bounce that quotes nobody", sesBounce(mail, { bouncedRecipients: bare }), `bounce ${ada} failed invalid_recipient hard`],
  [
    "ses",
    "an address on its own list",
    sesBounce(mail, {
      bounceSubType: "OnAccountSuppressionList",
      bouncedRecipients: [
        {
          emailAddress: ada,
          action: "failed",
          status: "5.1.1",
          diagnosticCode:
            "Amazon SES did not send the message to this address because it is on the suppression list for your account. For more information about removing addresses from the suppression list, see the Amazon SES Developer Guide at https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html",
        },
      ],
    }),
    `bounce ${ada} failed inactive_recipient soft`,
  ],
  [
    "ses",
    "a full mailbox, given up",
    sesBounce(mail, { bounceType: "Transient", bounceSubType: "MailboxFull", bouncedRecipients: bare }),
    `bounce ${ada} failed mailbox_full soft`,
  ],
  [
    "ses",
    "a transient bounce that quotes an unknown user",
    sesBounce(mail, { bounceType: "Transient" }),
    `bounce ${ada} failed invalid_recipient soft`,
  ],
  [
    "ses",
    "the answer of an automatic responder, which comes as a bounce",
    sesBounce(mail, { bounceType: "Transient", bounceSubType: "General", bouncedRecipients: bare }),
    "auto_reply",
  ],
  [
    "ses",
    "a bounce that it cannot explain",
    sesBounce(mail, { bounceType: "Undetermined", bounceSubType: "Undetermined", bouncedRecipients: bare }),
    `bounce ${ada} failed unknown soft`,
  ],
  [
    "ses",
    "a complaint",
    { notificationType: "Complaint", complaint: { complainedRecipients: bare, complaintFeedbackType: "abuse" }, mail },
    `complaint ${ada} delivered - soft`,
  ],
  [
    "ses",
    "a delivery",
    {
      eventType: "Delivery",
      delivery: { recipients: [ada], smtpResponse: "250 ok:  Message 64111812 accepted", reportingMTA: "a8-70.smtp-out.amazonses.com" },
      mail,
    },
    `delivered ${ada} delivered - soft`,
  ],
  ["ses", "a delay that quotes nobody", delay("MailboxFull"), `delayed ${ada} delayed mailbox_full soft`],
  [
    "ses",
    "a delay with a reply",
    delay("TransientCommunicationFailure", { status: "4.4.1", diagnosticCode: "smtp; 421 4.4.1 Unable to connect to remote host" }),
    `delayed ${ada} delayed unreachable soft`,
  ],
  ["ses", "a virus in the mail", { eventType: "Reject", mail, reject: { reason: "Bad content" } }, `bounce ${ada} failed virus soft`],
  [
    "ses",
    "somebody who left all lists",
    {
      eventType: "Subscription",
      mail,
      subscription: { contactList: "x", newTopicPreferences: { unsubscribeAll: true, topicSubscriptionStatus: [] } },
    },
    `unsubscribe ${ada} delivered - soft`,
  ],
  [
    "ses",
    "somebody who left one topic",
    {
      eventType: "Subscription",
      mail,
      subscription: {
        contactList: "x",
        newTopicPreferences: { unsubscribeAll: false, topicSubscriptionStatus: [{ topicName: "a", subscriptionStatus: "OptOut" }] },
      },
    },
    "none",
  ],
  ["sendgrid", "a bounce", sendgridEvent(), `bounce ${ada} failed invalid_recipient hard`],
  ["sendgrid", "a bounce without a reply", sendgridEvent({ reason: "", status: "" }), `bounce ${ada} failed invalid_recipient hard`],
  [
    "sendgrid",
    "a block, even if the words are those of an unknown user",
    sendgridEvent({ type: "blocked" }),
    `bounce ${ada} failed invalid_recipient soft`,
  ],
  [
    "sendgrid",
    "a block for reputation",
    sendgridEvent({ type: "blocked", reason: "Rejected", status: "5.0.0", bounce_classification: "Reputation" }),
    `bounce ${ada} failed reputation soft`,
  ],
  [
    "sendgrid",
    "a drop after an earlier bounce",
    { ...sendgridEvent({ event: "dropped", reason: "Bounced Address" }), status: undefined },
    `bounce ${ada} failed inactive_recipient soft`,
  ],
  [
    "sendgrid",
    "a drop of what is no address",
    { email: ada, event: "dropped", reason: "Invalid", sg_message_id: "filter0093p1las1.9128.5717FB8127.0" },
    `bounce ${ada} failed invalid_recipient hard`,
  ],
  [
    "sendgrid",
    "a deferral",
    { email: ada, event: "deferred", response: "450 4.2.1 The user you are trying to contact is receiving mail too quickly", attempt: "5" },
    `delayed ${ada} delayed rate_limited soft`,
  ],
  ["sendgrid", "a delivery", { email: ada, event: "delivered", response: "250 OK" }, `delivered ${ada} delivered - soft`],
  ["sendgrid", "a complaint", { email: ada, event: "spamreport" }, `complaint ${ada} delivered - soft`],
  ["sendgrid", "an unsubscribe from all", { email: ada, event: "unsubscribe" }, `unsubscribe ${ada} delivered - soft`],
  [
    "sendgrid",
    "an unsubscribe from a group",
    { email: ada, event: "group_unsubscribe", asm_group_id: 10 },
    `unsubscribe ${ada} delivered - soft`,
  ],
  ["sendgrid", "an event of a kind that is not known", { email: ada, event: "teleported" }, "none"],
  ["sendgrid", "an event about nobody", { event: "bounce", email: "nobody" }, "none"],
  ["mailgun", "a failure for good", mailgunEvent("a@example.com"), `bounce ${ada} failed invalid_recipient hard`],
  [
    "mailgun",
    "a failure that is tried again",
    mailgunEvent("a@example.com", {
      severity: "temporary",
      reason: "generic",
      "delivery-status": {
        "attempt-no": 3,
        description: "No MX for nomx.example.com",
        "retry-seconds": 1800,
        code: 498,
        message: "No MX for nomx.example.com",
      },
    }),
    `delayed ${ada} delayed bad_domain soft`,
  ],
  [
    "mailgun",
    "what it would not send after an earlier bounce",
    mailgunEvent("a@example.com", {
      reason: "suppress-bounce",
      "delivery-status": { code: 605, description: "Not delivering to previously bounced address", message: "" },
    }),
    `bounce ${ada} failed inactive_recipient soft`,
  ],
  [
    "mailgun",
    "what it gave up",
    mailgunEvent("a@example.com", { reason: "old", "delivery-status": { code: 602, message: "Too old", description: "" } }),
    `bounce ${ada} failed expired soft`,
  ],
  [
    "mailgun",
    "a rejection",
    mailgunEvent("a@example.com", { event: "rejected", reject: { reason: "Sandbox subdomains are for test purposes only" } }),
    `bounce ${ada} failed sender_rejected soft`,
  ],
  [
    "mailgun",
    "a delivery",
    mailgunEvent("a@example.com", { event: "delivered", "delivery-status": { code: 250, message: "OK" } }),
    `delivered ${ada} delivered - soft`,
  ],
  ["mailgun", "a complaint", mailgunEvent("a@example.com", { event: "complained" }), `complaint ${ada} delivered - soft`],
  ["mailgun", "an unsubscribe", mailgunEvent("a@example.com", { event: "unsubscribed" }), `unsubscribe ${ada} delivered - soft`],
  ["postmark", "a hard bounce", postmarkBounce("x"), `bounce ${ada} failed invalid_recipient hard`],
  ["postmark", "a hard bounce that quotes nobody", postmarkBounce("x", { Details: "" }), `bounce ${ada} failed invalid_recipient hard`],
  [
    "postmark",
    "a soft bounce",
    postmarkBounce("x", { Type: "SoftBounce", TypeCode: 4096, Details: "smtp;552 5.2.2 Mailbox full" }),
    `bounce ${ada} failed mailbox_full soft`,
  ],
  [
    "postmark",
    "a delay",
    postmarkBounce("x", { Type: "Transient", TypeCode: 2, Details: "smtp;451 4.7.1 Greylisted, please try again later" }),
    `delayed ${ada} delayed system soft`,
  ],
  ["postmark", "a block", postmarkBounce("x", { Type: "Blocked", TypeCode: 100_006, Details: "" }), `bounce ${ada} failed reputation soft`],
  [
    "postmark",
    "a spam filter",
    postmarkBounce("x", { Type: "SpamNotification", TypeCode: 512, Details: "" }),
    `bounce ${ada} failed spam soft`,
  ],
  [
    "postmark",
    "DMARC",
    postmarkBounce("x", { Type: "DMARCPolicy", TypeCode: 100_009, Details: "" }),
    `bounce ${ada} failed authentication soft`,
  ],
  ["postmark", "an automatic answer", postmarkBounce("x", { Type: "AutoResponder", TypeCode: 64 }), "auto_reply"],
  [
    "postmark",
    "a complaint",
    postmarkBounce("x", { RecordType: "SpamComplaint", Type: "SpamComplaint", TypeCode: 100_001 }),
    `complaint ${ada} delivered - soft`,
  ],
  [
    "postmark",
    "a delivery",
    { RecordType: "Delivery", ServerID: 23, MessageID: "x", Recipient: ada, DeliveredAt: "2014-08-01T13:28:10Z", Details: "250 2.0.0 OK" },
    `delivered ${ada} delivered - soft`,
  ],
  [
    "postmark",
    "an unsubscribe",
    {
      RecordType: "SubscriptionChange",
      MessageID: "x",
      Recipient: ada,
      Origin: "Recipient",
      SuppressSending: true,
      SuppressionReason: "ManualSuppression",
    },
    `unsubscribe ${ada} delivered - soft`,
  ],
  ["postmark", "a bounce of a kind that every object has", postmarkBounce("x", { Type: "constructor" }), "none"],
  [
    "mailgun",
    "a reason that every object has",
    mailgunEvent("a@example.com", { reason: "constructor" }),
    `bounce ${ada} failed invalid_recipient hard`,
  ],
  ["postmark", "a bounce of a kind that is not known", postmarkBounce("x", { Type: "Teleported" }), "none"],
];

for (const [provider, what, event, expected] of expectations) {
  test(`${provider}: ${what} is read as ${expected}`, () => assert.equal(gist(provider, event), expected));
}

test("a complaint that SES cannot attribute names all whom it may be of, and says so", () => {
  const complaint = { complainedRecipients: [{ emailAddress: ada }, { emailAddress: "bob@example.net" }] };
  assert.equal(read("ses", { notificationType: "Complaint", complaint, mail }).anyOf, true);
});

test("the server's own reply stays the reply, also where only the provider's word explains it", () => {
  const { reports } = read("sendgrid", sendgridEvent({ reason: "550 Requested action not taken", status: "5.0.0" }));
  assert.deepEqual(reports[0]?.reply, { code: 550, enhanced: "5.0.0", text: "Requested action not taken" });
});

test("the ways to the message are found in each provider's own places", () => {
  const ses = read(
    "ses",
    sesBounce(
      sesMail({
        source: "b2@bounces.example",
        headers: [
          ["Message-ID", "<msg_x@example.com>"],
          ["X-Postern-Return-Path", "b1@bounces.example"],
        ],
      }),
    ),
  );
  assert.equal(ses.relayMessageId, mail.messageId);
  assert.equal(ses.original?.messageId, "msg_x@example.com");
  assert.deepEqual(ses.original?.headers.slice(-2), [
    { name: "x-postern-return-path", value: "b1@bounces.example" },
    { name: "return-path", value: "b2@bounces.example" },
  ]);
  assert.equal(read("sendgrid", sendgridEvent()).relayMessageId, "bdT3qimVR7SSpBEKunexIg");
  assert.equal(
    read("sendgrid", sendgridEvent({ sg_message_id: "K5AfgEp1RKaFOxEvX8hmwg.recvd-5f54b5d587-pczjm-1-61A8C0AF-5.0" })).relayMessageId,
    "K5AfgEp1RKaFOxEvX8hmwg",
  );
  assert.equal(read("sendgrid", sendgridEvent()).original?.messageId, "14c5d75ce93.dfd.64b469@ismtpd-555");
  assert.equal(read("mailgun", mailgunEvent("msg_x@example.com")).original?.messageId, "msg_x@example.com");
  const id = "883953f4-6105-42a2-a16a-77a8eac79483";
  assert.equal(read("postmark", postmarkBounce(id)).relayMessageId, id);
  const dump =
    "From: MAILER-DAEMON@mx.example.net\r\nSubject: Undelivered Mail Returned to Sender\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; ada@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nX-Postern-Return-Path: b1@bounces.example\r\nSubject: Hello\r\n\r\n--b--\r\n";
  const returned = read("postmark", postmarkBounce(id, { Content: dump })).original?.headers[0];
  assert.deepEqual(returned, { name: "x-postern-return-path", value: "b1@bounces.example" });
});

test("a notification that is cut off anywhere, or has any octet changed, is read as something without a fault", () => {
  const bodies: [NotificationProvider, unknown][] = [
    ["ses", sesBounce(sesMail({ headers: [["Message-ID", "<msg_x@example.com>"]] }))],
    ["sendgrid", sendgridEvent()],
    ["mailgun", mailgunEvent("msg_x@example.com")],
    ["postmark", postmarkBounce("883953f4-6105-42a2-a16a-77a8eac79483", { Content: "Subject: x\r\n\r\nx" })],
  ];
  for (const [provider, event] of bodies) {
    const raw = Buffer.from(JSON.stringify(event));
    for (let at = 0; at < raw.length; at++) {
      assert.equal(parseNotification(provider, raw.subarray(0, at)).kind, "none");
      const changed = Buffer.from(raw);
      changed[at] = (at * 31) % 256;
      assert.ok(Array.isArray(parseNotification(provider, changed).reports));
    }
  }
});

test("whatever stands in place of an event is read as none, quickly and without a fault", () => {
  const many = "filter".repeat(150_000);
  const nonsense: unknown[] = [
    null,
    1,
    "x",
    [],
    {},
    [[]],
    { event: {} },
    { email: many, event: "bounce" },
    sendgridEvent({ sg_message_id: many, reason: many, status: many }),
  ];
  const wrong = { mail: [1], bounce: { bouncedRecipients: [null, 1, { emailAddress: [] }] }, notificationType: "Bounce" };
  for (const provider of ["ses", "sendgrid", "postmark", "mailgun"] as const) {
    for (const event of [...nonsense, wrong]) {
      const began = performance.now();
      assert.ok(Array.isArray(read(provider, event).reports));
      assert.ok(performance.now() - began < 1_000, `${provider} took long`);
    }
    for (const text of ["", "{", "\0", '{"event":"bounce"', "[".repeat(100_000)]) {
      assert.equal(parseNotification(provider, Buffer.from(text)).kind, "none");
    }
  }
});
