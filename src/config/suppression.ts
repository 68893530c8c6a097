// The file's section `suppression`: what suppresses an address by itself, and for how long.
import { categories } from "../domain/reply.ts";
import { type SuppressionCause, suppressionCauses } from "../domain/suppression.ts";
import { duration, scalar } from "./values.ts";

const someTime = duration({ minMs: 1 });
const life = scalar("forever, off, or a duration like 30d", (text) => {
  return text === "forever" || text === "off" ? text : someTime.safeParse(text).data;
});

export const suppressionShape = Object.fromEntries(suppressionCauses.map((cause) => [cause, life])) as Record<
  SuppressionCause,
  typeof life
>;

/** What to say of a category that must not suppress anybody, though it may look as if it should. */
export function causeHint(cause: string): string | undefined {
  if (!(categories as readonly string[]).includes(cause)) return undefined;
  return `only what is the recipient's own fault suppresses by itself: ${suppressionCauses.join(", ")}`;
}
