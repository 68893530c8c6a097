// From zod's issues to the faults that callers read: where, a stable code, and a clause that fits behind the field's name.
import type { FastifySchemaCompiler } from "fastify";
import { z } from "zod";
import type { InputFault } from "../domain/refusals.ts";

/** What zod says of one fault, as far as it matters here. */
type Issue = {
  code?: string | undefined;
  message: string;
  path: readonly PropertyKey[];
  /** What was given; only there because the check was asked to report it. */
  input?: unknown;
  expected?: unknown;
  keys?: readonly string[];
  errors?: readonly (readonly Issue[])[];
  issues?: readonly Issue[];
  params?: Record<string, unknown> | undefined;
  origin?: string;
  minimum?: unknown;
  maximum?: unknown;
  values?: readonly unknown[];
};

/** Where the faulty value came in. */
export type InputPlace = "body" | "querystring" | "params" | "headers";

/** Thrown by the validation of a request against its operation's schema. */
export class InvalidInput extends Error {
  readonly place: InputPlace;
  readonly errors: InputFault[];
  constructor(place: InputPlace, errors: InputFault[]) {
    super("the request breaks its schema");
    this.place = place;
    this.errors = errors;
  }
}

/** Checks a value as fastify does with an operation's schema, and lets the faults be told in our words. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const place = (httpPart ?? "body") as InputPlace;
  return (value: unknown) => {
    const checked = check(schema, value, place);
    return "errors" in checked ? { error: new InvalidInput(place, checked.errors) } : checked;
  };
};

const compiled = new WeakMap<z.ZodType, z.ZodType>();

/** A schema as zod compiles it, which is done when it is first used. */
function compiledOf<Schema extends z.ZodType>(schema: Schema): Schema {
  const known = compiled.get(schema) as Schema | undefined;
  if (known) return known;
  const made = z.compile(schema);
  compiled.set(schema, made);
  return made;
}

/** Checks a value by hand, where a request's schema is not the operation's own. A schema must be one that lives as long as the process. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: InputPlace,
): { value: z.output<Schema> } | { errors: InputFault[] } {
  const parsed = compiledOf(schema).safeParse(value, { reportInput: true });
  if (parsed.success) return { value: parsed.data };
  return { errors: faultsOf(parsed.error.issues as readonly Issue[], place) };
}

/** More faults than a person reads are not listed. */
const faultsMax = 100;

function faultsOf(issues: readonly Issue[], place: InputPlace): InputFault[] {
  return issues
    .flatMap(expand)
    .slice(0, faultsMax)
    .map((issue) => ({ ...locate(issue.path, place), code: codeOf(issue), message: messageOf(issue) }));
}

/** Unknown members are a fault each; a union's fault is that of the branch which fits the value best. */
function expand(issue: Issue): Issue[] {
  if (issue.code === "unrecognized_keys" && issue.keys) {
    return issue.keys.map((key) => ({ code: "unknown_field", message: "is not a field of this request", path: [...issue.path, key] }));
  }
  if (issue.code === "invalid_key" && issue.issues?.[0]) {
    return [{ ...issue.issues[0], code: "invalid_key", message: `has a name that ${messageOf(issue.issues[0])}`, path: issue.path }];
  }
  if (issue.code === "invalid_union" && issue.errors && issue.errors.length > 0) {
    const inside = issue.errors.map((branch) => branch.flatMap((it) => expand({ ...it, path: [...issue.path, ...it.path] })));
    const wrongKind = (branch: readonly Issue[]) => branch.some((it) => it.code === "invalid_type" && it.path.length === issue.path.length);
    const fitting = inside.filter((branch) => branch.length > 0 && !wrongKind(branch));
    const best = fitting.sort((a, b) => deepest(b) - deepest(a))[0];
    return best ?? [{ code: "invalid_type", message: "", path: issue.path, input: issue.input, expected: "one of the documented forms" }];
  }
  return [issue];
}

function deepest(branch: readonly Issue[]): number {
  return Math.max(...branch.map((issue) => issue.path.length));
}

function locate(path: readonly PropertyKey[], place: InputPlace): { pointer: string } | { parameter: string } | { header: string } {
  if (place === "querystring" || place === "params") return { parameter: String(path[0] ?? "") };
  if (place === "headers") return { header: String(path[0] ?? "") };
  return { pointer: pointerOf(path) };
}

/** RFC 6901. */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function codeOf(issue: Issue): string {
  if (typeof issue.params?.code === "string") return issue.params.code;
  if (isMissing(issue)) return "required";
  if (issue.code === "custom" || issue.code === undefined) return "invalid";
  return issue.code;
}

function isMissing(issue: Issue): boolean {
  return (issue.code === "invalid_type" || issue.code === "invalid_value") && issue.input === undefined;
}

const kinds: Record<string, string> = {
  object: "an object",
  record: "an object",
  array: "a list",
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** Our own checks say their fault themselves; this is for what zod finds. */
function messageOf(issue: Issue): string {
  if (isMissing(issue)) return "is required";
  const isList = issue.origin === "array";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${kinds[String(issue.expected)] ?? String(issue.expected)}, not ${kindOf(issue.input)}`;
    case "invalid_value":
      return `must be one of ${(issue.values ?? []).map(String).join(", ")}`;
    case "too_small":
      if (issue.origin === "string") return Number(issue.minimum) === 1 ? "is empty" : `is shorter than ${issue.minimum} characters`;
      return isList ? `needs at least ${issue.minimum}` : `must be at least ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `is longer than ${issue.maximum} characters`;
      return isList ? `has more than ${issue.maximum} entries` : `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return Number.isNaN(value) ? "something else" : "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
