// Jobs that the queue holds back. The API tells dispatches, and one that is being sent is none that was put off.
import { Redis } from "ioredis";
import type { AtEnd } from "./atEnd.ts";

/** A function that says whether the queue of the relay `default` holds back a job: whoever finds a dispatch busy puts its job off. */
export function putOffJobsIn(redisUrl: string, atEnd: AtEnd): () => Promise<boolean> {
  const client = new Redis(redisUrl);
  atEnd(async () => client.disconnect());
  return async () => (await client.zcard("{postern:0}:queue:relay-default:delayed")) > 0;
}
