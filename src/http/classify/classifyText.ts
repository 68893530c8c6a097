// POST /v1/classify: says what a reply line, or a whole report, means. Nothing is stored.
import { z } from "zod";
import type { ParsedReport } from "../../bounces/parsedReport.ts";
import { adviceOn, classify, matchedText } from "../../domain/classify.ts";
import { replyView } from "../../domain/messageView.ts";
import type { Refusal } from "../../domain/refusals.ts";
import { categories } from "../../domain/reply.ts";
import { parseReply } from "../../domain/replyParse.ts";
import { messageType } from "../bodies.ts";
import { bodyBytesMax } from "../bodyLimits.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { noBody, RefusalError, refuse } from "../errors.ts";
import { check, InvalidInput } from "../inputFaults.ts";
import { reply as replySchema } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { reportAction, reportKind } from "../schemas/report.ts";

const replyCharactersMax = 20_000;

const classifyRequest = z
  .strictObject({
    reply: z.string().min(1).max(replyCharactersMax).meta({ description: "A server's reply, as it came or as a log quotes it." }),
  })
  .meta({ id: "ClassifyRequest", examples: [{ reply: "550 5.1.1 <ada@example.net>: Recipient address rejected: User unknown" }] });

const judged = {
  category: z.enum(categories).nullable(),
  hard_bounce: z.boolean().meta({ description: "The address or its domain does not exist, whoever sends." }),
  advice: z.string().nullable(),
  rule: z.string().nullable().meta({ description: "The id of the rule that matched." }),
  matched_text: z.string().nullable().meta({ description: "What made it match." }),
  reply: replySchema.nullable(),
};

const replyClassification = z.object(judged).meta({ id: "ReplyClassification" });

const reportClassification = z
  .object({
    kind: reportKind,
    dialect: z.string().nullable(),
    feedback_type: z.string().nullable(),
    reports: z.array(z.object({ recipient: z.string(), action: reportAction, ...judged })),
  })
  .meta({ id: "ReportClassification" });

const tooMuch: Refusal = { refused: "invalid_request", detail: "This mail could not be read: it is too much for the parser." };

export function classifyText(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/classify",
    bodyLimit: bodyBytesMax(dependencies.limits.messageBytesMax),
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "classify",
      summary: "Explain a reply or a report",
      description: "A reply line as JSON, or a report as the mail itself. Nothing is stored or changed.",
      tags: ["Reports"],
      consumes: ["application/json", messageType],
      // The schema of the JSON form is applied by hand: the other form is no JSON.
      body: z.any().meta({
        allOf: [{ $ref: "#/components/schemas/ClassifyRequestInput" }],
        examples: [{ reply: "550 5.1.1 <ada@example.net>: Recipient address rejected: User unknown" }],
      }),
      response: { 200: z.union([replyClassification, reportClassification]), ...problems(400, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      if (!Buffer.isBuffer(request.body)) return classifyLine(request.parsedBody);
      const parsed = await dependencies.parseReport(request.body);
      return "fault" in parsed ? refuse(request, reply, tooMuch) : classifyReport(parsed);
    },
  });
}

function classifyLine(body: unknown): z.output<typeof replyClassification> {
  if (body === undefined) throw new RefusalError(noBody);
  const checked = check(classifyRequest, body, "body");
  if ("errors" in checked) throw new InvalidInput("body", checked.errors);
  const reply = parseReply(checked.value.reply);
  const { category, hardBounce, advice, rule } = classify({ reply });
  return { category, hard_bounce: hardBounce, advice, rule, matched_text: matchedText(rule, { reply }), reply: replyView(reply) };
}

function classifyReport({ kind, dialect, feedbackType, reports }: ParsedReport): z.output<typeof reportClassification> {
  return {
    kind,
    dialect: dialect ?? null,
    feedback_type: feedbackType ?? null,
    reports: reports.map(({ recipient, action, category, hardBounce, reply, rule, phase }) => ({
      ...{ recipient, action, category: category ?? null, hard_bounce: hardBounce },
      advice: adviceOn({ category, rule }),
      rule: rule ?? null,
      matched_text: matchedText(rule, { reply, final: action === "failed", ...(phase && { phase }) }),
      reply: replyView(reply),
    })),
  };
}
