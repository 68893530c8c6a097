// PATCH /v1/messages/{id}: another time for a message that nobody has tried to send yet.
import { z } from "zod";
import { reschedule } from "../../accept/change.ts";
import { time } from "../../accept/request.ts";
import { isRefusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { message } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { messageParams } from "./getMessage.ts";

const change = z.strictObject({ send_at: time }).meta({ id: "MessageChange", examples: [{ send_at: "2026-01-31T09:00:00Z" }] });

export function updateMessage(app: App, dependencies: Dependencies): void {
  app.route({
    method: "PATCH",
    url: "/v1/messages/:id",
    onRequest: dependencies.scope("send"),
    schema: {
      operationId: "updateMessage",
      summary: "Reschedule a message",
      description: "The deadline moves with the new time.",
      tags: ["Messages"],
      params: messageParams,
      body: change,
      response: { 200: message, ...problems(400, 404, 409, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const changed = await reschedule(dependencies.change, callerOf(request).tenant, request.params.id, request.body.send_at);
      return isRefusal(changed) ? refuse(request, reply, changed) : changed;
    },
  });
}
