// Writes octets as base64 in lines (RFC 2045 section 6.8), straight to their place in the message: an attachment of many megabytes is not copied twice.

const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "latin1");
const padding = 0x3d;
/** What a line of 76 characters holds. */
export const lineOctets = 57;

/** How long so many octets are as base64, with a CRLF between lines and none behind the last. */
export function base64Length(octets: number): number {
  const lines = Math.ceil(octets / lineOctets);
  return Math.ceil(octets / 3) * 4 + 2 * Math.max(lines - 1, 0);
}

/**
 * Writes `source` as base64, with a CRLF between lines and none behind the last.
 * @param at where in `target` to begin; there must be room for `base64Length(source.length)`
 * @returns where it ended
 */
export function writeBase64(source: Buffer, target: Buffer, at: number): number {
  let to = at;
  for (let lineStart = 0; lineStart < source.length; lineStart += lineOctets) {
    if (lineStart > 0) {
      target[to++] = 0x0d;
      target[to++] = 0x0a;
    }
    const lineEnd = Math.min(lineStart + lineOctets, source.length);
    let i = lineStart;
    for (; i + 2 < lineEnd; i += 3) {
      const three = ((source[i] ?? 0) << 16) | ((source[i + 1] ?? 0) << 8) | (source[i + 2] ?? 0);
      target[to++] = alphabet[three >> 18] ?? 0;
      target[to++] = alphabet[(three >> 12) & 63] ?? 0;
      target[to++] = alphabet[(three >> 6) & 63] ?? 0;
      target[to++] = alphabet[three & 63] ?? 0;
    }
    const left = lineEnd - i;
    if (left > 0) {
      const bits = ((source[i] ?? 0) << 16) | (left === 2 ? (source[i + 1] ?? 0) << 8 : 0);
      target[to++] = alphabet[bits >> 18] ?? 0;
      target[to++] = alphabet[(bits >> 12) & 63] ?? 0;
      target[to++] = left === 2 ? (alphabet[(bits >> 6) & 63] ?? 0) : padding;
      target[to++] = padding;
    }
  }
  return to;
}
