// The last touch on the OpenAPI document: components under the names that people use, none that nothing refers to, a stable order.

type Json = { [name: string]: unknown };

const prefix = "#/components/schemas/";

/**
 * Renames the request side of a schema (`SendRequestInput`) to its own name where no answer uses that, drops schemas without a reference,
 * and sorts them.
 */
export function tidy(document: object): object {
  const { components, ...rest } = document as { components?: { schemas?: Json } & Json } & Json;
  const schemas = components?.schemas ?? {};
  const used = reachable(rest, schemas);
  const names = new Map<string, string>();
  for (const name of used) {
    const plain = name.replace(/Input$/, "");
    names.set(name, plain !== name && !used.has(plain) ? plain : name);
  }
  const kept = [...used].map((name): [string, unknown] => [
    names.get(name) ?? name,
    name.endsWith("Input") ? schemas[name] : open(schemas[name]),
  ]);
  const tidied = { ...rest, components: { ...components, schemas: Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))) } };
  return JSON.parse(JSON.stringify(tidied), (member, value: unknown) => {
    if (member === "$ref" && typeof value === "string") return prefix + (names.get(nameOf(value)) ?? nameOf(value));
    if (member === "responses") return described(open(value) as Record<string, Response>);
    // A reference is wrapped where it has an example beside it, which would be lost otherwise.
    if (member === "schema") return unwrapped(value as { allOf?: unknown[] });
    // What every whole number of ours is; it says nothing.
    if ((member === "minimum" || member === "maximum") && Math.abs(value as number) === Number.MAX_SAFE_INTEGER) return undefined;
    // A message is no JSON, whatever schema the operation's other form has.
    if (member === "message/rfc822") return { schema: { type: "string" } };
    return value;
  });
}

function unwrapped(schema: { allOf?: unknown[] }): unknown {
  return schema.allOf?.length === 1 ? schema.allOf[0] : schema;
}

/** Answers may get further fields in time, so a reader must not refuse those that it does not know. */
function open(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema), (member, value: unknown) =>
    member === "additionalProperties" && value === false ? undefined : value,
  );
}

type Response = { description?: string; content?: unknown };

const descriptions: Readonly<Record<string, string>> = {
  200: "It is done, or here it is.",
  201: "It exists from now on.",
  202: "It is taken, and goes on in its own time.",
};

/** Gives the answers that say nothing of themselves a description, and 204 no content. */
function described(responses: Record<string, Response>): Record<string, Response> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, content, ...rest }]) => [
      status,
      {
        description: description === undefined || description === "Default Response" ? (descriptions[status] ?? "") : description,
        ...(content !== undefined && status !== "204" && { content }),
        ...rest,
      },
    ]),
  );
}

/** The names of the schemas that something refers to, straight or by way of another one. */
function reachable(root: unknown, schemas: Json): Set<string> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [member, inner] of Object.entries(value)) {
      if (member !== "$ref" || typeof inner !== "string") look(inner);
      else if (!found.has(nameOf(inner))) {
        found.add(nameOf(inner));
        look(schemas[nameOf(inner)]);
      }
    }
  };
  look(root);
  return found;
}

function nameOf(reference: string): string {
  return reference.slice(prefix.length);
}
