// Requests per key and tenant: counted over all processes before a body is read, and told to the caller with every answer in the fields
// of draft-ietf-httpapi-ratelimit-headers. Every request with a good key counts once, a batch too, whatever becomes of it.
import type { FastifyReply, FastifyRequest } from "fastify";
import { idempotencyDigest } from "../accept/idempotency.ts";
import type { Caller } from "../domain/keys.ts";
import { quotasOf, type RequestPolicy, requestPolicies } from "../domain/quotas.ts";
import { formatRate } from "../domain/units.ts";
import type { RequestRates, Standing } from "../store/requestRates.ts";
import type { App, Dependencies } from "./dependencies.ts";
import { RefusalError } from "./errors.ts";
import { idempotencyKeyOf } from "./idempotencyKey.ts";

export type RequestQuotaDependencies = Pick<Dependencies, "quotas" | "idempotency"> & { requestRates: RequestRates };

/** Adds the check: after a key was found good, before anything is done for it. Callers without a limit cost nothing. */
export function limitRequests(app: App, { quotas, idempotency, requestRates }: RequestQuotaDependencies): void {
  app.addHook("preParsing", (request, reply, _payload, done) => {
    const { caller } = request;
    const policies = caller ? requestPolicies(quotasOf(quotas, caller)) : [];
    if (!caller || policies.length === 0) return done();
    take(request, reply, { caller, policies }).then(() => done(), done);
  });

  async function take(
    request: FastifyRequest,
    reply: FastifyReply,
    { caller, policies }: { caller: Caller; policies: readonly RequestPolicy[] },
  ): Promise<void> {
    const { waitMs, standings } = await requestRates.take({ key: caller.keyId, tenant: caller.tenant }, policies);
    tell(reply, standings);
    if (waitMs === 0 || (await isReplay(idempotency, request, caller))) return;
    throw new RefusalError({
      refused: "rate_limited",
      detail: `There were more requests than ${wordsFor(standings)}; nothing was done. Wait as long as Retry-After says.`,
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    });
  }
}

/**
 * Whether the request's Idempotency-Key was used before: then nothing new comes of it, whatever its body is, and who asks for an answer
 * that was lost must get it. A dry run is none, for it has no answer that is kept.
 */
async function isReplay(idempotency: Dependencies["idempotency"], request: FastifyRequest, { tenant }: Caller): Promise<boolean> {
  const key = idempotencyKeyOf(request);
  const { url = "" } = request.routeOptions;
  if (key === undefined || request.method !== "POST" || Object.hasOwn(request.query as object, "dry_run")) return false;
  return (await idempotency.find(tenant, idempotencyDigest(url, key))) !== undefined;
}

/** Structured fields (RFC 9651): a list of policies, each with its quota (`q`) and period (`w`); of each what remains (`r`) and until when (`t`). */
function tell(reply: FastifyReply, standings: readonly Standing[]): void {
  const policies = standings.map(({ policy: { name, rate } }) => `"${name}";q=${rate.count};w=${rate.perMs / 1000}`);
  const left = standings.map(({ policy, remaining, freeInMs }) => `"${policy.name}";r=${remaining};t=${Math.ceil(freeInMs / 1000)}`);
  reply.header("ratelimit-policy", policies.join(", ")).header("ratelimit", left.join(", "));
}

/** The rates that have no room, as a person says them. */
function wordsFor(standings: readonly Standing[]): string {
  const words = ({ holder, rate }: RequestPolicy) => `this ${holder} may make (${formatRate(rate)})`;
  const spent = standings.filter(({ remaining }) => remaining === 0).map(({ policy }) => words(policy));
  return spent.join(" and ");
}
