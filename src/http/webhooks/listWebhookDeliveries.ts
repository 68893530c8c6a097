// GET /v1/webhooks/{id}/deliveries: what was sent to a webhook, and what it answered.
import { z } from "zod";
import { deliveryStatuses } from "../../store/webhookDeliveries.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { page, pageOf, pageQuery } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { delivery, deliveryView } from "../schemas/webhook.ts";
import { webhookParams } from "./getWebhook.ts";
import { noSuchWebhook } from "./refusals.ts";

export function listWebhookDeliveries(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/webhooks/:id/deliveries",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "listWebhookDeliveries",
      summary: "List a webhook's deliveries",
      description: "That of the newest event first. A page of a filtered list may be short and still have a `next_cursor`.",
      tags: ["Webhooks"],
      params: webhookParams,
      querystring: z.strictObject({
        ...pageQuery(/^dlv_[0-9a-z]{10}(?:_test|[0-9a-z]{10})_[0-9a-z]{26}$/),
        status: z.enum(deliveryStatuses).optional(),
      }),
      response: { 200: pageOf(delivery), ...problems(404, 422) },
    },
    handler: async (request, reply) => {
      const { limit, after, status } = request.query;
      const filter = status === undefined ? {} : { status };
      const found = await dependencies.webhookDeliveries.list(callerOf(request).tenant, request.params.id, filter, limit, after);
      if (!found) return refuse(request, reply, noSuchWebhook);
      return page(found.deliveries.map(deliveryView), found.nextCursor);
    },
  });
}
