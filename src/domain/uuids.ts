// UUIDs of version 7 in the order in which they are made. Pure: where randomness and time come from is the caller's to say.

const uuidBytes = 16;
/** Randomness is asked for by so many UUIDs at a time: asking costs far more than what comes. */
const pooled = 256;

export type UuidSources = {
  /** Fills the bytes with cryptographic randomness. */
  fillRandom(bytes: Uint8Array): unknown;
  /** Milliseconds since the epoch. */
  now(): number;
};

/**
 * Makes a maker of UUIDs, 16 bytes each (RFC 9562 section 5.7). Each sorts behind the one before, whatever the clock does meanwhile: within a
 * millisecond, and while the clock stands behind, 32 bits count up from where chance had put them (section 6.2, method 1).
 */
export function createUuids({ fillRandom, now }: UuidSources): () => Uint8Array {
  const pool = new Uint8Array(pooled * uuidBytes);
  let next = pool.length;
  let time = Number.NEGATIVE_INFINITY;
  let counter = 0;
  return () => {
    if (next === pool.length) {
      fillRandom(pool);
      next = 0;
    }
    const uuid = pool.slice(next, next + uuidBytes);
    next += uuidBytes;
    const seed = (((uuid[6] ?? 0) & 0x7f) << 24) | ((uuid[7] ?? 0) << 16) | ((uuid[8] ?? 0) << 8) | (uuid[9] ?? 0);
    const at = now();
    if (at > time) {
      time = at;
      counter = seed;
    } else {
      // A seed's first bit is free: no clock stands behind for as many UUIDs as there is room for.
      counter += 1;
    }
    const high = Math.floor(time / 0x1_0000_0000);
    uuid[0] = high >>> 8;
    uuid[1] = high;
    uuid[2] = time / 0x100_0000;
    uuid[3] = time / 0x1_0000;
    uuid[4] = time / 0x100;
    uuid[5] = time;
    // The counter's 32 bits stand in the 12 behind the version and the first 20 behind the variant.
    uuid[6] = 0x70 | (counter >>> 28);
    uuid[7] = counter >>> 20;
    uuid[8] = 0x80 | ((counter >>> 14) & 0x3f);
    uuid[9] = counter >>> 6;
    uuid[10] = ((counter << 2) & 0xfc) | ((uuid[10] ?? 0) & 0x03);
    return uuid;
  };
}
