// Which rules of the routes can never match, because the rules before them take everything first.
import { patternWithin } from "./keys.ts";
import { lanes } from "./message.ts";
import { type ConditionName, conditionNames, conditionValues, type RouteConditions } from "./routes.ts";

/** More cases than this are not looked at one by one; a rule with so many is taken for one that can match. */
const casesMax = 10_000;

/** What a condition may be fulfilled by; undefined stands for a value that no rule names. */
type Case = readonly { name: ConditionName; value: string | undefined }[];

/**
 * The rules that take all that a later rule holds for: one alone where one does, else those that do it together. Indexes in order;
 * undefined if something is left for the rule.
 */
export function shadowsOf(routes: readonly RouteConditions[], rule: number): number[] | undefined {
  const route = routes[rule];
  if (!route) return undefined;
  const earlier = routes.slice(0, rule);
  const alone = earlier.findIndex((it) => conditionNames.every((name) => valuesOf(route, name).every((value) => takes(it, name, value))));
  if (alone !== -1) return [alone];

  const count = conditionNames.reduce((product, name) => product * valuesOf(route, name).length, 1);
  if (count > casesMax) return undefined;
  const shadows = new Set<number>();
  for (const one of casesOf(route)) {
    const first = earlier.findIndex((it) => one.every(({ name, value }) => takes(it, name, value)));
    if (first === -1) return undefined;
    shadows.add(first);
  }
  return [...shadows].sort((a, b) => a - b);
}

/** What stands for all that a rule's condition holds for. Lanes are two, so that two rules can take all of them; everything else is endless. */
function valuesOf(route: RouteConditions, name: ConditionName): readonly (string | undefined)[] {
  return conditionValues(route, name) ?? (name === "lane" ? lanes : [undefined]);
}

function* casesOf(route: RouteConditions, from = 0): Generator<Case> {
  const name = conditionNames[from];
  if (name === undefined) {
    yield [];
    return;
  }
  for (const rest of casesOf(route, from + 1)) for (const value of valuesOf(route, name)) yield [{ name, value }, ...rest];
}

/** Whether a rule's condition holds for all that a value stands for. */
function takes(route: RouteConditions, name: ConditionName, value: string | undefined): boolean {
  const values = conditionValues(route, name);
  if (values === undefined) return true;
  if (value === undefined) return false;
  return name === "from_domain" || name === "to_domain" ? patternWithin(value, values) : values.includes(value);
}
