// Public ids: a prefix and 26 digits of Crockford's base 32 in lower case. Made of a UUID version 7, they sort by time.

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Writes 16 bytes (a UUID version 7) as `<prefix>_` and 26 digits, which sort as the bytes do. */
export function idOf(prefix: "msg" | "wh" | "req" | "own" | "bnc", uuid: Uint8Array): string {
  let id = `${prefix}_`;
  // The 26 digits have two bits more than the bytes: they stand before them.
  let waiting = 0;
  let bits = 2;
  for (const byte of uuid) {
    waiting = (waiting << 8) | byte;
    for (bits += 8; bits >= 5; ) {
      bits -= 5;
      id += alphabet[(waiting >>> bits) & 31];
    }
    waiting &= 31;
  }
  return id;
}

/** The 16 bytes of an id that `idOf` made. Throws for anything else. */
export function idBytes(id: string): Buffer {
  const digits = /^[a-z]+_([0-9a-hjkmnp-tv-z]{26})$/.exec(id)?.[1];
  if (digits === undefined) throw new Error("this is no id of ours");
  let rest = 0n;
  for (const digit of digits) rest = (rest << 5n) | BigInt(alphabet.indexOf(digit));
  return Buffer.from((rest & ((1n << 128n) - 1n)).toString(16).padStart(32, "0"), "hex");
}

export function isMessageId(text: string): boolean {
  return /^msg_[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}
