// GET /v1/suppressions/export: all of a tenant's suppressions as CSV, however many, in the memory of a few hundred.
import { Readable } from "node:stream";
import { stringify } from "csv-stringify";
import { z } from "zod";
import type { Suppression } from "../../domain/suppression.ts";
import { callerOf } from "../authenticate.ts";
import { csvType } from "../bodies.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { problems } from "../schemas/problem.ts";
import { columns, rowOf } from "./csv.ts";

export function exportSuppressions(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/suppressions/export",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "exportSuppressions",
      summary: "Export all suppressions as CSV",
      description:
        "Oldest first, with a header row; `POST /v1/suppressions/import` takes it back. A cell that a spreadsheet would take for a formula begins with an apostrophe. An answer that is cut off has no proper end: nothing is missing without a sign.",
      tags: ["Suppressions"],
      produces: [csvType],
      response: {
        200: { description: "The file.", content: { [csvType]: { schema: z.string() } } },
        ...problems(),
      },
    },
    handler: async (request, reply) => {
      const slices = dependencies.suppressions.all(callerOf(request).tenant);
      // The first slice is read before the answer begins: while the store is away it is refused as any other request.
      const first = await slices.next();
      const rows = Readable.from(cells(first, slices));
      const csv = stringify({ header: true, columns: [...columns], record_delimiter: "windows" });
      rows.once("error", (error) => csv.destroy(error));
      csv.once("close", () => rows.destroy());
      return reply
        .type(`${csvType}; charset=utf-8`)
        .header("content-disposition", 'attachment; filename="suppressions.csv"')
        .header("cache-control", "no-store")
        .send(rows.pipe(csv) as never);
    },
  });
}

async function* cells(first: IteratorResult<Suppression[], void>, rest: AsyncGenerator<Suppression[]>): AsyncGenerator<string[]> {
  if (first.done) return;
  for (const suppression of first.value) yield rowOf(suppression);
  for await (const slice of rest) for (const suppression of slice) yield rowOf(suppression);
}
