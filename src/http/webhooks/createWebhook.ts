// POST /v1/webhooks: events are sent to a URL from now on.
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { newWebhook, webhookView, webhookWithSecret } from "../schemas/webhook.ts";
import { refusedUrl, tooMany } from "./refusals.ts";

export function createWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/webhooks",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "createWebhook",
      summary: "Add a webhook",
      description: "It gets the events that happen from now on. Its secret is in this answer and nowhere else.",
      tags: ["Webhooks"],
      body: newWebhook,
      response: { 201: webhookWithSecret, ...problems(400, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const refusal = refusedUrl(request.body.url, dependencies.webhookTargets);
      if (refusal) return refuse(request, reply, refusal);
      const created = await dependencies.webhooks.create(callerOf(request).tenant, request.body);
      if (created.kind === "too_many") return refuse(request, reply, tooMany);
      return reply
        .code(201)
        .header("location", `/v1/webhooks/${created.webhook.id}`)
        .header("cache-control", "no-store")
        .send({ ...webhookView(created.webhook), secret: created.secret });
    },
  });
}
