// POST /v1/keys: a new key, which may do at most what its creator may.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { checkDomainPattern } from "../../domain/address.ts";
import { type Caller, newApiKey, patternWithin, scopes, tenantPattern } from "../../domain/keys.ts";
import type { InputFault, Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { keyView, keyWithSecret } from "../schemas/key.ts";
import { problems } from "../schemas/problem.ts";
import { otherTenant } from "./ownKey.ts";

/** The canonical form of a sender domain pattern. */
const domainPattern = z
  .string()
  .transform((text, context): string => {
    const checked = checkDomainPattern(text);
    if (!("fault" in checked)) return checked.pattern;
    context.addIssue({ code: "custom", message: checked.fault, params: { code: "invalid_domain" } });
    return z.NEVER;
  })
  .meta({ description: "`example.com`, or `*.example.com` for whatever is below it." });

const newKey = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .regex(/^\P{Cc}*$/u, "holds a control character; remove it"),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
    domains: z.array(domainPattern).min(1).max(100).optional().meta({ description: "Left out: those of the key that makes it." }),
    relays: z.array(z.string()).max(100).optional().meta({ description: "Relays that the key may name in a message." }),
    tenant: z
      .string()
      .regex(tenantPattern, "is no tenant's name; use 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit")
      .optional()
      .meta({ description: "For operators: another tenant, which exists from then on." }),
  })
  .meta({ id: "KeyRequest", examples: [{ name: "shop", scopes: ["send", "read"], domains: ["example.com"] }] });

export function createKey(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/keys",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "createKey",
      summary: "Make an API key",
      description:
        "It gets at most the scopes, sender domains and relays of the key that makes it. Its text is in this answer and nowhere else.",
      tags: ["Keys"],
      body: newKey,
      response: { 201: keyWithSecret, ...problems(400, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const caller = callerOf(request);
      const { tenant = caller.tenant, name, scopes: granted, relays } = request.body;
      const domains = request.body.domains ?? caller.domains;
      if (tenant !== caller.tenant && !caller.scopes.includes("operator")) return refuse(request, reply, otherTenant);
      const refusal = tooMuch(caller, request.body) ?? unknownRelay(dependencies, relays ?? []);
      if (refusal) return refuse(request, reply, refusal);
      const { key, text } = newApiKey({
        ...{ tenant, name, scopes: granted },
        ...(domains && { domains }),
        ...(relays && { relays }),
        createdAt: dependencies.ledger.clock.now(),
        random: randomBytes(64),
      });
      await dependencies.apiKeys.add(key);
      return reply
        .code(201)
        .header("location", `/v1/keys/${key.id}`)
        .header("cache-control", "no-store")
        .send({ ...keyView(key), key: text });
    },
  });
}

/** What of a new key its creator may not do itself. */
function tooMuch(caller: Caller, wanted: z.output<typeof newKey>): Refusal | undefined {
  const isOperator = caller.scopes.includes("operator");
  const errors: InputFault[] = [];
  const forbid = (pointer: string, message: string) => errors.push({ pointer, code: "forbidden", message });
  for (const [index, scope] of wanted.scopes.entries()) {
    if (!caller.scopes.includes(scope)) forbid(`/scopes/${index}`, `is not a scope of the key that you use (${caller.scopes.join(", ")})`);
  }
  for (const [index, pattern] of (wanted.domains ?? []).entries()) {
    if (caller.domains && !patternWithin(pattern, caller.domains)) {
      forbid(`/domains/${index}`, `is outside the sender domains of the key that you use (${caller.domains.join(", ")})`);
    }
  }
  for (const [index, relay] of (wanted.relays ?? []).entries()) {
    if (!isOperator && !caller.relays?.includes(relay)) forbid(`/relays/${index}`, "is not among the relays of the key that you use");
  }
  if (errors.length === 0) return undefined;
  return { refused: "forbidden", detail: "A key can hand on only what it may do itself; errors names what is too much.", errors };
}

function unknownRelay({ prepare }: Pick<Dependencies, "prepare">, relays: readonly string[]): Refusal | undefined {
  const errors = relays.flatMap((relay, index) =>
    prepare.relays.includes(relay)
      ? []
      : [{ pointer: `/relays/${index}`, code: "unknown_relay", message: "is no relay of this installation" }],
  );
  return errors.length > 0 ? { refused: "invalid_request", detail: "There is no such relay.", errors } : undefined;
}
