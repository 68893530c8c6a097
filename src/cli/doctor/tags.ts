// Records made of `tag=value` pairs with semicolons between them: DKIM keys (RFC 6376, section 3.2) and DMARC policies (RFC 7489, section 6.4).

/** The tags of a record by their names in lower case, values as they are but for white space around them; the first of a name counts. */
export function readTags(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const piece of text.split(";")) {
    const at = piece.indexOf("=");
    const name = piece.slice(0, Math.max(0, at)).trim().toLowerCase();
    if (name !== "" && !tags.has(name)) tags.set(name, piece.slice(at + 1).trim());
  }
  return tags;
}
