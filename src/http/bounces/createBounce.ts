// POST /v1/bounces: a report that reached its tenant another way.
import { z } from "zod";
import type { Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import { messageType } from "../bodies.ts";
import { bodyBytesMax } from "../bodyLimits.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { report, reportView } from "../schemas/report.ts";

/** Some milliseconds are enough for nearly every report; the caller has two seconds. */
const patienceMs = 1_500;

const nothing: Refusal = { refused: "invalid_request", detail: "There is no body; send the whole mail as message/rfc822." };
const full: Refusal = {
  refused: "overloaded",
  detail: "Too many reports wait to be read; nothing was stored. Try again later.",
  retryAfterSeconds: 10,
};

export function createBounce(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/bounces",
    bodyLimit: bodyBytesMax(dependencies.limits.messageBytesMax),
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "createBounce",
      summary: "Hand in a report",
      description:
        "A bounce, complaint or auto-reply that did not come to Postern's own listener, as the mail itself. It changes only recipients of this tenant's messages that a relay had taken. The same report twice is one. 202: it is stored, and read later.",
      tags: ["Reports"],
      consumes: [messageType],
      body: z.any(),
      response: { 200: report, 202: report, ...problems(400, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const raw = request.body;
      if (!Buffer.isBuffer(raw) || raw.length === 0) return refuse(request, reply, nothing);
      const taken = await dependencies.takeReport({ tenant: callerOf(request).tenant, source: "http", size: raw.length }, raw, patienceMs);
      if (taken.kind === "full") return refuse(request, reply, full);
      const view = reportView(taken.report);
      return reply.code(view.status === "pending" ? 202 : 200).send(view);
    },
  });
}
