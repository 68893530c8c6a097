// GET /v1/suppressions/{address}: whether an address is suppressed, and why.
import type { Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { suppression, suppressionParams, suppressionQuery, suppressionView } from "../schemas/suppression.ts";

/** There is no suppression of this address in the caller's tenant. */
export function noSuchSuppression(list: string | undefined): Refusal {
  const detail =
    list === undefined
      ? "All mail to this address is not suppressed; name a list to see that of it."
      : "This address is not suppressed for this list.";
  return { refused: "not_found", detail };
}

export function getSuppression(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/suppressions/:address",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "getSuppression",
      summary: "Get a suppression",
      tags: ["Suppressions"],
      params: suppressionParams,
      querystring: suppressionQuery,
      response: { 200: suppression, ...problems(404, 422) },
    },
    handler: async (request, reply) => {
      const { list } = request.query;
      const found = await dependencies.suppressions.get(callerOf(request).tenant, request.params.address, list);
      return found ? suppressionView(found) : refuse(request, reply, noSuchSuppression(list));
    },
  });
}
