// A message as it may stand in DATA (RFC 5321, section 4.5.2): no line begins with a lone dot, and a line ends by CR and LF and by nothing else.

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const dot = 0x2e;
const [CR, LF, DOT] = ["\r", "\n", "."].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

/** What stands before the first byte of a message, for `stuffed`: the end of a line. */
export const lineStart = lineFeed;

/**
 * Doubles the dots at the beginnings of lines, and completes line ends that are a bare CR or LF: a relay that takes such for one would else
 * find commands of somebody's making behind a dot of theirs.
 * @param chunk a piece of the message
 * @param previous the byte before it in the message; `lineStart` if it is the first
 * @returns the very chunk where nothing is to be done, which is nearly always
 */
export function stuffed(chunk: Buffer, previous: number): Buffer {
  const { length } = chunk;
  const find = (byte: number, from: number) => {
    const at = chunk.indexOf(byte, from);
    return at < 0 ? length : at;
  };
  const pieces: Buffer[] = [];
  let copied = 0;
  const insert = (at: number, bytes: Buffer) => {
    pieces.push(chunk.subarray(copied, at), bytes);
    copied = at;
  };
  const beginLine = (at: number) => {
    if (chunk[at] === dot) insert(at, DOT);
  };

  if (previous === lineFeed) beginLine(0);
  else if (previous === carriageReturn && length > 0 && chunk[0] !== lineFeed) {
    insert(0, LF);
    beginLine(0);
  }
  let lf = find(lineFeed, 0);
  let cr = find(carriageReturn, 0);
  // Each byte is looked at once for each of the two, however they lie.
  while (lf < length || cr < length) {
    let next = lf + 1;
    if (cr < lf && cr + 1 !== lf) {
      next = cr + 1;
      // Whether the LF follows is for the next chunk to say.
      if (next === length) break;
      insert(next, LF);
    } else if (lf < cr && !(lf === 0 && previous === carriageReturn)) insert(lf, CR);
    beginLine(next);
    if (lf < next) lf = find(lineFeed, next);
    if (cr < next) cr = find(carriageReturn, next);
  }
  if (pieces.length === 0) return chunk;
  return Buffer.concat([...pieces, chunk.subarray(copied)]);
}

/** The end of DATA behind the message's last byte: its line's end, as far as it is missing, and the final dot. */
export function endOfData(last: number): Buffer {
  if (last === lineFeed) return ends.complete;
  return last === carriageReturn ? ends.halfLineEnd : ends.noLineEnd;
}

const ends = { complete: Buffer.from(".\r\n"), halfLineEnd: Buffer.from("\n.\r\n"), noLineEnd: Buffer.from("\r\n.\r\n") };
