// The secret that signs return paths, where none is configured: made once, kept for as long as the store is, and shared by all processes.
import { randomBytes } from "node:crypto";
import type { Connection } from "./connection.ts";

/** The kept secret; made if there is none yet. Two processes that begin together get the same. */
export async function keptReturnPathSecret({ redis, keys }: Connection): Promise<Buffer> {
  await redis.set(keys.returnPathSecret, randomBytes(32).toString("base64"), "NX");
  const kept = await redis.get(keys.returnPathSecret);
  if (kept === null) throw new Error("Redis does not keep what it is given: no secret for return paths");
  return Buffer.from(kept, "base64");
}
