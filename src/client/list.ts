// Lists that come by pages.
import type { Answer, CallOperation, OperationName, Query } from "./operations.ts";
import type { CallOptions } from "./request.ts";

export type Page<Item> = {
  data: Item[];
  has_more: boolean;
  /** What to give as `after` for the next page; null on the last one. */
  next_cursor: string | null;
};

/** All entries, fetched page by page as they are asked for (`for await`), or the first page alone. */
export type List<Item> = AsyncIterable<Item> & { page(): Promise<Page<Item>> };

/** The operations whose answers are pages. */
type ListName = { [Name in OperationName]: Answer<Name> extends Page<unknown> ? Name : never }[OperationName];

/**
 * Nothing is asked for before it is read.
 * @param query with `after`, what is behind that cursor
 */
export function listOf<Name extends ListName>(
  call: CallOperation,
  name: Name,
  { path = {}, query, options }: { path?: Record<string, string>; query: Query<Name> | undefined; options: CallOptions | undefined },
): List<Answer<Name>["data"][number]> {
  const fetchPage = (after: string | undefined) =>
    call(name, { path, query: { ...query, ...(after !== undefined && { after }) } }, options);
  return {
    page: () => fetchPage(undefined),
    async *[Symbol.asyncIterator]() {
      for (let after: string | undefined; ; ) {
        const page = await fetchPage(after);
        yield* page.data;
        if (!page.has_more || page.next_cursor === null) return;
        after = page.next_cursor;
      }
    },
  };
}
