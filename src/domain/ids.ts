// Public ids: a prefix and 26 digits of Crockford's base 32 in lower case. Made of a UUID version 7, they sort by time.

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Writes 16 bytes (a UUID version 7) as `<prefix>_` and 26 digits, which sort as the bytes do. */
export function idOf(prefix: "msg" | "wh" | "req" | "own" | "bnc", uuid: Uint8Array): string {
  let rest = 0n;
  for (const byte of uuid) rest = (rest << 8n) | BigInt(byte);
  let digits = "";
  for (let i = 0; i < 26; i++) {
    digits = alphabet[Number(rest & 31n)] + digits;
    rest >>= 5n;
  }
  return `${prefix}_${digits}`;
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
