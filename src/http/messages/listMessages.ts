// GET /v1/messages: a tenant's messages, newest first.
import { z } from "zod";
import { time } from "../../accept/request.ts";
import { checkAddress } from "../../domain/address.ts";
import { messageView } from "../../domain/messageView.ts";
import { recipientStatuses } from "../../domain/states.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { message } from "../schemas/message.ts";
import { page, pageOf, pageQuery, timeCursor } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";

/** In the form in which messages keep it: an internationalised domain may be given in either spelling. */
const address = z.string().transform((text, context): string => {
  const checked = checkAddress(text);
  if (!("fault" in checked)) return checked.address;
  context.addIssue({ code: "custom", message: checked.fault, params: { code: "invalid_address" } });
  return z.NEVER;
});

const query = z.strictObject({
  ...pageQuery(timeCursor("msg")),
  status: z.enum(recipientStatuses).optional().meta({ description: "Any recipient's." }),
  recipient: address.optional().meta({ description: "An address; with `status`, of the same recipient." }),
  tag: z.string().optional(),
  from: address.optional().meta({ description: "The sender's address." }),
  created_after: time.optional(),
  created_before: time.optional(),
});

export function listMessages(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/messages",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "listMessages",
      summary: "List messages",
      description: "Newest first. A page of a filtered list may be short and still have a `next_cursor`.",
      tags: ["Messages"],
      querystring: query,
      response: { 200: pageOf(message), ...problems(422) },
    },
    handler: async (request) => {
      const { limit, after, created_after, created_before, ...filter } = request.query;
      const { messages, nextCursor } = await dependencies.messages.list(
        callerOf(request).tenant,
        {
          ...(filter.status !== undefined && { status: filter.status }),
          ...(filter.recipient !== undefined && { recipient: filter.recipient }),
          ...(filter.tag !== undefined && { tag: filter.tag }),
          ...(filter.from !== undefined && { from: filter.from }),
          ...(created_after !== undefined && { createdAfter: created_after }),
          ...(created_before !== undefined && { createdBefore: created_before }),
        },
        limit,
        after,
      );
      return page(messages.map(messageView), nextCursor);
    },
  });
}
