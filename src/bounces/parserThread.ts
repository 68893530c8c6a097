// The thread in which reports are parsed.
import { parentPort } from "node:worker_threads";
import { parseReport } from "./parseReport.ts";

parentPort?.on("message", (raw: Uint8Array) =>
  parentPort?.postMessage(parseReport(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength))),
);
parentPort?.postMessage("ready");
