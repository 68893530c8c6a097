// Bytes and base64, by what every JavaScript runtime has.

/** So many that each slice but the last has no padding. */
const sliceBytes = 0x6000;

/** Base64 (RFC 4648, section 4) of bytes. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += sliceBytes) {
    text += btoa(String.fromCharCode(...bytes.subarray(start, start + sliceBytes)));
  }
  return text;
}

/** The bytes that base64 stands for; undefined for what is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** A value as JSON, with base64 where it holds bytes. */
export function toJson(value: unknown): string {
  // By `this`, for a Buffer has become something else by the time that it is given as the value.
  return JSON.stringify(value, function (this: Record<string, unknown>, name, member: unknown) {
    const original = this[name];
    return ArrayBuffer.isView(original) ? toBase64(new Uint8Array(original.buffer, original.byteOffset, original.byteLength)) : member;
  });
}
