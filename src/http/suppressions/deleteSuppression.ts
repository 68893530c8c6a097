// DELETE /v1/suppressions/{address}: an address may be sent to again.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { suppressionParams, suppressionQuery } from "../schemas/suppression.ts";
import { noSuchSuppression } from "./getSuppression.ts";

export function deleteSuppression(app: App, dependencies: Dependencies): void {
  app.route({
    method: "DELETE",
    url: "/v1/suppressions/:address",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "deleteSuppression",
      summary: "Lift a suppression",
      description: "Mail that is accepted or tried from now on goes out again; recipients that ended as `suppressed` stay so.",
      tags: ["Suppressions"],
      params: suppressionParams,
      querystring: suppressionQuery,
      response: { 204: z.undefined().meta({ description: "It is lifted." }), ...problems(404, 422) },
    },
    handler: async (request, reply) => {
      const { list } = request.query;
      const removed = await dependencies.suppressions.remove(callerOf(request).tenant, request.params.address, list);
      return removed ? reply.code(204).send(undefined) : refuse(request, reply, noSuchSuppression(list));
    },
  });
}
