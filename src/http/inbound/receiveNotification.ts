// POST /v1/inbound/{ses|sendgrid|postmark|mailgun}: what a relay's provider tells of the mail that it took.
import { z } from "zod";
import type { NotificationAnswer } from "../../bounces/providers/notifications.ts";
import { type NotificationProvider, notificationProviders } from "../../domain/notification.ts";
import type { Refusal } from "../../domain/refusals.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { RefusalError, refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";

type Door = {
  operationId: string;
  title: string;
  verifiedBy: string;
  consumes: string[];
  /** Larger than anything that the provider sends. Only who proved itself by a header may send a whole message. */
  bodyLimit: number;
};

const kibibyte = 1024;
const json = "application/json";

const doors: Readonly<Record<NotificationProvider, Door>> = {
  ses: {
    operationId: "receiveSesNotification",
    title: "Amazon SES",
    verifiedBy: "the signature of Amazon SNS, for the configured topics alone; a subscription to them is confirmed by itself",
    consumes: ["text/plain", json],
    bodyLimit: 768 * kibibyte,
  },
  sendgrid: {
    operationId: "receiveSendgridNotification",
    title: "SendGrid",
    verifiedBy: "the signature of its signed Event Webhook",
    consumes: [json],
    bodyLimit: 1_024 * kibibyte,
  },
  postmark: {
    operationId: "receivePostmarkNotification",
    title: "Postmark",
    verifiedBy: "user name and password (HTTP Basic)",
    consumes: [json],
    bodyLimit: 16 * kibibyte * kibibyte,
  },
  mailgun: {
    operationId: "receiveMailgunNotification",
    title: "Mailgun",
    verifiedBy: "the signature in its body, each token for one event alone",
    consumes: [json],
    bodyLimit: 512 * kibibyte,
  },
};

const taken = z
  .object({
    stored: z.int().meta({ description: "Events that were stored; they are read within seconds." }),
    known: z.int().meta({ description: "Events that had come before." }),
    ignored: z.int().meta({ description: "Events that say nothing of bounces, complaints, deliveries or unsubscribing." }),
  })
  .meta({ id: "NotificationsTaken", description: "What was taken in of a provider's notification." });

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
    const { operationId, title, verifiedBy, consumes, bodyLimit } = doors[provider];
    app.route({
      method: "POST",
      url: `/v1/inbound/${provider}`,
      bodyLimit,
      config: { provesItself: true },
      schema: {
        operationId,
        summary: `Notifications of ${title}`,
        description: `For ${title} alone, as its own documentation has it. Verified by ${verifiedBy}, so that it needs no key. Each event becomes a report (\`GET /v1/bounces\`), stored before this is answered; the same event twice is one. 404 unless \`inbound.${provider}\` is configured.`,
        tags: ["Reports"],
        consumes,
        body: z.any(),
        response: { 200: taken, ...problems(400, 401, 404, 413, 415) },
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
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const answer = await notifications.receive(provider, { header: (name) => request.headers[name]?.toString(), body });
        if (answer.kind === "confirmed") return { stored: 0, known: 0, ignored: 1 };
        if (answer.kind !== "taken") return refuse(request, reply, refusalOf(answer));
        const { stored, known, ignored } = answer;
        return { stored, known, ignored };
      },
    });
  }
}
