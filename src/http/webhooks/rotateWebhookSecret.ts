// POST /v1/webhooks/{id}/rotate_secret: a new secret, beside which the old one signs for a while.
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { webhookView, webhookWithSecret } from "../schemas/webhook.ts";
import { webhookParams } from "./getWebhook.ts";
import { noSuchWebhook } from "./refusals.ts";

export function rotateWebhookSecret(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/webhooks/:id/rotate_secret",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "rotateWebhookSecret",
      summary: "Rotate a webhook's secret",
      description: "For 24 hours every request carries both signatures, so that the receiver can follow in its own time.",
      tags: ["Webhooks"],
      params: webhookParams,
      response: { 200: webhookWithSecret, ...problems(404) },
    },
    handler: async (request, reply) => {
      const rotated = await dependencies.webhooks.rotateSecret(callerOf(request).tenant, request.params.id);
      if (!rotated) return refuse(request, reply, noSuchWebhook);
      return reply.header("cache-control", "no-store").send({ ...webhookView(rotated.webhook), secret: rotated.secret });
    },
  });
}
