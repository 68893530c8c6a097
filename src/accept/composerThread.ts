// The thread in which long messages are composed, and those that came whole are finished.
import { parentPort } from "node:worker_threads";
import { compose } from "../compose/compose.ts";
import { finishRaw } from "../compose/raw.ts";
import type { ComposerJob } from "./composer.ts";

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

parentPort?.on("message", async (job: ComposerJob) => {
  const finished =
    job.kind === "raw"
      ? finishRaw(asBuffer(job.raw), job.defaults)
      : await compose({
          ...job.content,
          attachments: job.content.attachments.map((attachment) => ({ ...attachment, content: asBuffer(attachment.content) })),
        });
  parentPort?.postMessage(finished, "bytes" in finished ? [finished.bytes.buffer as ArrayBuffer] : []);
});
