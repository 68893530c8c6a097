// GET /v1/stats: what became of a tenant's mail, in steps of time.
import { z } from "zod";
import { time } from "../../accept/request.ts";
import { wireTime as timeOf } from "../../domain/messageView.ts";
import { countedNames, statsLifeMs } from "../../domain/stats.ts";
import { parseDuration } from "../../domain/units.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { wireTime } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";

const steps = ["1m", "5m", "15m", "1h"] as const;
const hourMs = 3_600_000;

const query = z.strictObject({
  since: time.optional().meta({ description: "From the step that holds this time on; an hour ago by default, 48 hours at most." }),
  step: z.enum(steps).default("1m").meta({ description: "How long a step is." }),
});

const stats = z
  .object({
    step: z.enum(steps),
    data: z
      .array(z.object({ at: wireTime.meta({ description: "Begin of the step." }), ...counts() }))
      .meta({ description: "Every step up to the present one, oldest first." }),
    counted_to: z.string().meta({
      description:
        "The place in the event log up to which is counted: as `after` of an event stream or list it gives exactly what is still to be added.",
    }),
  })
  .meta({ id: "Stats", description: "`accepted` counts messages, all others recipients." });

function counts() {
  return Object.fromEntries(countedNames.map((name) => [name, z.int()])) as Record<(typeof countedNames)[number], z.ZodInt>;
}

export function getStats(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/stats",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "getStats",
      summary: "Count what became of mail",
      description: "By the time when it happened. Counted from the event log, a second or two behind it.",
      tags: ["Statistics"],
      querystring: query,
      response: { 200: stats, ...problems(422) },
    },
    handler: async (request, reply) => {
      const now = dependencies.ledger.clock.now();
      const { since = now - hourMs, step } = request.query;
      if (since > now || since < now - statsLifeMs) {
        const message = `is not within the last ${statsLifeMs / hourMs} hours; counts are kept no longer`;
        const errors = [{ parameter: "since", code: "invalid_since", message }];
        return refuse(request, reply, { refused: "invalid_request", detail: `since ${message}.`, errors });
      }
      const { rows, countedTo } = await dependencies.stats.read(callerOf(request).tenant, since, parseDuration(step) ?? 0);
      return { step, data: rows.map(({ at, counts: its }) => ({ at: timeOf(at), ...its })), counted_to: String(countedTo) };
    },
  });
}
