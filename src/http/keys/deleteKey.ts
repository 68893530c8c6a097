// DELETE /v1/keys/{id}: a key ends at once.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { keyParams } from "./getKey.ts";
import { findKey, noSuchKey } from "./ownKey.ts";

export function deleteKey(app: App, dependencies: Dependencies): void {
  app.route({
    method: "DELETE",
    url: "/v1/keys/:id",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "deleteKey",
      summary: "Revoke an API key",
      description: "It ends at once. A key may end itself.",
      tags: ["Keys"],
      params: keyParams,
      response: { 204: z.undefined().meta({ description: "It is gone." }), ...problems(404) },
    },
    handler: async (request, reply) => {
      const found = await findKey(dependencies, callerOf(request), request.params.id);
      const removed = found && (await dependencies.apiKeys.remove(found.tenant, found.id));
      return removed ? reply.code(204).send(undefined) : refuse(request, reply, noSuchKey);
    },
  });
}
