// Takes a mail's header apart, as far as a reader needs it.

/** Its header is read this far, in bytes. */
const headerBytesMax = 64 * 1024;

/**
 * The header fields of a mail in their order, unfolded (RFC 5322 section 2.2.3). Encoded words are left as they are; a line that is no
 * field is passed over.
 */
export function headerFields(raw: Buffer): { name: string; value: string }[] {
  const head = raw.subarray(0, headerBytesMax).toString("utf8");
  const header = head.split(/\r?\n\r?\n/, 1)[0] ?? "";
  return header
    .replace(/\r?\n(?=[ \t])/g, "")
    .split(/\r?\n/)
    .flatMap((line) => {
      const [, name, value] = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:(.*)$/s.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [{ name, value: value.trim() }];
    });
}
