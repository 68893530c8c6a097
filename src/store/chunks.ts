// The bytes of large messages, stored in chunks, so that no write stalls the others.
import type { MessageRecord } from "../domain/message.ts";
import { createTurns } from "../domain/turns.ts";
import { createCoalescer } from "./coalesce.ts";
import type { Connection } from "./connection.ts";

/** Bytes longer than this are stored in chunks of this size. */
const chunkBytes = 256 * 1024;

/** A stored chunk that no acceptance follows is gone after this. */
const chunkLifeMs = 10 * 60 * 1000;

/** So many chunks are on their way to Redis at a time, of all messages together: others' commands find room between them. */
const underWayMax = 2;

/** How many chunks that many bytes make. */
export const chunkCount = (size: number) => Math.max(1, Math.ceil(size / chunkBytes));

/** Stores, drops and reads chunks. Every function rejects while Redis is away. */
export function createChunks({ redis, keys }: Pick<Connection, "redis" | "keys">) {
  const inTurn = createTurns(underWayMax);
  const readChunk = createCoalescer<{ key: string; bytes: number }, Buffer | null>({
    bytesOf: ({ bytes }) => bytes,
    run: (entries) => redis.mgetBuffer(entries.map(({ key }) => key)),
  });
  const chunkKey = (id: string, index: number) => (index === 0 ? keys.bytes(id) : keys.chunk(id, index));

  return {
    /** Stores the bytes that are too many for one command; they vanish unless the message is accepted in time. */
    async store(id: string, bytes: Buffer): Promise<void> {
      for (let index = 0; index * chunkBytes < bytes.length; index++) {
        const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
        await inTurn(() => redis.set(chunkKey(id, index), chunk, "PX", chunkLifeMs));
      }
    },

    /** Drops what was not accepted; should that fail, it runs out by itself. */
    async drop(id: string, chunks: number): Promise<void> {
      const stored = Array.from({ length: chunks }, (_, index) => chunkKey(id, index));
      await redis.unlink(...stored).catch(() => undefined);
    },

    /** The first chunks of messages, null where there is none: all the bytes of most. */
    readFirst: (ids: readonly string[]): Promise<(Buffer | null)[]> => redis.mgetBuffer(ids.map((id) => chunkKey(id, 0))),

    /**
     * A message's bytes, or undefined where they, or some of them, are gone.
     * @param first its first chunk, where that was read already
     */
    async read(
      { id, size, chunks = 1 }: Pick<MessageRecord, "id" | "size" | "chunks">,
      first?: Buffer | null,
    ): Promise<Buffer | undefined> {
      const found: Buffer[] = [];
      for (let index = 0; index < chunks; index++) {
        const isRead = index === 0 && first !== undefined;
        const chunk = isRead ? first : await readChunk({ key: chunkKey(id, index), bytes: Math.min(size, chunkBytes) });
        if (!chunk) return undefined;
        found.push(chunk);
      }
      const bytes = found.length === 1 ? (found[0] as Buffer) : Buffer.concat(found);
      return bytes.length === size ? bytes : undefined;
    },
  };
}
