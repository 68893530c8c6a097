// One request to a webhook as a span of its message's trace, which it carries on to the customer's endpoint (W3C Trace Context).
import type { MessageRecord } from "../domain/message.ts";
import type { TraceContext } from "../domain/tracing.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Claimed } from "./bodies.ts";
import type { PostResult } from "./post.ts";

export type TracedPost = {
  /** To be sent along. */
  headers: Partial<TraceContext>;
  end(result: PostResult): void;
};

/** Begins it; undefined where the event is of no message, or that came without a trace. */
export function tracePost(
  { begin }: Pick<Tracing, "begin">,
  { webhook, eventId, row }: Pick<Claimed, "webhook" | "eventId" | "row">,
  record: MessageRecord | undefined,
): TracedPost | undefined {
  if (record?.traceparent === undefined) return undefined;
  // Not the path: it may hold a secret.
  const { hostname, port, protocol } = new URL(webhook.url);
  const span = begin(
    {
      name: `webhook ${row.type}`,
      kind: "client",
      attributes: {
        "http.request.method": "POST",
        "url.scheme": protocol.slice(0, -1),
        "server.address": hostname,
        "server.port": Number(port) || (protocol === "https:" ? 443 : 80),
        ...(row.attempts > 0 && { "http.request.resend_count": row.attempts }),
        "postern.message.id": record.id,
        "postern.tenant": record.tenant,
        "postern.webhook.id": webhook.id,
        "postern.event.id": eventId,
        "postern.event.type": row.type,
      },
    },
    record,
  );
  return {
    headers: span.context ?? {},
    end({ status }) {
      if (status !== undefined) span.set({ "http.response.status_code": status });
      const isGood = status !== undefined && status >= 200 && status < 300;
      span.end(isGood ? {} : { errorType: status === undefined ? "no_answer" : String(status) });
    },
  };
}
