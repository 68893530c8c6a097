// GET /v1/events: a tenant's event log, oldest first.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { event, typesInQuery } from "../schemas/event.ts";
import { eventPageQuery, pageOf } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { feedEvents } from "./feed.ts";

export function listEvents(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/events",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "listEvents",
      summary: "List events",
      description:
        "Oldest first. To go on later, give the last event's id as `after`. A page of a filtered list may be short and still have a `next_cursor`.",
      tags: ["Events"],
      querystring: z.strictObject({ ...eventPageQuery, type: typesInQuery }),
      response: { 200: pageOf(event), ...problems(422) },
    },
    handler: async (request) => {
      const { after, limit, type } = request.query;
      const page = await dependencies.events.page(callerOf(request).tenant, after, limit, type);
      const events = await feedEvents(dependencies.messages, page.events);
      return { data: events.map(({ view }) => view), has_more: page.hasMore, next_cursor: page.hasMore ? String(page.position) : null };
    },
  });
}
