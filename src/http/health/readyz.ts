// GET /readyz: whether requests should be sent here, and if not, why.
import { z } from "zod";
import type { App, Dependencies } from "../dependencies.ts";
import { problemOf } from "../errors.ts";
import { problem } from "../schemas/problem.ts";
import { readiness } from "./readiness.ts";

const check = z.object({ ok: z.boolean(), problems: z.array(z.string()) });

const checks = z
  .object({
    process: check,
    durability: check
      .extend({ kind: z.enum(["durable", "weak", "unknown"]) })
      .meta({ description: "Whether Redis keeps what it has acknowledged. Shown, but no reason not to be ready." }),
  })
  .meta({ id: "Checks" });

const notReady = problem.extend({ checks }).meta({ id: "NotReady" });

export function readyz(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/readyz",
    schema: {
      operationId: "readyz",
      summary: "Can it work?",
      tags: ["Health"],
      response: {
        200: z.object({ status: z.literal("ready"), checks }),
        503: { description: "Not now; `detail` says why.", content: { "application/problem+json": { schema: notReady } } },
      },
    },
    handler: async (request, reply) => {
      const found = await readiness(dependencies);
      reply.header("cache-control", "no-store");
      if (found.problems.length === 0) return { status: "ready" as const, checks: found.checks };
      const refusal = { refused: "unavailable" as const, detail: `Not ready: ${found.problems.join("; ")}.` };
      return reply
        .code(503)
        .header("retry-after", 1)
        .type("application/problem+json")
        .send({ ...problemOf(refusal, request.id), checks: found.checks });
    },
  });
}
