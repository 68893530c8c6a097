// GET /v1/messages/{id}/events: what happened to a message, oldest first.
import { z } from "zod";
import { noSuchMessage } from "../../accept/change.ts";
import { eventView } from "../../domain/eventView.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { event } from "../schemas/event.ts";
import { eventPageQuery, pageOf } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { messageParams } from "./getMessage.ts";

export function listMessageEvents(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/messages/:id/events",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "listMessageEvents",
      summary: "List a message's events",
      description: "Oldest first.",
      tags: ["Messages"],
      params: messageParams,
      querystring: z.strictObject(eventPageQuery),
      response: { 200: pageOf(event), ...problems(404, 422) },
    },
    handler: async (request, reply) => {
      const { after, limit } = request.query;
      const message = await dependencies.messages.get(callerOf(request).tenant, request.params.id);
      if (!message) return refuse(request, reply, noSuchMessage);
      const ahead = message.state.events.filter((sequence) => sequence > after);
      const shown = ahead.slice(0, limit);
      const hasMore = ahead.length > limit;
      const events = await dependencies.events.bySequence(shown);
      return {
        data: events.map((it) => eventView(it, message.record)),
        has_more: hasMore,
        next_cursor: hasMore ? String(shown.at(-1)) : null,
      };
    },
  });
}
