// Reads base64 (RFC 4648 section 4), strictly: a check by a regular expression costs ten times what decoding and encoding again do.

/** Letters that are taken at a time; a multiple of four. Strings of this size stay where making them is cheap. */
export const sliceLetters = 48 * 1024;

/** The last four letters; their unused bits may be anything. */
const lastLetters = /^[A-Za-z0-9+/]{2}(?:[A-Za-z0-9+/]{2}|[A-Za-z0-9+/]=|==)$/;

/**
 * Makes a decoder that is given a text piece by piece.
 * @param letters what all pieces have together, at most
 */
export function createBase64Decoder(letters: number) {
  const octets = Buffer.allocUnsafe(Math.ceil(letters / 4) * 3);
  let length = 0;
  let rest = "";
  return {
    /** Decodes a piece; false if the text is no base64. The last four letters wait for what comes, as only they may end in padding. */
    take(piece: string): boolean {
      const text = rest === "" ? piece : rest + piece;
      const ready = Math.max(0, Math.ceil(text.length / 4) - 1) * 4;
      rest = text.slice(ready);
      const letters = text.slice(0, ready);
      const written = octets.write(letters, length, "base64");
      // The decoder skips what is no base64: what it has read comes out again, and nothing else. Padding has no place here.
      if (octets.toString("base64", length, length + written) !== letters || letters.endsWith("=")) return false;
      length += written;
      return true;
    },

    /** All octets, or undefined if the text is no base64: another alphabet, no padding, or padding before its end. */
    end(): Buffer | undefined {
      if (rest !== "" && !lastLetters.test(rest)) return undefined;
      length += octets.write(rest, length, "base64");
      return octets.subarray(0, length);
    },
  };
}

/** The octets of a text with or without line breaks, or undefined if it is no base64. */
export function decodeBase64(text: string): Buffer | undefined {
  const compact = text.includes("\n") || text.includes("\r") ? text.replace(/[\r\n]+/g, "") : text;
  const decoder = createBase64Decoder(compact.length);
  for (let start = 0; start < compact.length; start += sliceLetters) {
    if (!decoder.take(compact.slice(start, start + sliceLetters))) return undefined;
  }
  return decoder.end();
}
