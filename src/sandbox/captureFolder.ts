// Where the capture relay keeps the mail that it took: two files a message (`ID.eml` the bytes, `ID.json` the rest), the newest so many.
// A restart finds them again; after a power cut the last ones may be gone, which is good enough for mail that goes nowhere.
import { randomBytes, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import PostalMime from "postal-mime";
import type { CapturedMessage } from "../domain/captured.ts";

/** Bytes that were received and are not kept yet. `discard` removes what `keep` has not kept; call it in any case. */
type Draft = {
  /** A CR without LF or the other way round (RFC 5321 section 2.3.8 forbids it): then only part of it was written. */
  bareLineEnding: boolean;
  /** Larger than everything that may be kept: then only part of it was written. */
  oversized: boolean;
  keep(envelope: CapturedMessage["envelope"]): Promise<CapturedMessage>;
  discard(): Promise<void>;
};

export type CaptureFolder = {
  /** Reads a message to its end. Rejects if the stream breaks off or the disk fails; nothing is left behind then. */
  receive(bytes: Readable): Promise<Draft>;
  /** Newest first; `after` is the id of the last message of the page before. */
  list(query: { limit: number; after?: string }): { data: CapturedMessage[]; next?: string };
  /** Undefined if there is none, or no longer. */
  get(id: string): Promise<{ message: CapturedMessage; raw: Buffer } | undefined>;
};

/** Time, a counter within the same millisecond, and chance, so that two processes on one folder do not meet; sorts by age. */
const idPattern = /^cap_[0-9a-z]{9}[0-9a-z]{3}[0-9a-z]{8}$/;
const draftPattern = /^incoming-[0-9a-f-]+\.(eml|json)$/;

/** Headers are looked into this far. */
const headBytesMax = 64 * 1024;

/**
 * Opens the folder, and tidies up what a killed process left half-written in it.
 * @param folder made if missing
 * @param clock milliseconds since the epoch
 * @param messagesMax, bytesMax what is kept; beyond either the oldest goes
 */
export async function openCaptureFolder(options: {
  folder: string;
  clock: () => number;
  messagesMax: number;
  bytesMax: number;
}): Promise<CaptureFolder> {
  const { folder, clock, messagesMax, bytesMax } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // In the order of age, as ids sort.
  const kept = new Map((await readKept(folder)).map((message) => [message.id, message]));
  let keptBytes = [...kept.values()].reduce((sum, message) => sum + message.size, 0);
  const nextId = idMaker(clock, [...kept.keys()].at(-1));
  const file = (name: string) => join(folder, name);

  const prune = async () => {
    for (const [id, { size }] of kept) {
      if (kept.size <= messagesMax && keptBytes <= bytesMax) return;
      kept.delete(id);
      keptBytes -= size;
      // A message without its .json is none: that one goes first.
      await rm(file(`${id}.json`), { force: true });
      await rm(file(`${id}.eml`), { force: true });
    }
  };
  await prune();

  return {
    receive: async (bytes) => {
      // Whoever empties the data folder while we run does not stop the capturing.
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const draft = `incoming-${randomUUID()}`;
      const discard = async () => {
        await rm(file(`${draft}.eml`), { force: true });
        await rm(file(`${draft}.json`), { force: true });
      };
      try {
        const { head, size, bareLineEnding } = await writeMail(bytes, file(`${draft}.eml`), bytesMax);
        const keep = async (envelope: CapturedMessage["envelope"]) => {
          const message: CapturedMessage = { ...nextId(), envelope, ...(await fieldsIn(head)), size };
          await writeFile(file(`${draft}.json`), JSON.stringify(message), { mode: 0o600 });
          await rename(file(`${draft}.eml`), file(`${message.id}.eml`));
          await rename(file(`${draft}.json`), file(`${message.id}.json`));
          kept.set(message.id, message);
          keptBytes += size;
          await prune();
          return message;
        };
        return { bareLineEnding, oversized: size > bytesMax, keep, discard };
      } catch (error) {
        await discard();
        throw error;
      }
    },
    list: ({ limit, after }) => {
      const newestFirst = [...kept.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
      const rest = after === undefined ? newestFirst : newestFirst.filter((message) => message.id < after);
      const data = rest.slice(0, limit);
      const last = data.at(-1);
      return rest.length > data.length && last ? { data, next: last.id } : { data };
    },
    get: async (id) => {
      // Only an id that we gave out becomes part of a path.
      const message = kept.get(id);
      if (!message) return undefined;
      try {
        return { message, raw: await readFile(file(`${id}.eml`)) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
  };
}

/** Writes a stream of mail to a file while looking at it; past a fault it only reads on, so that the sender can be answered. */
async function writeMail(
  bytes: Readable,
  path: string,
  bytesMax: number,
): Promise<{ head: Buffer; size: number; bareLineEnding: boolean }> {
  const headChunks: Buffer[] = [];
  let size = 0;
  let bareLineEnding = false;
  let previous = 0;
  await pipeline(
    bytes,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        if (size < headBytesMax) headChunks.push(chunk);
        size += chunk.length;
        for (let index = 0; index < chunk.length; index++) {
          const byte = chunk[index] ?? 0;
          if ((byte === lineFeed) !== (previous === carriageReturn)) bareLineEnding = true;
          previous = byte;
        }
        if (!bareLineEnding && size <= bytesMax) yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o600 }),
  );
  return { head: Buffer.concat(headChunks), size, bareLineEnding: bareLineEnding || previous === carriageReturn };
}

const carriageReturn = 13;
const lineFeed = 10;

async function fieldsIn(head: Buffer): Promise<Pick<CapturedMessage, "from" | "subject">> {
  const end = head.indexOf("\r\n\r\n");
  const headers = head.subarray(0, Math.min(end === -1 ? head.length : end + 4, headBytesMax));
  try {
    const { from, subject = "" } = await PostalMime.parse(headers);
    const address = from?.address ?? "";
    return { from: from?.name ? `${from.name} <${address}>` : address, subject };
  } catch {
    // Whatever a stranger puts in a header is no reason not to keep the mail.
    return { from: "", subject: "" };
  }
}

/** What the folder holds, oldest first. Halves of messages, which a killed process leaves, are removed; strange files are left alone. */
async function readKept(folder: string): Promise<CapturedMessage[]> {
  const names = new Set(await readdir(folder));
  const found: CapturedMessage[] = [];
  for (const name of names) {
    if (draftPattern.test(name)) await rm(join(folder, name), { force: true });
    const [id = "", extension] = name.split(".");
    if (!idPattern.test(id)) continue;
    if (extension === "eml" && !names.has(`${id}.json`)) await rm(join(folder, name), { force: true });
    if (extension !== "json") continue;
    const message = await readMessage(folder, id);
    if (message) found.push(message);
    else for (const half of [`${id}.json`, `${id}.eml`]) await rm(join(folder, half), { force: true });
  }
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function readMessage(folder: string, id: string): Promise<CapturedMessage | undefined> {
  try {
    const kept = JSON.parse(await readFile(join(folder, `${id}.json`), "utf8")) as Omit<CapturedMessage, "from"> & { from?: string };
    // Mail that was kept by an earlier version does not say it.
    const message = { ...kept, from: kept.from ?? kept.envelope.from };
    const { size } = await stat(join(folder, `${id}.eml`));
    return message.id === id && message.size === size && Array.isArray(message.envelope.to) ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Ids that only ever grow, also when the clock is set back and over a restart. */
function idMaker(clock: () => number, newest: string | undefined): () => { id: string; received_at: number } {
  let lastTime = newest === undefined ? 0 : Number.parseInt(newest.slice(4, 13), 36) + 1;
  let counter = 0;
  return () => {
    const now = clock();
    counter = now > lastTime ? 0 : counter + 1;
    // 3 digits of base 36 hold the counter; a full one borrows the next millisecond.
    if (counter >= 36 ** 3) {
      lastTime += 1;
      counter = 0;
    }
    lastTime = Math.max(lastTime, now);
    const chance = randomBytes(4).toString("hex");
    return { id: `cap_${lastTime.toString(36).padStart(9, "0")}${counter.toString(36).padStart(3, "0")}${chance}`, received_at: now };
  };
}
