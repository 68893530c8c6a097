// Calls of the API by their operation's name, typed by its document.
import { type Operations, places } from "./api.ts";
import { PosternError } from "./posternError.ts";
import { type CallOptions, makeCall, type Transport } from "./request.ts";

export type OperationName = keyof Operations;
export type Query<Name extends OperationName> = Operations[Name]["query"];
export type Body<Name extends OperationName> = Operations[Name]["body"];
export type Answer<Name extends OperationName> = Operations[Name]["answer"];

export type Input = {
  path?: Record<string, string>;
  /** What is undefined is left out; a list is repeated. */
  query?: Record<string, unknown> | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  /** See `Idempotency-Key` in the API; one is made where the operation takes one. */
  idempotencyKey?: string | undefined;
  /** For a POST that may be done twice without harm. */
  isRepeatable?: boolean;
};

export type CallOperation = {
  /** The answer's JSON; undefined for 204. */
  <Name extends OperationName>(name: Name, input?: Input, options?: CallOptions): Promise<Answer<Name>>;
  /** The answer as `read` gives it. */
  <Read>(name: OperationName, input: Input, options: CallOptions | undefined, read: (response: Response) => Promise<Read>): Promise<Read>;
};

export function createCallOperation(transport: Transport): CallOperation {
  return async <Read>(name: OperationName, input: Input = {}, options: CallOptions = {}, read = readJson<Read>): Promise<Read> => {
    const { method, path, takesIdempotencyKey } = places[name];
    // The same for every try, so that they are one.
    const key = takesIdempotencyKey ? checkedKey(input.idempotencyKey ?? crypto.randomUUID()) : undefined;
    return makeCall(transport, {
      ...options,
      method,
      path: filled(path, input.path ?? {}) + queryOf(input.query ?? {}),
      headers: { ...input.headers, ...(key !== undefined && { "idempotency-key": key }) },
      body: input.body,
      isRepeatable: method !== "POST" || takesIdempotencyKey || input.isRepeatable === true,
      read,
    });
  };
}

/** A runtime's fetch would mistake any other for a fault of the network. @throws TypeError */
function checkedKey(key: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) throw new TypeError("idempotencyKey: must be 1 to 255 visible ASCII characters");
  return key;
}

async function readJson<Read>(response: Response): Promise<Read> {
  const text = await response.text();
  try {
    return (text === "" ? undefined : JSON.parse(text)) as Read;
  } catch (cause) {
    const detail = "The answer is no JSON, so it is not Postern's: is the url right?";
    throw new PosternError({ status: response.status, code: "unexpected_answer", detail }, { cause });
  }
}

/** @throws TypeError for a part that would make it another operation's path */
function filled(template: string, parts: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const part = parts[name];
    if (typeof part !== "string" || /^\.{0,2}$/.test(part)) throw new TypeError(`${name}: must be a text that names one`);
    return encodeURIComponent(part);
  });
}

function queryOf(values: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const single of Array.isArray(value) ? value : [value]) if (single !== undefined) query.append(name, String(single));
  }
  return query.size > 0 ? `?${query}` : "";
}
