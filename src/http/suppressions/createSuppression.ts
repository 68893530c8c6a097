// POST /v1/suppressions: an address is not sent to from now on.
import type { Suppression } from "../../domain/suppression.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { newSuppression, suppression, suppressionView } from "../schemas/suppression.ts";

export function createSuppression(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/suppressions",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "createSuppression",
      summary: "Suppress an address",
      description:
        "From now on nothing is sent to it. What stands already only becomes stronger: it lasts as long as the longer of the two, and keeps the graver reason; the answer is then 200.",
      tags: ["Suppressions"],
      body: newSuppression,
      response: { 200: suppression, 201: suppression, ...problems(400, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const { suppressions, ledger } = dependencies;
      const { address, list, reason, expires_at } = request.body;
      const now = ledger.clock.now();
      if (expires_at !== undefined && expires_at <= now) {
        const message = "is past; leave it out for a suppression that does not end";
        const errors = [{ pointer: "/expires_at", code: "invalid_expires_at", message }];
        return refuse(request, reply, { refused: "invalid_request", detail: `expires_at ${message}.`, errors });
      }
      const input = {
        address,
        reason,
        source: "api" as const,
        ...(list !== undefined && { list }),
        ...(expires_at !== undefined && { expires_at }),
      };
      const { outcome, suppression: standing } = await suppressions.add(callerOf(request).tenant, input);
      const shown: Suppression = standing ?? { ...input, created_at: now };
      return reply
        .code(outcome === "added" ? 201 : 200)
        .header("location", locationOf(shown))
        .send(suppressionView(shown));
    },
  });
}

function locationOf({ address, list }: Suppression): string {
  return `/v1/suppressions/${encodeURIComponent(address)}${list === undefined ? "" : `?list=${encodeURIComponent(list)}`}`;
}
