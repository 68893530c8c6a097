// Reads one header field of a mail, for comparing what was sent with what arrived.

/**
 * The unfolded value of the first field of that name (in any case), or undefined. Only the header is looked at, never the body.
 * Line ends may be CRLF or LF.
 */
export function headerOf(raw: Buffer, name: string): string | undefined {
  const text = raw.toString("latin1");
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
  const lines = text
    .slice(0, end)
    .replace(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/);
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (line.slice(0, colon).trimEnd().toLowerCase() === name.toLowerCase()) return line.slice(colon + 1).trim();
  }
  return undefined;
}
