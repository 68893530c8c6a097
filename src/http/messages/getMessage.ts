// GET /v1/messages/{id}: a message and what became of every recipient.
import { z } from "zod";
import { noSuchMessage } from "../../accept/change.ts";
import { messageView } from "../../domain/messageView.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { message } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";

export const messageParams = z.object({ id: z.string() });

export function getMessage(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/messages/:id",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "getMessage",
      summary: "Get a message",
      tags: ["Messages"],
      params: messageParams,
      response: { 200: message, ...problems(404) },
    },
    handler: async (request, reply) => {
      const found = await dependencies.messages.get(callerOf(request).tenant, request.params.id);
      return found ? messageView(found) : refuse(request, reply, noSuchMessage);
    },
  });
}
