// The thread in which reports are parsed.
import { parentPort } from "node:worker_threads";
import type { ReportJob } from "./parser.ts";
import { parseStored } from "./parseStored.ts";

parentPort?.on("message", ({ raw, provider }: ReportJob) =>
  parentPort?.postMessage(parseStored(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), provider)),
);
parentPort?.postMessage("ready");
