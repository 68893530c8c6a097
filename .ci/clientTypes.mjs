// Writes src/client/api.ts from openapi/postern.json: the types of all that goes over the wire, and where each operation is.
// With --check nothing is written; the exit code is 1 if the file is not what the document says.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const file = join(root, "src/client/api.ts");
const document = JSON.parse(readFileSync(join(root, "openapi/postern.json"), "utf8"));

/** What says nothing about a type. */
const remarks = new Set([
  ...["description", "default", "examples", "format", "pattern", "propertyNames"],
  ...["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"],
]);
const plain = { string: "string", integer: "number", number: "number", boolean: "boolean", null: "null" };

/** A JSON schema as a TypeScript type. @throws Error for a keyword that it does not know: rather that than a wrong type */
function typeOf(schema) {
  const { $ref, enum: values, anyOf, type, properties, required, items, additionalProperties, ...rest } = schema;
  const unknown = Object.keys(rest).filter((keyword) => !remarks.has(keyword));
  if (unknown.length > 0) throw new Error(`${unknown.join(", ")}: teach .ci/clientTypes.mjs what it means`);
  if ($ref) return $ref.replace("#/components/schemas/", "");
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(" | ");
  if (Array.isArray(type)) return type.map((name) => typeOf({ ...schema, type: name })).join(" | ");
  if (type === "array") return `(${typeOf(items)})[]`.replace(/^\((\w+)\)/, "$1");
  if (type === "object" && properties) return membersOf(Object.entries(properties), required ?? []);
  if (type === "object") return `{ [name: string]: ${typeOf(additionalProperties || {})} }`;
  if (type === undefined) return "unknown";
  return plain[type];
}

/** An object type. Who has no value for an optional member may also give `undefined`: it does not go over the wire. */
function membersOf(entries, required) {
  const lines = entries.map(([name, schema]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
    const type = required.includes(name) ? `: ${typeOf(schema)}` : `?: ${typeOf(schema)} | undefined`;
    return `${remark(schema.description)}${key}${type};`;
  });
  return `{\n${lines.join("\n").replace(/^/gm, "  ")}\n}`;
}

function remark(text) {
  return text === undefined ? "" : `/** ${text.replaceAll("*/", "*\\/").replaceAll("\n", " ")} */\n`;
}

/** The parameters in one place, `path` or `query`. */
function parametersOf({ parameters = [] }, place) {
  const found = parameters.filter((parameter) => parameter.in === place);
  if (found.length === 0) return "undefined";
  return membersOf(
    found.map(({ name, schema, description }) => [name, { ...schema, description: description ?? schema.description }]),
    found.filter(({ required }) => required).map(({ name }) => name),
  );
}

/** JSON, where a body may be given as such. */
function bodyOf({ requestBody }) {
  if (!requestBody) return "undefined";
  return typeOf(requestBody.content["application/json"]?.schema ?? { type: "string" });
}

function answerOf({ responses }) {
  const good = Object.entries(responses).filter(([status]) => status.startsWith("2"));
  const types = good.flatMap(([, { content = {} }]) => Object.values(content).map(({ schema }) => typeOf(schema)));
  return [...new Set(types)].join(" | ") || "undefined";
}

function made() {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `${remark(schema.description)}export type ${name} = ${typeOf(schema)};\n`,
  );
  const types = operations.map(({ operation }) => {
    const { operationId } = operation;
    const members = [
      `path: ${parametersOf(operation, "path")};`,
      `query: ${parametersOf(operation, "query")};`,
      `body: ${bodyOf(operation)};`,
      `answer: ${answerOf(operation)};`,
    ];
    return `${operationId}: {\n${members.join("\n").replace(/^/gm, "  ")}\n};`;
  });
  const places = operations.map(({ path, method, operation }) => {
    const takesKey = (operation.parameters ?? []).some(({ name }) => name === "idempotency-key");
    return `  ${operation.operationId}: { method: "${method}", path: "${path}", takesIdempotencyKey: ${takesKey} },`;
  });
  return [
    "// Made of openapi/postern.json by `npm run client`, which is where to change it: what goes over the wire, and where each operation is.\n",
    ...schemas,
    `/** What each operation takes, and its answer when all is well. */\nexport type Operations = {\n${types.join("\n").replace(/^/gm, "  ")}\n};\n`,
    `export const places = {\n${places.join("\n")}\n} as const;\n`,
  ].join("\n");
}

if (!process.argv.includes("--check")) writeFileSync(file, made());
else if (readFileSync(file, "utf8") !== made()) {
  console.error("src/client/api.ts is not what openapi/postern.json says: npm run client");
  process.exitCode = 1;
}
