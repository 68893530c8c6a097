// The id by which one request can be found again: in its answer, in the log, in a problem document.
import { randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { idOf } from "../domain/ids.ts";
import { createUuids } from "../domain/uuids.ts";

const acceptable = /^[A-Za-z0-9_-]{8,64}$/;

/** The caller's own `X-Request-Id` if it is harmless, else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && acceptable.test(given) ? given : newRequestId();
}

const newUuid = createUuids({ fillRandom: randomFillSync, now: Date.now });

/** A new one, sorting by time. */
export function newRequestId(): string {
  return idOf("req", newUuid());
}
