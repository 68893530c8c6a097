// The thread in which long JSON is parsed.
import { parentPort } from "node:worker_threads";
import { parseStrictJson } from "./strictJson.ts";

parentPort?.on("message", ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  parentPort?.postMessage(parseStrictJson(Buffer.from(buffer, byteOffset, byteLength))),
);
