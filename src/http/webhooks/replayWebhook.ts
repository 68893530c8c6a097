// POST /v1/webhooks/{id}/replay: all events since a time are sent again.
import { z } from "zod";
import { time } from "../../accept/request.ts";
import { wireTime as timeOf } from "../../domain/messageView.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { wireTime } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { webhookParams } from "./getWebhook.ts";
import { disabled, noSuchWebhook } from "./refusals.ts";

const replay = z.strictObject({ since: time }).meta({ id: "ReplayRequest", examples: [{ since: "2026-01-31T09:00:00Z" }] });

export function replayWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/webhooks/:id/replay",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "replayWebhook",
      summary: "Send past events again",
      description:
        "Every event since that time that the webhook subscribes to and that is still kept, whatever became of it before, with the same `webhook-id`. " +
        "It goes on in its own time; one since the same or an earlier time that still runs goes on instead.",
      tags: ["Webhooks"],
      params: webhookParams,
      body: replay,
      response: { 202: z.object({ since: wireTime }).meta({ id: "Replay" }), ...problems(400, 404, 409, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const result = await dependencies.webhookReplays.start(callerOf(request).tenant, request.params.id, request.body.since);
      if (result.kind !== "replaying") return refuse(request, reply, result.kind === "gone" ? noSuchWebhook : disabled);
      return reply.code(202).send({ since: timeOf(result.replay.since) });
    },
  });
}
