// Who calls: the key of an Authorization header, checked in constant time, and whether it may do what it asks for.
import { timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { bootstrapKeyId, type Caller, digestOf, keyIdOf, type Scope, scopes } from "../domain/keys.ts";
import type { Refusal } from "../domain/refusals.ts";
import type { ApiKeys } from "../store/apiKeys.ts";
import { RefusalError } from "./errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set once the key was checked; operations read it with callerOf(). */
    caller?: Caller;
  }
}

const noKey: Refusal = {
  refused: "unauthorized",
  detail: "There is no API key; send it as `Authorization: Bearer KEY`.",
};
const wrongKey: Refusal = {
  refused: "unauthorized",
  detail: "The API key is not known, or was revoked.",
};

export type AuthenticateDependencies = {
  apiKeys: Pick<ApiKeys, "find">;
  /** A key from the configuration, with all scopes, for the tenant `default`. */
  bootstrapKey: string | undefined;
};

/** The hook of an operation; `scope` tells the API's description what it asks for. */
export type ScopeHook = ((request: FastifyRequest) => Promise<void>) & { readonly scope: Scope | "any" };

/** Makes the hook that runs before a body is read. `scope`: what the operation asks of a key; `any`: that it is one. */
export function requireScope({ apiKeys, bootstrapKey }: AuthenticateDependencies, scope: Scope | "any"): ScopeHook {
  const bootstrap = bootstrapKey === undefined ? undefined : digestOf(bootstrapKey);
  const authenticate = async (request: FastifyRequest): Promise<void> => {
    const text = bearerOf(request.headers.authorization);
    if (text === undefined) throw new RefusalError(noKey);
    const digest = digestOn(request.raw.socket, text);
    const caller = bootstrap && timingSafeEqual(bootstrap, digest) ? bootstrapCaller : await find(apiKeys, text, digest);
    if (!caller) throw new RefusalError(wrongKey);
    if (scope !== "any" && !caller.scopes.includes(scope)) {
      throw new RefusalError({ refused: "forbidden", detail: `This operation needs a key with the scope \`${scope}\`.` });
    }
    request.caller = caller;
  };
  return Object.assign(authenticate, { scope });
}

/** The caller of an authenticated operation. Throws where the operation forgot to ask for a scope. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("the operation does not authenticate its caller");
  return request.caller;
}

const bootstrapCaller: Caller = { keyId: bootstrapKeyId, tenant: "default", scopes };

/** The key that a connection sent last, and its digest. */
const lastKeys = new WeakMap<object, { text: Buffer; digest: Buffer }>();

/** The digest of a key's text. A connection sends the same key again and again, and comparing costs a tenth of digesting. */
function digestOn(socket: object, text: string): Buffer {
  const given = Buffer.from(text, "latin1");
  const last = lastKeys.get(socket);
  if (last && last.text.length === given.length && timingSafeEqual(last.text, given)) return last.digest;
  const digest = digestOf(text);
  lastKeys.set(socket, { text: given, digest });
  return digest;
}

function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]{1,512})$/i.exec(header ?? "")?.[1];
}

async function find(apiKeys: Pick<ApiKeys, "find">, text: string, digest: Buffer): Promise<Caller | undefined> {
  const id = keyIdOf(text);
  const key = id === undefined ? undefined : await apiKeys.find(id);
  if (!key || !timingSafeEqual(Buffer.from(key.digest, "hex"), digest)) return undefined;
  return {
    keyId: key.id,
    ...(key.name !== "" && { keyName: key.name }),
    tenant: key.tenant,
    scopes: key.scopes,
    ...(key.domains && { domains: key.domains }),
    ...(key.relays && { relays: key.relays }),
  };
}
