// Whose keys a caller may see and end: its tenant's, and operators everybody's.
import type { ApiKey, Caller } from "../../domain/keys.ts";
import type { Refusal } from "../../domain/refusals.ts";
import type { Dependencies } from "../dependencies.ts";

export const noSuchKey: Refusal = { refused: "not_found", detail: "There is no API key with this id." };

export const otherTenant: Refusal = {
  refused: "forbidden",
  detail: "Only a key with the scope `operator` may name another tenant; leave tenant out.",
};

/** The key of that id, if the caller may know of it. */
export async function findKey({ apiKeys }: Pick<Dependencies, "apiKeys">, caller: Caller, id: string): Promise<ApiKey | undefined> {
  const key = await apiKeys.find(id);
  return key && (key.tenant === caller.tenant || caller.scopes.includes("operator")) ? key : undefined;
}
