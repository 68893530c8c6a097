// Writes text beyond ASCII into header fields, as encoded words (RFC 2047).
import { sequenceOctets } from "./utf8.ts";

const prefixQ = "=?UTF-8?Q?";
const prefixB = "=?UTF-8?B?";
const suffix = "?=";
/** Of the text in one word. With prefix and suffix that makes 52, so that the first word fits on a field's first line of 76 (RFC 2047 section 2). */
const payloadCharacters = 40;
const payloadOctetsB = (payloadCharacters / 4) * 3;

/**
 * What stands for each octet in a Q word: itself where a phrase allows it (RFC 2047 section 5, rule 3), "_" for a space (section 4.2).
 */
const textOfOctet: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const character = String.fromCharCode(octet);
  if (/[A-Za-z0-9!*+\-/]/.test(character)) return character;
  return character === " " ? "_" : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
});

/** The payloads of Q words. */
function payloadsQ(octets: Buffer): string[] {
  const payloads: string[] = [];
  let payload = "";
  for (let start = 0; start < octets.length; ) {
    const end = start + sequenceOctets(octets[start] ?? 0);
    let character = "";
    for (let i = start; i < end; i++) character += textOfOctet[octets[i] ?? 0];
    if (payload.length + character.length > payloadCharacters) {
      payloads.push(payload);
      payload = "";
    }
    payload += character;
    start = end;
  }
  return [...payloads, payload];
}

/** The payloads of B words, each a base64 of its own. */
function payloadsB(octets: Buffer): string[] {
  const payloads: string[] = [];
  let begin = 0;
  for (let start = 0; start < octets.length; ) {
    const end = start + sequenceOctets(octets[start] ?? 0);
    if (end - begin > payloadOctetsB) {
      payloads.push(octets.toString("base64", begin, start));
      begin = start;
    }
    start = end;
  }
  return [...payloads, octets.toString("base64", begin)];
}

/**
 * A text as encoded words of at most 52 characters, with a space between them that readers drop (RFC 2047 section 6.2). Q or B,
 * whichever is shorter; Q if both are the same, for it can be read in the source. No character is parted (section 5).
 * @param text not empty, without half characters (lone surrogates)
 */
export function encodeWords(text: string): string {
  const octets = Buffer.from(text);
  let lengthQ = 0;
  for (const octet of octets) lengthQ += textOfOctet[octet]?.length ?? 0;
  const isQ = lengthQ <= Math.ceil(octets.length / 3) * 4;
  const prefix = isQ ? prefixQ : prefixB;
  return prefix + (isQ ? payloadsQ(octets) : payloadsB(octets)).join(`${suffix} ${prefix}`) + suffix;
}
