// POST /v1/inbound/{ses|sendgrid|postmark|mailgun}: what a relay's provider tells of the mail that it took.
import { z } from "zod";
import type { NotificationAnswer } from "../../bounces/providers/notifications.ts";
import { type NotificationProvider, notificationProviders } from "../../domain/notification.ts";
import type { Refusal } from "../../domain/refusals.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { RefusalError, refuse } from "../errors.ts";
import { documented } from "../schemas/problem.ts";

type Door = {
  operationId: string;
  title: string;
  verifiedBy: string;
  consumes: string[];
  /** Larger than anything that the provider sends. Only who proved itself by a header may send a whole message. */
  bodyLimit: number;
  /** As the API's description shows it; it is read by hand. */
  body: z.ZodType;
};

const kibibyte = 1024;
const json = "application/json";

/** `example`: without what does not matter here. */
function shown(id: string, example: object) {
  return z.any().meta({ id, description: "As the provider's own documentation has it.", examples: [example] });
}

const doors: Readonly<Record<NotificationProvider, Door>> = {
  ses: {
    operationId: "receiveSesNotification",
    title: "Amazon SES",
    verifiedBy: "the signature of Amazon SNS, for the configured topics alone; a subscription to them is confirmed by itself",
    consumes: ["text/plain", json],
    bodyLimit: 768 * kibibyte,
    body: shown("SesNotification", {
      Type: "Notification",
      MessageId: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
      TopicArn: "arn:aws:sns:eu-west-1:123456789012:ses-events",
      Message: '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent"},"mail":{"messageId":"0102018d5f3a4b6c-…-000000"}}',
      Timestamp: "2026-01-31T09:00:00.000Z",
      SignatureVersion: "2",
      Signature:
        "EXAMPLEpH+DcEwjAPg8O9mY8dReBSwksfg2S7WKQcikcNKWLQjwu6A4VbeS0QHVCkhRS7fUQvi2egU3N858fiTDN6bkkOxYDVrY0Ad8L10Hs3zH81mtnPk5uvvolIC1CXGu43obcgFxeL3khZl8IKvO61GWB6jI9b5+gLPoBc1Q=",
      SigningCertURL: "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
    }),
  },
  sendgrid: {
    operationId: "receiveSendgridNotification",
    title: "SendGrid",
    verifiedBy: "the signature of its signed Event Webhook",
    consumes: [json],
    bodyLimit: 1_024 * kibibyte,
    body: shown("SendgridNotification", [
      { email: "ada@example.net", event: "bounce", reason: "550 5.1.1 User unknown", sg_message_id: "bdT3qimVR7SSpBEKunexIg.filter0001" },
    ]),
  },
  postmark: {
    operationId: "receivePostmarkNotification",
    title: "Postmark",
    verifiedBy: "user name and password (HTTP Basic)",
    consumes: [json],
    bodyLimit: 16 * kibibyte * kibibyte,
    body: shown("PostmarkNotification", {
      RecordType: "Bounce",
      Type: "HardBounce",
      MessageID: "883953f4-6105-42a2-a16a-77a8eac79483",
      Email: "ada@example.net",
      Details: "smtp;550 5.1.1 User unknown",
    }),
  },
  mailgun: {
    operationId: "receiveMailgunNotification",
    title: "Mailgun",
    verifiedBy: "the signature in its body, each token for one event alone",
    consumes: [json],
    bodyLimit: 512 * kibibyte,
    body: shown("MailgunNotification", {
      signature: { timestamp: "1529006854", token: "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0", signature: "d2271d12299f6592…" },
      "event-data": {
        event: "failed",
        severity: "permanent",
        recipient: "ada@example.net",
        "delivery-status": { code: 550, message: "5.1.1 User unknown" },
      },
    }),
  },
};

const taken = z
  .object({
    stored: z.int().meta({ description: "Events that were stored; they are read within seconds." }),
    known: z.int().meta({ description: "Events that had come before." }),
    ignored: z.int().meta({ description: "Events that say nothing of bounces, complaints, deliveries or unsubscribing." }),
  })
  .meta({ id: "NotificationsTaken", description: "What was taken in of a provider's notification." });

const refusals = {
  400: documented("Nothing of it can be verified."),
  401: documented("Not verified as this provider's; the detail says why. Nothing was stored."),
  404: documented("This provider is not configured."),
  413: documented("Larger than anything that this provider sends."),
  415: documented("Not of the type that this provider sends."),
  503: documented("Not available at the moment; the provider comes again."),
};

const retryAfterSeconds = 10;

function refusalOf(answer: Exclude<NotificationAnswer, { kind: "taken" | "confirmed" }>): Refusal {
  switch (answer.kind) {
    case "refused":
      return { refused: "not_verified", detail: answer.detail };
    case "malformed":
      return { refused: "malformed_json", detail: answer.detail };
    case "later":
      return { refused: "unavailable", detail: answer.detail, retryAfterSeconds };
    case "full":
      return { refused: "overloaded", detail: "Too many reports wait to be read. Try again later.", retryAfterSeconds };
    case "too_many":
      return { refused: "body_too_large", detail: "The body holds more events than any provider sends at a time; nothing was stored." };
  }
}

export function receiveNotification(app: App, { notifications }: Dependencies): void {
  for (const provider of notificationProviders) {
    const { operationId, title, verifiedBy, consumes, bodyLimit, body } = doors[provider];
    app.route({
      method: "POST",
      url: `/v1/inbound/${provider}`,
      bodyLimit,
      config: { provesItself: true },
      schema: {
        operationId,
        summary: `Notifications of ${title}`,
        description: `For ${title} alone, as its own documentation has it. It needs no key: it is verified by ${verifiedBy}. Each event becomes a report (\`GET /v1/bounces\`), stored before this is answered; the same event twice is one. 404 unless \`inbound.${provider}\` is configured.`,
        tags: ["Reports"],
        consumes,
        body,
        response: { 200: taken, ...refusals },
      },
      onRequest: async (request, reply) => {
        if (!notifications.isConfigured(provider)) {
          const detail = `Notifications of ${title} are not set up here: configure inbound.${provider} (docs/provider-notifications.md).`;
          throw new RefusalError({ refused: "not_found", detail });
        }
        const reason = notifications.turnedAway(provider, (name) => request.headers[name]?.toString());
        if (reason === undefined) return;
        if (provider === "postmark") reply.header("www-authenticate", 'Basic realm="postern"');
        throw new RefusalError({ refused: "not_verified", detail: reason });
      },
      handler: async (request, reply) => {
        const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const answer = await notifications.receive(provider, { header: (name) => request.headers[name]?.toString(), body: raw });
        if (answer.kind === "confirmed") return { stored: 0, known: 0, ignored: 1 };
        if (answer.kind !== "taken") return refuse(request, reply, refusalOf(answer));
        const { stored, known, ignored } = answer;
        return { stored, known, ignored };
      },
    });
  }
}
