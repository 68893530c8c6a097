// GET /v1/webhooks/{id}/deliveries/{delivery_id}: one event on its way to a webhook.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { delivery, deliveryView } from "../schemas/webhook.ts";
import { noSuchDelivery } from "./refusals.ts";

export const deliveryParams = z.object({ id: z.string(), delivery_id: z.string() });

export function getWebhookDelivery(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/webhooks/:id/deliveries/:delivery_id",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "getWebhookDelivery",
      summary: "Get a delivery",
      tags: ["Webhooks"],
      params: deliveryParams,
      response: { 200: delivery, ...problems(404) },
    },
    handler: async (request, reply) => {
      const { id, delivery_id } = request.params;
      const found = await dependencies.webhookDeliveries.get(callerOf(request).tenant, id, delivery_id);
      return found ? deliveryView(found) : refuse(request, reply, noSuchDelivery);
    },
  });
}
