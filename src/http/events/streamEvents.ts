// GET /v1/events/stream: the event log as it grows, as server-sent events.
import { z } from "zod";
import type { Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { RefusalError, refuse } from "../errors.ts";
import { typesInQuery } from "../schemas/event.ts";
import { eventPosition } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { type EventStream, openEventStream } from "./eventStream.ts";

const streamsMaxDefault = 256;
const heartbeatMs = 15_000;

const tooMany: Refusal = {
  refused: "overloaded",
  detail: "This process serves as many event streams as it may; try again, or poll GET /v1/events.",
  retryAfterSeconds: 5,
};

export function streamEvents(app: App, dependencies: Dependencies): void {
  const streams = new Set<EventStream>();
  const { streamsMax = streamsMaxDefault } = dependencies.limits;
  // Those that are being opened count too.
  let opening = 0;
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
    for (const stream of streams) stream.end();
  });
  app.route({
    method: "GET",
    url: "/v1/events/stream",
    // A HEAD of it would wait for an end that does not come.
    exposeHeadRoute: false,
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "streamEvents",
      summary: "Follow events",
      description:
        "Server-sent events: `id` is the event's id, `event` its type, `data` the event. Begins now, or behind the event that `Last-Event-ID` or `after` names; " +
        "its first `id` comes without an event and says where that is, for a client that has to come back before it got one. " +
        "A client that does not keep up is cut off and goes on where it was when it comes back.",
      tags: ["Events"],
      headers: z.object({
        "last-event-id": eventPosition.optional().meta({ description: "Id of the last event that you have; goes before `after`." }),
      }),
      querystring: z.strictObject({
        after: eventPosition.optional().meta({ description: "Id of the last event that you have." }),
        type: typesInQuery,
      }),
      response: {
        200: { description: "The stream.", content: { "text/event-stream": { schema: z.string() } } },
        ...problems(422),
      },
    },
    handler: async (request, reply) => {
      if (streams.size + opening >= streamsMax) return refuse(request, reply, tooMany);
      const caller = callerOf(request);
      const after = request.headers["last-event-id"] ?? request.query.after;
      opening += 1;
      const stream = await openEventStream(dependencies, { tenant: caller.tenant, after, types: request.query.type }).finally(() => {
        opening -= 1;
      });
      streams.add(stream);
      if (closing) stream.end();
      const timer = setInterval(() => {
        stream.heartbeat();
        // A key that was revoked hears nothing more.
        dependencies
          .scope("read")(request)
          .catch((error: unknown) => {
            if (error instanceof RefusalError) stream.end();
          });
      }, heartbeatMs);
      stream.body.once("close", () => {
        clearInterval(timer);
        streams.delete(stream);
      });
      return reply
        .header("cache-control", "no-store")
        .header("x-accel-buffering", "no")
        .type("text/event-stream; charset=utf-8")
        .send(stream.body as never);
    },
  });
}
