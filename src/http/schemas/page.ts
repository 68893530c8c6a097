// Lists: `limit` and `after` in the query, `data`, `has_more` and `next_cursor` in the answer.
import { z } from "zod";
import { sequenceOf } from "../../domain/events.ts";

/**
 * The query of a list.
 * @param cursor what the list's own cursors look like: anything else is refused, for it would begin the list anew without a word
 */
export function pageQuery(cursor: RegExp) {
  return {
    limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: "Entries at most." }),
    after: z.string().regex(cursor, notACursor).optional().meta({ description: "`next_cursor` of the page before." }),
  };
}

const notACursor = "is no cursor of this list; take next_cursor of the page before";

/** A place in the event log, as a cursor of ours or as the id of the last event that was seen; what comes out is a sequence number. */
export const eventPosition = z
  .string()
  .transform((text, context): number => {
    const position = /^\d{1,15}$/.test(text) ? Number(text) : sequenceOf(text);
    if (position !== undefined) return position;
    context.addIssue({ code: "custom", message: `${notACursor}, or an event's id`, params: { code: "invalid_format" } });
    return z.NEVER;
  })
  .meta({ description: "`next_cursor` of the page before, or the id of the last event that you have." });

/** The query of a list of events. */
export const eventPageQuery = { ...pageQuery(/^/), after: eventPosition.default(0) };

/** What the cursors of lists by time look like: a time in milliseconds and an id with this prefix. */
export function timeCursor(prefix: string): RegExp {
  return new RegExp(`^\\d{1,15}\\.${prefix}_[0-9a-z]{1,32}$`);
}

/** The answer of a list. */
export function page<Item>(data: Item[], nextCursor: string | undefined) {
  return { data, has_more: nextCursor !== undefined, next_cursor: nextCursor ?? null };
}

/** The answer of a list of these. `next_cursor` is null on the last page. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() });
}
