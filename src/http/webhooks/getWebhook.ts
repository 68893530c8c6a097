// GET /v1/webhooks/{id}: a webhook and how it fares.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { webhook, webhookView } from "../schemas/webhook.ts";
import { noSuchWebhook } from "./refusals.ts";

export const webhookParams = z.object({ id: z.string() });

export function getWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/webhooks/:id",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "getWebhook",
      summary: "Get a webhook",
      tags: ["Webhooks"],
      params: webhookParams,
      response: { 200: webhook, ...problems(404) },
    },
    handler: async (request, reply) => {
      const found = await dependencies.webhooks.get(callerOf(request).tenant, request.params.id);
      return found ? webhookView(found) : refuse(request, reply, noSuchWebhook);
    },
  });
}
