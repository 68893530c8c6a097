// GET /v1/webhooks: a tenant's webhooks, newest first.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { page, pageOf, pageQuery, timeCursor } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { webhook, webhookView } from "../schemas/webhook.ts";

export function listWebhooks(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/webhooks",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "listWebhooks",
      summary: "List webhooks",
      description: "Newest first, without their secrets.",
      tags: ["Webhooks"],
      querystring: z.strictObject(pageQuery(timeCursor("wh"))),
      response: { 200: pageOf(webhook), ...problems(422) },
    },
    handler: async (request) => {
      const { limit, after } = request.query;
      const { webhooks, nextCursor } = await dependencies.webhooks.list(callerOf(request).tenant, limit, after);
      return page(webhooks.map(webhookView), nextCursor);
    },
  });
}
