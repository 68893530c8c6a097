// Where characters begin and end in UTF-8, for encoders that must not part them.

/** How many octets the sequence has that begins with this one (RFC 3629 section 3); 1 for an octet that begins none. */
export function sequenceOctets(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}
