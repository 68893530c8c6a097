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
  const kept = [...used].map((name): [string, unknown] => [names.get(name) ?? name, schemas[name]]);
  const tidied = { ...rest, components: { ...components, schemas: Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))) } };
  return JSON.parse(JSON.stringify(tidied), (member, value: unknown) => {
    if (member !== "$ref" || typeof value !== "string") return value;
    return prefix + (names.get(nameOf(value)) ?? nameOf(value));
  });
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
