// POST /v1/messages/raw: a whole RFC 5322 message and its envelope, as JSON or as the message itself.
import { z } from "zod";
import { accept } from "../../accept/accept.ts";
import { invalid, prepareRaw } from "../../accept/prepare.ts";
import { type RawRequest, rawRequest } from "../../accept/request.ts";
import { type InputFault, isRefusal, type Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import { messageType } from "../bodies.ts";
import { bodyBytesMax } from "../bodyLimits.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { noBody, RefusalError, refuse } from "../errors.ts";
import { claimOf, idempotencyHeaders } from "../idempotencyKey.ts";
import { check, InvalidInput } from "../inputFaults.ts";
import { stepInto } from "../requestStep.ts";
import { message } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { dryRun, dryRunSwitch, dryRunView } from "./dryRun.ts";

const headers = idempotencyHeaders.extend({
  "x-envelope-from": z.string().optional().meta({ description: "With `message/rfc822`: the envelope's sender." }),
  "x-envelope-to": z.string().optional().meta({ description: "With `message/rfc822`: the envelope's recipients, separated by commas." }),
});

export function createRawMessage(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/messages/raw",
    bodyLimit: bodyBytesMax(dependencies.limits.messageBytesMax),
    config: { holdsFiles: true },
    onRequest: dependencies.scope("send"),
    schema: {
      operationId: "createRawMessage",
      summary: "Send a message that is already composed",
      description:
        "As JSON, or as the message itself with its envelope in headers. The bytes are sent as they are, but for what must not travel (`Bcc`) and what is missing (`Date`, `Message-ID`).",
      tags: ["Messages"],
      headers,
      querystring: z.strictObject({ dry_run: dryRunSwitch }),
      consumes: ["application/json", messageType],
      // The schema of the JSON form is applied by hand: the other form is no JSON.
      body: z.any().meta({
        allOf: [{ $ref: "#/components/schemas/RawRequestInput" }],
        examples: [
          {
            envelope: { from: "orders@example.com", to: ["ada@example.net"] },
            raw: "RnJvbTogb3JkZXJzQGV4YW1wbGUuY29tDQpUbzogYWRhQGV4YW1wbGUubmV0DQpTdWJqZWN0OiBZb3VyIG9yZGVyDQoNClRoYW5rIHlvdS4NCg==",
          },
        ],
      }),
      response: { 200: dryRun, 202: message, ...problems(400, 409, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const caller = callerOf(request);
      const isMessage = Buffer.isBuffer(request.body);
      const parsed = isMessage ? fromMessage(request.body as Buffer, request.headers) : fromJson(request.parsedBody);
      if (isRefusal(parsed)) return refuse(request, reply, parsed);
      const draft = await prepareRaw(dependencies.prepare, caller, parsed);
      if (request.query.dry_run && !isRefusal(draft)) return reply.code(200).send(dryRunView(draft, dependencies.prepare));
      // With the message itself for a body the envelope is in headers, and makes another request of it.
      const content = () => (Buffer.isBuffer(request.body) ? withEnvelope(parsed, request.body) : request.parsedBody);
      const claim = request.query.dry_run ? undefined : await claimOf(request, "/v1/messages/raw", content);
      const accepted = await accept(stepInto(request, dependencies), draft, claim);
      if (isRefusal(accepted)) return refuse(request, reply, isMessage ? asHeaders(placed(accepted)) : placed(accepted));
      if (accepted.replayed) reply.header("idempotent-replayed", "true");
      return reply.code(202).header("location", `/v1/messages/${accepted.message.id}`).send(accepted.message);
    },
  });
}

function fromJson(body: unknown): RawRequest {
  if (body === undefined) throw new RefusalError(noBody);
  const checked = check(rawRequest, body, "body");
  if ("errors" in checked) throw new InvalidInput("body", checked.errors);
  return checked.value;
}

/** The envelope comes in headers. A list is split at commas, so a name with one in it cannot be given. */
function fromMessage(raw: Buffer, given: z.output<typeof headers>): RawRequest | Refusal {
  const to = utf8(given["x-envelope-to"])
    .split(",")
    .map((part) => part.trim());
  const envelope = { from: utf8(given["x-envelope-from"]), to: to.filter((part) => part !== "") };
  const checked = check(rawRequest.shape.envelope, envelope, "body");
  return "errors" in checked ? asHeaders(invalid(checked.errors.map(inEnvelope))) : { envelope: checked.value, raw };
}

function withEnvelope({ envelope }: RawRequest, raw: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(envelope)}\n`), raw]);
}

/** Node reads headers as Latin-1; an address beyond ASCII came as UTF-8 (RFC 6532 section 3.1). */
function utf8(header: string | undefined): string {
  return Buffer.from(header ?? "", "latin1").toString("utf8");
}

function inEnvelope(fault: InputFault): InputFault {
  return "pointer" in fault ? { ...fault, pointer: `/envelope${fault.pointer}` } : fault;
}

/** What acceptance says of `/to` is in the envelope here. */
function placed(refusal: Refusal): Refusal {
  const errors = refusal.errors?.map((fault) => ("pointer" in fault && fault.pointer.startsWith("/to") ? inEnvelope(fault) : fault));
  return errors ? { ...refusal, errors } : refusal;
}

/** The faults of a request whose envelope came in headers, and whose body is the message itself. */
function asHeaders(refusal: Refusal): Refusal {
  const errors = refusal.errors?.map((fault): InputFault => {
    if (!("pointer" in fault)) return fault;
    const { pointer, ...said } = fault;
    if (pointer.startsWith("/envelope/from")) return { header: "x-envelope-from", ...said };
    return pointer.startsWith("/envelope") ? { header: "x-envelope-to", ...said } : { pointer: "", ...said };
  });
  return errors ? { ...refusal, errors } : refusal;
}
